//! The ids of a trace that a request belongs to: the caller's, so that its request can be found in our log. None is made up
//! for a request that brings none, and none is believed for anything but the log.

use http::HeaderMap;
use std::fmt;

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";
/// `00-TRACE ID-PARENT ID-FLAGS`.
const LENGTH: usize = 55;
/// The longest value with X-Ray's ids that is read.
const MOST_XRAY: usize = 512;

/// What `traceparent` says (W3C Trace Context §3.2): the trace, and the caller's span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
}

impl TraceParent {
    /// That of a request. `None` without the header, with several, or with one that is not valid.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT).iter();
        let one = all.next()?;
        if all.next().is_some() { None } else { Self::parse(one.as_bytes()) }
    }

    /// Reads a value: of version 00, or the beginning of one of a later version.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = value.split_at_checked(LENGTH)?;
        let (version, ids) = head.split_at_checked(2)?;
        let [version] = hex(version)?;
        // §3.2.4: a later version may add fields after another dash.
        let ends = if version == 0 { rest.is_empty() } else { rest.first().is_none_or(|next| *next == b'-') };
        if version == 0xFF || !ends {
            return None;
        }
        let (trace, ids) = ids.strip_prefix(b"-")?.split_at_checked(32)?;
        let (span, flags) = ids.strip_prefix(b"-")?.split_at_checked(16)?;
        let [_flags] = hex(flags.strip_prefix(b"-")?)?;
        let (trace, span) = (hex(trace)?, hex(span)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span })
    }

    /// The trace's id.
    pub fn trace(&self) -> impl fmt::Display {
        Hex(self.trace)
    }

    /// The id of the caller's span.
    pub fn span(&self) -> impl fmt::Display {
        Hex(self.span)
    }
}

/// The id of a trace of AWS X-Ray. The Lambda transport puts it among a request's extensions; of other requests it is not
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XrayTrace {
    time: [u8; 4],
    unique: [u8; 12],
}

impl XrayTrace {
    /// Reads the value of `x-amzn-trace-id` or `_X_AMZN_TRACE_ID`, such as
    /// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > MOST_XRAY {
            return None;
        }
        let root = value.split(';').find_map(|part| part.trim().strip_prefix("Root="))?;
        let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
        Some(Self { time: hex(time.as_bytes())?, unique: hex(unique.as_bytes())? })
    }
}

impl fmt::Display for XrayTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1-{}-{}", Hex(self.time), Hex(self.unique))
    }
}

struct Hex<const N: usize>([u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Reads exactly `N` bytes as lower-case hexadecimal digits.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(value: &str) -> Option<(String, String)> {
        TraceParent::parse(value.as_bytes()).map(|read| (read.trace().to_string(), read.span().to_string()))
    }

    /// The examples of W3C Trace Context, and the cases of its test suite for this header.
    #[test]
    fn a_traceparent_is_read_as_w3c_says() {
        for valid in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            // Flags that are not defined yet.
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
            // Versions to come.
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        ] {
            assert_eq!(read(valid), Some((TRACE.into(), SPAN.into())), "{valid}");
        }
        for invalid in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0G",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-will-not-be-like",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0.-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
            "00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-.0f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47366-0f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn one_header_counts_and_two_are_none() {
        let value = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of(&headers), None);
        headers.append(TRACEPARENT, value.clone());
        assert!(TraceParent::of(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(TraceParent::of(&headers), None);
    }

    #[test]
    fn an_id_of_xray_is_its_root() {
        let root = "1-5759e988-bd862e3fe1be46a994272793";
        for valid in [
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793",
            "Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793; Lineage=1:a:0",
        ] {
            assert_eq!(XrayTrace::parse(valid).map(|id| id.to_string()).as_deref(), Some(root), "{valid}");
        }
        let long = format!("Root={root};{}", "x".repeat(MOST_XRAY));
        for invalid in [
            "",
            root,
            "Root=",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e98-bd862e3fe1be46a9942727933",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988-bd862e3fe1be46a99427279\"",
            &long,
        ] {
            assert_eq!(XrayTrace::parse(invalid), None, "{invalid}");
        }
    }
}
