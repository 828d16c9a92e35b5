//! What a client's registration says about the tokens that it gets. The defaults are the server's.

use crate::claims::custom::{self, BadClaims};
use crate::lifetimes::{Lifetimes, Seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// The longest lifetime of an access token, that of the setting `access_token_ttl`.
pub const MAX_ACCESS_TOKEN_TTL: Seconds = Seconds(24 * 3600);

/// The longest idle lifetime of a refresh token, that of the setting `refresh_token_idle_ttl`.
pub const MAX_REFRESH_TOKEN_IDLE_TTL: Seconds = Seconds(730 * 24 * 3600);

/// How many claims a client may name for a token.
const MAX_NAMES: usize = 32;

/// The media type in the header of an access token (`typ`, RFC 7515 §4.1.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessTokenTyp {
    /// RFC 9068 §2.1.
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    /// RFC 7519 §5.1, for resource servers that refuse RFC 9068.
    #[serde(rename = "JWT")]
    Jwt,
}

impl AccessTokenTyp {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AtJwt, Self::Jwt];

    /// The header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }
}

/// The lifetimes, form and claims of a client's tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientTokens {
    /// Lifetime of its access tokens; `None`: the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_ttl: Option<Seconds>,
    /// How long an unused refresh token of it remains valid; `None`: as long as the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_idle_ttl: Option<Seconds>,
    /// The type that its access tokens name.
    pub token_typ: AccessTokenTyp,
    /// Claims about the user that its ID tokens contain, besides those it requests.
    pub id_token_claims: Vec<String>,
    /// Claims about the user that its access tokens contain.
    pub access_token_claims: Vec<String>,
    /// Claims about the client, in the access tokens that it gets for itself.
    pub claims: Map<String, Value>,
}

impl Lifetimes {
    /// Those of a client's tokens: what it chose, else the server's. `longest` bounds its access tokens at every issue,
    /// because it follows from settings that may have changed since the client was registered.
    #[must_use]
    pub fn of_client(&self, tokens: &ClientTokens, longest: Duration) -> Self {
        let own = |own: Option<Seconds>, ours| own.map_or(ours, Duration::from);
        Self {
            access_token: own(tokens.access_token_ttl, self.access_token).min(longest),
            refresh_token_idle: own(tokens.refresh_token_idle_ttl, self.refresh_token_idle),
            ..*self
        }
    }
}

/// Why they can't be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTokens {
    /// A lifetime that the setting of the same name could not have.
    Lifetime(&'static str, Seconds),
    /// More than 32 names of claims.
    TooManyNames,
    /// A claim's name or value.
    Claims(BadClaims),
}

impl BadTokens {
    /// One sentence: what is wrong and how to fix it.
    pub fn message(&self) -> String {
        match self {
            Self::Lifetime(name, most) => {
                format!("{name} must be from 1s to {}h: choose a lifetime in between", most.0 / 3600)
            }
            Self::TooManyNames => {
                format!("more than {MAX_NAMES} claims are named for a token: leave some out")
            }
            Self::Claims(bad) => bad.message(),
        }
    }
}

impl ClientTokens {
    /// Whether nothing differs from the server's defaults.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Without the names and claims that are the same as before.
    #[must_use]
    pub(crate) fn changed_from(mut self, before: &Self) -> Self {
        if self.id_token_claims == before.id_token_claims {
            self.id_token_claims.clear();
        }
        if self.access_token_claims == before.access_token_claims {
            self.access_token_claims.clear();
        }
        if self.claims == before.claims {
            self.claims.clear();
        }
        self
    }

    /// Everything that is wrong.
    pub(crate) fn problems(&self) -> Vec<BadTokens> {
        let lifetimes = [
            ("access_token_ttl", self.access_token_ttl, MAX_ACCESS_TOKEN_TTL),
            ("refresh_token_idle_ttl", self.refresh_token_idle_ttl, MAX_REFRESH_TOKEN_IDLE_TTL),
        ];
        let is_bad = |own: Option<Seconds>, most| own.is_some_and(|own| own.0 == 0 || own > most);
        let lifetimes = lifetimes.into_iter().filter(|(_, own, most)| is_bad(*own, *most));
        let mut problems: Vec<_> = lifetimes.map(|(name, _, most)| BadTokens::Lifetime(name, most)).collect();
        for names in [&self.id_token_claims, &self.access_token_claims] {
            if names.len() > MAX_NAMES {
                problems.push(BadTokens::TooManyNames);
            }
            problems.extend(
                names.iter().filter_map(|name| custom::check_name(name).err()).map(BadTokens::Claims),
            );
        }
        problems.extend(custom::check(&self.claims).err().map(BadTokens::Claims));
        problems
    }
}
