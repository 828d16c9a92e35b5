//! The flow by which a grant was made (RFC 6749 §1.3 calls its kinds authorization grants), with the fields of that
//! flow. A grant of another flow gets its own variant, without the code's fields.

use crate::lifetimes;
use crate::pkce::Pkce;
use crate::secret::Digest;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The flow by which a grant was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FlowRecord", into = "FlowRecord")]
pub enum Flow {
    /// RFC 6749 §4.1.
    Code(AuthorizationCode),
}

/// An authorization code as stored, with the values that its redemption must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Hash of its secret.
    #[serde(rename = "code")]
    pub digest: Digest,
    /// When it expires.
    #[serde(rename = "code_expires_at")]
    pub expires_at: Timestamp,
    /// SHA-256 of the redirect URI, which the token request repeats (RFC 6749 §4.1.3).
    pub redirect_uri: Digest,
    /// The code challenge, or its explicit absence.
    pub pkce: Pkce,
    /// The `nonce` for the ID token (OIDC Core §3.1.2.1).
    pub nonce: Option<String>,
    /// When it was redeemed; never unset.
    pub redeemed_at: Option<Timestamp>,
}

impl AuthorizationCode {
    /// When the record of its grant may be deleted if it is never redeemed.
    pub fn kept_until(&self) -> Timestamp {
        self.expires_at.plus(lifetimes::UNREDEEMED)
    }
}

/// A flow as stored: its name and its fields, next to those of the grant.
#[derive(Serialize, Deserialize)]
struct FlowRecord {
    /// Missing in records of versions that had only codes.
    #[serde(default)]
    flow: FlowName,
    #[serde(flatten)]
    code: AuthorizationCode,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FlowName {
    #[default]
    Code,
}

impl From<FlowRecord> for Flow {
    fn from(record: FlowRecord) -> Self {
        match record.flow {
            FlowName::Code => Self::Code(record.code),
        }
    }
}

impl From<Flow> for FlowRecord {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Code(code) => Self { flow: FlowName::Code, code },
        }
    }
}
