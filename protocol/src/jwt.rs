//! Signed JWTs in compact form (RFC 7515, RFC 7519): parsing them strictly, and building our own. No signature is
//! made or checked here; keys are in the server.
//!
//! Absent on purpose: encryption (five parts are refused before anything is decoded), the JSON serialisation,
//! critical extensions, unencoded payloads, and keys named by the token itself (`jku`, `x5u`, `jwk`, `x5c` are
//! not even read).

use crate::jwk::Algorithm;
use crate::time::Timestamp;
use crate::{base64url, json};
use serde::de::{DeserializeOwned, Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};
use std::fmt;

/// The longest compact JWT we parse, in bytes.
pub const MAX_LENGTH: usize = 8192;

/// The longest `kid` we look up, in bytes.
const MAX_KID: usize = 256;

/// The last second of the year 9999, in seconds since the epoch: the latest date accepted in claims.
const LAST_SECOND: u64 = 253_402_300_799;

/// The members of a JOSE header that we read (RFC 7515 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm the signer claims. The key's own algorithm chooses the verifier, and the two must agree.
    pub alg: Algorithm,
    /// The key's id: text to look up, nothing more.
    pub kid: Option<String>,
    /// The media type, as sent.
    pub typ: Option<String>,
}

impl Header {
    /// Parses a decoded header; `None` if it needs anything we don't support.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        for (name, value) in json::object(text, MAX_LENGTH)? {
            match (name.as_str(), value) {
                ("alg", Value::String(text)) => alg = Some(Algorithm::parse(&text)?),
                ("kid", Value::String(text)) if text.len() <= MAX_KID => kid = Some(text),
                ("typ", Value::String(text)) => typ = Some(text),
                ("alg" | "kid" | "typ", _) => return None,
                // RFC 7515 §4.1.11: a critical extension must be understood, and we understand none. RFC 7797 `b64`,
                // RFC 7516 `enc` and `zip` would change what was signed or how it is read.
                ("crit" | "b64" | "enc" | "zip", _) => return None,
                _ => {}
            }
        }
        Some(Self { alg: alg?, kid, typ })
    }

    /// Whether `typ` is `name`, with or without the `application/` that RFC 7515 §4.1.9 lets senders leave out.
    pub fn is_typ(&self, name: &str) -> bool {
        const PREFIX: &str = "application/";
        self.typ.as_ref().is_some_and(|typ| match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest.eq_ignore_ascii_case(name),
            _ => typ.eq_ignore_ascii_case(name),
        })
    }
}

/// A parsed compact JWT. Nothing in it is proven until its signature is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Compact<'a> {
    /// The header.
    pub header: Header,
    /// What the signature covers: the first two parts and the dot between them.
    pub signing_input: &'a str,
    /// The decoded claims, still JSON text.
    pub payload: Vec<u8>,
    /// The decoded signature.
    pub signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Parses `token` (RFC 7515 §7.1); `None` unless it has three non-empty parts in canonical base64url, is within
    /// [`MAX_LENGTH`], and has a header we accept.
    pub fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        // RFC 7516 §9: five parts are an encrypted token. Nothing of it is decoded.
        if header.is_empty() || payload.is_empty() || signature.is_empty() || payload.contains('.') {
            return None;
        }
        Some(Self {
            header: Header::parse(&base64url::decode(header)?)?,
            signing_input,
            payload: base64url::decode(payload)?,
            signature: base64url::decode(signature)?,
        })
    }

    /// All claims; `None` unless they are one JSON object without duplicate names.
    pub fn members(&self) -> Option<Map<String, Value>> {
        json::object(&self.payload, MAX_LENGTH)
    }

    /// The claims as a struct of ours; `None` unless they are one JSON object without duplicate names that fits.
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        json::typed(&self.payload, MAX_LENGTH)
    }
}

/// A token is a credential: Debug shows its header only.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A date in claims (RFC 7519 §2): whole seconds since the epoch, up to the year 9999.
///
/// Stricter than RFC 7519: fractions are refused, because no peer sends them and parsers disagree when comparing them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate(u64);

impl NumericDate {
    /// From seconds; `None` beyond the year 9999.
    pub const fn from_seconds(seconds: u64) -> Option<Self> {
        if seconds <= LAST_SECOND { Some(Self(seconds)) } else { None }
    }

    /// An instant, rounded down to its second.
    pub const fn floor(at: Timestamp) -> Self {
        let seconds = at.seconds();
        Self(if seconds <= LAST_SECOND { seconds } else { LAST_SECOND })
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The instant.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }
}

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = NumericDate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("whole seconds up to the year 9999")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<NumericDate, E> {
                NumericDate::from_seconds(seconds)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(seconds), &self))
            }

            fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<NumericDate, E> {
                let unsigned = u64::try_from(seconds)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))?;
                self.visit_u64(unsigned)
            }
        }
        deserializer.deserialize_u64(Seconds).map_err(D::Error::custom)
    }
}

/// The encoded header of a token of ours; the same for every token of one key and type.
pub fn encode_header(alg: Algorithm, kid: &str, typ: &str) -> String {
    base64url::encode(json!({ "alg": alg.as_str(), "typ": typ, "kid": kid }).to_string().as_bytes())
}

/// The signing input (RFC 7515 §5.1): the encoded header, a dot, the encoded claims.
///
/// # Errors
/// [`serde_json::Error`] if the claims don't serialise: a map has keys that are not strings.
pub fn signing_input(header: &str, claims: &impl Serialize) -> Result<String, serde_json::Error> {
    // Enough for the claims of most tokens, and after them for an RSA-2048 signature, so that nothing is reallocated.
    let mut text = Vec::with_capacity(512);
    serde_json::to_writer(&mut text, claims)?;
    let mut input = String::with_capacity(header.len() + text.len().div_ceil(3) * 4 + 2 + 342);
    input.push_str(header);
    input.push('.');
    base64url::encode_into(&text, &mut input);
    Ok(input)
}

/// The complete token.
pub fn assemble(mut signing_input: String, signature: &[u8]) -> String {
    signing_input.push('.');
    base64url::encode_into(signature, &mut signing_input);
    signing_input
}

/// `at_hash` (OIDC Core §3.1.3.6): the left half of the access token's hash, by the hash function of the ID token's
/// algorithm. Ed25519 uses SHA-512 (RFC 8032 §5.1).
pub fn at_hash(access_token: &str, alg: Algorithm) -> String {
    match alg {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => {
            base64url::encode(Sha256::digest(access_token.as_bytes()).get(..16).unwrap_or_default())
        }
        Algorithm::EdDSA => {
            base64url::encode(Sha512::digest(access_token.as_bytes()).get(..32).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests;
