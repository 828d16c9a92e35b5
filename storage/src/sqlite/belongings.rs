//! What users have, page by page: it is listed, moved and deleted a bounded number of rows at a time.

use super::{consent, grant, session};
use crate::{BELONGINGS_LIMIT, Belonging, Belongings, Place};
use protocol::id::{Realm, UserId};
use rusqlite::types::ToSql;
use rusqlite::{Connection, Result, Row, named_params};

pub(super) const CONSENTS: &str = "SELECT * FROM consents
  WHERE realm = :realm AND user_id = :user AND client_id > :behind ORDER BY client_id LIMIT :room";
pub(super) const GRANTS: &str = "SELECT * FROM grants
  WHERE realm = :realm AND user_id = :user AND id > :behind ORDER BY id LIMIT :room";
pub(super) const SESSIONS: &str = "SELECT * FROM sessions
  WHERE realm = :realm AND user_id = :user AND id > :behind ORDER BY id LIMIT :room";

/// How many rows are read before other threads have a turn: about 0.1 ms.
const ROWS_IN_ONE_GO: usize = 16;

pub(super) const DELETE: [&str; 3] = [
    "DELETE FROM consents WHERE realm = :realm AND user_id = :user AND client_id IN
       (SELECT client_id FROM consents WHERE realm = :realm AND user_id = :user LIMIT :room)",
    "DELETE FROM grants WHERE rowid IN
       (SELECT rowid FROM grants WHERE realm = :realm AND user_id = :user LIMIT :room)",
    "DELETE FROM sessions WHERE rowid IN
       (SELECT rowid FROM sessions WHERE realm = :realm AND user_id = :user LIMIT :room)",
];

pub(super) fn belongings(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    behind: &Option<Place>,
) -> Result<Belongings> {
    let mut page = Page { db, realm, user, list: Vec::new() };
    if matches!(behind, None | Some(Place::Consent(_))) {
        let behind = match behind {
            Some(Place::Consent(client)) => client.as_str(),
            _ => "",
        };
        page.add(CONSENTS, &behind, |row| Ok(Belonging::Consent(consent::from_row(row)?)))?;
    }
    if matches!(behind, None | Some(Place::Consent(_) | Place::Grant(_))) {
        let behind = match behind {
            Some(Place::Grant(id)) => id.as_bytes().as_slice(),
            _ => &[],
        };
        page.add(GRANTS, &behind, |row| Ok(Belonging::Grant(Box::new(grant::from_row(row)?.record))))?;
    }
    let behind = match behind {
        Some(Place::Session(id)) => id.as_bytes().as_slice(),
        _ => &[],
    };
    page.add(SESSIONS, &behind, |row| Ok(Belonging::Session(session::from_row(row)?.record)))?;
    let mut list = page.list;
    let limit = BELONGINGS_LIMIT as usize;
    let next = (list.len() > limit).then(|| list.get(limit.saturating_sub(1)).map(Belonging::place));
    list.truncate(limit);
    Ok(Belongings { list, next: next.flatten() })
}

struct Page<'a> {
    db: &'a Connection,
    realm: &'a Realm,
    user: &'a UserId,
    list: Vec<Belonging>,
}

impl Page<'_> {
    /// Adds as many rows as there is room for, and one more, which shows that there are more.
    fn add(
        &mut self,
        text: &str,
        behind: &dyn ToSql,
        read: impl FnMut(&Row<'_>) -> Result<Belonging>,
    ) -> Result<()> {
        let room = (BELONGINGS_LIMIT as usize + 1).saturating_sub(self.list.len()) as i64;
        let values = named_params! {
            ":realm": self.realm.as_str(),
            ":user": self.user.as_bytes(),
            ":behind": behind,
            ":room": room,
        };
        for found in self.db.prepare_cached(text)?.query_map(values, read)? {
            self.list.push(found?);
            // If there are too few cores, threads that serve requests go first.
            if self.list.len().is_multiple_of(ROWS_IN_ONE_GO) {
                std::thread::yield_now();
            }
        }
        Ok(())
    }
}

pub(super) fn delete_belongings(db: &Connection, realm: &Realm, user: &UserId) -> Result<u64> {
    DELETE.iter().try_fold(0, |deleted, text| {
        let room = i64::from(BELONGINGS_LIMIT).saturating_sub_unsigned(deleted);
        let values = named_params! { ":realm": realm.as_str(), ":user": user.as_bytes(), ":room": room };
        let changed = db.prepare_cached(text)?.execute(values)?;
        Ok(deleted + changed as u64)
    })
}
