//! Names that users sign in with. Only a [`CanonicalName`] can be looked up or counted, so no spelling of a name
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
    /// Canonicalises a typed name for a lookup.
    pub fn parse(typed: &str) -> Result<Self, BadName> {
        let typed = typed.trim();
        if typed.is_empty() || typed.len() > MAX_CHARACTERS * 4 {
            return Err(BadName::Length);
        }
        if typed.contains('@') {
            return Err(BadName::AtSign);
        }
        // NFKC comes with the profile's width mapping and case folding; twice, because RFC 8265 §3.3 needs
        // a form that canonicalising does not change.
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

    /// Canonicalises a new name. Names that are reserved or made of deceptive characters are refused.
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

/// What identifies a user in a lookup. Each kind is its own key space, so a name of one kind never finds one of
/// another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A user name.
    Username(CanonicalName),
    /// An e-mail address that was verified, lower-cased.
    Email(Box<str>),
    /// The skeleton of a user name. It is not used to sign in: it prevents a second name that looks the same.
    Skeleton(Box<str>),
}

impl Identifier {
    /// A verified address; `None` if it isn't one.
    pub fn email(address: &str) -> Option<Self> {
        let address = address.trim().to_lowercase();
        is_email(&address).then(|| Self::Email(address.into()))
    }

    /// The skeleton of a user name as shown: two names that look alike have the same (UTS #39 §4).
    pub fn skeleton(shown: &str) -> Self {
        Self::Skeleton(lookalike::skeleton(shown.trim()).into())
    }

    /// A typed identifier: an address if it contains `@`, else a user name.
    pub fn typed(text: &str) -> Option<Self> {
        if text.contains('@') {
            Self::email(text)
        } else {
            CanonicalName::parse(text).ok().map(Self::Username)
        }
    }

    /// The kind, as in storage keys.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Username(_) => "username",
            Self::Email(_) => "email",
            // With the version of the Unicode tables that made it. Skeletons of other tables are another kind; existing
            // users get the new kind in the same way as users from before there were skeletons.
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

/// Whether a text has the shape of an address: one `@` with plausible text on both sides, at most 254 bytes
/// (RFC 5321 §4.5.3.1). Only sending mail shows whether it arrives there.
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
