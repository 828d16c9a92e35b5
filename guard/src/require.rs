//! What a route requires of a token.

use crate::rejection::Rejection;
use crate::token::Token;
use http::Method;
use std::time::{Duration, SystemTime};

/// One thing that a token may contain. A text alone is a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// A token of the scope.
    Scope(String),
    /// One of `permissions`.
    Permission(String),
    /// One of `roles`.
    Role(String),
    /// One of `groups` or `cognito:groups`.
    Group(String),
}

/// A token of the scope.
pub fn scope(name: &str) -> Authority {
    Authority::Scope(name.to_owned())
}

/// One of `permissions`.
pub fn permission(name: &str) -> Authority {
    Authority::Permission(name.to_owned())
}

/// One of `roles`.
pub fn role(name: &str) -> Authority {
    Authority::Role(name.to_owned())
}

/// One of `groups` or `cognito:groups`.
pub fn group(name: &str) -> Authority {
    Authority::Group(name.to_owned())
}

impl From<&str> for Authority {
    fn from(name: &str) -> Self {
        scope(name)
    }
}

impl Authority {
    fn is_in(&self, token: &Token) -> bool {
        match self {
            Self::Scope(name) => token.has_scope(name),
            Self::Permission(name) => token.has_permission(name),
            Self::Role(name) => token.has_role(name),
            Self::Group(name) => token.has_group(name),
        }
    }
}

/// What a route requires.
///
/// ```
/// # use keyward_guard::{Require, role};
/// # use http::Method;
/// let reading = Require::all(["orders:read"]);
/// let orders = Require::all(["orders:read"]).on(Method::POST, Require::all(["orders:write"]));
/// let either = Require::any(["orders:read".into(), role("auditor")]);
/// ```
#[derive(Clone, Debug)]
pub struct Require {
    rule: Rule,
    acr_values: Vec<String>,
    max_age: Option<Duration>,
    methods: Vec<(Method, Self)>,
}

#[derive(Clone, Debug)]
enum Rule {
    All(Vec<Authority>),
    Any(Vec<Authority>),
}

impl Require {
    /// A valid token, whatever its scope.
    pub fn token() -> Self {
        Self::of(Rule::All(Vec::new()))
    }

    /// All of these.
    pub fn all<A: Into<Authority>>(all: impl IntoIterator<Item = A>) -> Self {
        Self::of(Rule::All(all.into_iter().map(Into::into).collect()))
    }

    /// At least one of these.
    pub fn any<A: Into<Authority>>(any: impl IntoIterator<Item = A>) -> Self {
        Self::of(Rule::Any(any.into_iter().map(Into::into).collect()))
    }

    fn of(rule: Rule) -> Self {
        Self { rule, acr_values: Vec::new(), max_age: None, methods: Vec::new() }
    }

    /// That the user signed in in one of these ways (`acr`).
    #[must_use]
    pub fn acr<'a>(mut self, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.acr_values = values.into_iter().map(ToOwned::to_owned).collect();
        self
    }

    /// That the user signed in at most this long ago.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Something else for requests by this method. What is required for `GET` is required for `HEAD`, unless `HEAD` has a
    /// requirement of its own.
    #[must_use]
    pub fn on(mut self, method: Method, require: Self) -> Self {
        self.methods.push((method, require));
        self
    }

    /// Whether the token is enough for a request by this method.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(&self, token: &Token, method: &Method, now: SystemTime) -> Result<(), Rejection> {
        if let Some(own) = self.of_method(method) {
            return own.check(token, method, now);
        }
        let (is_met, missing) = match &self.rule {
            Rule::All(all) => (all.iter().all(|one| one.is_in(token)), all.as_slice()),
            Rule::Any(any) => (any.iter().any(|one| one.is_in(token)), any.get(..1).unwrap_or_default()),
        };
        if !is_met {
            return Err(Rejection::InsufficientScope(scopes(missing)));
        }
        // RFC 9470 §3: one challenge names both, so that one more sign-in is enough.
        let is_acr = self.acr_values.is_empty()
            || token.acr().is_some_and(|acr| self.acr_values.iter().any(|value| value == acr));
        let is_recent = self.max_age.is_none_or(|age| {
            token.auth_time().is_some_and(|at| at.checked_add(age).is_none_or(|end| now <= end))
        });
        if is_acr && is_recent {
            return Ok(());
        }
        let acr_values = self.acr_values.clone();
        Err(Rejection::InsufficientAuthentication { acr_values, max_age: self.max_age })
    }

    fn of_method(&self, method: &Method) -> Option<&Self> {
        let find = |method: &Method| self.methods.iter().find(|(own, _)| own == method).map(|(_, own)| own);
        find(method).or_else(|| if method == Method::HEAD { find(&Method::GET) } else { None })
    }
}

/// RFC 6750 §3: the scope that would have been enough; permissions, roles and groups can't be requested.
fn scopes(authorities: &[Authority]) -> Vec<String> {
    let scope = |authority: &Authority| match authority {
        Authority::Scope(name) => Some(name.clone()),
        _ => None,
    };
    authorities.iter().filter_map(scope).collect()
}
