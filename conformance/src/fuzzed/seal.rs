//! What we seal, and what claims to be sealed.

use super::samples::ring;
use crate::world::BEGIN;
use keys::entropy::SeededEntropy;
use keys::seal::{Master, SealKind, Seals};
use protocol::armor;
use protocol::grant::GrantKey;
use protocol::id::{GrantId, Realm, UserId};
use protocol::secret::Secret;
use server::token::sealed::{Code, RefreshToken};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The longest text that is sealed here; a longer one would show nothing new.
const MAX_TEXT: usize = 4096;

/// Foreign bytes as something sealed, as its text, and as what is to be sealed.
pub fn seal(data: &[u8]) {
    check_foreign(data);
    if let Ok(text) = std::str::from_utf8(data) {
        check_armour(text);
    }
    check_seal(&data[..data.len().min(MAX_TEXT)]);
    check_refresh_token(data);
}

fn seals() -> &'static Seals {
    static SEALS: OnceLock<Seals> = OnceLock::new();
    let master = |id| Master { id, key: Zeroizing::new([id as u8; 32]), seal_from: BEGIN };
    SEALS.get_or_init(|| Seals::new(&Realm::main(), &[master(1), master(2)]).unwrap())
}

/// Only what we sealed opens, and it opens as one kind only.
fn check_foreign(data: &[u8]) {
    let opened = SealKind::ALL.into_iter().filter(|kind| seals().open(*kind, data).is_some());
    assert_eq!(opened.count(), 0, "a forgery");
}

/// A text has one armoured form, and none of another kind.
fn check_armour(text: &str) {
    for prefix in [armor::CODE, armor::REFRESH_TOKEN, armor::CLIENT_SECRET] {
        if let Some(bytes) = armor::unwrap(prefix, text) {
            assert_eq!(armor::wrap(prefix, &bytes), text);
        }
    }
    assert!(
        Code::open(text, ring()).unwrap().is_none() && RefreshToken::open(text, ring()).unwrap().is_none(),
        "a forgery"
    );
}

/// What is sealed opens as its own kind and no other, and not with a flipped bit.
fn check_seal(text: &[u8]) {
    let sum: usize = text.iter().map(|byte| usize::from(*byte)).sum();
    let kind = SealKind::ALL[sum % SealKind::ALL.len()];
    let entropy = SeededEntropy::new(sum as u64);
    for master in [1, 2] {
        let sealed = seals().seal_with(master, kind, text, &entropy).unwrap();
        for other in SealKind::ALL {
            let opened = seals().open(other, &sealed);
            let opened = opened.map(|opened| (opened.master, opened.plaintext.to_vec()));
            assert_eq!(opened, (other == kind).then(|| (master, text.to_vec())));
        }
        let mut bent = sealed.clone();
        bent[sum % sealed.len()] ^= 1 << (sum % 8);
        assert!(seals().open(kind, &bent).is_none(), "a bit more or less");
        assert!(seals().open(kind, &sealed[..sum % sealed.len()]).is_none(), "cut");
    }
}

/// A refresh token opens unchanged, has the same successor, and has only one text.
fn check_refresh_token(data: &[u8]) {
    let mut bytes = [0; 68];
    bytes.iter_mut().zip(data).for_each(|(byte, sent)| *byte = *sent);
    let [user, grant, first, second] = std::array::from_fn(|at| bytes[at * 16..][..16].try_into().unwrap());
    let key = GrantKey { user: UserId::from_bytes(user), grant: GrantId::from_bytes(grant) };
    let secret: [[u8; 16]; 2] = [first, second];
    let secret = Secret::from_bytes(secret.concat().try_into().unwrap());
    let generation = u32::from_be_bytes(bytes[64..].try_into().unwrap());
    let master = ring().seals().current_master(BEGIN);
    let token = RefreshToken { grant: key, generation, secret, master };
    let entropy = SeededEntropy::new(1);
    let text = token.seal(ring(), &entropy).unwrap();
    let opened = RefreshToken::open(&text, ring()).unwrap().unwrap();
    assert_eq!((opened.grant, opened.generation, opened.master), (key, generation, master));
    assert_eq!(opened.digest(), token.digest());
    assert_eq!(opened.seal(ring(), &entropy).as_ref(), Some(&text), "one token, one text");
    let successors = [&token, &opened].map(|token| token.successor(ring()).map(|next| next.digest()));
    assert!(successors[0] == successors[1] && successors[0].is_some() == (generation < u32::MAX));
    assert_ne!(successors[0], Some(token.digest()));
    assert!(RefreshToken::open(&format!("{text}A"), ring()).unwrap().is_none());
    assert!(Code::open(&text.replacen(armor::REFRESH_TOKEN, armor::CODE, 1), ring()).unwrap().is_none());
}
