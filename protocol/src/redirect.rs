//! Where answers may go. A redirect is built only from a [`ProvenRedirect`], whose one constructor takes the
//! client and the URI and compares byte for byte, so an open redirect cannot be written.

use crate::client::Client;
use crate::params::encode;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;

/// The longest redirect URI accepted, in bytes.
pub const MAX_BYTES: usize = 1024;

/// Why a URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRedirectUri {
    /// Empty, too long, or with characters outside printable ASCII, or a `\`.
    Malformed,
    /// RFC 6749 §3.1.2: no fragment.
    Fragment,
    /// Neither `https`, nor loopback `http`, nor (for native clients) a reverse-DNS scheme of their own.
    Scheme,
    /// No host, a user name in it, a wildcard, or an upper-case host that no browser would send.
    Host,
    /// A path with dot segments, which a client would see differently from us.
    DotSegments,
}

impl BadRedirectUri {
    /// What is wrong and how to mend it.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Malformed => {
                "write it in printable ASCII without spaces or backslashes, at most 1024 bytes"
            }
            Self::Fragment => "leave out the `#` part",
            Self::Scheme => {
                "use https; http only on 127.0.0.1, [::1] or localhost; a private-use scheme like com.example.app:/cb needs --native"
            }
            Self::Host => "give a plain lower-case host without user name or wildcard",
            Self::DotSegments => "leave out `.` and `..` path segments",
        }
    }
}

/// Checks a URI at registration (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). Requests are then compared
/// byte for byte with what was registered.
pub fn check_registrable(uri: &str, native: bool) -> Result<(), BadRedirectUri> {
    if uri.is_empty() || uri.len() > MAX_BYTES || !uri.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Err(BadRedirectUri::Malformed);
    }
    if uri.contains('#') {
        return Err(BadRedirectUri::Fragment);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(BadRedirectUri::Scheme)?;
    match scheme {
        "https" => check_authority(rest, |_| true),
        "http" => check_authority(rest, is_loopback_host),
        // RFC 8252 §7.1: a private-use scheme is a domain name in reverse, so it has a dot in it.
        _ if native && is_private_use_scheme(scheme) => Ok(()),
        _ => Err(BadRedirectUri::Scheme),
    }
}

fn check_authority(rest: &str, host_allowed: impl Fn(&str) -> bool) -> Result<(), BadRedirectUri> {
    let rest = rest.strip_prefix("//").ok_or(BadRedirectUri::Host)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).ok_or(BadRedirectUri::Host)?;
    let (host, port) = split_port(authority);
    let port_ok = port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok());
    if !is_host(host) || !port_ok {
        return Err(BadRedirectUri::Host);
    }
    if !host_allowed(host) {
        return Err(BadRedirectUri::Scheme);
    }
    let path = tail.split('?').next().unwrap_or_default();
    let dotted =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dotted) { Err(BadRedirectUri::DotSegments) } else { Ok(()) }
}

/// RFC 3986 §3.2.2: a name or IPv4 address, or an IPv6 address in brackets; as a browser would send it, so in lower
/// case.
fn is_host(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok() && address == address.to_ascii_lowercase(),
        None => !host.is_empty() && !host.starts_with('.') && host.bytes().all(plain),
    }
}

/// Splits `host:port`; an IPv6 literal keeps its brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_loopback_host(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

fn is_private_use_scheme(scheme: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
    scheme.contains('.') && scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.bytes().all(legal)
}

/// A redirect URI proven to be the client's. Not serialisable on purpose: it is proven anew in each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRedirect(Box<str>);

impl ProvenRedirect {
    /// RFC 9700 §2.1: the URI is one of the client's, compared byte for byte; the one exception is the port of
    /// a literal loopback address of a native client (RFC 8252 §7.3).
    pub fn prove(client: &Client, uri: &str) -> Option<Self> {
        let known = |own: &String| own == uri || (client.native && same_but_loopback_port(own, uri));
        client.redirect_uris.iter().any(known).then(|| Self(uri.into()))
    }

    /// The URI, exactly as requested.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether only who holds the host's certificate can receive what is sent there.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host (or private-use scheme) a person would recognise; shown at consent against phishing clients.
    pub fn host(&self) -> &str {
        let Some((scheme, rest)) = self.0.split_once(':') else { return &self.0 };
        match rest.strip_prefix("//") {
            Some(rest) if matches!(scheme, "https" | "http") => rest.split(['/', '?']).next().unwrap_or(rest),
            _ => scheme,
        }
    }
}

/// Where a browser may go after logout, proven to be the client's. Its own type: no code or error is ever sent
/// there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenLogoutRedirect(Box<str>);

impl ProvenLogoutRedirect {
    /// OIDC RP-Initiated Logout §3.1: one of the client's, compared byte for byte.
    pub fn prove(client: &Client, uri: &str) -> Option<Self> {
        client.post_logout_redirect_uris.iter().any(|own| own == uri).then(|| Self(uri.into()))
    }

    /// The URL to go to, with the state as it came (§3).
    pub fn url(&self, state: Option<&str>) -> String {
        let Some(state) = state else { return self.0.to_string() };
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}state={}", self.0, encode(state))
    }
}

fn same_but_loopback_port(registered: &str, requested: &str) -> bool {
    let Some(registered) = loopback_without_port(registered) else { return false };
    loopback_without_port(requested) == Some(registered)
}

/// Host and tail of an `http` URI on a literal loopback address, the port taken out.
fn loopback_without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, tail) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (host, port) = split_port(authority);
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0) && !p.starts_with(['0', '+']));
    (matches!(host, "127.0.0.1" | "[::1]") && port_ok).then_some((host, tail))
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
