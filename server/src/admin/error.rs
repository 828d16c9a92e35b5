//! Why an operation of [`super::Admin`] was not done, for every face: the sentences name no flag and no command, which
//! the command line adds.

use crate::password::{BadPassword, PasswordError};
use crate::server_error::status_of;
use http::StatusCode;
use protocol::claims::catalog::BadUserClaims;
use protocol::client::BadClient;
use protocol::id::ClientId;
use protocol::name::{BadName, Identifier};
use protocol::user::User;
use std::fmt;
use storage::{StoreError, StoreErrorKind};
use tokio::task::JoinError;

/// Why an operation was not done.
#[derive(Debug)]
pub enum AdminError {
    /// There is no client of this id.
    NoClient(String),
    /// There is no user of this id, user name or verified e-mail address.
    NoUser(String),
    /// There is no group of this name.
    NoGroup(String),
    /// There is a client of this id already.
    ClientExists(ClientId),
    /// Others changed this record at the same time.
    Contended(String),
    /// What was asked for can't be done: what is wrong and how to fix it, in one sentence.
    Refused(String),
    /// The client's record is not acceptable.
    Client(BadClient),
    /// A user can't be made or changed as asked; the user name it is about.
    User(UserRefused, String),
    /// Several things are wrong.
    Several(Vec<Self>),
    /// Storage failed.
    Store(StoreError),
    /// Hashing a password failed.
    Password(PasswordError),
}

impl AdminError {
    /// Of everything that is wrong; `None` if nothing is.
    pub(super) fn of(mut all: Vec<Self>) -> Option<Self> {
        if all.len() > 1 { Some(Self::Several(all)) } else { all.pop() }
    }

    /// Each thing that is wrong.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::Several(all) => all,
            one => std::slice::from_ref(one),
        }
    }

    /// The same, to be put among others.
    pub(super) fn into_each(self) -> Vec<Self> {
        match self {
            Self::Several(all) => all,
            one => vec![one],
        }
    }

    /// The status of an HTTP answer that reports it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoClient(_) | Self::NoUser(_) | Self::NoGroup(_) => StatusCode::NOT_FOUND,
            Self::ClientExists(_) | Self::Contended(_) => StatusCode::CONFLICT,
            Self::User(UserRefused::Taken | UserRefused::LooksTaken, _) => StatusCode::CONFLICT,
            Self::Refused(_) | Self::Client(_) | Self::User(..) | Self::Several(_) => StatusCode::BAD_REQUEST,
            Self::Store(error) => status_of(error.is_transient()),
            Self::Password(error) => status_of(error.is_transient()),
        }
    }
}

/// An [`AdminError::Refused`].
pub(super) fn refused(why: impl Into<String>) -> AdminError {
    AdminError::Refused(why.into())
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoClient(id) => write!(f, "there is no client `{id}`"),
            Self::NoUser(name) => write!(f, "there is no user `{name}`"),
            Self::NoGroup(name) => write!(f, "there is no group `{name}`"),
            Self::ClientExists(id) => {
                write!(f, "there is a client `{id}` already: delete it first, or choose another id")
            }
            Self::Contended(name) => write!(f, "`{name}` was changed at the same time: try again"),
            Self::Refused(why) => f.write_str(why),
            Self::Client(why) => f.write_str(&why.message()),
            Self::User(refused, name) => refused.explain(name).fmt(f),
            Self::Several(all) => {
                f.write_str(&all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Store(error) => error.fmt(f),
            Self::Password(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AdminError {}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A task of ours panicked.
impl From<JoinError> for AdminError {
    fn from(error: JoinError) -> Self {
        Self::Store(StoreError::new(StoreErrorKind::Unavailable, "task", error))
    }
}

impl From<PasswordError> for AdminError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

impl From<BadClient> for AdminError {
    fn from(error: BadClient) -> Self {
        Self::Client(error)
    }
}

/// Why a user can't be made or changed as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRefused {
    /// The user name is not acceptable.
    Name(BadName),
    /// Another user has the name or the verified address, or a client has the name as its id.
    Taken,
    /// The name looks like another user's.
    LooksTaken,
    /// Not an e-mail address.
    Email,
    /// Verified, but there is no address.
    NothingVerified,
    /// A claim that isn't known, or has the wrong type.
    Claims(BadUserClaims),
    /// A group can't be joined: its name, and how to fix it.
    Group(String, &'static str),
    /// The password is not acceptable.
    Password(BadPassword),
}

impl UserRefused {
    /// For an operator: what is wrong and how to fix it, in one sentence.
    pub fn explain(&self, name: &str) -> String {
        match self {
            Self::Name(why) if self.is_overridable() => format!("`{name}`: {}, or insist on it", why.fix()),
            Self::Name(why) => format!("`{name}`: {}", why.fix()),
            Self::LooksTaken => {
                format!("the name `{name}` looks like another user's: choose another, or insist on it")
            }
            Self::Taken => format!("the name `{name}` or its e-mail address is taken: choose another"),
            Self::Email => "this is not an e-mail address: write it as name@example.com".into(),
            Self::NothingVerified => "there is no e-mail address that could be verified: give one".into(),
            Self::Claims(why) => why.message(),
            Self::Group(group, fix) => format!("the group `{group}`: {fix}"),
            Self::Password(why) => why.message().into(),
        }
    }

    /// Why a write with these identifiers was lost to a user who has one of them.
    pub(super) fn lost(there: &User, identifiers: &[Identifier]) -> Self {
        let name = there.canonical_name().map(Identifier::Username);
        let address = there.email.as_deref().filter(|_| there.email_verified).and_then(Identifier::email);
        let is_same = name.into_iter().chain(address).any(|own| identifiers.contains(&own));
        if is_same { Self::Taken } else { Self::LooksTaken }
    }

    /// Whether an operator may insist on the name ([`super::users::NewUser::allow_lookalike`]).
    pub const fn is_overridable(&self) -> bool {
        matches!(
            self,
            Self::Name(BadName::Reserved | BadName::MixedScripts | BadName::Unusual) | Self::LooksTaken
        )
    }

    pub(super) fn of(self, name: &str) -> AdminError {
        AdminError::User(self, name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_a_status_and_a_sentence_without_flags() {
        let user = |refused: UserRefused| AdminError::User(refused, "alice".into());
        let store = |kind| AdminError::Store(StoreError::new(kind, "find", "away"));
        for (error, status) in [
            (AdminError::NoClient("rp".into()), 404),
            (AdminError::NoUser("alice".into()), 404),
            (AdminError::NoGroup("admins".into()), 404),
            (AdminError::ClientExists(ClientId::parse("rp").unwrap()), 409),
            (AdminError::Contended("rp".into()), 409),
            (AdminError::Refused("no".into()), 400),
            (AdminError::Several(vec![AdminError::NoClient("rp".into()), user(UserRefused::Email)]), 400),
            (user(UserRefused::Taken), 409),
            (user(UserRefused::LooksTaken), 409),
            (user(UserRefused::Name(BadName::Reserved)), 400),
            (user(UserRefused::Email), 400),
            (user(UserRefused::NothingVerified), 400),
            (user(UserRefused::Claims(BadUserClaims::Unknown("sub".into()))), 400),
            (user(UserRefused::Password(BadPassword::TooShort)), 400),
            (store(StoreErrorKind::Busy), 503),
            (store(StoreErrorKind::Unavailable), 503),
            (store(StoreErrorKind::Corrupt), 500),
            (AdminError::Password(PasswordError::Busy), 503),
        ] {
            assert_eq!(error.status().as_u16(), status, "{error}");
            assert!(!error.to_string().contains("--"), "{error}");
        }
    }

    #[test]
    fn a_write_lost_to_a_look_alike_says_so() {
        let named = |name: &str| protocol::name::CanonicalName::parse(name).unwrap();
        let wanted = |name: &str, email: &str| {
            [
                Some(Identifier::Username(named(name))),
                Identifier::email(email),
                Some(Identifier::skeleton(name)),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
        };
        let there = User {
            username: "alice".into(),
            email: Some("a@example.com".into()),
            email_verified: true,
            ..protocol::samples::user()
        };
        for (name, email, why) in [
            ("Alice", "b@example.com", UserRefused::Taken),
            ("bob", "A@example.com", UserRefused::Taken),
            ("a1ice", "b@example.com", UserRefused::LooksTaken),
        ] {
            assert_eq!(UserRefused::lost(&there, &wanted(name, email)), why, "{name}");
        }
    }
}
