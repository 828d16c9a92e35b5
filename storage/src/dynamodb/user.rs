//! Users, and the identifiers that lead to them.

use super::attribute::{Item, attribute};
use super::call::{Update, Written};
use super::fault::Fault;
use super::item::{self, Key, Record, record};
use super::retry::back_off;
use super::table::Table;
use super::transaction::{Cancelled, change, delete_if, put_new};
use crate::stored::{self, Stored};
use crate::{Commit, Found, Stamp};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use protocol::attempts::AttemptKey;
use protocol::generation::Generation;
use protocol::group::GroupName;
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use serde::{Deserialize, Serialize};

/// An attribute next to a user's fields: the keys of its identifiers, so that they can be deleted with the user.
const IDENTIFIERS: &str = "identifiers";

/// How often a user is written again because another request changed it meanwhile.
pub(super) const ROUNDS: u32 = 100;

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
        Ok(self.record(&self.user_key(id)).await?.map(|stored| stored.record))
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
            // An identifier is taken: lost to the user it leads to.
            Some(Cancelled { item, .. }) => match item.map(item::decode::<Owner>).transpose()? {
                Some(owner) => self.record(&self.user_key(&owner.record.user)).await?,
                None => None,
            },
        };
        Ok(Stored::outcome(there, stamp, |there| there == user))
    }

    pub(super) async fn add_identifier(
        &self,
        id: &UserId,
        identifier: &Identifier,
        stamp: Stamp,
    ) -> Result<Commit<UserId>, Fault> {
        let name = Key::identifier(&self.realm, identifier);
        let user = Update::unsigned(self.user_key(id)).append(IDENTIFIERS, &name.pk);
        // The user comes first: if there is none, it doesn't matter whom the identifier leads to.
        let parts = vec![
            change(user, &self.name)?,
            put_new(item::encode(&name, &Owner { user: *id }, stamp)?, &self.name)?,
        ];
        match self.transact(parts).await? {
            None => Ok(Commit::Done),
            Some(Cancelled { item: None, .. }) => Ok(Commit::Lost(None)),
            // A user of a newer program's format, which this one doesn't change.
            Some(Cancelled { index: 0, item: Some(user) }) => Err(record::<User>(user)
                .map_or_else(|fault| fault, |_| Fault::corrupt("a user that changed meanwhile"))),
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
        if disabled {
            return self.next_generation(id, stamp, |update| update.set("disabled", &true)).await;
        }
        // Guarded by the generation that was read: a retry of the SDK enables no user who was disabled meanwhile.
        let Some(there) = self.user(id).await? else { return Ok(Commit::Lost(None)) };
        let update = Update::new(self.user_key(id), stamp).set("disabled", &false);
        self.update(seen_as(update, &there.generation)).await?.outcome(stamp, |there: &User| !there.disabled)
    }

    pub(super) async fn set_password(
        &self,
        id: &UserId,
        seen: Option<Generation>,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let change = |update: Update| update.set("password", password);
        let Some(seen) = seen else { return self.next_generation(id, stamp, change).await };
        let update = change(Update::new(self.user_key(id), stamp));
        let update = begin(seen_as(update, &seen), &seen.next(stamp.request, stamp.at));
        let mine = |there: &User| stored::has_new_password(there, Some(seen), password, stamp);
        self.update(update).await?.outcome(stamp, mine)
    }

    pub(super) async fn void_user(&self, id: &UserId, stamp: Stamp) -> Result<Commit<User>, Fault> {
        self.next_generation(id, stamp, |update| update).await
    }

    /// Begins the user's next generation together with a change. Guarded by the current one: a retry of the SDK, after an
    /// answer was lost, undoes nothing that was written in between.
    async fn next_generation(
        &self,
        id: &UserId,
        stamp: Stamp,
        change: impl Fn(Update) -> Update,
    ) -> Result<Commit<User>, Fault> {
        let key = self.user_key(id);
        let mut there = self.user(id).await?;
        for round in 0..ROUNDS {
            let Some(user) = there else { return Ok(Commit::Lost(None)) };
            let next = user.generation.next(stamp.request, stamp.at);
            let update = begin(change(Update::new(key.clone(), stamp)), &next);
            there = match self.update(seen_as(update, &user.generation)).await? {
                Written::Done => return Ok(Commit::Done),
                Written::Refused(found) => found.map(record::<User>).transpose()?,
            };
            if there.as_ref().is_some_and(|now| now.generation == next) {
                return Ok(Commit::Done);
            }
            back_off(stamp, round).await;
        }
        Err(Fault::busy("the user keeps changing"))
    }

    pub(super) async fn set_profile(
        &self,
        user: &User,
        seen: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let mine = |there: &User| stored::is_same_profile(there, user);
        if user.updated_at <= seen {
            let there = self.record(&self.user_key(&user.id)).await?;
            return Ok(Stored::outcome(there, stamp, mine));
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
        self.update(update).await?.outcome(stamp, mine)
    }

    pub(super) async fn replace_user(
        &self,
        user: &User,
        identifiers: &[Identifier],
        joins: &[GroupName],
        seen: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let key = self.user_key(&user.id);
        let names: Vec<Key> = identifiers.iter().map(|name| Key::identifier(&self.realm, name)).collect();
        let mut there = self.get(&key).await?;
        for round in 0..ROUNDS {
            let Some(profile) = there else { return Ok(Commit::Lost(None)) };
            let former = identifiers_of(&profile)?;
            let stored: Stored<User> = item::decode(profile)?;
            if stored.record.updated_at != seen || user.updated_at <= seen {
                return Ok(Stored::outcome(Some(stored), stamp, |there| stored::is_replaced(there, user)));
            }
            // An identifier may be added meanwhile, which doesn't change `updated_at`.
            let update = replacing(Update::new(key.clone(), stamp), user)
                .set(IDENTIFIERS, &texts(&names))
                .when("#updated_at = :seen AND #identifiers = :former")
                .value("seen", &seen)
                .value("former", &texts(&former));
            let mut parts = vec![change(update, &self.name)?];
            for group in joins {
                parts.push(self.require_open(group)?);
            }
            for name in names.iter().filter(|name| !former.contains(name)) {
                parts.push(put_new(item::encode(name, &Owner { user: user.id }, stamp)?, &self.name)?);
            }
            for name in former.iter().filter(|name| !names.contains(name)) {
                parts.push(self.delete_own(name, &user.id)?);
            }
            there = match self.transact(parts).await? {
                None => return Ok(Commit::Done),
                Some(Cancelled { index: 0, item }) => item,
                Some(Cancelled { index, .. }) if index <= joins.len() => {
                    return Ok(Stored::outcome(self.record(&key).await?, stamp, |_| false));
                }
                Some(Cancelled { item: None, .. }) => return Err(astray()),
                Some(Cancelled { item: Some(taken), .. }) => {
                    let other = self.record(&self.user_key(&record::<Owner>(taken)?.user)).await?;
                    return Ok(Stored::outcome(other, stamp, |_| false));
                }
            };
            back_off(stamp, round).await;
        }
        Err(Fault::busy("the user keeps changing"))
    }

    /// Deletes an identifier, unless it leads to another user.
    fn delete_own(&self, name: &Key, user: &UserId) -> Result<TransactWriteItem, Fault> {
        let own = [("user", attribute(user)?)];
        delete_if("attribute_not_exists(#pk) OR #user = :user", name, own, &self.name)
    }

    pub(super) async fn delete_user(&self, id: &UserId, _: Stamp) -> Result<Commit<User>, Fault> {
        let key = self.user_key(id);
        let Some(profile) = self.get(&key).await? else { return Ok(Commit::Lost(None)) };
        let mut parts = vec![delete_if("attribute_exists(#pk)", &key, [], &self.name)?];
        for name in identifiers_of(&profile)? {
            parts.push(self.delete_own(&name, id)?);
        }
        match self.transact(parts).await? {
            None => Ok(Commit::Done),
            Some(Cancelled { index: 0, .. }) => Ok(Commit::Lost(None)),
            Some(_) => Err(astray()),
        }
    }
}

fn replacing(update: Update, user: &User) -> Update {
    update
        .set("username", &user.username)
        .replace("email", user.email.as_ref())
        .set("email_verified", &user.email_verified)
        .set("claims", &user.claims)
        .replace("groups", Some(&user.groups).filter(|groups| !groups.is_empty()))
        .set("updated_at", &user.updated_at)
}

fn astray() -> Fault {
    Fault::corrupt("an identifier of the user leads to another user")
}

/// Adds the condition that the user's generation is the one that was read.
fn seen_as(update: Update, seen: &Generation) -> Update {
    let update = match &seen.id {
        Some(id) => update.when("#generation = :seen").value("seen", id),
        None => update.when("attribute_not_exists(#generation)"),
    };
    update.when("#not_before = :seen_instant").value("seen_instant", &seen.not_before)
}

fn begin(update: Update, next: &Generation) -> Update {
    update.set("generation", &next.id).set("not_before", &next.not_before)
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
