//! Which redirect URIs a client may register, and when a requested one is the same.

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
    /// A path with dot segments, which browsers normalise: the URL visited would not be the one registered.
    DotSegments,
}

impl BadRedirectUri {
    /// What is wrong and how to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Malformed => {
                "write it in printable ASCII without spaces or backslashes, at most 1024 bytes"
            }
            Self::Fragment => "leave out the `#` part",
            Self::Scheme => {
                "use https; http only on 127.0.0.1, [::1] or localhost; a private-use scheme like com.example.app:/cb is for native clients only"
            }
            Self::Host => "give a plain lower-case host without user name or wildcard",
            Self::DotSegments => "leave out `.` and `..` path segments",
        }
    }
}

/// Checks a URI at registration (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). A request's URI is then
/// compared with it byte for byte, but for a native client's loopback port.
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

/// RFC 8252 §7.3: whether two URIs differ at most in the port of a literal loopback address.
pub(crate) fn same_but_loopback_port(registered: &str, requested: &str) -> bool {
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
