//! Sessions and consents.

use super::tables::{Tables, change, put_new};
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::consent::Consent;
use protocol::id::{ClientId, SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::{Session, surplus};

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
            session: session.map(|stored| stored.record.clone()),
            consent: self.consents.get(&(*user, client.clone())).cloned(),
            debts: self.debts(attempts),
        }
    }

    pub(super) fn start_session(&mut self, session: &Session, stamp: Stamp) -> Commit<Session> {
        let commit = self.restore_session(session, stamp);
        if commit.is_done() {
            let own = self.sessions.values().map(|stored| stored.record.clone());
            let own: Vec<Session> = own.filter(|there| there.user == session.user).collect();
            for id in surplus(own, &session.id, stamp.at) {
                self.sessions.remove(&(session.user, id));
            }
        }
        commit
    }

    pub(super) fn restore_session(&mut self, session: &Session, stamp: Stamp) -> Commit<Session> {
        let key = (session.user, session.id);
        put_new(&mut self.sessions, key, session.clone(), stamp, |there| there == session)
    }

    pub(super) fn reauthenticate(
        &mut self,
        session: &Session,
        seen: &Digest,
        stamp: Stamp,
    ) -> Commit<Session> {
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let effect = |there: &mut Session| {
            there.secret = session.secret;
            there.authentication = session.authentication.clone();
            there.authority = session.authority;
        };
        let mine = |there: &Session| there.secret == session.secret && there.ended_at.is_none();
        change(&mut self.sessions, &(session.user, session.id), stamp, condition, effect, mine)
    }

    pub(super) fn end_session(
        &mut self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Commit<Session> {
        let condition = |there: &Session| there.secret == *seen && there.ended_at.is_none();
        let effect = |there: &mut Session| there.ended_at = Some(stamp.at);
        let mine = |there: &Session| there.ended_at == Some(stamp.at);
        change(&mut self.sessions, &(*user, *session), stamp, condition, effect, mine)
    }

    pub(super) fn remember_consent(&mut self, consent: &Consent, _: Stamp) {
        let key = (consent.user, consent.client.clone());
        if let Some(consent) = consent.added_to(self.consents.get(&key)) {
            self.consents.insert(key, consent);
        }
    }

    pub(super) fn forget_consent(&mut self, user: &UserId, client: &ClientId, _: Stamp) {
        self.consents.remove(&(*user, client.clone()));
    }
}
