//! Browser sessions. The `sid` stays, the secret and the event change with each authentication.

use crate::id::{EventId, SessionId, UserId};
use crate::secret::{Digest, Secret, SecretKind};
use crate::time::Timestamp;
use crate::user::User;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Whether the browser with this cookie is signed in: right secret, not ended, neither idle nor absolute
    /// time over, user enabled, and neither user nor realm told to start anew.
    pub fn is_live(
        &self,
        cookie: &SessionCookie,
        user: &User,
        idle_lifetime: Duration,
        realm_not_before: Timestamp,
        now: Timestamp,
    ) -> bool {
        self.id == cookie.session
            && self.user == user.id
            && self.secret == cookie.digest()
            && self.ended_at.is_none()
            && self.authentication.at >= realm_not_before
            && !self.expires_at.has_passed(now)
            && !cookie.last_used_at.plus(idle_lifetime).has_passed(now)
            && user.honours(self.authentication.at)
    }
}
