//! Requests as bytes, and forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::SocketAddr;

/// The header line of a form.
pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// The bytes of a request. `head` are further header lines, each with its end.
pub fn request(method: &str, path: &str, address: SocketAddr, head: &str, body: &str) -> Vec<u8> {
    // The issuer's own host: another loopback name would be refused.
    let host = format!("Host: localhost:{}\r\nContent-Length: {}\r\n", address.port(), body.len());
    format!("{method} {path} HTTP/1.1\r\n{host}{head}\r\n{body}").into_bytes()
}

/// Pairs as `application/x-www-form-urlencoded`.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, ESCAPED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_encoded() {
        assert_eq!(encode(&[("a", "1 2"), ("b", "x&y~")]), "a=1%202&b=x%26y~");
        assert_eq!(encode(&[]), "");
    }
}
