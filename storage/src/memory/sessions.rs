//! Sessions and consents.

use super::{Tables, change, put_new};
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::consent::Consent;
use protocol::grant::{Grant, Revocation, RevocationReason};
use protocol::id::{ClientId, SessionId, UserId};
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::{Authentication, Session};

impl Tables {
    pub(super) fn load_sign_in(
        &self,
        user: &UserId,
        session: Option<SessionId>,
        client: &ClientId,
        attempts: &[AttemptKey],
    ) -> SignInView {
        let session = session.and_then(|id| self.sessions.get(&(*user, id)));
        SignInView {
            user: self.user(user),
            session: session.map(|kept| kept.record.clone()),
            consent: self.consents.get(&(*user, client.clone())).cloned(),
            debts: self.debts(attempts),
        }
    }

    pub(super) fn start_session(&mut self, session: &Session, stamp: Stamp) -> Commit<Session> {
        let key = (session.user, session.id);
        put_new(&mut self.sessions, key, session.clone(), stamp, |there| there == session)
    }

    pub(super) fn reauthenticate(
        &mut self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        secret: &Digest,
        authentication: &Authentication,
        stamp: Stamp,
    ) -> Commit<Session> {
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let effect = |there: &mut Session| {
            there.secret = *secret;
            there.authentication = authentication.clone();
        };
        let mine = |there: &Session| there.secret == *secret && there.ended_at.is_none();
        change(&mut self.sessions, &(*user, *session), stamp, condition, effect, mine)
    }

    pub(super) fn end_session(
        &mut self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Commit<Session> {
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let mut ended = false;
        let effect = |there: &mut Session| {
            there.ended_at = Some(stamp.at);
            ended = true;
        };
        let mine = |there: &Session| there.ended_at == Some(stamp.at);
        let commit = change(&mut self.sessions, &(*user, *session), stamp, condition, effect, mine);
        let carried = |grant: &Grant| {
            grant.user == *user && grant.session == *session && !grant.offline && grant.revoked.is_none()
        };
        for kept in self.grants.values_mut().filter(|kept| ended && carried(&kept.record)) {
            kept.record.revoked = Some(Revocation { at: stamp.at, reason: RevocationReason::SessionEnded });
            kept.record.last_request = stamp.request;
            kept.last_request = stamp.request;
        }
        commit
    }

    pub(super) fn remember_consent(&mut self, user: &UserId, client: &ClientId, scope: &Scope, stamp: Stamp) {
        let key = (*user, client.clone());
        let scope = match self.consents.get(&key) {
            Some(known) if known.scope.covers(scope) => return,
            Some(known) => known.scope.union(scope),
            None => scope.clone(),
        };
        let consent = Consent { user: *user, client: client.clone(), scope, granted_at: stamp.at };
        self.consents.insert(key, consent);
    }

    pub(super) fn forget_consent(&mut self, user: &UserId, client: &ClientId, _: Stamp) {
        self.consents.remove(&(*user, client.clone()));
    }
}
