//! The settings: environment variables whose names begin with `GUARD_`.
//!
//! One with an unknown name is an error. A misspelt `GUARD_SCOPE` would otherwise let every token through.

use guard::{Algorithm, Introspection, Issuer, Misconfigured, Require, Verifier};
use std::collections::BTreeMap;
use std::{fmt, fs};

const PREFIX: &str = "GUARD_";

/// What the authorizer accepts.
#[derive(Debug)]
pub struct Settings {
    /// Verifies tokens.
    pub verifier: Verifier,
    /// What every route requires.
    pub require: Require,
    /// Whether WebSocket clients may send the token as the query parameter `access_token`.
    pub is_query_read: bool,
}

/// What is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    /// A variable is unknown.
    Unknown(String),
    /// A variable is missing or empty.
    Missing(&'static str),
    /// A variable's value is none of those that are possible.
    Value(&'static str, &'static str),
    /// The file that `GUARD_JWKS_FILE` names can't be read.
    File(String, String),
    /// What the verifier says.
    Verifier(Misconfigured),
}

impl Settings {
    /// Reads the environment's variables. The others of the function are not ours.
    ///
    /// # Errors
    /// What is wrong.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistake> {
        let ours = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX));
        let mut left = Variables(ours.collect());
        let audiences = left.required("GUARD_AUDIENCE")?;
        let mut issuer = Issuer::new(&left.required("GUARD_ISSUER")?);
        for audience in audiences.split_whitespace() {
            issuer = issuer.audience(audience);
        }
        if let Some(names) = left.optional("GUARD_ALGORITHMS")? {
            let parsed: Option<Vec<_>> = names.split_whitespace().map(Algorithm::parse).collect();
            let wrong = Mistake::Value("GUARD_ALGORITHMS", "one or more of RS256, PS256, ES256 and EdDSA");
            issuer = issuer.algorithms(parsed.ok_or(wrong)?);
        }
        if let Some(path) = left.optional("GUARD_JWKS_FILE")? {
            let text = fs::read_to_string(&path);
            issuer = issuer.embedded(&text.map_err(|error| Mistake::File(path, error.to_string()))?);
        }
        let introspection = ["GUARD_INTROSPECTION_ENDPOINT", "GUARD_CLIENT_ID", "GUARD_CLIENT_SECRET"];
        if introspection.iter().any(|name| left.0.contains_key(*name)) {
            let [endpoint, id, secret] = introspection.map(|name| left.required(name));
            issuer = issuer.introspect(Introspection::new(&endpoint?, &id?, &secret?));
        }
        if left.is_on("GUARD_PRIVATE_NETWORK")? {
            issuer = issuer.in_private_network();
        }
        if left.is_on("GUARD_ANY_JWT")? {
            issuer = issuer.any_jwt();
        }
        let scope = left.optional("GUARD_SCOPE")?.unwrap_or_default();
        let is_query_read = left.is_on("GUARD_QUERY_TOKEN")?;
        if let Some((name, _)) = left.0.pop_first() {
            return Err(Mistake::Unknown(name));
        }
        let verifier = Verifier::new(issuer).map_err(Mistake::Verifier)?;
        Ok(Self { verifier, require: Require::all(scope.split_whitespace()), is_query_read })
    }
}

/// Those that were not read yet.
struct Variables(BTreeMap<String, String>);

impl Variables {
    /// A variable that is set has a value: an empty one is a template's mistake.
    fn optional(&mut self, name: &'static str) -> Result<Option<String>, Mistake> {
        match self.0.remove(name) {
            Some(value) if value.trim().is_empty() => Err(Mistake::Missing(name)),
            value => Ok(value),
        }
    }

    fn required(&mut self, name: &'static str) -> Result<String, Mistake> {
        self.optional(name)?.ok_or(Mistake::Missing(name))
    }

    fn is_on(&mut self, name: &'static str) -> Result<bool, Mistake> {
        match self.optional(name)?.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Mistake::Value(name, "true or false")),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "{name} is not read here: correct its name or remove it"),
            Self::Missing(name) => write!(f, "{name} is missing or empty"),
            Self::Value(name, possible) => write!(f, "{name} must be {possible}"),
            Self::File(path, cause) => write!(f, "GUARD_JWKS_FILE: {path} can't be read: {cause}"),
            Self::Verifier(misconfigured) => misconfigured.fmt(f),
        }
    }
}

impl std::error::Error for Mistake {}
