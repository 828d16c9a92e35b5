//! Users: the record of a user, and the claims it may contain (OIDC Core §5.1).

use crate::generation::Generation;
use crate::group::GroupName;
use crate::id::{Subject, UserId};
use crate::name::CanonicalName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The internal id; never sent in clear.
    pub id: UserId,
    /// The `sub` that clients get.
    pub subject: Subject,
    /// The user name as it was typed; looked up by its canonical form.
    pub username: String,
    /// An e-mail address; the user can sign in with it only once it is verified.
    pub email: Option<String>,
    /// Whether the user proved to receive mail there. Set only by verification or by an operator.
    pub email_verified: bool,
    /// The other claims, as [`Catalog::check`](crate::claims::Catalog::check) accepts them.
    pub claims: Map<String, Value>,
    /// The groups that the user is in, at most [`crate::group::MOST_OF_A_USER`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupName>,
    /// The password's argon2id hash (PHC string); `None`: no password sign-in.
    pub password: Option<PasswordHash>,
    /// Whether the user is refused everywhere.
    pub disabled: bool,
    /// Changes with every act that ends the user's sessions and grants.
    #[serde(flatten)]
    pub generation: Generation,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When a claim last changed (`updated_at`).
    pub updated_at: Timestamp,
}

impl User {
    /// The canonical form of the user name; `None` only for a record that this server did not write.
    pub fn canonical_name(&self) -> Option<CanonicalName> {
        CanonicalName::parse(&self.username).ok()
    }

    /// The `updated_at` of a change. It grows even if the clock doesn't, so that of two changes to the same version one
    /// wins.
    pub fn next_update(&self, at: Timestamp) -> Timestamp {
        at.max(self.updated_at.plus(Duration::from_millis(1)))
    }
}

/// An argon2id hash in PHC form. Weak passwords can be guessed from it, so Debug hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The string claims that a user's `claims` may contain; the others come from their own fields.
const TEXT_CLAIMS: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
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
    "phone_number",
];

/// Checks claims before they are stored (OIDC Core §5.1): standard names, correct types, no blank values.
///
/// # Errors
/// The name of the first claim that is not valid.
pub fn check_claims(claims: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in claims {
        let fine = match name.as_str() {
            "birthdate" => value.as_str().is_some_and(is_birthdate),
            "phone_number_verified" => value.is_boolean(),
            "address" => value.as_object().is_some_and(is_address),
            text if TEXT_CLAIMS.contains(&text) => value.as_str().is_some_and(is_filled),
            _ => false,
        };
        if !fine {
            return Err(name.clone());
        }
    }
    Ok(())
}

fn is_filled(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 1024 && !text.contains(char::is_control)
}

/// OIDC Core §5.1: `YYYY-MM-DD`, `0000-MM-DD` or `YYYY`.
fn is_birthdate(text: &str) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = text.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(year), None, None, None) => digits(year, 4),
        (Some(year), Some(month), Some(day), None) => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

/// OIDC Core §5.1.1: an object of strings with at least one member.
fn is_address(address: &Map<String, Value>) -> bool {
    const MEMBERS: [&str; 6] =
        ["formatted", "street_address", "locality", "region", "postal_code", "country"];
    // A postal address may have line breaks in it, so only blankness is checked here.
    let fine = |(name, value): (&String, &Value)| {
        MEMBERS.contains(&name.as_str())
            && value.as_str().is_some_and(|text| !text.trim().is_empty() && text.len() <= 1024)
    };
    !address.is_empty() && address.iter().all(fine)
}
