//! Browser sessions.

use super::call::{Update, Written};
use super::fault::Fault;
use super::item::{self, Key, record};
use super::table::Table;
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::id::{ClientId, SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::{Session, surplus};

/// How many of a user's sessions are read to find the surplus at most.
const WINDOW: i32 = 200;

impl Table {
    fn session_key(&self, user: &UserId, id: &SessionId) -> Key {
        Key::session(&self.realm, user, id)
    }

    pub(super) async fn load_sign_in(
        &self,
        user: &UserId,
        session: Option<SessionId>,
        client: &ClientId,
        attempts: &[AttemptKey],
    ) -> Result<SignInView, Fault> {
        let who = Key::user(&self.realm, user);
        let agreed = Key::consent(&self.realm, user, client);
        let browser = session.map(|session| self.session_key(user, &session));
        let keys = [who.clone(), agreed.clone()].into_iter().chain(browser.clone());
        let read = self.get_all(keys.chain(self.attempt_keys(attempts))).await?;
        Ok(SignInView {
            user: read.record(&who)?,
            session: browser.map(|key| read.record(&key)).transpose()?.flatten(),
            consent: read.record(&agreed)?,
            debts: self.debts_in(&read, attempts)?,
        })
    }

    pub(super) async fn start_session(
        &self,
        session: &Session,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        let partition = Key::user(&self.realm, &session.user).pk;
        let others = self.first(&partition, "SESSION#", WINDOW);
        let (written, others) = tokio::join!(self.put_session(session, stamp), others);
        let commit = written?.outcome(stamp, |there| there == session)?;
        if commit.is_done() {
            // A record that this program can't read is left as it is.
            let others =
                others.unwrap_or_default().into_iter().filter_map(|item| record::<Session>(item).ok());
            let all = others.filter(|there| there.id != session.id).chain([session.clone()]).collect();
            let surplus = surplus(all, &session.id, stamp.at).into_iter();
            self.delete_surplus(surplus.map(|id| self.session_key(&session.user, &id))).await;
        }
        Ok(commit)
    }

    pub(super) async fn restore_session(
        &self,
        session: &Session,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        self.put_session(session, stamp).await?.outcome(stamp, |there| there == session)
    }

    async fn put_session(&self, session: &Session, stamp: Stamp) -> Result<Written, Fault> {
        self.put_new(item::encode(&self.session_key(&session.user, &session.id), session, stamp)?).await
    }

    pub(super) async fn reauthenticate(
        &self,
        session: &Session,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        let update = Update::new(self.session_key(&session.user, &session.id), stamp)
            .set("secret", &session.secret)
            .set("authentication", &session.authentication)
            .replace("authority", session.authority.as_ref())
            .when("#secret = :seen AND attribute_not_exists(#ended_at)")
            .value("seen", seen);
        let mine = |there: &Session| there.secret == session.secret && there.ended_at.is_none();
        self.update(update).await?.outcome(stamp, mine)
    }

    pub(super) async fn end_session(
        &self,
        user: &UserId,
        id: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        let update = Update::new(self.session_key(user, id), stamp)
            .set("ended_at", &stamp.at)
            .when("#secret = :seen AND attribute_not_exists(#ended_at)")
            .value("seen", seen);
        self.update(update).await?.outcome(stamp, |there: &Session| there.ended_at == Some(stamp.at))
    }
}
