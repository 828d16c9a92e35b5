//! The syntax of HTTP field values (RFC 9110 §5.6), as far as several fields share it.

/// Whether a byte may be in a token (RFC 9110 §5.6.2).
pub fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
