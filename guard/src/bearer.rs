//! The token of a request (RFC 6750 §2.1).

use crate::rejection::Rejection;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The bearer token of a request. Only the `Authorization` header is read: tokens in the query end up in logs.
///
/// # Errors
/// [`Rejection::Missing`] or [`Rejection::Malformed`].
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Rejection::Missing)?;
    if values.next().is_some() {
        return Err(Rejection::Malformed);
    }
    let text = value.to_str().map_err(|_| Rejection::Malformed)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Rejection::Missing);
    }
    // RFC 6750 §2.1: 1*SP, then a b64token.
    let token = token.trim_start_matches(' ');
    let legal =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    if token.is_empty() || !token.bytes().all(legal) { Err(Rejection::Malformed) } else { Ok(token) }
}
