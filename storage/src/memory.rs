//! A store in memory, for tests and for reading: what each step means, without a database in the way.
//! One lock around everything, never held across an await.

use crate::kept::{self, Kept};
use crate::{Commit, Document, GrantView, RingDocument, SWEEP_LIMIT, SignInView, Stamp, Store, StoreError};
use async_trait::async_trait;
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::{Grant, Revocation, RevocationReason};
use protocol::id::{ClientId, GrantId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::{Authentication, Session};
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An empty store per value; gone when dropped.
#[derive(Default)]
pub struct Memory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    issuer: Option<String>,
    ring: HashMap<RingDocument, Kept<Document>>,
    clients: BTreeMap<ClientId, Kept<Client>>,
    users: BTreeMap<UserId, Kept<User>>,
    identifiers: BTreeMap<Identifier, UserId>,
    sessions: BTreeMap<(UserId, SessionId), Kept<Session>>,
    consents: BTreeMap<(UserId, ClientId), Consent>,
    grants: BTreeMap<(UserId, GrantId), Kept<Grant>>,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts a record where there is none.
fn put_new<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Kept<T>>,
    key: K,
    record: T,
    stamp: Stamp,
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    if let Some(there) = table.get(&key) {
        return Kept::settle(Some(there.clone()), stamp, mine);
    }
    table.insert(key, Kept { record, last_request: stamp.request });
    Commit::Done
}

/// Changes a record whose state meets the condition.
fn change<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Kept<T>>,
    key: &K,
    stamp: Stamp,
    condition: impl FnOnce(&T) -> bool,
    effect: impl FnOnce(&mut T),
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    match table.get_mut(key) {
        Some(kept) if condition(&kept.record) => {
            effect(&mut kept.record);
            kept.last_request = stamp.request;
            Commit::Done
        }
        there => Kept::settle(there.cloned(), stamp, mine),
    }
}

impl Tables {
    fn user(&self, id: &UserId) -> Option<User> {
        self.users.get(id).map(|kept| kept.record.clone())
    }

    /// Changes one grant; its own `last_request` follows.
    fn change_grant(
        &mut self,
        key: (UserId, GrantId),
        stamp: Stamp,
        condition: impl FnOnce(&Grant) -> bool,
        effect: impl FnOnce(&mut Grant),
        mine: impl FnOnce(&Grant) -> bool,
    ) -> Commit<Grant> {
        let stamped = |grant: &mut Grant| {
            effect(grant);
            grant.last_request = stamp.request;
        };
        change(&mut self.grants, &key, stamp, condition, stamped, mine)
    }
}

fn revoke(grant: &mut Grant, reason: RevocationReason, stamp: Stamp) {
    grant.revoked = Some(Revocation { at: stamp.at, reason });
}

#[async_trait]
impl Store for Memory {
    async fn issuer(&self) -> Result<Option<String>, StoreError> {
        Ok(self.tables().issuer.clone())
    }

    async fn set_issuer(&self, issuer: &str, _: Stamp) -> Result<(), StoreError> {
        self.tables().issuer = Some(issuer.to_owned());
        Ok(())
    }

    async fn ring(&self, document: RingDocument) -> Result<Option<Document>, StoreError> {
        Ok(self.tables().ring.get(&document).map(|kept| kept.record.clone()))
    }

    async fn replace_ring(
        &self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Result<Commit<Document>, StoreError> {
        let mut tables = self.tables();
        let there = tables.ring.get(&document).cloned();
        let version = seen.unwrap_or(0).saturating_add(1);
        if there.as_ref().map(|kept| kept.record.version) != seen {
            return Ok(Kept::settle(there, stamp, |there| kept::is_same_document(there, version, body)));
        }
        let record = Document { version, body: body.to_owned() };
        tables.ring.insert(document, Kept { record, last_request: stamp.request });
        Ok(Commit::Done)
    }

    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.tables().clients.get(id).map(|kept| kept.record.clone()))
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        Ok(self.tables().clients.values().map(|kept| kept.record.clone()).collect())
    }

    async fn create_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, StoreError> {
        let mine = |there: &Client| kept::is_same_client(there, client);
        Ok(put_new(&mut self.tables().clients, client.id.clone(), client.clone(), stamp, mine))
    }

    async fn set_client_disabled(
        &self,
        id: &ClientId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<Client>, StoreError> {
        let effect = |client: &mut Client| {
            client.disabled = disabled;
            if disabled {
                client.not_before = client.not_before.max(stamp.next_millisecond());
            }
        };
        Ok(change(&mut self.tables().clients, id, stamp, |_| true, effect, |_| false))
    }

    async fn delete_client(&self, id: &ClientId, _: Stamp) -> Result<Commit<Client>, StoreError> {
        Ok(self.tables().clients.remove(id).map_or(Commit::Lost(None), |_| Commit::Done))
    }

    async fn find_user(&self, identifier: &Identifier) -> Result<Option<UserId>, StoreError> {
        Ok(self.tables().identifiers.get(identifier).copied())
    }

    async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables().user(id))
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut users: Vec<User> = self.tables().users.values().map(|kept| kept.record.clone()).collect();
        users.sort_by_key(|user| (user.created_at, user.id));
        Ok(users)
    }

    async fn create_user(
        &self,
        user: &User,
        identifiers: &[Identifier],
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let mut tables = self.tables();
        let mine = |there: &User| kept::is_same_user(there, user);
        if let Some(owner) = identifiers.iter().find_map(|name| tables.identifiers.get(name)) {
            return Ok(Kept::settle(tables.users.get(owner).cloned(), stamp, mine));
        }
        let is_new = !tables.users.contains_key(&user.id);
        let commit = put_new(&mut tables.users, user.id, user.clone(), stamp, mine);
        if is_new {
            tables.identifiers.extend(identifiers.iter().map(|name| (name.clone(), user.id)));
        }
        Ok(commit)
    }

    async fn set_user_disabled(
        &self,
        id: &UserId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let effect = |user: &mut User| {
            user.disabled = disabled;
            if disabled {
                user.not_before = user.not_before.max(stamp.next_millisecond());
            }
        };
        Ok(change(&mut self.tables().users, id, stamp, |_| true, effect, |_| false))
    }

    async fn set_password(
        &self,
        id: &UserId,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError> {
        let effect = |user: &mut User| {
            user.password = Some(password.clone());
            user.not_before = user.not_before.max(stamp.next_millisecond());
        };
        Ok(change(&mut self.tables().users, id, stamp, |_| true, effect, |_| false))
    }

    async fn delete_user(&self, id: &UserId, _: Stamp) -> Result<Commit<User>, StoreError> {
        let mut tables = self.tables();
        tables.identifiers.retain(|_, user| user != id);
        tables.sessions.retain(|(user, _), _| user != id);
        tables.grants.retain(|(user, _), _| user != id);
        tables.consents.retain(|(user, _), _| user != id);
        Ok(tables.users.remove(id).map_or(Commit::Lost(None), |_| Commit::Done))
    }

    async fn load_sign_in(
        &self,
        user: &UserId,
        session: Option<&SessionId>,
        client: &ClientId,
    ) -> Result<SignInView, StoreError> {
        let tables = self.tables();
        let session = session.and_then(|id| tables.sessions.get(&(*user, *id)));
        Ok(SignInView {
            user: tables.user(user),
            session: session.map(|kept| kept.record.clone()),
            consent: tables.consents.get(&(*user, client.clone())).cloned(),
        })
    }

    async fn start_session(&self, session: &Session, stamp: Stamp) -> Result<Commit<Session>, StoreError> {
        let mine = |there: &Session| kept::is_same_session(there, session);
        Ok(put_new(&mut self.tables().sessions, (session.user, session.id), session.clone(), stamp, mine))
    }

    async fn reauthenticate(
        &self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        secret: &Digest,
        authentication: &Authentication,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError> {
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let effect = |there: &mut Session| {
            there.secret = *secret;
            there.authentication = authentication.clone();
        };
        let mine = |there: &Session| there.secret == *secret && there.ended_at.is_none();
        Ok(change(&mut self.tables().sessions, &(*user, *session), stamp, condition, effect, mine))
    }

    async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError> {
        let mut tables = self.tables();
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let mut ended = false;
        let effect = |there: &mut Session| {
            there.ended_at = Some(stamp.at);
            ended = true;
        };
        let mine = |there: &Session| there.ended_at == Some(stamp.at);
        let commit = change(&mut tables.sessions, &(*user, *session), stamp, condition, effect, mine);
        let carried = |grant: &Grant| grant.session == *session && !grant.offline && grant.revoked.is_none();
        for ((owner, _), kept) in tables.grants.iter_mut().filter(|_| ended) {
            if owner == user && carried(&kept.record) {
                revoke(&mut kept.record, RevocationReason::SessionEnded, stamp);
                kept.record.last_request = stamp.request;
                kept.last_request = stamp.request;
            }
        }
        Ok(commit)
    }

    async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        scope: &Scope,
        stamp: Stamp,
    ) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let key = (*user, client.clone());
        let scope = match tables.consents.get(&key) {
            Some(known) if known.scope.covers(scope) => return Ok(()),
            Some(known) => known.scope.union(scope),
            None => scope.clone(),
        };
        let consent = Consent { user: *user, client: client.clone(), scope, granted_at: stamp.at };
        tables.consents.insert(key, consent);
        Ok(())
    }

    async fn create_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Commit<Grant>, StoreError> {
        let record = Grant { last_request: stamp.request, ..grant.clone() };
        let mine = |there: &Grant| kept::is_same_grant(there, grant);
        Ok(put_new(&mut self.tables().grants, (grant.user, grant.id), record, stamp, mine))
    }

    async fn load_grant(&self, user: &UserId, grant: &GrantId) -> Result<GrantView, StoreError> {
        let tables = self.tables();
        let grant = tables.grants.get(&(*user, *grant)).map(|kept| kept.record.clone());
        Ok(GrantView { grant, user: tables.user(user) })
    }

    async fn redeem_code(
        &self,
        user: &UserId,
        grant: &GrantId,
        code: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let condition = |there: &Grant| {
            there.code == *code
                && !there.code_expires_at.has_passed(stamp.at)
                && there.redeemed_at.is_none()
                && there.revoked.is_none()
        };
        let effect = |there: &mut Grant| there.redeemed_at = Some(stamp.at);
        let mine = |there: &Grant| kept::is_redeemed(there, code, stamp);
        Ok(self.tables().change_grant((*user, *grant), stamp, condition, effect, mine))
    }

    async fn burn_code(
        &self,
        user: &UserId,
        grant: &GrantId,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let reason = RevocationReason::CodeBurnt;
        let condition = |there: &Grant| there.redeemed_at.is_none() && there.revoked.is_none();
        let effect = |there: &mut Grant| revoke(there, reason, stamp);
        let mine = |there: &Grant| kept::is_revoked(there, reason, stamp);
        Ok(self.tables().change_grant((*user, *grant), stamp, condition, effect, mine))
    }

    async fn revoke_grant(
        &self,
        user: &UserId,
        grant: &GrantId,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError> {
        let condition = |there: &Grant| there.revoked.is_none();
        let effect = |there: &mut Grant| revoke(there, reason, stamp);
        let mine = |there: &Grant| kept::is_revoked(there, reason, stamp);
        Ok(self.tables().change_grant((*user, *grant), stamp, condition, effect, mine))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn change_mark(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut deleted = 0;
        let mut is_kept = |expires_at: Timestamp| {
            let goes = expires_at < before && deleted < SWEEP_LIMIT;
            deleted += u64::from(goes);
            !goes
        };
        tables.grants.retain(|_, grant| is_kept(grant.record.expires_at));
        tables.sessions.retain(|_, session| is_kept(session.record.expires_at));
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn empty() -> Arc<dyn Store> {
        Arc::new(Memory::default())
    }

    contract!(memory, empty);
}
