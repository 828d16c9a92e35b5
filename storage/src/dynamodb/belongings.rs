//! What users have, page by page: the items in the user's partition, in the order of `sk`.

use super::attribute::Item;
use super::fault::Fault;
use super::item::{Key, record};
use super::table::Table;
use crate::{BELONGINGS_LIMIT, Belonging, Belongings, Place};
use protocol::grant::GrantKey;
use protocol::id::UserId;

/// Between this and [`LAST`] are consents, grants and sessions, in this order, and nothing else.
const FIRST: &str = "CONSENT#";
const LAST: &str = "SESSION$";

impl Table {
    pub(super) async fn belongings(&self, user: &UserId, behind: Option<Place>) -> Result<Belongings, Fault> {
        let behind = behind.map(|place| self.sk_of(user, &place));
        let (items, more) = self.page(user, behind, false).await?;
        let list: Vec<Belonging> = items.into_iter().map(belonging).collect::<Result<_, _>>()?;
        let next = if more { list.last().map(Belonging::place) } else { None };
        Ok(Belongings { list, next })
    }

    pub(super) async fn delete_belongings(&self, user: &UserId) -> Result<u64, Fault> {
        let (items, _) = self.page(user, None, true).await?;
        for item in &items {
            self.delete(&Key::of(item)?).await?;
        }
        Ok(items.len() as u64)
    }

    /// At most [`BELONGINGS_LIMIT`] items, and whether there may be more.
    async fn page(
        &self,
        user: &UserId,
        behind: Option<String>,
        only_keys: bool,
    ) -> Result<(Vec<Item>, bool), Fault> {
        let pk = Key::user(&self.realm, user).pk;
        let start = behind.as_deref().unwrap_or(FIRST);
        self.between(&pk, start, LAST, only_keys, BELONGINGS_LIMIT as usize).await
    }

    /// The `sk` of a place; items behind it have a greater one.
    fn sk_of(&self, user: &UserId, place: &Place) -> String {
        match place {
            Place::Consent(client) => Key::consent(&self.realm, user, client).sk,
            Place::Grant(id) => Key::grant(&self.realm, &GrantKey { user: *user, grant: *id }).sk,
            Place::Sessions => "SESSION#".to_owned(),
            Place::Session(id) => Key::session(&self.realm, user, id).sk,
        }
    }
}

fn belonging(item: Item) -> Result<Belonging, Fault> {
    let sk = Key::of(&item)?.sk;
    Ok(match sk.split_once('#') {
        Some(("CONSENT", _)) => Belonging::Consent(record(item)?),
        Some(("GRANT", _)) => Belonging::Grant(Box::new(record(item)?)),
        Some(("SESSION", _)) => Belonging::Session(record(item)?),
        _ => return Err(Fault::corrupt(format!("{sk} is of a kind that this program doesn't know"))),
    })
}
