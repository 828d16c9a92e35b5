//! Users, and the identifiers that lead to them.

use super::tables::{Tables, change, put_new};
use crate::stored::{self, Stored};
use crate::{BELONGINGS_LIMIT, Belonging, Belongings, Commit, Found, Place, Stamp};
use protocol::attempts::AttemptKey;
use protocol::generation::Generation;
use protocol::group::GroupName;
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};

impl Tables {
    pub(super) fn find_user(&self, identifier: &Identifier, attempts: &[AttemptKey]) -> Found {
        Found { user: self.identifiers.get(identifier).copied(), debts: self.debts(attempts) }
    }

    pub(super) fn user(&self, id: &UserId) -> Option<User> {
        self.users.get(id).map(|stored| stored.record.clone())
    }

    pub(super) fn user_ids(&self) -> Vec<UserId> {
        self.users.keys().copied().collect()
    }

    pub(super) fn users(&self) -> Vec<User> {
        let mut users: Vec<User> = self.users.values().map(|stored| stored.record.clone()).collect();
        users.sort_by_key(|user| (user.created_at, user.id));
        users
    }

    pub(super) fn create_user(
        &mut self,
        user: &User,
        identifiers: &[Identifier],
        stamp: Stamp,
    ) -> Commit<User> {
        let mine = |there: &User| there == user;
        if let Some(owner) = identifiers.iter().find_map(|name| self.identifiers.get(name)) {
            return Stored::outcome(self.users.get(owner).cloned(), stamp, mine);
        }
        let is_new = !self.users.contains_key(&user.id);
        let commit = put_new(&mut self.users, user.id, user.clone(), stamp, mine);
        if is_new {
            self.identifiers.extend(identifiers.iter().map(|name| (name.clone(), user.id)));
        }
        commit
    }

    pub(super) fn add_identifier(
        &mut self,
        id: &UserId,
        identifier: &Identifier,
        _: Stamp,
    ) -> Commit<UserId> {
        if !self.users.contains_key(id) {
            return Commit::Lost(None);
        }
        let owner = *self.identifiers.entry(identifier.clone()).or_insert(*id);
        if owner == *id { Commit::Done } else { Commit::Lost(Some(Box::new(owner))) }
    }

    pub(super) fn set_user_disabled(&mut self, id: &UserId, disabled: bool, stamp: Stamp) -> Commit<User> {
        let effect = |user: &mut User| {
            user.disabled = disabled;
            if disabled {
                end(user, stamp);
            }
        };
        change(&mut self.users, id, stamp, |_| true, effect, |_| false)
    }

    pub(super) fn set_password(
        &mut self,
        id: &UserId,
        seen: Option<Generation>,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Commit<User> {
        let condition = |user: &User| seen.is_none_or(|seen| user.generation == seen);
        let effect = |user: &mut User| {
            user.password = Some(password.clone());
            end(user, stamp);
        };
        let mine = |user: &User| stored::has_new_password(user, seen, password, stamp);
        change(&mut self.users, id, stamp, condition, effect, mine)
    }

    pub(super) fn void_user(&mut self, id: &UserId, stamp: Stamp) -> Commit<User> {
        change(&mut self.users, id, stamp, |_| true, |user| end(user, stamp), |_| false)
    }

    pub(super) fn set_profile(&mut self, user: &User, seen: Timestamp, stamp: Stamp) -> Commit<User> {
        let condition = |there: &User| {
            there.updated_at == seen
                && user.updated_at > seen
                && (!there.email_verified || there.email == user.email)
        };
        let effect = |there: &mut User| {
            there.email.clone_from(&user.email);
            there.claims.clone_from(&user.claims);
            there.updated_at = user.updated_at;
        };
        change(&mut self.users, &user.id, stamp, condition, effect, |there| {
            stored::is_same_profile(there, user)
        })
    }

    pub(super) fn replace_user(
        &mut self,
        user: &User,
        identifiers: &[Identifier],
        joins: &[GroupName],
        seen: Timestamp,
        stamp: Stamp,
    ) -> Commit<User> {
        if !self.users.contains_key(&user.id) {
            return Commit::Lost(None);
        }
        let owners = identifiers.iter().filter_map(|name| self.identifiers.get(name));
        if let Some(other) = owners.copied().find(|owner| *owner != user.id) {
            return Stored::outcome(self.users.get(&other).cloned(), stamp, |_| false);
        }
        let are_open = joins.iter().all(|group| self.is_open(group));
        let condition = |there: &User| there.updated_at == seen && user.updated_at > seen && are_open;
        let mut is_changed = false;
        let effect = |there: &mut User| {
            there.username.clone_from(&user.username);
            there.email.clone_from(&user.email);
            there.email_verified = user.email_verified;
            there.claims.clone_from(&user.claims);
            there.groups.clone_from(&user.groups);
            there.updated_at = user.updated_at;
            is_changed = true;
        };
        let commit = change(&mut self.users, &user.id, stamp, condition, effect, |there| {
            stored::is_replaced(there, user)
        });
        if is_changed {
            self.identifiers.retain(|_, owner| *owner != user.id);
            self.identifiers.extend(identifiers.iter().map(|name| (name.clone(), user.id)));
        }
        commit
    }

    pub(super) fn delete_user(&mut self, id: &UserId, _: Stamp) -> Commit<User> {
        self.identifiers.retain(|_, user| user != id);
        self.users.remove(id).map_or(Commit::Lost(None), |_| Commit::Done)
    }

    pub(super) fn delete_belongings(&mut self, user: &UserId) -> u64 {
        let mut room = u64::from(BELONGINGS_LIMIT);
        let mut keep = |owner: &UserId| {
            let goes = owner == user && room > 0;
            room -= u64::from(goes);
            !goes
        };
        self.consents.retain(|(owner, _), _| keep(owner));
        self.grants.retain(|key, _| keep(&key.user));
        self.sessions.retain(|(owner, _), _| keep(owner));
        u64::from(BELONGINGS_LIMIT) - room
    }

    pub(super) fn belongings(&self, user: &UserId, behind: Option<Place>) -> Belongings {
        let consents = self.consents.values().filter(|own| own.user == *user).cloned();
        let grants = self.grants.values().map(|stored| stored.record.clone()).filter(|own| own.user == *user);
        let sessions =
            self.sessions.values().map(|stored| stored.record.clone()).filter(|own| own.user == *user);
        let grants = grants.map(|grant| Belonging::Grant(Box::new(grant)));
        let all = consents.map(Belonging::Consent).chain(grants).chain(sessions.map(Belonging::Session));
        let mut left = all.filter(|it| behind.as_ref().is_none_or(|behind| lies_behind(it, behind)));
        let list: Vec<_> = left.by_ref().take(BELONGINGS_LIMIT as usize).collect();
        let next = left.next().and_then(|_| list.last().map(Belonging::place));
        Belongings { list, next }
    }
}

fn lies_behind(it: &Belonging, place: &Place) -> bool {
    match (it, place) {
        (Belonging::Consent(consent), Place::Consent(client)) => consent.client > *client,
        (Belonging::Consent(_), _) => false,
        (Belonging::Grant(_), Place::Consent(_)) => true,
        (Belonging::Grant(grant), Place::Grant(id)) => grant.id > *id,
        (Belonging::Grant(_), _) => false,
        (Belonging::Session(session), Place::Session(id)) => session.id > *id,
        (Belonging::Session(_), _) => true,
    }
}

fn end(user: &mut User, stamp: Stamp) {
    user.generation = user.generation.next(stamp.request, stamp.at);
}
