//! Browser sessions. The `sid` is constant; the secret and the event change with each authentication.

use crate::authority::{Authority, Generations};
use crate::generation::Generation;
use crate::id::{EventId, SessionId, UserId};
use crate::secret::{Digest, Secret, SecretKind};
use crate::time::Timestamp;
use crate::user::User;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::Duration;

/// The most sessions of one user. One more removes the oldest.
pub const MOST_OF_A_USER: usize = 100;

/// Which of one user's sessions to remove so that [`MOST_OF_A_USER`] are left: those that have ended, then the oldest.
/// The session that `began` just now is kept.
pub fn surplus(mut sessions: Vec<Session>, began: &SessionId, now: Timestamp) -> Vec<SessionId> {
    let is_over = |session: &Session| session.ended_at.is_some() || session.expires_at.has_passed(now);
    // A clock that is behind makes a new session look old.
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
    /// The id of the act.
    pub event: EventId,
    /// When (`auth_time`).
    pub at: Timestamp,
    /// How strong (`acr`).
    pub acr: String,
    /// By which methods (`amr`).
    pub amr: Vec<String>,
}

/// A browser session as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The `sid`.
    pub id: SessionId,
    /// Its user.
    pub user: UserId,
    /// Hash of the secret in the cookie; replaced at each authentication, so an old cookie is no longer valid.
    pub secret: Digest,
    /// The latest authentication.
    pub authentication: Authentication,
    /// The generations it was made under; `None`: written by a version without generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it expires, used or not.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// The content of the session cookie, unsealed.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    /// The session's user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The secret whose hash is stored in the session.
    pub secret: Secret,
    /// When it was last used. Kept in the cookie, so that use costs no write.
    pub last_used_at: Timestamp,
}

impl SessionCookie {
    /// The hash of its secret.
    pub fn digest(&self) -> Digest {
        self.secret.digest(SecretKind::Session)
    }
}

impl Session {
    /// Whether the session is valid: not ended, not expired, its user enabled, and no generation changed since the
    /// latest authentication.
    pub fn is_alive(&self, user: &User, realm: Generation, now: Timestamp) -> bool {
        let generations = Generations::of_session(realm, user);
        self.user == user.id
            && !user.disabled
            && self.ended_at.is_none()
            && !self.expires_at.has_passed(now)
            && generations.honour(self.authority.as_ref(), self.authentication.at)
    }

    /// Whether the browser with this cookie is signed in: the session is alive, the secret matches, and the cookie was
    /// used within `idle_lifetime`.
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
