//! Browser sessions. The `sid` stays, the secret and the event change with each authentication.

use crate::authority::{Authority, Generations};
use crate::generation::Generation;
use crate::id::{EventId, SessionId, UserId};
use crate::secret::{Digest, Secret, SecretKind};
use crate::time::Timestamp;
use crate::user::User;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::Duration;

/// How many sessions a user can have. With one more the oldest ends.
pub const MOST_OF_A_USER: usize = 100;

/// Which of one user's sessions go, so that [`MOST_OF_A_USER`] are left, the one that `began` just now among them: those
/// that are over, then the oldest.
pub fn surplus(mut sessions: Vec<Session>, began: &SessionId, now: Timestamp) -> Vec<SessionId> {
    let is_over = |session: &Session| session.ended_at.is_some() || session.expires_at.has_passed(now);
    // A clock that is behind makes something new that looks old.
    let age = |session: &Session| (is_over(session), Reverse(session.created_at), session.id);
    sessions.sort_by_key(|session| (session.id != *began, age(session)));
    sessions.iter().skip(MOST_OF_A_USER).map(|session| session.id).collect()
}

/// The `acr` of a sign-in by password.
pub const ACR_PASSWORD: &str = "urn:keyward:acr:password";
/// The `amr` of a sign-in by password (RFC 8176 §2).
pub const AMR_PASSWORD: &str = "pwd";

/// What one act of authentication established; replaced as a whole by the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// Which act it was.
    pub event: EventId,
    /// When (`auth_time`).
    pub at: Timestamp,
    /// How strong (`acr`).
    pub acr: String,
    /// By what means (`amr`).
    pub amr: Vec<String>,
}

/// A browser session as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The `sid`.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Hash of the secret in the cookie; replaced at each authentication, so an old cookie is dead.
    pub secret: Digest,
    /// The latest authentication.
    pub authentication: Authentication,
    /// What it was decided by; `None`: a program before generations wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// When it began.
    pub created_at: Timestamp,
    /// Its absolute end.
    pub expires_at: Timestamp,
    /// When somebody ended it.
    pub ended_at: Option<Timestamp>,
}

/// What the session cookie says, once unsealed.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// Whose session.
    pub user: UserId,
    /// Which.
    pub session: SessionId,
    /// The secret that the session's digest is of.
    pub secret: Secret,
    /// When it was last used: kept in the cookie, so that idling costs no write.
    pub last_used_at: Timestamp,
}

impl SessionCookie {
    /// What the store keeps of its secret.
    pub fn digest(&self) -> Digest {
        self.secret.digest(SecretKind::Session)
    }
}

impl Session {
    /// The one rule of a session's life: not ended, not expired, the user enabled, and no generation changed since the
    /// latest authentication.
    pub fn is_alive(&self, user: &User, realm: Generation, now: Timestamp) -> bool {
        let generations = Generations::of_session(realm, user);
        self.user == user.id
            && !user.disabled
            && self.ended_at.is_none()
            && !self.expires_at.has_passed(now)
            && generations.honour(self.authority.as_ref(), self.authentication.at)
    }

    /// Whether the browser with this cookie is signed in: the session is alive, the secret is its own, and it was used
    /// lately.
    pub fn is_live(
        &self,
        cookie: &SessionCookie,
        user: &User,
        idle_lifetime: Duration,
        realm: Generation,
        now: Timestamp,
    ) -> bool {
        self.id == cookie.session
            && self.secret == cookie.digest()
            && !cookie.last_used_at.plus(idle_lifetime).has_passed(now)
            && self.is_alive(user, realm, now)
    }
}
