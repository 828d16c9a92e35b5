//! The format of opaque strings: prefix, base64url, checksum. Secret scanners find leaked ones by the prefix. The
//! checksum rejects garbage before any key or record is used.

use crate::base64url;
use sha2::{Digest, Sha256};

/// Prefix of an authorization code.
pub const CODE: &str = "kwc_";
/// Prefix of a refresh token.
pub const REFRESH_TOKEN: &str = "kwr_";
/// Prefix of a client secret.
pub const CLIENT_SECRET: &str = "kws_";

/// The length of the checksum: six base64url characters, 36 bits, which detect typos and truncation.
const CHECKSUM: usize = 6;

/// Encodes bytes with a prefix and a checksum.
pub fn wrap(prefix: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(prefix.len() + bytes.len().div_ceil(3) * 4 + CHECKSUM);
    text.push_str(prefix);
    base64url::encode_into(bytes, &mut text);
    let sum = checksum(&text);
    text.push_str(&sum);
    text
}

/// Decodes text; `None` if its prefix, alphabet or checksum is wrong.
pub fn unwrap(prefix: &str, text: &str) -> Option<Vec<u8>> {
    let cut = text.len().checked_sub(CHECKSUM)?;
    let (covered, sum) = text.split_at_checked(cut)?;
    let body = covered.strip_prefix(prefix)?;
    (sum == checksum(covered)).then(|| base64url::decode(body)).flatten()
}

fn checksum(covered: &str) -> String {
    let hash = Sha256::digest(covered.as_bytes());
    let mut text = base64url::encode(hash.get(..5).unwrap_or_default());
    text.truncate(CHECKSUM);
    text
}
