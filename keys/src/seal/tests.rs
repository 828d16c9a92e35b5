//! What is sealed opens as itself, and as nothing else.

use super::*;
use crate::entropy::SeededEntropy;
use std::collections::BTreeSet;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn master(id: u16, seal_from: Timestamp) -> Master {
    Master { id, key: Zeroizing::new([u8::try_from(id).unwrap(); 32]), seal_from }
}

fn seals(masters: &[Master]) -> Seals {
    Seals::new(&Realm::main(), masters).unwrap()
}

fn one() -> Seals {
    seals(&[master(1, NOW)])
}

fn opened(seals: &Seals, kind: SealKind, sealed: &[u8]) -> Option<(u16, Vec<u8>)> {
    seals.open(kind, sealed).map(|opened| (opened.master, opened.plaintext.to_vec()))
}

/// The construction written down a second time, for any realm and format: what was sealed before must still open.
fn by_hand(realm: &str, kind: &str, format: u8, plaintext: &[u8]) -> Vec<u8> {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward masters 1").extract(&[1; 32]);
    let mut key = [0; 32];
    let info = format!("keyward\0{realm}\0seal\0{kind}\0");
    prk.expand(&[info.as_bytes()], hkdf::HKDF_SHA256).unwrap().fill(&mut key).unwrap();
    let (nonce, mut text) = ([3; NONCE_LEN], plaintext.to_vec());
    let aad = [info.as_bytes(), &[format, 0, 1]].concat();
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &key).unwrap())
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
        .unwrap();
    [[format, 0, 1].as_slice(), &nonce, &text].concat()
}

#[test]
fn every_kind_opens_as_itself() {
    let (seals, entropy) = (one(), SeededEntropy::new(1));
    for kind in SealKind::ALL {
        for plaintext in [b"".as_slice(), b"x", &[0; 4096]] {
            let sealed = seals.seal(kind, plaintext, &entropy, NOW);
            assert_eq!(sealed.len(), HEAD + plaintext.len() + 16, "{kind:?}");
            assert_eq!(opened(&seals, kind, &sealed), Some((1, plaintext.to_vec())), "{kind:?}");
        }
    }
}

#[test]
fn the_format_stays_what_it_was() {
    for kind in SealKind::ALL {
        let sealed = by_hand("main", kind.name(), 1, b"text");
        assert_eq!(opened(&one(), kind, &sealed), Some((1, b"text".to_vec())), "{kind:?}");
    }
    let names: BTreeSet<_> = SealKind::ALL.iter().map(|kind| kind.name()).collect();
    let known = [
        "account",
        "code",
        "demo",
        "device",
        "posted-logout",
        "posted-request",
        "refresh-token",
        "request",
        "session",
        "token-id",
    ];
    assert!(names.iter().copied().eq(known), "{names:?}");
}

#[test]
fn another_realm_or_format_does_not_open() {
    let seals = one();
    for (realm, format) in [("other", 1), ("", 1), ("main\0seal", 1), ("main", 2), ("main", 0)] {
        let sealed = by_hand(realm, "session", format, b"text");
        assert_eq!(opened(&seals, SealKind::Session, &sealed), None, "{realm:?} {format}");
    }
}

#[test]
fn no_kind_opens_as_another() {
    let (seals, entropy) = (one(), SeededEntropy::new(1));
    for kind in SealKind::ALL {
        let sealed = seals.seal(kind, b"text", &entropy, NOW);
        for other in SealKind::ALL.into_iter().filter(|other| *other != kind) {
            assert_eq!(opened(&seals, other, &sealed), None, "{kind:?} as {other:?}");
        }
    }
}

#[test]
fn no_master_opens_what_another_sealed() {
    let (first, second) = (one(), seals(&[master(2, NOW)]));
    let sealed = first.seal(SealKind::Session, b"text", &SeededEntropy::new(1), NOW);
    assert_eq!(opened(&second, SealKind::Session, &sealed), None, "there is no such master");
    let mut renamed = sealed.clone();
    renamed[2] = 2;
    assert_eq!(opened(&second, SealKind::Session, &renamed), None, "another key");
    // The id itself is authenticated, not only through the key it chooses.
    let same_key = Master { id: 2, ..master(1, NOW) };
    assert_eq!(
        opened(&seals(&[same_key]), SealKind::Session, &renamed),
        None,
        "the same key by another name"
    );
}

#[test]
fn n061_no_flipped_bit_and_no_cut_opens() {
    let (seals, entropy) = (one(), SeededEntropy::new(1));
    for kind in [SealKind::Code, SealKind::Session] {
        let sealed = seals.seal(kind, b"a secret", &entropy, NOW);
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&seals, kind, &flipped), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(opened(&seals, kind, &sealed[..length]), None, "{length} bytes");
        }
        assert_eq!(opened(&seals, kind, &[sealed.as_slice(), &[0]].concat()), None, "a byte more");
    }
}

#[test]
fn codes_and_refresh_tokens_seal_alike_each_time_and_the_others_never() {
    let (seals, entropy) = (one(), SeededEntropy::new(1));
    for kind in SealKind::ALL {
        let seal = |plaintext: &[u8]| seals.seal(kind, plaintext, &entropy, NOW);
        let deterministic = matches!(kind, SealKind::Code | SealKind::RefreshToken);
        assert_eq!(seal(b"text") == seal(b"text"), deterministic, "{kind:?}");
        // A nonce that is used twice reveals at most that two texts are equal.
        assert_ne!(seal(b"text")[3..HEAD], seal(b"texts")[3..HEAD], "{kind:?}");
    }
}

#[test]
fn the_nonce_of_a_deterministic_kind_depends_on_the_master() {
    let seals = seals(&[master(1, NOW), master(2, NOW)]);
    let entropy = SeededEntropy::new(1);
    let nonce = |id| seals.seal_with(id, SealKind::Code, b"text", &entropy).unwrap()[3..HEAD].to_vec();
    assert_ne!(nonce(1), nonce(2));
}

#[test]
fn the_newest_master_that_has_begun_seals_and_all_open() {
    let later = NOW.plus(Duration::from_secs(180));
    let (seals, entropy) = (seals(&[master(1, NOW), master(2, later)]), SeededEntropy::new(1));
    let masters = [NOW.minus(Duration::from_secs(1)), NOW, later.minus(Duration::from_millis(1)), later]
        .map(|at| (at, seals.current_master(at)));
    assert_eq!(masters.map(|(_, id)| id), [1, 1, 1, 2]);
    for (at, id) in masters {
        let sealed = seals.seal(SealKind::Session, b"text", &entropy, at);
        assert_eq!(opened(&seals, SealKind::Session, &sealed), Some((id, b"text".to_vec())));
    }
    let early = seals.seal_with(2, SealKind::Session, b"text", &entropy).unwrap();
    assert_eq!(opened(&seals, SealKind::Session, &early), Some((2, b"text".to_vec())), "before it seals");
    assert_eq!(seals.seal_with(3, SealKind::Session, b"text", &entropy), None);
}

#[test]
fn a_renewed_list_keeps_what_it_was_told_to_and_adds_the_new() {
    let (seals, entropy) = (seals(&[master(1, NOW), master(2, NOW)]), SeededEntropy::new(1));
    let sealed = [1, 2].map(|id| seals.seal_with(id, SealKind::Code, b"text", &entropy).unwrap());
    let renewed = seals.kept(&[(2, NOW), (9, NOW)]).with(&Realm::main(), &master(3, NOW)).unwrap();
    assert_eq!([1, 2, 3, 9].map(|id| renewed.has(id)), [false, true, true, false]);
    assert_eq!(sealed.map(|text| opened(&renewed, SealKind::Code, &text).is_some()), [false, true]);
    assert_eq!(renewed.current_master(NOW), 3, "of two that begin at once the later one");
    let later = renewed.kept(&[(2, NOW), (3, NOW.plus(Duration::from_secs(1)))]);
    assert_eq!(later.current_master(NOW), 2, "when one begins can change");
}

#[test]
fn there_are_no_seals_without_a_master() {
    assert!(Seals::new(&Realm::main(), &[]).is_none());
    assert!(one().kept(&[]).is_empty());
}

#[test]
fn derived_values_tell_how_their_parts_were_divided() {
    let seals = one();
    let divisions: [&[&[u8]]; 9] = [
        &[],
        &[b""],
        &[b"", b""],
        &[b"abc"],
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"a", b"b", b"c"],
        &[b"", b"abc"],
        &[b"abc", b""],
    ];
    let values: BTreeSet<_> =
        divisions.iter().map(|parts| seals.derive(1, Purpose::Csrf, parts).unwrap()).collect();
    assert_eq!(values.len(), divisions.len());
}

#[test]
fn derived_values_depend_on_master_and_purpose_and_on_nothing_else() {
    let seals = seals(&[master(1, NOW), master(2, NOW)]);
    let all: BTreeSet<_> = [1, 2]
        .into_iter()
        .flat_map(|id| Purpose::ALL.map(|purpose| seals.derive(id, purpose, &[b"part"]).unwrap()))
        .collect();
    assert_eq!(all.len(), 12);
    let again = one().derive(1, Purpose::Ratchet, &[b"part"]);
    assert_eq!(seals.derive(1, Purpose::Ratchet, &[b"part"]), again);
    assert_eq!(seals.derive(3, Purpose::Ratchet, &[b"part"]), None);
}

#[test]
fn a_derived_value_stays_what_it_was() {
    // A grant keeps its ratchet across updates: the construction, written down a second time.
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward masters 1").extract(&[1; 32]);
    let mut key = [0; 32];
    let info = b"keyward\0main\0derive\0ratchet\0".as_slice();
    prk.expand(&[info], hkdf::HKDF_SHA256).unwrap().fill(&mut key).unwrap();
    let message = [5_u64.to_be_bytes().as_slice(), b"first", &6_u64.to_be_bytes(), b"second"].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let derived = one().derive(1, Purpose::Ratchet, &[b"first", b"second"]).unwrap();
    assert_eq!(tag.as_ref(), derived);
    assert_eq!(
        Purpose::ALL.map(Purpose::name),
        ["grant-id", "code-secret", "csrf", "ratchet", "attempt", "demo"]
    );
}

#[test]
fn debug_shows_no_key_and_no_plaintext() {
    let seals = one();
    let sealed = seals.seal(SealKind::Session, b"a secret", &SeededEntropy::new(1), NOW);
    let opened = seals.open(SealKind::Session, &sealed).unwrap();
    assert_eq!(format!("{seals:?} {opened:?}"), "Seals(…) Opened { master: 1, .. }");
}
