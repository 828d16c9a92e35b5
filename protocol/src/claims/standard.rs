//! The standard claims (OIDC Core §5.1), the scopes that give them (§5.4), and their values.

use crate::user::User;
use serde_json::Value;

/// The claims that each scope gives.
const SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// All standard claims that a scope gives.
pub fn all() -> impl Iterator<Item = &'static str> {
    SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied())
}

/// The scopes that give claims.
pub fn scopes() -> impl Iterator<Item = &'static str> {
    SCOPES.iter().map(|(scope, _)| *scope)
}

/// The scope that gives a claim; `None` if it is not a standard claim about a user.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    SCOPES.iter().find(|(_, claims)| claims.contains(&claim)).map(|(scope, _)| *scope)
}

/// The value a user has for a standard claim.
pub(super) fn value(user: &User, name: &str) -> Option<Value> {
    let own = || user.claims.get(name).cloned();
    match name {
        "email" => user.email.clone().map(Value::from),
        "email_verified" => user.email.as_ref().map(|_| user.email_verified.into()),
        "updated_at" => Some(user.updated_at.seconds().into()),
        "preferred_username" => own().or_else(|| Some(user.username.clone().into())),
        // Only meaningful if there is a number.
        "phone_number_verified" => {
            user.claims.get("phone_number").and_then(|_| own().or(Some(Value::Bool(false))))
        }
        name if scope_of(name).is_some() => own(),
        _ => None,
    }
}
