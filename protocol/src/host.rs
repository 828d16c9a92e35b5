//! The host of a web address, in the one form in which browsers send it (WHATWG URL §3.5). They rewrite every other form, so
//! a URI with one would be visited, and called from, as another than the one that was registered.

use crate::redirect_uri::BadRedirectUri;
use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 3986 §3.2.2: a name or IPv4 address, or an IPv6 address in brackets.
pub(crate) fn check_host(host: &str) -> Result<(), BadRedirectUri> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    let bad = [
        (host.is_empty(), BadRedirectUri::NoHost),
        (!host.is_ascii(), BadRedirectUri::HostNotAscii),
        (host.contains('%'), BadRedirectUri::HostEscaped),
        (host.contains(|c: char| c.is_ascii_uppercase()), BadRedirectUri::HostCase),
    ];
    if let Some((_, why)) = bad.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let parsed = address.parse().map_err(|_| BadRedirectUri::Host)?;
        return if address == as_browsers_write(parsed) { Ok(()) } else { Err(BadRedirectUri::HostIpv6) };
    }
    if host.starts_with('.') || host.contains("..") || !host.bytes().all(plain) {
        return Err(BadRedirectUri::Host);
    }
    let is_address = host.parse::<Ipv4Addr>().is_ok();
    if ends_in_a_number(host) && !is_address { Err(BadRedirectUri::HostNumber) } else { Ok(()) }
}

/// A name for which certificates are issued, as a redirect URI needs.
pub(crate) fn check_name(host: &str) -> Result<(), BadRedirectUri> {
    if host.contains('_') { Err(BadRedirectUri::HostUnderscore) } else { Ok(()) }
}

/// Splits `host:port`; an IPv6 literal keeps its brackets.
pub(crate) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// WHATWG URL §3.5, the ends-in-a-number checker.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

/// WHATWG URL §3.5, the IPv6 serializer: no part is decimal.
fn as_browsers_write(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("::ffff:{high:x}:{low:x}"),
        _ => address.to_string(),
    }
}
