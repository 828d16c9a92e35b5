//! Claims of one's own: which names they may have, and which values every store keeps exactly.

use serde_json::{Map, Value};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The most that all custom claims of one record may take as JSON, in bytes: a token travels in a header.
pub const MAX_BYTES: usize = 4096;

/// How deeply values may nest.
const MAX_DEPTH: usize = 5;

/// RFC 7493 §2.2: integers beyond this are not read the same everywhere.
const MAX_INTEGER: i64 = 1 << 53;

/// What only the server says: who issued a token, about whom, for whom and until when; what it permits; how the user signed
/// in; and to whom the token is bound. Also what other issuers call these, because APIs read their names, too (guard's
/// `Shape`), and the references to claims elsewhere. What a user is (`roles`, `groups`, `permissions`, `entitlements`) is
/// for operators to say.
///
/// Absent on purpose: registered claims of other kinds of tokens, which no API looks for in an access or ID token.
const RESERVED: [&str; 36] = [
    // RFC 7519 §4.1, RFC 9493 §4.1.
    "iss",
    "sub",
    "sub_id",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    // RFC 9068 §2.2, RFC 9396 §9.1, RFC 8693 §4, RFC 7800 §3.1.
    "client_id",
    "scope",
    "authorization_details",
    "act",
    "may_act",
    "cnf",
    // RFC 8417 §2.2, RFC 9701 §5.
    "events",
    "txn",
    "toe",
    "token_introspection",
    // OIDC Core §2, §3.3.2.11, §5.6.2 and §7.4, OIDC Front-Channel Logout §3, FAPI 1.0 Advanced §5.1, RFC 8485.
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sub_jwk",
    "_claim_names",
    "_claim_sources",
    "sid",
    "vot",
    "vtm",
    // Okta, Entra ID, Cognito.
    "scp",
    "cid",
    "appid",
    "token_use",
];

/// Why custom claims can't be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadClaims {
    /// A name that is empty, too long, or not printable ASCII without space, quote and backslash.
    Name(String),
    /// A name that the protocols give a meaning.
    Reserved(String),
    /// A number that is not an integer, or is beyond 2^53.
    Number(String),
    /// A value that nests deeper than 5 levels, or has a member without a name.
    Nesting(String),
    /// Over [`MAX_BYTES`] in all.
    TooLarge,
}

impl BadClaims {
    /// One sentence: what is wrong and how to fix it.
    pub fn message(&self) -> String {
        match self {
            Self::Name(name) => format!(
                "`{}` is not the name of a claim: give 1 to {MAX_NAME_BYTES} printable ASCII characters without \
                 spaces, quotes and backslashes",
                name.escape_default()
            ),
            Self::Reserved(name) => {
                format!(
                    "the claim `{name}` has a meaning in the protocols, and only the server sets it: choose another name"
                )
            }
            Self::Number(name) => format!(
                "the claim `{name}` has a number that not every program reads the same: give integers up to 2^53, \
                 and other numbers as text"
            ),
            Self::Nesting(name) => format!(
                "the claim `{name}` nests deeper than {MAX_DEPTH} levels or has a member without a name: make it flatter"
            ),
            Self::TooLarge => {
                format!(
                    "the claims take more than {MAX_BYTES} bytes as JSON, and tokens travel in headers: shorten them"
                )
            }
        }
    }
}

/// Checks the name of a custom claim.
///
/// # Errors
/// [`BadClaims::Name`], [`BadClaims::Reserved`].
pub fn check_name(name: &str) -> Result<(), BadClaims> {
    let legal = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\');
    if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(legal) {
        return Err(BadClaims::Name(name.into()));
    }
    if RESERVED.contains(&name) { Err(BadClaims::Reserved(name.into())) } else { Ok(()) }
}

/// Checks custom claims: their names, their values and their size.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(claims: &Map<String, Value>) -> Result<(), BadClaims> {
    for (name, value) in claims {
        check_name(name)?;
        check_value(value, MAX_DEPTH, name)?;
    }
    let bytes = serde_json::to_vec(claims).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_BYTES { Err(BadClaims::TooLarge) } else { Ok(()) }
}

fn check_value(value: &Value, depth: usize, claim: &str) -> Result<(), BadClaims> {
    let deeper = || depth.checked_sub(1).ok_or_else(|| BadClaims::Nesting(claim.into()));
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => {
            let exact = number.as_i64().is_some_and(|n| (-MAX_INTEGER..=MAX_INTEGER).contains(&n));
            if exact { Ok(()) } else { Err(BadClaims::Number(claim.into())) }
        }
        Value::Array(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| check_value(item, depth, claim))
        }
        Value::Object(members) => {
            let depth = deeper()?;
            if members.contains_key("") {
                return Err(BadClaims::Nesting(claim.into()));
            }
            members.values().try_for_each(|member| check_value(member, depth, claim))
        }
    }
}
