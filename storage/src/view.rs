//! What one read loads for one decision of `protocol`.

use protocol::consent::Consent;
use protocol::grant::{Grant, GrantKey};
use protocol::id::{SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use serde::{Deserialize, Serialize};

/// The user an identifier leads to, and what is counted against the attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The user, if it leads to one.
    pub user: Option<UserId>,
    /// The debts of the requested counters, in their order.
    pub debts: Vec<Timestamp>,
}

/// What is loaded to decide whether a browser is signed in and its user has agreed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignInView {
    /// The user, if the record exists.
    pub user: Option<User>,
    /// The session, if one was requested and exists.
    pub session: Option<Session>,
    /// What the user agreed to with the client.
    pub consent: Option<Consent>,
    /// The debts of the requested counters, in their order.
    pub debts: Vec<Timestamp>,
}

/// Where a grant is, and its session, as a code or token names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantLocator {
    /// The grant.
    pub key: GrantKey,
    /// Its session. If it is not named, a backend may need a second read to load it; [`Grant::session`] is
    /// always what decides.
    pub session: Option<SessionId>,
}

/// What is loaded to decide about a code or refresh token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrantView {
    /// The grant, if it exists.
    pub grant: Option<Grant>,
    /// Its user, if the record exists.
    pub user: Option<User>,
    /// Its session, if the record exists and the grant's life depends on it ([`Grant::needs_session`]).
    pub session: Option<Session>,
}

/// An access token that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedToken {
    /// Its hashed `jti`.
    pub token: Digest,
    /// When it would have expired.
    pub expires_at: Timestamp,
}

/// What is loaded to decide about an access token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenView {
    /// Whether this very token was revoked.
    pub denied: bool,
    /// Its grant, if it is a user's and the record exists.
    pub grant: Option<Grant>,
    /// The grant's user, if the record exists.
    pub user: Option<User>,
    /// The grant's session, as in [`GrantView`].
    pub session: Option<Session>,
}
