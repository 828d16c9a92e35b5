//! The caller's address as a front end forwards it: in a header, in the format of RFC 7239 or of common practice.
//!
//! Only the last entry of a list is read: the front end in front of us appended it, and everything before it may be
//! forged by the caller. A caller's value that a front end copies without quotes can't be distinguished from the front
//! end's own: the guide (`docs/guides/front-end.md`) says how to configure the header.
//!
//! Absent on purpose: a number of hops to skip. With several front ends in a row, the last one forwards the address
//! that the first one saw in a header of its own.

use crate::field::is_of_token;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a header writes addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `for=` and other parameters of each hop (RFC 7239 §4).
    Forwarded,
    /// The addresses alone: `X-Forwarded-For`, `X-Real-IP` and the like.
    Addresses,
}

impl Syntax {
    /// The syntax of a header; names are compared case-insensitively.
    pub fn of(header: &str) -> Self {
        if header.eq_ignore_ascii_case("forwarded") { Self::Forwarded } else { Self::Addresses }
    }

    /// The address in the last entry of a header's last line; an IPv4-mapped IPv6 address as IPv4. `None` if there is
    /// no address.
    pub fn caller(self, line: &[u8]) -> Option<IpAddr> {
        // Bytes, because what a caller sent may not be UTF-8.
        let node = match self {
            Self::Forwarded => last_for(line)?,
            Self::Addresses => line.rsplit(|byte| *byte == b',').next()?,
        };
        let address = node_address(trimmed(std::str::from_utf8(node).ok()?))?.to_canonical();
        (!address.is_unspecified()).then_some(address)
    }
}

/// The value of `for` in a line's last element; `None` unless it occurs exactly once.
///
/// The last element is the shortest suffix of the line that parses as an element, so nothing that a caller sent before
/// it matters, not even an unclosed quotation mark. A comma inside a quoted string (a front end quotes the caller's
/// `Host`) never begins an element: a suffix that starts there has quoted and unquoted text swapped, so it has an
/// escape outside of quotation marks or a quotation mark that is never closed, and does not parse.
fn last_for(line: &[u8]) -> Option<&[u8]> {
    let commas = line.iter().enumerate().rev().filter(|(_, byte)| **byte == b',');
    let mut ends = commas.filter_map(|(at, _)| line.get(at + 1..)).chain([line]);
    match *ends.find_map(for_values)?.as_slice() {
        [value] => Some(value),
        _ => None,
    }
}

/// The values of `for` in an element; `None` if the text isn't exactly one element (RFC 7239 §4).
fn for_values(element: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut values, mut rest) = (Vec::new(), element.trim_ascii());
    while !rest.is_empty() {
        // RFC 7239 §4: a pair may be empty.
        if !rest.starts_with(b";") {
            let (name, value, behind) = first_pair(rest)?;
            if name.eq_ignore_ascii_case(b"for") {
                values.push(value);
            }
            rest = behind.trim_ascii_start();
        }
        rest = if rest.is_empty() { rest } else { rest.strip_prefix(b";")?.trim_ascii_start() };
    }
    Some(values)
}

/// The name and the value of a pair, and the text after it. Escapes in a quoted value are kept: no address needs one.
fn first_pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = split_while(text, is_of_token);
    let rest = rest.strip_prefix(b"=").filter(|_| !name.is_empty())?;
    let Some(quoted) = rest.strip_prefix(b"\"") else {
        // Colons and brackets must be quoted, but not every front end does so.
        let (value, rest) = split_while(rest, |byte| is_of_token(byte) || b":[]".contains(&byte));
        return Some((name, value, rest));
    };
    let mut is_escaped = false;
    let (value, rest) = split_while(quoted, |byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        !ends
    });
    Some((name, value, rest.strip_prefix(b"\"")?))
}

/// Splits a text after its leading bytes of a kind.
fn split_while(text: &[u8], mut is_of_kind: impl FnMut(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_of_kind(*byte)).unwrap_or(text.len()))
}

/// A node's address (RFC 7239 §6). Also accepted, because front ends send them: an IPv6 address without brackets,
/// quotation marks around the whole value, and a port after an IPv6 address of eight groups.
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.strip_prefix('"').and_then(|node| node.strip_suffix('"')).unwrap_or(node);
    if let Some((address, rest)) = node.strip_prefix('[').and_then(|node| node.split_once(']')) {
        let is_end = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return is_end.then(|| address.parse::<Ipv6Addr>().ok()).flatten().map(IpAddr::V6);
    }
    let with_port = || {
        let (address, _) = node.rsplit_once(':').filter(|(_, port)| is_port(port))?;
        let v4 = address.parse::<Ipv4Addr>().map(IpAddr::V4).ok();
        // Only a full IPv6 address can be distinguished from its port. In a shortened one the port is read as the last
        // group; the address is then wrong, but in the same network.
        let full = || (!address.contains("::")).then(|| address.parse::<Ipv6Addr>().ok()).flatten();
        v4.or_else(|| full().map(IpAddr::V6))
    };
    node.parse().ok().or_else(with_port)
}

/// A port number, or an obfuscated port (RFC 7239 §6.2).
fn is_port(text: &str) -> bool {
    let is_number = text.parse::<u16>().is_ok() && !text.starts_with('+');
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    is_number || text.strip_prefix('_').is_some_and(is_name)
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(syntax: Syntax, line: &str) -> Option<String> {
        syntax.caller(line.as_bytes()).map(|address| address.to_string())
    }

    #[test]
    fn n250_addresses_are_read_as_front_ends_write_them() {
        for (line, address) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7\t", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("\"203.0.113.7:4711\"", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("2001:db8:0:0:0:0:0:1:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]\"", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("203.0.113.7:_port", "203.0.113.7"),
        ] {
            assert_eq!(read(Syntax::Addresses, line).as_deref(), Some(address), "{line}");
            let quoted = format!("for=\"{}\"", line.trim_matches('"'));
            assert_eq!(read(Syntax::Forwarded, &quoted).as_deref(), Some(address), "{quoted}");
        }
    }

    #[test]
    fn n250_only_what_the_front_end_appended_counts() {
        for before in
            ["6.6.6.6", "6.6.6.6, 7.7.7.7", "unknown", "", "\"6.6.6.6", "for=\"", ",,,", "for=6.6.6.6;by=\""]
        {
            let list = format!("{before}, 203.0.113.7");
            assert_eq!(read(Syntax::Addresses, &list).as_deref(), Some("203.0.113.7"), "{list}");
            let hops = format!("{before}, for=203.0.113.7;proto=https");
            assert_eq!(read(Syntax::Forwarded, &hops).as_deref(), Some("203.0.113.7"), "{hops}");
        }
        let bytes = [b"\xff\xfe\"".as_slice(), b", 203.0.113.7"].concat();
        assert!(
            Syntax::Addresses.caller(&bytes).is_some(),
            "bytes that are not UTF-8, then the front end's entry"
        );
        assert_eq!(
            read(Syntax::Addresses, "203.0.113.7, unknown"),
            None,
            "no fallback to what the caller claims"
        );
        assert_eq!(read(Syntax::Addresses, "203.0.113.7,"), None);
        assert_eq!(read(Syntax::Forwarded, "for=203.0.113.7, by=10.0.0.1"), None);
    }

    /// A caller's `Host` as a front end quotes it.
    fn quoted(host: &str) -> String {
        host.replace('\\', r"\\").replace('"', "\\\"")
    }

    #[test]
    fn n250_whatever_a_caller_sends_as_host_counts_for_nothing() {
        let claims = [
            "a,for=6.6.6.6",
            "a,for=6.6.6.6;x=y",
            "a,for=6.6.6.6;",
            ",for=6.6.6.6,",
            "a\",for=6.6.6.6;a=b",
            "a\",for=6.6.6.6;a=\"b",
            "a\\\",for=6.6.6.6;a=\\\"",
            "\\",
            "\"",
            ",for=\"6.6.6.6\";a=\"b",
            ";a=b,for=6.6.6.6;a=\\",
            ",for=6.6.6.6 ",
            ",for=6.6.6.6;host",
            ",for=6.6.6.6;host=",
            "",
        ];
        let befores = [
            "",
            "for=\"",
            "for=\"\\",
            "for=\"\";a=\"",
            "a=b;c=\"x",
            "\"",
            "for=6.6.6.6, \"",
            "for=6.6.6.6;a=",
        ];
        for (before, (host, other)) in
            befores.iter().flat_map(|before| claims.iter().map(move |host| (before, (quoted(host), host))))
        {
            for hop in [
                format!("for=203.0.113.7;host=\"{host}\""),
                format!("for=203.0.113.7;host=\"{host}\";proto=https"),
                format!("host=\"{host}\";for=\"203.0.113.7:80\""),
                format!("by=\"[2001:db8::9]:443\";for=203.0.113.7;host=\"{host}\";x=\"{host}\""),
            ] {
                for line in [hop.clone(), format!("{before}, {hop}"), format!("{before},{other}, {hop}")] {
                    assert_eq!(read(Syntax::Forwarded, &line).as_deref(), Some("203.0.113.7"), "{line}");
                }
            }
        }
        // A front end that does not escape or does not quote: an entry that does not parse is refused.
        for host in ["a\",for=6.6.6.6;x=y", "a\"b,for=6.6.6.6", "a,for=6.6.6.6\\"] {
            for hop in [format!("for=203.0.113.7;host=\"{host}\""), format!("for=203.0.113.7;host={host}\"")]
            {
                assert_eq!(read(Syntax::Forwarded, &hop), None, "{hop}");
            }
        }
    }

    #[test]
    fn n250_parameters_may_come_in_any_order_and_case() {
        for line in [
            "for=203.0.113.7",
            "For=203.0.113.7;proto=https;by=10.0.0.1",
            "proto=https;FOR=203.0.113.7",
            "host=\"a;for=6.6.6.6\";for=203.0.113.7",
            "by=\"[2001:db8::9]:443\" ; for=\"203.0.113.7:80\"",
            "host=;for=203.0.113.7:80;by=[2001:db8::9]:443",
            ";for=203.0.113.7;;proto=https;",
            "host=\"\";for=\"203.0.113.7\"",
        ] {
            assert_eq!(read(Syntax::Forwarded, line).as_deref(), Some("203.0.113.7"), "{line}");
        }
        assert_eq!(Syntax::of("FORWARDED"), Syntax::Forwarded);
        assert_eq!(Syntax::of("x-forwarded-for"), Syntax::Addresses);
    }

    #[test]
    fn n250_what_is_no_address_is_none() {
        for line in [
            "",
            " ",
            "-",
            "unknown",
            "_hidden",
            "garbage",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.7/32",
            "203.0.113.7:",
            "203.0.113.7:+80",
            "203.0.113.7:65536",
            "203.0.113.7:80:80",
            "[203.0.113.7]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]443",
            "[2001:db8::1]:",
            "2001:db8:::1",
            "fe80::1%eth0",
            "0.0.0.0",
            "::",
            "\"",
            "\"\"",
            "$remote_addr",
        ] {
            assert_eq!(read(Syntax::Addresses, line), None, "{line}");
            assert_eq!(read(Syntax::Forwarded, &format!("for={line}")), None, "{line}");
        }
        for line in
            ["203.0.113.7", "for", "for=", "for=1.2.3.4;for=5.6.7.8", "for=\"1.2.3.4", "for=1.2.3.4 x", ";"]
        {
            assert_eq!(read(Syntax::Forwarded, line), None, "{line}");
        }
    }
}
