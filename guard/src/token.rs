//! A verified access token.

use crate::shape::Shape;
use protocol::jwt::NumericDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The claims of a token whose signature, issuer, audience and time were right. Cheap to clone.
#[derive(Clone)]
pub struct Token {
    claims: Arc<Map<String, Value>>,
    shape: Shape,
}

impl Token {
    pub(crate) fn new(claims: Map<String, Value>, shape: Shape) -> Self {
        Self { claims: Arc::new(claims), shape }
    }

    pub(crate) fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// Who issued it.
    pub fn issuer(&self) -> &str {
        self.text("iss").unwrap_or_default()
    }

    /// The user; or the client itself, if no user took part. Unique within its issuer.
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// The client that it was issued to.
    pub fn client(&self) -> &str {
        self.text(self.shape.client()).unwrap_or_default()
    }

    /// The scope's tokens.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.claims.get(self.shape.scope());
        let texts = scope.into_iter().flat_map(texts);
        texts.flat_map(|text| text.split(' ')).filter(|token| !token.is_empty())
    }

    /// Whether the scope has this token.
    pub fn has_scope(&self, name: &str) -> bool {
        self.scopes().any(|own| own == name)
    }

    /// Whether `permissions` has this one (Auth0's role-based access control).
    pub fn has_permission(&self, name: &str) -> bool {
        self.lists("permissions", name)
    }

    /// Whether `roles` has this one (Entra ID's app roles, Keyward's).
    pub fn has_role(&self, name: &str) -> bool {
        self.lists("roles", name)
    }

    /// Whether `groups` or `cognito:groups` has this one. Entra ID leaves `groups` out if a user is in too many.
    pub fn has_group(&self, name: &str) -> bool {
        self.lists("groups", name) || self.lists("cognito:groups", name)
    }

    /// How the user signed in (RFC 9068 §2.2.1).
    pub fn acr(&self) -> Option<&str> {
        self.text("acr")
    }

    /// When the user signed in, if the token says so.
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.date("auth_time").map(instant)
    }

    /// When it expires.
    pub fn expires_at(&self) -> SystemTime {
        self.date("exp").map_or(UNIX_EPOCH, instant)
    }

    /// All claims as a type of yours; unknown ones are ignored unless it refuses them.
    ///
    /// # Errors
    /// If a claim is missing or of another type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&*self.claims)
    }

    pub(crate) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// A date of RFC 7519 §2, in whole seconds.
    pub(crate) fn date(&self, name: &str) -> Option<NumericDate> {
        NumericDate::deserialize(self.claims.get(name)?).ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// Whether a claim is this text, or a list that has it.
    pub(crate) fn lists(&self, claim: &str, text: &str) -> bool {
        self.claims.get(claim).into_iter().flat_map(texts).any(|own| own == text)
    }
}

/// Claims are personal data: Debug shows none of a user's.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("issuer", &self.issuer())
            .field("client", &self.client())
            .finish_non_exhaustive()
    }
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    value.as_str().into_iter().chain(list.iter().filter_map(Value::as_str))
}

fn instant(date: NumericDate) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(date.seconds())
}
