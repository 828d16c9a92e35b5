//! What a password is hashed as: its text prepared by the OpaqueString profile (RFC 8265 §4.2). Other spaces become the
//! ASCII space, and composed and decomposed letters become equal, so that a password typed on another keyboard is the
//! same password. Case is kept, and nothing is ever cut off.

use precis_profiles::{OpaqueString, precis_core::profile::PrecisFastInvocation};
use zeroize::Zeroizing;

/// The longest password, in bytes. Longer ones are refused before anything is computed.
pub const MAX_BYTES: usize = 1024;

/// The prepared text; `None` if it can't be a password.
pub(super) fn prepare(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > MAX_BYTES {
        return None;
    }
    OpaqueString::enforce(password).ok().map(|text| Zeroizing::new(text.into_owned()))
}
