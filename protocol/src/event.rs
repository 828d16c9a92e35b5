//! Audit events: one for each commit, and one for each failed attempt that matters. They contain ids only (a group's
//! is its name): no secret, no user's name, no address.

use crate::base64url;
use crate::grant::Grant;
use crate::group::GroupName;
use crate::id::{ClientId, GrantId, SessionId, UserId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt;

macro_rules! kinds {
    ($(#[doc = $doc:literal] $name:ident => $text:literal;)+) => {
        /// The kind of an audit event.
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

            /// Its meaning, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $doc.trim(),)+ }
            }
        }
    };
}

kinds! {
    /// A user signed in.
    SignedIn => "login.success";
    /// A sign-in failed; with the user, if the name belongs to one.
    SignInFailed => "login.failure";
    /// A sign-in was not checked because too many had failed.
    SignInThrottled => "login.throttled";
    /// A password was neither checked nor hashed because too many were waiting.
    PasswordsBusy => "password.busy";
    /// A session ended: by logout, from the account page, or because another user signed in in its browser.
    SessionEnded => "session.ended";
    /// A user signed up.
    SignedUp => "signup.done";
    /// A sign-up was refused because too many accounts had been made from that network.
    SignUpThrottled => "signup.throttled";
    /// A user changed their profile.
    ProfileChanged => "account.profile_changed";
    /// A user changed their password.
    PasswordChanged => "account.password_changed";
    /// A user withdrew their consent to a client.
    ConsentRevoked => "consent.revoked";
    /// A grant was revoked, by its client or its user.
    GrantRevoked => "grant.revoked";
    /// An access token was revoked.
    TokenRevoked => "token.revoked";
    /// A user consented to a client's request.
    Consented => "consent.granted";
    /// A user denied consent.
    ConsentDenied => "consent.denied";
    /// A code was issued.
    CodeIssued => "code.issued";
    /// A code was redeemed.
    CodeRedeemed => "code.redeemed";
    /// A redeemed code was presented again, and its grant was revoked.
    CodeReplayed => "code.reuse";
    /// A code was presented with a wrong verifier or redirect URI, and can no longer be redeemed.
    CodeBurnt => "code.burnt";
    /// A client presented another client's code; `client` is the one that presented it.
    CodeClientMismatch => "code.client_mismatch";
    /// A grant's tokens were refreshed.
    Refreshed => "refresh.used";
    /// A refresh token was presented again after its rotation, and its grant was revoked.
    RefreshReused => "refresh.reuse";
    /// A client presented another client's refresh token; `client` is the one that presented it.
    RefreshClientMismatch => "refresh.client_mismatch";
    /// A refresh token is newer than the store: an alarm, because an older backup was restored.
    RefreshAhead => "refresh.ahead_of_store";
    /// A client failed to authenticate; `client` is the one it claimed to be.
    ClientAuthenticationFailed => "client_auth.failure";
    /// Signing keys were made or removed on schedule.
    KeysRenewed => "keys.rotated";
    /// An operator registered a client.
    ClientCreated => "admin.client_created";
    /// An operator changed a client: its metadata, its secrets, or whether it is disabled.
    ClientChanged => "admin.client_changed";
    /// An operator deleted a client.
    ClientDeleted => "admin.client_deleted";
    /// An operator created a user.
    UserCreated => "admin.user_created";
    /// An operator changed a user: name, address, claims or groups, set a password, signed them out everywhere, disabled or enabled them.
    UserChanged => "admin.user_changed";
    /// An operator deleted a user.
    UserDeleted => "admin.user_deleted";
    /// An operator created a group.
    GroupCreated => "admin.group_created";
    /// An operator deleted a group and took it from all users.
    GroupDeleted => "admin.group_deleted";
    /// An operator let the next signing keys sign.
    KeysRotated => "admin.keys_rotated";
    /// An operator revoked a signing key.
    KeyRevoked => "admin.key_revoked";
    /// An operator replaced the master key file.
    KeysRewrapped => "admin.keys_rewrapped";
    /// An operator began, completed or abandoned a move of the keys to another custody.
    KeysMoved => "admin.keys_moved";
    /// An operator restored a backup, which ended everything issued before.
    StoreRestored => "admin.store_restored";
    /// An operator imported an export into the store.
    StoreImported => "admin.store_imported";
}

/// A hash that shows whether two records are equal, and nothing of their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHash([u8; 32]);

impl RecordHash {
    /// SHA-256 over the record's JSON; `None` if it does not serialise.
    pub fn of(record: &impl Serialize) -> Option<Self> {
        serde_json::to_vec(record).ok().map(|json| Self(Sha256::digest(json).into()))
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

/// The record before and after an operator's write; `None` where it did not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Before the write.
    pub before: Option<RecordHash>,
    /// After the write.
    pub after: Option<RecordHash>,
}

/// An audit event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// The user concerned.
    pub user: Option<UserId>,
    /// The client that took part.
    pub client: Option<ClientId>,
    /// The session concerned.
    pub session: Option<SessionId>,
    /// The grant concerned.
    pub grant: Option<GrantId>,
    /// The group concerned.
    pub group: Option<GroupName>,
    /// The `kid` of the signing key concerned.
    pub key: Option<String>,
    /// How an operator changed the record concerned.
    pub change: Option<Change>,
}

impl Event {
    /// An event without ids.
    pub const fn new(what: What) -> Self {
        Self {
            what,
            user: None,
            client: None,
            session: None,
            grant: None,
            group: None,
            key: None,
            change: None,
        }
    }

    /// An event with the ids of a grant.
    pub fn of_grant(what: What, grant: &Grant) -> Self {
        Self {
            user: Some(grant.user),
            client: Some(grant.client.clone()),
            session: Some(grant.session),
            grant: Some(grant.id),
            ..Self::new(what)
        }
    }

    /// Adds the user.
    #[must_use]
    pub const fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Adds the client.
    #[must_use]
    pub fn client(mut self, client: &ClientId) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// Adds the session.
    #[must_use]
    pub const fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// Adds the group.
    #[must_use]
    pub fn group(mut self, name: &GroupName) -> Self {
        self.group = Some(name.clone());
        self
    }

    /// Adds the signing key.
    #[must_use]
    pub fn key(mut self, kid: &str) -> Self {
        self.key = Some(kid.to_owned());
        self
    }

    /// Adds the hashes of the record before and after an operator's write.
    #[must_use]
    pub fn changing(mut self, before: Option<&impl Serialize>, after: Option<&impl Serialize>) -> Self {
        let (before, after) = (before.and_then(RecordHash::of), after.and_then(RecordHash::of));
        self.change = Some(Change { before, after });
        self
    }
}
