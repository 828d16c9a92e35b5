//! What happened, for the audit log: one event a commit, and one for each attempt worth noticing. Ids only: no
//! secret, no name, no address.

use crate::base64url;
use crate::grant::Grant;
use crate::id::{ClientId, GrantId, SessionId, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt;

macro_rules! kinds {
    ($(#[doc = $doc:literal] $name:ident => $text:literal;)+) => {
        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum What {
            $(#[doc = $doc] $name,)+
        }

        impl What {
            /// All of them, for the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its stable name in logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it says, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc.trim(),)+ }
            }
        }
    };
}

kinds! {
    /// Somebody signed in.
    SignedIn => "login.success";
    /// Somebody tried to and failed; the user if the name led to one.
    SignInFailed => "login.failure";
    /// A sign-in was not checked because there had been too many wrong ones.
    SignInThrottled => "login.throttled";
    /// A password was neither checked nor hashed because too many were in line.
    PasswordsBusy => "password.busy";
    /// A session ended: by logout, from the account page, or because somebody else signed in in its browser.
    SessionEnded => "session.ended";
    /// Somebody made an account.
    SignedUp => "signup.done";
    /// An account was not made because too many had been made from that address.
    SignUpThrottled => "signup.throttled";
    /// A user changed their profile.
    ProfileChanged => "account.profile_changed";
    /// A user changed their password.
    PasswordChanged => "account.password_changed";
    /// A user took back what they had given a client.
    ConsentRevoked => "consent.revoked";
    /// A grant was revoked, by its client or its user.
    GrantRevoked => "grant.revoked";
    /// An access token was revoked.
    TokenRevoked => "token.revoked";
    /// A user agreed to give a client something.
    Consented => "consent.granted";
    /// A user refused.
    ConsentDenied => "consent.denied";
    /// A code was issued.
    CodeIssued => "code.issued";
    /// A code was redeemed.
    CodeRedeemed => "code.redeemed";
    /// A redeemed code came again and its grant was revoked.
    CodeReplayed => "code.reuse";
    /// A code came with a wrong proof and was burnt.
    CodeBurnt => "code.burnt";
    /// A client presented a code of another one; the client is the presenter.
    CodeClientMismatch => "code.client_mismatch";
    /// A grant's tokens were refreshed.
    Refreshed => "refresh.used";
    /// A refresh token came again that had been rotated away, and its grant was revoked.
    RefreshReused => "refresh.reuse";
    /// A client presented a refresh token of another one; the client is the presenter.
    RefreshClientMismatch => "refresh.client_mismatch";
    /// A refresh token is newer than the store: an alarm, a backup was put back.
    RefreshAhead => "refresh.ahead_of_store";
    /// A client failed to authenticate; the client is who it said it is.
    ClientAuthenticationFailed => "client_auth.failure";
    /// Signing keys were made or removed because it was time.
    KeysRenewed => "keys.rotated";
    /// An operator registered a client.
    ClientCreated => "admin.client_created";
    /// An operator changed a client: its metadata, its secrets, or whether it may work.
    ClientChanged => "admin.client_changed";
    /// An operator deleted a client.
    ClientDeleted => "admin.client_deleted";
    /// An operator made a user.
    UserCreated => "admin.user_created";
    /// An operator changed a user: set a password, ended what they had begun, disabled or enabled them.
    UserChanged => "admin.user_changed";
    /// An operator deleted a user.
    UserDeleted => "admin.user_deleted";
    /// An operator made the next signing keys sign.
    KeysRotated => "admin.keys_rotated";
    /// An operator revoked a signing key.
    KeyRevoked => "admin.key_revoked";
    /// An operator replaced the master key file.
    KeysRewrapped => "admin.keys_rewrapped";
    /// An operator put a backup back and ended everything from before.
    StoreRestored => "admin.store_restored";
    /// An operator put an export into the store.
    StoreImported => "admin.store_imported";
}

/// Tells whether two records are the same, and nothing of what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHash([u8; 32]);

impl RecordHash {
    /// SHA-256 over the record's JSON; `None` for what has none.
    pub fn of(record: &impl Serialize) -> Option<Self> {
        serde_json::to_vec(record).ok().map(|json| Self(Sha256::digest(json).into()))
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// What an operator's write did to a record; `None` where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// As it was.
    pub before: Option<RecordHash>,
    /// As it is.
    pub after: Option<RecordHash>,
}

/// Something worth keeping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// Whom it concerns.
    pub user: Option<UserId>,
    /// Which client took part.
    pub client: Option<ClientId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// About which grant.
    pub grant: Option<GrantId>,
    /// About which signing key.
    pub key: Option<String>,
    /// What an operator did to the record it is about.
    pub change: Option<Change>,
}

impl Event {
    /// An event nothing else is known about yet.
    pub const fn new(what: What) -> Self {
        Self { what, user: None, client: None, session: None, grant: None, key: None, change: None }
    }

    /// An event of a grant.
    pub fn of_grant(what: What, grant: &Grant) -> Self {
        Self {
            user: Some(grant.user),
            client: Some(grant.client.clone()),
            session: Some(grant.session),
            grant: Some(grant.id),
            ..Self::new(what)
        }
    }

    /// Concerning a user.
    #[must_use]
    pub const fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// With a client.
    #[must_use]
    pub fn client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// In a session.
    #[must_use]
    pub const fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// About a signing key.
    #[must_use]
    pub fn key(mut self, kid: &str) -> Self {
        self.key = Some(kid.to_owned());
        self
    }

    /// By an operator, from one record to another.
    #[must_use]
    pub fn changing(mut self, before: Option<&impl Serialize>, after: Option<&impl Serialize>) -> Self {
        let (before, after) = (before.and_then(RecordHash::of), after.and_then(RecordHash::of));
        self.change = Some(Change { before, after });
        self
    }
}
