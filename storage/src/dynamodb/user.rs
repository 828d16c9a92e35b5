//! Users, and the identifiers that lead to them.

use super::Table;
use super::attribute::{Item, attribute};
use super::call::{Partition, Update, Written};
use super::fault::Fault;
use super::item::{self, Key, Record, record};
use super::transaction::{Cancelled, change, delete_if, put_new};
use crate::kept::{self, Kept};
use crate::{ACCOUNT_GRANTS, AccountView, Commit, Found, Stamp};
use aws_sdk_dynamodb::types::AttributeValue;
use protocol::attempts::AttemptKey;
use protocol::grant::Grant;
use protocol::id::{ClientId, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Beside a user's fields: the keys of the identifiers that lead here, so that they can go with the user.
const IDENTIFIERS: &str = "identifiers";

/// An identifier's record.
#[derive(Serialize, Deserialize)]
struct Owner {
    user: UserId,
}

impl Record for Owner {}

impl Table {
    fn user_key(&self, id: &UserId) -> Key {
        Key::user(&self.realm, id)
    }

    pub(super) async fn user(&self, id: &UserId) -> Result<Option<User>, Fault> {
        Ok(self.record(&self.user_key(id)).await?.map(|kept| kept.record))
    }

    pub(super) async fn user_ids(&self) -> Result<Vec<UserId>, Fault> {
        self.scan("USER", true, |item| Key::of(&item)?.user_id()).await
    }

    pub(super) async fn users(&self) -> Result<Vec<User>, Fault> {
        let mut users: Vec<User> = self.scan("USER", false, record).await?;
        users.sort_by_key(|user| (user.created_at, user.id));
        Ok(users)
    }

    pub(super) async fn find_user(
        &self,
        identifier: &Identifier,
        attempts: &[AttemptKey],
    ) -> Result<Found, Fault> {
        let key = Key::identifier(&self.realm, identifier);
        let read = self.get_all([key.clone()].into_iter().chain(self.attempt_keys(attempts))).await?;
        let owner = read.record::<Owner>(&key)?;
        Ok(Found { user: owner.map(|owner| owner.user), debts: self.debts_in(&read, attempts)? })
    }

    pub(super) async fn create_user(
        &self,
        user: &User,
        identifiers: &[Identifier],
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let names: Vec<Key> = identifiers.iter().map(|name| Key::identifier(&self.realm, name)).collect();
        let mut profile = item::encode(&self.user_key(&user.id), user, stamp)?;
        profile.insert(IDENTIFIERS.to_owned(), attribute(&texts(&names))?);
        let mut parts = vec![put_new(profile, &self.name)?];
        for name in &names {
            parts.push(put_new(item::encode(name, &Owner { user: user.id }, stamp)?, &self.name)?);
        }
        let there = match self.transact(parts).await? {
            None => return Ok(Commit::Done),
            Some(Cancelled { index: 0, item }) => item.map(item::decode).transpose()?,
            // A name is taken: lost to whom it leads to.
            Some(Cancelled { item, .. }) => match item.map(item::decode::<Owner>).transpose()? {
                Some(owner) => self.record(&self.user_key(&owner.record.user)).await?,
                None => None,
            },
        };
        Ok(Kept::settle(there, stamp, |there| there == user))
    }

    pub(super) async fn add_identifier(
        &self,
        id: &UserId,
        identifier: &Identifier,
        stamp: Stamp,
    ) -> Result<Commit<UserId>, Fault> {
        let name = Key::identifier(&self.realm, identifier);
        let user = Update::unsigned(self.user_key(id)).append(IDENTIFIERS, &name.pk);
        // The user first: without one, whom the name leads to is of no interest.
        let parts = vec![
            change(user, &self.name)?,
            put_new(item::encode(&name, &Owner { user: *id }, stamp)?, &self.name)?,
        ];
        match self.transact(parts).await? {
            None => Ok(Commit::Done),
            Some(Cancelled { item: None, .. }) => Ok(Commit::Lost(None)),
            // A newer program's user, which this one doesn't change.
            Some(Cancelled { index: 0, item: Some(user) }) => Err(record::<User>(user)
                .map_or_else(|fault| fault, |_| Fault::corrupt("a user who was changed meanwhile"))),
            Some(Cancelled { item: Some(there), .. }) => match record::<Owner>(there)?.user {
                owner if owner == *id => Ok(Commit::Done),
                owner => Ok(Commit::Lost(Some(Box::new(owner)))),
            },
        }
    }

    pub(super) async fn set_user_disabled(
        &self,
        id: &UserId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let change = || Update::new(self.user_key(id), stamp).set("disabled", &disabled);
        let written = if disabled { self.void(change, stamp).await? } else { self.update(change()).await? };
        written.settle(stamp, |_| false)
    }

    pub(super) async fn set_password(
        &self,
        id: &UserId,
        seen: Option<PasswordHash>,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let change = || {
            let update = Update::new(self.user_key(id), stamp).set("password", password);
            match &seen {
                Some(seen) => update.when("#password = :seen").value("seen", seen),
                None => update,
            }
        };
        let mine = |there: &User| kept::has_new_password(there, password, stamp);
        self.void(change, stamp).await?.settle(stamp, mine)
    }

    pub(super) async fn void_user(&self, id: &UserId, stamp: Stamp) -> Result<Commit<User>, Fault> {
        self.void(|| Update::new(self.user_key(id), stamp), stamp).await?.settle(stamp, |_| false)
    }

    /// A change of a user that also voids what began before. An expression can't say "the later of two": where
    /// a later instant stands already, a second call leaves it; it never goes back, so no third is needed.
    async fn void(&self, change: impl Fn() -> Update, stamp: Stamp) -> Result<Written, Fault> {
        let from = stamp.next_millisecond();
        let moved = change().set("not_before", &from).when("#not_before <= :not_before");
        let written = self.update(moved).await?;
        let Written::Refused(Some(there)) = &written else { return Ok(written) };
        if item::decode::<User>(there.clone())?.record.not_before <= from {
            return Ok(written);
        }
        self.update(change().when("#not_before > :not_before").value("not_before", &from)).await
    }

    pub(super) async fn set_profile(
        &self,
        user: &User,
        seen: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let mine = |there: &User| kept::is_same_profile(there, user);
        if user.updated_at <= seen {
            let there = self.record(&self.user_key(&user.id)).await?;
            return Ok(Kept::settle(there, stamp, mine));
        }
        let address = match &user.email {
            Some(_) => "(#email_verified = :unverified OR #email = :email)",
            None => "(#email_verified = :unverified OR attribute_not_exists(#email))",
        };
        let update = Update::new(self.user_key(&user.id), stamp)
            .replace("email", user.email.as_ref())
            .set("claims", &user.claims)
            .set("updated_at", &user.updated_at)
            .when("#updated_at = :seen")
            .when(address)
            .value("seen", &seen)
            .value("unverified", &false);
        self.update(update).await?.settle(stamp, mine)
    }

    pub(super) async fn load_account(&self, id: &UserId) -> Result<AccountView, Fault> {
        self.account(id, ACCOUNT_GRANTS as usize).await
    }

    pub(super) async fn load_whole_account(&self, id: &UserId) -> Result<AccountView, Fault> {
        self.account(id, usize::MAX).await
    }

    async fn account(&self, id: &UserId, of_a_client: usize) -> Result<AccountView, Fault> {
        let mut view = AccountView::default();
        let mut grants = Pile::of(of_a_client);
        let key = self.user_key(id);
        self.query(everything_of(&key), [], |item| {
            let sk = Key::of(&item)?.sk;
            match sk.split_once('#').map_or(sk.as_str(), |(kind, _)| kind) {
                "USER" => view.user = Some(record(item)?),
                "SESSION" => view.sessions.push(record(item)?),
                "GRANT" => grants.add(record(item)?),
                "CONSENT" => view.consents.push(record(item)?),
                _ => return Err(Fault::corrupt(format!("{sk} is of a kind that this program doesn't know"))),
            }
            Ok(())
        })
        .await?;
        view.sessions.sort_by_key(|session| (session.created_at, session.id));
        view.grants = grants.into_list();
        Ok(view)
    }

    /// What the user has goes first: if it stops half-way, the user is still there to be deleted again. What
    /// began meanwhile goes afterwards.
    pub(super) async fn delete_user(&self, id: &UserId, _: Stamp) -> Result<Commit<User>, Fault> {
        let key = self.user_key(id);
        let profile = self.get(&key).await?;
        self.delete_belongings(&key).await?;
        let Some(profile) = profile else { return Ok(Commit::Lost(None)) };
        let mut parts = vec![delete_if("attribute_exists(#pk)", &key, [], &self.name)?];
        for name in identifiers_of(&profile)? {
            let own = [("user", attribute(id)?)];
            parts.push(delete_if("attribute_not_exists(#pk) OR #user = :user", &name, own, &self.name)?);
        }
        match self.transact(parts).await? {
            None => {}
            Some(Cancelled { index: 0, .. }) => {
                // Whoever was quicker may not have come so far.
                self.delete_belongings(&key).await?;
                return Ok(Commit::Lost(None));
            }
            Some(_) => return Err(Fault::corrupt("an identifier of the user leads to somebody else")),
        }
        self.delete_belongings(&key).await?;
        Ok(Commit::Done)
    }

    async fn delete_belongings(&self, user: &Key) -> Result<(), Fault> {
        let all = Partition { only_keys: true, ..everything_of(user) };
        let keys = self.query(all, [], |item| Key::of(&item)).await?;
        for key in keys.iter().filter(|key| *key != user) {
            self.delete(key).await?;
        }
        Ok(())
    }
}

fn everything_of(user: &Key) -> Partition<'_> {
    Partition { pk: &user.pk, sk_begins: "", filter: None, only_keys: false }
}

/// Grants, and of each client not many more than what an account needs: somebody can have a million.
struct Pile {
    of_a_client: usize,
    by_client: HashMap<ClientId, Vec<Grant>>,
}

impl Pile {
    fn of(of_a_client: usize) -> Self {
        Self { of_a_client, by_client: HashMap::new() }
    }

    fn add(&mut self, grant: Grant) {
        let grants = self.by_client.entry(grant.client.clone()).or_default();
        grants.push(grant);
        if grants.len() > self.of_a_client.saturating_mul(2) {
            keep_first(grants, self.of_a_client);
        }
    }

    /// The oldest first.
    fn into_list(self) -> Vec<Grant> {
        let mut list = Vec::new();
        for mut grants in self.by_client.into_values() {
            keep_first(&mut grants, self.of_a_client);
            list.append(&mut grants);
        }
        list.sort_by_key(|grant| (grant.created_at, grant.id));
        list
    }
}

/// As [`AccountView::grants`] says which come first.
fn keep_first(grants: &mut Vec<Grant>, many: usize) {
    if grants.len() > many {
        grants.sort_by_key(|it| (it.revoked.is_some(), it.redeemed_at.is_none(), it.created_at, it.id));
        grants.truncate(many);
    }
}

fn texts(names: &[Key]) -> Vec<&str> {
    names.iter().map(|name| name.pk.as_str()).collect()
}

fn identifiers_of(profile: &Item) -> Result<Vec<Key>, Fault> {
    let damaged = || Fault::corrupt("a user whose identifiers can't be read");
    let Some(AttributeValue::L(names)) = profile.get(IDENTIFIERS) else { return Err(damaged()) };
    let key = |name: &AttributeValue| match name {
        AttributeValue::S(pk) => Ok(Key { pk: pk.clone(), sk: "IDENT".to_owned() }),
        _ => Err(damaged()),
    };
    names.iter().map(key).collect()
}
