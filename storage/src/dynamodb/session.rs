//! Browser sessions.

use super::Table;
use super::call::{Update, Written};
use super::fault::Fault;
use super::grant::end_with_session;
use super::item::{self, Key};
use super::transaction::{Cancelled, change};
use crate::kept::Kept;
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::id::{ClientId, SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::{Authentication, Session};

/// How many changes one transaction may have (a fact of DynamoDB).
const LARGEST_TRANSACTION: usize = 100;
/// How often the end of a session is tried again because a grant of it was changed meanwhile.
const ROUNDS: usize = 10;

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
        let item = item::encode(&self.session_key(&session.user, &session.id), session, stamp)?;
        self.put_new(item).await?.settle(stamp, |there| there == session)
    }

    pub(super) async fn reauthenticate(
        &self,
        user: &UserId,
        id: &SessionId,
        seen: &Digest,
        secret: &Digest,
        authentication: &Authentication,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        let update = Update::new(self.session_key(user, id), stamp)
            .set("secret", secret)
            .set("authentication", authentication)
            .when("#secret = :seen AND attribute_not_exists(#ended_at)")
            .value("seen", seen);
        let mine = |there: &Session| there.secret == *secret && there.ended_at.is_none();
        self.update(update).await?.settle(stamp, mine)
    }

    /// The session and what it carries end in one transaction: were they written one after the other, a process
    /// that dies in between would leave grants alive that nothing ends any more. What doesn't fit in ends before:
    /// then the session is still there to be ended again.
    pub(super) async fn end_session(
        &self,
        user: &UserId,
        id: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, Fault> {
        for _ in 0..ROUNDS {
            let mut carried = self.carried(user, id).await?;
            let surplus = carried.split_off(carried.len().min(LARGEST_TRANSACTION - 1));
            if !surplus.is_empty() {
                match self.record::<Session>(&self.session_key(user, id)).await? {
                    Some(there) if there.record.secret == *seen && there.record.ended_at.is_none() => {}
                    there => return Ok(Kept::settle(there, stamp, |there| is_ended(there, stamp))),
                }
            }
            for grant in surplus {
                self.update(end_with_session(grant, stamp)).await?;
            }
            let mut parts = vec![change(self.end_of(user, id, seen, stamp), &self.name)?];
            for grant in carried {
                parts.push(change(end_with_session(grant, stamp), &self.name)?);
            }
            let ended = match self.transact(parts).await? {
                None => Written::Done,
                Some(Cancelled { index: 0, item }) => Written::Refused(item),
                // A grant was changed meanwhile.
                Some(_) => continue,
            };
            return ended.settle(stamp, |there| is_ended(there, stamp));
        }
        Err(Fault::busy("the grants of the session keep changing"))
    }

    fn end_of(&self, user: &UserId, id: &SessionId, seen: &Digest, stamp: Stamp) -> Update {
        Update::new(self.session_key(user, id), stamp)
            .set("ended_at", &stamp.at)
            .when("#secret = :seen AND attribute_not_exists(#ended_at)")
            .value("seen", seen)
    }
}

fn is_ended(there: &Session, stamp: Stamp) -> bool {
    there.ended_at == Some(stamp.at)
}
