//! Passwords: what is computed, how often, and what is never a password.

use super::*;
use crate::attempts::AttemptGuard;

mod pool;
mod text;

fn password(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

/// Hashes at our cost, as sign-up does.
async fn hashed(pool: &Passwords, text: &str) -> PasswordHash {
    pool.place().await.unwrap().hash(password(text), [7; 16]).await.unwrap()
}

async fn verify(pool: &Passwords, text: &str, hash: Option<&PasswordHash>) -> Result<bool, PasswordError> {
    pool.place().await?.verify(&AttemptGuard::uncounted(), password(text), hash).await
}

async fn verified(pool: &Passwords, text: &str, hash: &PasswordHash) -> bool {
    verify(pool, text, Some(hash)).await.unwrap()
}

/// Vectors of the reference implementation (P-H-C/phc-winner-argon2, src/test.c, version 0x13, argon2id).
const REFERENCE: [&str; 2] = [
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
];

#[tokio::test]
async fn hashes_of_the_reference_implementation_verify() {
    let pool = Passwords::new(1, 0);
    for vector in REFERENCE {
        assert!(verified(&pool, "password", &stored(vector)).await, "{vector}");
        assert!(!verified(&pool, "Password", &stored(vector)).await, "{vector}");
    }
}

#[tokio::test]
async fn a_hash_is_what_the_argon2_crate_makes_of_the_same_parameters() {
    let hash = hashed(&Passwords::new(1, 0), "correct horse battery staple").await;
    let params = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let mut output = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(b"correct horse battery staple", &[7; 16], &mut output)
        .unwrap();
    let expected = format!(
        "$argon2id$v=19$m=19456,t=2,p=1${}${}",
        STANDARD_NO_PAD.encode([7; 16]),
        STANDARD_NO_PAD.encode(output)
    );
    assert_eq!(hash.0, expected);
}

#[tokio::test]
async fn only_the_password_that_was_hashed_verifies() {
    let pool = Passwords::new(1, 0);
    let hash = hashed(&pool, "Sesame, open").await;
    assert!(verified(&pool, "Sesame, open", &hash).await);
    for other in ["sesame, open", "Sesame, open ", " Sesame, open", "Sesame, ope", "Sesame", ""] {
        assert!(!verified(&pool, other, &hash).await, "{other:?}");
    }
}

#[tokio::test]
async fn an_unknown_user_costs_what_a_known_one_costs() {
    let pool = Passwords::new(1, 0);
    let hash = hashed(&pool, "Sesame, open").await;
    let before = pool.calls();
    assert!(!verified(&pool, "Open, Sesame", &hash).await);
    assert_eq!(pool.calls(), before + 1, "a wrong password");
    assert!(!verify(&pool, "Open, Sesame", None).await.unwrap());
    assert_eq!(pool.calls(), before + 2, "no such user");
    assert!(!verified(&pool, "Open,\tSesame", &hash).await);
    assert_eq!(pool.calls(), before + 3, "what can't be a password");
    assert!(!verify(&pool, "", None).await.unwrap());
    assert_eq!(pool.calls(), before + 4, "neither");
}

#[tokio::test]
async fn a_stored_hash_can_ask_for_no_more_than_ours_costs() {
    let pool = Passwords::new(1, 0);
    let of = |cost: &str, salt: usize, output: usize| {
        let (salt, output) = (vec![1; salt], vec![2; output]);
        format!("$argon2id$v=19${cost}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output))
    };
    for (cost, salt, output) in [
        ("m=19457,t=2,p=1", 16, 32),
        ("m=4294967295,t=2,p=1", 16, 32),
        ("m=256,t=9,p=1", 16, 32),
        ("m=256,t=4294967295,p=1", 16, 32),
        ("m=256,t=2,p=5", 16, 32),
        ("m=256,t=2,p=1", 7, 32),
        ("m=256,t=2,p=1", 65, 32),
        ("m=256,t=2,p=1", 16, 15),
        ("m=256,t=2,p=1", 16, 65),
        // Within the bounds, but nothing argon2 can be: RFC 9106 §3.1 wants a pass, a lane, 8 blocks a lane.
        ("m=256,t=0,p=1", 16, 32),
        ("m=256,t=2,p=0", 16, 32),
        ("m=7,t=2,p=1", 16, 32),
    ] {
        let hash = stored(&of(cost, salt, output));
        let answer = verify(&pool, "password", Some(&hash)).await;
        assert_eq!(answer, Err(PasswordError::Corrupt), "{cost} {salt} {output}");
    }
    assert_eq!(pool.calls(), 0, "nothing was computed");
    for (cost, salt, output) in [("m=256,t=8,p=4", 8, 16), ("m=256,t=1,p=1", 64, 64)] {
        let hash = stored(&of(cost, salt, output));
        assert_eq!(verify(&pool, "password", Some(&hash)).await, Ok(false), "{cost}");
    }
}

#[tokio::test]
async fn what_is_no_argon2id_hash_is_corrupt_and_never_a_wrong_password() {
    let pool = Passwords::new(1, 0);
    let good = REFERENCE[0];
    for bad in [
        "",
        "password",
        "$2b$12$eImiTXuWVxfM37uY4JANjQ==",
        &good.replace("argon2id", "argon2i"),
        &good.replace("argon2id", "argon2d"),
        &good.replace("v=19", "v=16"),
        &good.replace("$v=19", ""),
        &good.replace("m=256,t=2", "t=2,m=256"),
        &good.replace("m=256", "m=-256"),
        &good.replace("m=256", "m=4294967296"),
        &good.replace("p=1", "p=1,keyid=x"),
        &format!("{good}="),
        &format!("{good}$"),
        &format!(" {good}"),
        good.trim_end_matches(|c| c != '$'),
    ] {
        let answer = verify(&pool, "password", Some(&stored(bad))).await;
        assert_eq!(answer, Err(PasswordError::Corrupt), "{bad}");
    }
    assert_eq!(pool.calls(), 0);
}

#[test]
fn debug_shows_no_password_and_no_hash() {
    assert_eq!(format!("{:?}", Passwords::new(1, 0)), "Passwords { calls: 0, .. }");
}
