//! The answer of the token endpoint (RFC 6749 §5.1, OIDC Core §3.1.3.3).

use serde::Serialize;
use std::fmt;

/// What a client gets.
#[derive(Serialize)]
pub struct TokenResponse<'a> {
    /// The access token.
    pub access_token: &'a str,
    /// How to use it.
    pub token_type: TokenType,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// What it allows; left out where nothing is.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scope: &'a str,
    /// What gets the next access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<&'a str>,
    /// Who signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<&'a str>,
}

/// RFC 6750: whoever has it may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TokenType {
    /// `Authorization: Bearer`.
    Bearer,
}

impl fmt::Debug for TokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}
