//! Names people sign in with. Only a [`CanonicalName`] can be looked up or counted, so no spelling of a name
//! reaches another account or another attempt counter.

pub use crate::bad_name::{BadName, MAX_CHARACTERS};

use crate::lookalike;
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::Profile as _;
use serde::Serialize;
use std::fmt;

/// A user name in its one canonical form: NFKC, case-folded, RFC 8265 UsernameCaseMapped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CanonicalName(Box<str>);

impl CanonicalName {
    /// Canonicalises what somebody typed, to look it up.
    pub fn parse(typed: &str) -> Result<Self, BadName> {
        let typed = typed.trim();
        if typed.is_empty() || typed.len() > MAX_CHARACTERS * 4 {
            return Err(BadName::Length);
        }
        if typed.contains('@') {
            return Err(BadName::AtSign);
        }
        // NFKC comes with the profile's width mapping and case folding; twice, because RFC 8265 §3.3 asks for
        // a form that canonicalising does not change again.
        let profile = UsernameCaseMapped::new();
        let once = profile.enforce(typed).map_err(|_| BadName::Characters)?;
        let twice = profile.enforce(once.as_ref()).map_err(|_| BadName::Characters)?;
        if twice.contains('@') {
            return Err(BadName::AtSign);
        }
        if twice.chars().count() > MAX_CHARACTERS {
            return Err(BadName::Length);
        }
        Ok(Self(twice.into()))
    }

    /// Canonicalises a name that somebody wants to have, if nobody can take it for another by what it is made of.
    pub fn claim(typed: &str) -> Result<Self, BadName> {
        let name = Self::parse(typed)?;
        lookalike::check(typed, &name.0)?;
        Ok(name)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From a stored canonical text.
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What leads to a user: each kind is its own key space, so no name of one kind reaches one of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A user name.
    Username(CanonicalName),
    /// An e-mail address that was verified, lower-cased.
    Email(Box<str>),
    /// What a user name looks like. Nobody signs in by it: it keeps others from a name that looks the same.
    Skeleton(Box<str>),
}

impl Identifier {
    /// A verified address; `None` if it isn't one.
    pub fn email(address: &str) -> Option<Self> {
        let address = address.trim().to_lowercase();
        is_email(&address).then(|| Self::Email(address.into()))
    }

    /// What a user name looks like, as it is shown: two names that people take for one another have the same (UTS #39
    /// §4).
    pub fn skeleton(shown: &str) -> Self {
        Self::Skeleton(lookalike::skeleton(shown.trim()).into())
    }

    /// What somebody typed: an address if there is an `@` in it, else a user name.
    pub fn typed(text: &str) -> Option<Self> {
        if text.contains('@') {
            Self::email(text)
        } else {
            CanonicalName::parse(text).ok().map(Self::Username)
        }
    }

    /// The kind, as it stands in storage keys.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Email(_) => "email",
            // With the version of Unicode whose tables made it. Skeletons of other tables are a kind of their own, which
            // users get as those from before skeletons do.
            Self::Skeleton(_) => "skeleton18",
        }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Username(name) => name.as_str(),
            Self::Email(address) => address,
            Self::Skeleton(skeleton) => skeleton,
        }
    }
}

/// Whether text has the shape of an address: one `@` with something sensible on both sides, at most 254 bytes
/// (RFC 5321 §4.5.3.1). Whether mail arrives there only a mail can tell.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain =
        |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | '"' | ',' | ';' | '\\');
    text.len() <= 254
        && !local.is_empty()
        && !local.contains('@')
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && text.chars().all(plain)
}
