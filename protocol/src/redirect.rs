//! Where answers may go. A redirect is built only from a [`ProvenRedirect`], whose one constructor takes the
//! client and the URI and compares byte for byte (but for a loopback port), so an open redirect cannot be written.

use crate::client::Client;
use crate::params::encode;
use crate::redirect_uri::same_but_loopback_port;
use serde::{Deserialize, Serialize};

/// A redirect URI proven to be the client's. Not serialisable on purpose: it is proven again in each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRedirect(Box<str>);

impl ProvenRedirect {
    /// RFC 9700 §2.1: the URI is one of the client's, compared byte for byte; the one exception is the port of
    /// a loopback address of a native client (RFC 8252 §7.3).
    pub fn prove(client: &Client, uri: &str) -> Option<Self> {
        let known = |own: &String| own == uri || (client.native && same_but_loopback_port(own, uri));
        client.redirect_uris.iter().any(known).then(|| Self(uri.into()))
    }

    /// The URI, exactly as requested.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `https`: only the holder of the host's certificate receives what is sent there.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host (or private-use scheme), which a user may recognise; shown at consent against phishing clients.
    pub fn host(&self) -> &str {
        let Some((scheme, rest)) = self.0.split_once(':') else { return &self.0 };
        match rest.strip_prefix("//") {
            Some(rest) if matches!(scheme, "https" | "http") => rest.split(['/', '?']).next().unwrap_or(rest),
            _ => scheme,
        }
    }
}

/// Where a browser may go after logout, proven to be the client's. It is a type of its own because no code or error
/// may be sent there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLogoutRedirect(Box<str>);

impl ProvenLogoutRedirect {
    /// OIDC RP-Initiated Logout §3.1: one of the client's, compared byte for byte.
    pub fn prove(client: &Client, uri: &str) -> Option<Self> {
        client.post_logout_redirect_uris.iter().any(|own| own == uri).then(|| Self(uri.into()))
    }

    /// The address as it is registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL to go to, with the state as it came (§3).
    pub fn url(&self, state: Option<&str>) -> String {
        let Some(state) = state else { return self.0.to_string() };
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}state={}", self.0, encode(state))
    }
}

/// How parameters travel back (OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In an auto-submitted form.
    FormPost,
}
