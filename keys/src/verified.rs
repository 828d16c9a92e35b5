//! Tokens whose signature has been verified: an API asks about the same token many times, and the verification costs more
//! than the rest of the answer. A hash of the whole token is remembered, so no other token matches. Whether its key is
//! still published, and whether the token is expired or denied, is checked every time.
//!
//! The memory belongs to one version of the ring and is dropped with it.

use aws_lc_rs::digest::{Context, SHA256};
use protocol::jwt::Compact;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most tokens that are remembered: a few hundred kilobytes.
const CAPACITY: usize = 4096;

type Name = [u8; 32];

/// The verified tokens.
#[derive(Default)]
pub(super) struct Verified(Mutex<HashSet<Name>>);

impl Verified {
    /// Whether a token's signature is valid, as remembered or as `check` finds now. Invalid ones are not remembered.
    pub(super) fn or_check(&self, token: &Compact<'_>, check: impl FnOnce() -> bool) -> bool {
        let Some(name) = name(token) else { return check() };
        if self.lock().contains(&name) {
            return true;
        }
        let right = check();
        if right {
            let mut known = self.lock();
            if known.len() >= CAPACITY {
                known.clear();
            }
            known.insert(name);
        }
        right
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 of header, claims and signature; the first two are text without a third dot.
fn name(token: &Compact<'_>) -> Option<Name> {
    let mut hash = Context::new(&SHA256);
    hash.update(token.signing_input.as_bytes());
    hash.update(b".");
    hash.update(&token.signature);
    hash.finish().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 A.4.
    const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    #[test]
    fn what_was_right_is_not_checked_again() {
        let (verified, token) = (Verified::default(), Compact::parse(TOKEN).unwrap());
        assert!(!verified.or_check(&token, || false));
        assert!(verified.or_check(&token, || true), "what was wrong is checked again");
        assert!(verified.or_check(&token, || panic!("checked twice")));
    }

    #[test]
    fn another_token_is_checked_by_itself() {
        let (verified, token) = (Verified::default(), Compact::parse(TOKEN).unwrap());
        assert!(verified.or_check(&token, || true));
        let signature = [token.signature.as_slice(), &[0]].concat();
        assert!(!verified.or_check(&Compact { signature, ..token.clone() }, || false));
        let input = TOKEN.rsplit_once('.').unwrap().0.replace("RXhh", "RXhi");
        assert!(!verified.or_check(&Compact { signing_input: &input, ..token }, || false));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (verified, token) = (Verified::default(), Compact::parse(TOKEN).unwrap());
        for number in 0..2 * CAPACITY {
            let signature = number.to_be_bytes().to_vec();
            assert!(verified.or_check(&Compact { signature, ..token.clone() }, || true));
            assert!(verified.lock().len() <= CAPACITY);
        }
    }
}
