//! Users and what leads to them.

use super::{Tables, change, put_new};
use crate::kept::{self, Kept};
use crate::{AccountView, Commit, Found, Stamp};
use protocol::attempts::AttemptKey;
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};

impl Tables {
    pub(super) fn find_user(&self, identifier: &Identifier, attempts: &[AttemptKey]) -> Found {
        Found { user: self.identifiers.get(identifier).copied(), debts: self.debts(attempts) }
    }

    pub(super) fn user(&self, id: &UserId) -> Option<User> {
        self.users.get(id).map(|kept| kept.record.clone())
    }

    pub(super) fn user_ids(&self) -> Vec<UserId> {
        self.users.keys().copied().collect()
    }

    pub(super) fn users(&self) -> Vec<User> {
        let mut users: Vec<User> = self.users.values().map(|kept| kept.record.clone()).collect();
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
            return Kept::settle(self.users.get(owner).cloned(), stamp, mine);
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
                void(user, stamp);
            }
        };
        change(&mut self.users, id, stamp, |_| true, effect, |_| false)
    }

    pub(super) fn set_password(
        &mut self,
        id: &UserId,
        seen: Option<PasswordHash>,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Commit<User> {
        let condition = |user: &User| seen.is_none() || user.password == seen;
        let effect = |user: &mut User| {
            user.password = Some(password.clone());
            void(user, stamp);
        };
        let mine = |user: &User| kept::has_new_password(user, password, stamp);
        change(&mut self.users, id, stamp, condition, effect, mine)
    }

    pub(super) fn void_user(&mut self, id: &UserId, stamp: Stamp) -> Commit<User> {
        change(&mut self.users, id, stamp, |_| true, |user| void(user, stamp), |_| false)
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
            kept::is_same_profile(there, user)
        })
    }

    pub(super) fn delete_user(&mut self, id: &UserId, _: Stamp) -> Commit<User> {
        self.identifiers.retain(|_, user| user != id);
        self.sessions.retain(|(user, _), _| user != id);
        self.grants.retain(|key, _| key.user != *id);
        self.consents.retain(|(user, _), _| user != id);
        self.users.remove(id).map_or(Commit::Lost(None), |_| Commit::Done)
    }

    pub(super) fn load_account(&self, id: &UserId) -> AccountView {
        let own_sessions = self.sessions.values().map(|kept| &kept.record).filter(|own| own.user == *id);
        let own_grants = self.grants.values().map(|kept| &kept.record).filter(|own| own.user == *id);
        let mut view = AccountView {
            user: self.user(id),
            sessions: own_sessions.cloned().collect(),
            grants: own_grants.cloned().collect(),
            consents: self.consents.values().filter(|own| own.user == *id).cloned().collect(),
        };
        view.sessions.sort_by_key(|session| (session.created_at, session.id));
        view.grants.sort_by_key(|grant| (grant.created_at, grant.id));
        view
    }

    /// Nothing is left out of an account here.
    pub(super) fn load_whole_account(&self, id: &UserId) -> AccountView {
        self.load_account(id)
    }
}

/// What begins from the next millisecond on counts.
fn void(user: &mut User, stamp: Stamp) {
    user.not_before = user.not_before.max(stamp.next_millisecond());
}
