//! The flow by which a grant was given (RFC 6749 §1.3 calls its kinds authorization grants), and what only that flow has.
//! A grant of another kind has its own variant here, and none of the code's fields.

use crate::lifetimes;
use crate::pkce::Pkce;
use crate::secret::Digest;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How a grant was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FlowRecord", into = "FlowRecord")]
pub enum Flow {
    /// RFC 6749 §4.1.
    Code(AuthorizationCode),
}

/// An authorization code as stored, with what its redemption is checked against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Hash of its secret.
    #[serde(rename = "code")]
    pub digest: Digest,
    /// When it stops working.
    #[serde(rename = "code_expires_at")]
    pub expires_at: Timestamp,
    /// SHA-256 of the redirect URI, which the token request repeats (RFC 6749 §4.1.3).
    pub redirect_uri: Digest,
    /// The challenge, or that there is none.
    pub pkce: Pkce,
    /// For the ID token (OIDC Core §3.1.2.1).
    pub nonce: Option<String>,
    /// When it was redeemed; never unset.
    pub redeemed_at: Option<Timestamp>,
}

impl AuthorizationCode {
    /// Until when its grant is kept if nobody redeems it.
    pub fn kept_until(&self) -> Timestamp {
        self.expires_at.plus(lifetimes::UNREDEEMED)
    }
}

/// A flow as stored: its name, and its fields beside those of the grant.
#[derive(Serialize, Deserialize)]
struct FlowRecord {
    /// Missing in records of programs that knew only codes.
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
