//! What Keyward keeps, and the one trait through which it is kept.
//!
//! A method of [`Store`] is one atomic step of the protocol, named by what it means. There is no generic get or
//! put, no transaction to hold open, and no rule of OAuth in a backend beyond comparing stored state. Every
//! backend passes the one suite of tests, `contract`.

use async_trait::async_trait;
use protocol::attempts::{AttemptKey, Limit};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use protocol::grant::{Grant, GrantKey, Refresh, RevocationReason};
use protocol::id::{ClientId, RequestId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use serde::{Deserialize, Serialize};

#[cfg(any(test, feature = "contract"))]
#[macro_use]
pub mod contract;
mod belongings;
mod dynamodb;
mod error;
mod kept;
mod memory;
mod sqlite;
mod steps;
pub mod tap;

pub use belongings::{BELONGINGS_LIMIT, Belonging, Belongings, Place};
pub use dynamodb::{DynamoDb, Patience};
pub use error::{StoreError, StoreErrorKind};
pub use memory::Memory;
pub use sqlite::{Location, Migration, Sqlite};

/// How many records one [`Store::sweep`] deletes at most.
pub const SWEEP_LIMIT: u64 = 500;

/// Something wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// What to do about it.
    pub mend: &'static str,
}

/// What a store belongs to while an import into it has not ended, in the place of its issuer.
pub const UNFINISHED_IMPORT: &str = "an unfinished import";
/// What to do about that.
pub const FINISH_IMPORT: &str =
    "run the same `keyward storage import` again, with `--planned-move` if it had that";

impl Finding {
    fn unfinished_import() -> Self {
        Self { what: "an import into it has not ended".into(), mend: FINISH_IMPORT }
    }
}

/// When a write happens and in which call. Stored with it, so that a write which was applied but whose answer
/// was lost recognises itself when it is repeated. A deletion can't: it leaves nothing to recognise. A counted
/// attempt doesn't: it may count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The call's time.
    pub at: Timestamp,
    /// The call's id.
    pub request: RequestId,
}

/// How a guarded write ended.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a lost race is an answer, too"]
pub enum Commit<T> {
    /// It took effect (now, or earlier in this same call).
    Done,
    /// The record was not as the condition wants it: here it is, or `None` if there is none.
    Lost(Option<Box<T>>),
}

impl<T> Commit<T> {
    /// Whether it took effect.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The same about what the record is made of.
    pub(crate) fn map<U>(self, read: impl FnOnce(T) -> U) -> Commit<U> {
        match self {
            Self::Done => Commit::Done,
            Self::Lost(there) => Commit::Lost(there.map(|there| Box::new(read(*there)))),
        }
    }
}

/// A document of the key ring: text of `server::keys`, and the version that guards its replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Grows by one with each replacement, from 1.
    pub version: u64,
    /// JSON, opaque here.
    pub body: String,
}

/// Which document of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RingDocument {
    /// Signing keys and sealing masters, wrapped.
    Ring,
    /// Public halves of removed keys, for `id_token_hint` only.
    RetiredKeys,
}

/// Who an identifier leads to, and what is counted against the attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The user, if it leads to one.
    pub user: Option<UserId>,
    /// The debts of the counters asked for, in their order.
    pub debts: Vec<Timestamp>,
}

/// What is loaded to decide whether a browser is signed in and has agreed: one read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignInView {
    /// The user, if the record exists.
    pub user: Option<User>,
    /// The session, if one was asked for and exists.
    pub session: Option<Session>,
    /// What the user agreed to with the client.
    pub consent: Option<Consent>,
    /// The debts of the counters asked for, in their order.
    pub debts: Vec<Timestamp>,
}

/// Where a grant is, and its session, as a token of it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantLocator {
    /// The grant.
    pub key: GrantKey,
    /// Its session. A backend may need a second read to load it if it is not named; what decides is always
    /// [`Grant::session`].
    pub session: Option<SessionId>,
}

/// What is loaded to decide about a code or refresh token: one read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrantView {
    /// The grant, if it exists.
    pub grant: Option<Grant>,
    /// Its user, if the record exists.
    pub user: Option<User>,
    /// Its session, if the record exists and the grant's life depends on it ([`Grant::needs_session`]).
    pub session: Option<Session>,
}

/// An access token that somebody revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedToken {
    /// Its hashed `jti`.
    pub token: Digest,
    /// When it would have expired.
    pub expires_at: Timestamp,
}

/// What is loaded to decide about an access token: one read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenView {
    /// Whether somebody revoked this very token.
    pub denied: bool,
    /// Its grant, if it is a user's and the record exists.
    pub grant: Option<Grant>,
    /// The grant's user, if the record exists.
    pub user: Option<User>,
    /// The grant's session, as in [`GrantView`].
    pub session: Option<Session>,
}

/// Everything Keyward keeps, for one realm. Expiry is the caller's to check on read; a backend may delete what
/// is expired, and nothing depends on when it does.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The issuer this store belongs to.
    async fn issuer(&self) -> Result<Option<String>, StoreError>;
    /// Binds the store to an issuer that belonged to `seen` (`None`: to nobody). Lost when it belongs to another.
    async fn replace_issuer(
        &self,
        seen: Option<String>,
        issuer: &str,
        stamp: Stamp,
    ) -> Result<Commit<String>, StoreError>;

    /// A document of the key ring.
    async fn ring(&self, document: RingDocument) -> Result<Option<Document>, StoreError>;
    /// Puts `body` as the version after `seen` (`None`: as the first). Lost when another version is there.
    async fn replace_ring(
        &self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Result<Commit<Document>, StoreError>;

    /// One client.
    async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError>;
    /// All clients, by id.
    async fn clients(&self) -> Result<Vec<Client>, StoreError>;
    /// Adds a client. Lost when the id is taken.
    async fn create_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, StoreError>;
    /// Replaces a client by its next revision. Lost unless the one before it is there, registered at the same time:
    /// a client that was made anew under an old id counts its revisions from the start.
    async fn replace_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, StoreError>;
    /// Deletes a client, and what people agreed to with it where a backend can do both in one write: what is left
    /// doesn't count for a later client of that id ([`Consent::counts`]). Lost when there is no such client.
    async fn delete_client(&self, id: &ClientId, stamp: Stamp) -> Result<Commit<Client>, StoreError>;

    /// Who an identifier leads to, and the debts of counters.
    async fn find_user(&self, identifier: &Identifier, attempts: &[AttemptKey]) -> Result<Found, StoreError>;
    /// One user.
    async fn user(&self, id: &UserId) -> Result<Option<User>, StoreError>;
    /// All users, by creation time and id.
    async fn users(&self) -> Result<Vec<User>, StoreError>;
    /// Adds a user with all identifiers, or nothing. Lost when one identifier is taken.
    async fn create_user(
        &self,
        user: &User,
        identifiers: &[Identifier],
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError>;
    /// Lets an identifier lead to a user who is there, too. Lost with whom it leads to instead, or with nobody when
    /// there is no such user.
    async fn add_identifier(
        &self,
        id: &UserId,
        identifier: &Identifier,
        stamp: Stamp,
    ) -> Result<Commit<UserId>, StoreError>;
    /// Disables a user and begins the next generation, which ends what they have for good; or enables them again.
    /// Lost when there is no such user.
    async fn set_user_disabled(
        &self,
        id: &UserId,
        disabled: bool,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError>;
    /// Sets a password and begins the next generation, as [`Generation::next`] says. Lost when there is no such user,
    /// or something has ended what they had since the generation `seen` (`None`: whatever it is).
    async fn set_password(
        &self,
        id: &UserId,
        seen: Option<Generation>,
        password: &PasswordHash,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError>;
    /// Begins the next generation, which ends what the user has. Lost when there is no such user.
    async fn void_user(&self, id: &UserId, stamp: Stamp) -> Result<Commit<User>, StoreError>;
    /// Replaces address and claims (and `updated_at`) by those of `user`. Lost unless the record was last
    /// updated at `seen` and `user` is later than that (else two changes in one millisecond would both be done),
    /// or when it has a verified address and `user` another one.
    async fn set_profile(
        &self,
        user: &User,
        seen: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<User>, StoreError>;
    /// Deletes a user with their identifiers, which ends what they have; [`Store::delete_belongings`] clears that
    /// away. Lost when there is no such user.
    async fn delete_user(&self, id: &UserId, stamp: Stamp) -> Result<Commit<User>, StoreError>;
    /// Deletes some of what a user has, at most [`BELONGINGS_LIMIT`] records. Returns how many; call again until it
    /// is 0.
    async fn delete_belongings(&self, user: &UserId) -> Result<u64, StoreError>;
    /// What a user has behind a place (`None`: from the start): consents, grants, sessions, at most
    /// [`BELONGINGS_LIMIT`] of them.
    async fn belongings(&self, user: &UserId, behind: Option<Place>) -> Result<Belongings, StoreError>;

    /// The id of every user, in any order; for moving a store.
    async fn user_ids(&self) -> Result<Vec<UserId>, StoreError>;

    /// User, session, consent and debts in one read.
    async fn load_sign_in(
        &self,
        user: &UserId,
        session: Option<SessionId>,
        client: &ClientId,
        attempts: &[AttemptKey],
    ) -> Result<SignInView, StoreError>;
    /// Begins a session, and deletes those that are one too many ([`protocol::session::surplus`]). Lost when the id is
    /// taken (128 random bits: a broken generator).
    async fn start_session(&self, session: &Session, stamp: Stamp) -> Result<Commit<Session>, StoreError>;
    /// Puts a session as it was in another store; for moving one. Lost when the id is taken.
    async fn restore_session(&self, session: &Session, stamp: Stamp) -> Result<Commit<Session>, StoreError>;
    /// The same user proved themselves again: replaces secret, authentication and authority by those of `session`.
    /// Lost unless the session is there, not ended, and its secret is still `seen`.
    async fn reauthenticate(
        &self,
        session: &Session,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError>;
    /// Ends a session, and by that the grants that need it. Lost unless it is there, not ended, and its secret is
    /// still `seen`.
    async fn end_session(
        &self,
        user: &UserId,
        session: &SessionId,
        seen: &Digest,
        stamp: Stamp,
    ) -> Result<Commit<Session>, StoreError>;
    /// Adds to what a user agreed to with a client by the same authority, or replaces what they agreed to by another.
    async fn remember_consent(&self, consent: &Consent, stamp: Stamp) -> Result<(), StoreError>;
    /// Forgets what a user agreed to with a client.
    async fn forget_consent(&self, user: &UserId, client: &ClientId, stamp: Stamp) -> Result<(), StoreError>;

    /// Puts a grant if there is none of its id for its user, and deletes those of the user with the client that are
    /// too many then ([`protocol::grant::surplus`]). Lost with the one that is there. Lost with none unless the user's
    /// remembered consent with the client covers `agreed`: whoever forgets it and lists the grants after that finds
    /// every grant that was made by it.
    async fn create_grant(
        &self,
        grant: &Grant,
        agreed: Option<Scope>,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError>;
    /// Puts a grant as it was in another store; for moving one. Lost with the one that is there.
    async fn restore_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Commit<Grant>, StoreError>;
    /// Grant, user and the session that the grant needs, in one read.
    async fn load_grant(&self, at: GrantLocator) -> Result<GrantView, StoreError>;
    /// Spends the code: sets `redeemed_at`, and the refresh token that is issued for it. Lost unless the code is
    /// this one, not redeemed, not expired, and the grant not revoked.
    async fn redeem_code(
        &self,
        key: GrantKey,
        code: &Digest,
        refresh: Option<Refresh>,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError>;
    /// Replaces the tip of the refresh chain, or prolongs it. Lost unless the tip is the one `seen` (its digest
    /// and generation) and the grant not revoked.
    async fn rotate_refresh(
        &self,
        key: GrantKey,
        seen: &Refresh,
        next: &Refresh,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError>;
    /// Revokes a grant whose code was never redeemed. Lost when it was redeemed or revoked before.
    async fn burn_code(&self, key: GrantKey, stamp: Stamp) -> Result<Commit<Grant>, StoreError>;
    /// Revokes a grant. Lost when it was revoked before; the first reason stays.
    async fn revoke_grant(
        &self,
        key: GrantKey,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, StoreError>;

    /// Whether an access token (its hashed `jti`) is denied, with its grant, user and session, in one read.
    async fn load_token(&self, token: &Digest, grant: Option<GrantLocator>) -> Result<TokenView, StoreError>;
    /// Denies an access token until it would have expired. Lost when it is denied already, with that instant.
    async fn deny_token(
        &self,
        token: &Digest,
        expires_at: Timestamp,
        stamp: Stamp,
    ) -> Result<Commit<Timestamp>, StoreError>;

    /// Every denied access token, expired ones included, by token; for moving a store.
    async fn denied_tokens(&self) -> Result<Vec<DeniedToken>, StoreError>;

    /// The debts of counters, in their order; the epoch for one that was never touched.
    async fn debts(&self, attempts: &[AttemptKey]) -> Result<Vec<Timestamp>, StoreError>;
    /// Counts a failed attempt: the debt becomes [`Limit::after`]. Returns the new debt.
    async fn note_attempt(
        &self,
        attempt: AttemptKey,
        limit: Limit,
        stamp: Stamp,
    ) -> Result<Timestamp, StoreError>;

    /// Whether the store answers and can be written.
    async fn probe(&self) -> Result<(), StoreError>;
    /// A number that changes when another process wrote; 0 for ever where a backend can't tell.
    async fn change_mark(&self) -> Result<u64, StoreError>;
    /// Deletes what expired before `before` (a grant: [`Grant::kept_until`]), at most [`SWEEP_LIMIT`] records a call
    /// so that other writes get their turn. Returns how many; call again until it is 0. Housekeeping only, and
    /// always 0 where the backend deletes by itself.
    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError>;
}
