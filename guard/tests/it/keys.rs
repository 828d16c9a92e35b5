//! Where keys come from, and how often.

use crate::fixture::{API, FakeClock, ISSUER, JWKS, Key, METADATA, NOW, World, claims_with, jwks};
use http::Request;
use keyward_guard::{Fetch, FetchError, Fetching, Issuer, Reason, Rejection, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const HOUR: u64 = 3600;

fn of(key: &Key, exp: u64) -> String {
    key.sign(&key.header().to_string(), &claims_with(json!({ "exp": exp })).to_string())
}

/// Lets the task in the background finish.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn ten_thousand_unknown_keys_cause_one_fetch_in_thirty_seconds() {
    let world = World::new();
    world.verifier.warm().await.unwrap();
    world.clock.advance(30);
    let flood = async |from: u32, many: u32| {
        let requests = (from..from + many).map(|n| {
            let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": format!("k{n}") }).to_string();
            let (verifier, token) =
                (world.verifier.clone(), world.key.sign(&header, &claims_with(json!({})).to_string()));
            tokio::spawn(async move { verifier.verify(&token).await.unwrap_err() })
        });
        for request in requests.collect::<Vec<_>>() {
            assert_eq!(request.await.unwrap(), Rejection::Invalid(Reason::UnknownKey));
        }
    };
    flood(0, 10_000).await;
    assert_eq!((world.net.count(JWKS), world.net.count(METADATA)), (2, 1), "one more than at the start");
    world.clock.advance(29);
    flood(10_000, 500).await;
    assert_eq!(world.net.count(JWKS), 2);
    world.clock.advance(1);
    flood(20_000, 500).await;
    assert_eq!(world.net.count(JWKS), 3);
    world.verify(&world.token(json!({}))).await.unwrap();
}

#[tokio::test]
async fn many_first_requests_make_one_fetch() {
    let world = World::new();
    let verify = || async { world.verify(&world.token(json!({}))).await.unwrap() };
    tokio::join!(verify(), verify(), verify(), verify());
    assert_eq!((world.net.count(METADATA), world.net.count(JWKS)), (1, 1));
}

#[tokio::test]
async fn callers_share_one_attempt_at_an_issuer_that_does_not_answer() {
    /// It takes three seconds to give up.
    struct Hanging(FakeClock, Arc<AtomicUsize>);
    impl Fetch for Hanging {
        fn send(&self, _: Request<Vec<u8>>) -> Fetching<'_> {
            Box::pin(async {
                self.1.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                self.0.advance(3);
                Err(FetchError::Late)
            })
        }
    }
    let (clock, attempts) = (World::new().clock, Arc::new(AtomicUsize::new(0)));
    let issuer = Issuer::new(ISSUER).audience(API).fetch(Hanging(clock.clone(), Arc::clone(&attempts)));
    let world = World::new();
    let verifier = Verifier::builder().issuer(issuer).clock(clock).build().unwrap();
    let token = world.token(json!({}));
    let verify = || async { verifier.verify(&token).await.unwrap_err() };
    let answers = tokio::join!(verify(), verify(), verify(), verify());
    assert_eq!(<[_; 4]>::from(answers), [const { Rejection::Unavailable }; 4]);
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
    verify().await;
    assert_eq!(attempts.load(Ordering::SeqCst), 2, "the next caller tries again");
}

#[tokio::test]
async fn an_issuer_that_is_away_keeps_no_other_from_being_warmed() {
    let world = World::new();
    let away = Issuer::new("https://away.example").audience(API).fetch(world.net.clone());
    let here = Issuer::new(ISSUER).audience(API).fetch(world.net.clone());
    let builder = Verifier::builder().issuer(away).issuer(here).clock(world.clock.clone());
    let verifier = builder.build().unwrap();
    assert_eq!(verifier.warm().await, Err(Rejection::Unavailable));
    verifier.verify_offline(&world.token(json!({}))).unwrap();
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_end_the_fetch() {
    let world = World::new();
    let token = world.token(json!({}));
    {
        let mut first = Box::pin(world.verify(&token));
        let waker = std::task::Waker::noop();
        assert!(first.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    settle().await;
    world.verifier.verify_offline(&token).unwrap();
    assert_eq!(world.net.count(JWKS), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_removed_one_forgotten() {
    let world = World::new();
    world.verifier.warm().await.unwrap();
    let new = Key::new(2);
    world.net.serve(JWKS, &jwks(&[&new]));
    world.clock.advance(30);
    world.verify(&of(&new, NOW + 600)).await.unwrap();
    world.clock.advance(30);
    assert_eq!(world.reason(&world.token(json!({}))).await, Reason::UnknownKey);
}

#[tokio::test]
async fn keys_are_refreshed_in_the_background_after_half_their_age() {
    let world = World::new();
    let token = world.token(json!({ "exp": NOW + 2 * HOUR }));
    world.verify(&token).await.unwrap();
    world.clock.advance(299);
    world.verify(&token).await.unwrap();
    settle().await;
    assert_eq!(world.net.count(JWKS), 1);
    world.clock.advance(1);
    world.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 1, "nobody waits");
    settle().await;
    assert_eq!((world.net.count(JWKS), world.net.count(METADATA)), (2, 1));
    // Nobody called for longer than the max-age: the next caller waits, and removed keys don't count.
    world.clock.advance(600);
    world.net.serve(JWKS, &jwks(&[&Key::new(2)]));
    assert_eq!(world.reason(&token).await, Reason::UnknownKey);
}

#[tokio::test]
async fn the_age_is_the_issuers_within_limits() {
    for (cache, age) in [
        ("max-age=600", 600),
        ("public, max-age=1200", 1200),
        ("max-age=5", 60),
        ("max-age=86400", 3600),
        ("no-store", 600),
    ] {
        let world = World::new();
        world.net.answer(JWKS, Ok((200, cache, jwks(&[&world.key]).to_string())));
        let token = world.token(json!({ "exp": NOW + 48 * HOUR }));
        world.verify(&token).await.unwrap();
        for (seconds, fetches) in [(age / 2 - 1, 1), (1, 2)] {
            world.clock.advance(seconds);
            world.verify(&token).await.unwrap();
            settle().await;
            assert_eq!(world.net.count(JWKS), fetches, "{cache}");
        }
    }
}

#[tokio::test]
async fn while_the_issuer_is_away_its_keys_are_used_for_a_day_longer() {
    let world = World::new();
    let token = world.token(json!({ "exp": NOW + 48 * HOUR }));
    world.verify(&token).await.unwrap();
    world.net.answer(JWKS, Err(FetchError::Late));
    world.net.answer(METADATA, Err(FetchError::Late));
    world.clock.advance(600 + 24 * HOUR - 1);
    world.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 2);
    world.verify(&token).await.unwrap();
    settle().await;
    assert_eq!(world.net.count(JWKS) + world.net.count(METADATA), 3, "not tried again within 30 s");
    world.clock.advance(1);
    assert_eq!(world.verify(&token).await.unwrap_err(), Rejection::Unavailable);
    // Back, perhaps at another place.
    world.net.serve(METADATA, &json!({ "issuer": ISSUER, "jwks_uri": "https://login.example/new" }));
    world.net.serve("https://login.example/new", &jwks(&[&world.key]));
    world.clock.advance(1);
    world.verify(&token).await.unwrap();
}

#[tokio::test]
async fn without_keys_nothing_is_decided() {
    let world = World::new();
    world.net.answer(METADATA, Err(FetchError::Late));
    assert_eq!(world.verifier.warm().await, Err(Rejection::Unavailable));
    let token = world.token(json!({}));
    assert_eq!(world.verify(&token).await.unwrap_err(), Rejection::Unavailable);
    assert_eq!(world.net.count(METADATA), 1, "not tried again within a second");
    world.net.serve(METADATA, &json!({ "issuer": ISSUER, "jwks_uri": JWKS }));
    world.clock.advance(1);
    world.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_stop_the_fetches() {
    let world = World::new();
    world.verifier.warm().await.unwrap();
    world.clock.set(NOW - 1000);
    let new = Key::new(2);
    world.net.serve(JWKS, &jwks(&[&new]));
    let claims = claims_with(json!({ "iat": NOW - 1000 })).to_string();
    world.verify(&new.sign(&new.header().to_string(), &claims)).await.unwrap();
}

#[tokio::test]
async fn embedded_keys_need_no_request() {
    let key = Key::new(1);
    let world = World::with(|issuer| issuer.embedded(&jwks(&[&key]).to_string()), |builder| builder);
    world.verifier.warm().await.unwrap();
    world.verify(&world.token(json!({}))).await.unwrap();
    world.verifier.verify_offline(&world.token(json!({}))).unwrap();
    assert_eq!(world.net.count(METADATA) + world.net.count(JWKS), 0);
    // A key that is newer than the program.
    let new = Key::new(2);
    world.net.serve(JWKS, &jwks(&[&new]));
    world.verify(&of(&new, NOW + 600)).await.unwrap();
}

#[tokio::test]
async fn documents_that_are_wrong_are_not_used() {
    let good = || World::new().key.jwk();
    let many: Vec<Value> = (0..101).map(|_| good()).collect();
    let huge = format!(r#"{{"keys":[{}],"x":"{}"}}"#, good(), "x".repeat(256 * 1024));
    for (what, body) in [
        ("nothing", String::new()),
        ("a page", "<html>".into()),
        ("a list", json!([good()]).to_string()),
        ("no keys", json!({ "keys": [] }).to_string()),
        ("keys that are no list", json!({ "keys": good() }).to_string()),
        ("a name twice", format!(r#"{{"keys":[],"keys":[{}]}}"#, good())),
        ("101 keys", json!({ "keys": many }).to_string()),
        ("huge", huge),
        ("nested", format!(r#"{{"keys":[{}],"x":{}{}}}"#, good(), "[".repeat(100_000), "]".repeat(100_000))),
    ] {
        let world = World::new();
        world.net.answer(JWKS, Ok((200, "", body)));
        assert_eq!(
            world.verify(&world.token(json!({}))).await.unwrap_err(),
            Rejection::Unavailable,
            "{what}"
        );
    }
    let key = |name: &str, value: Value| {
        let mut key = good();
        key[name] = value;
        key
    };
    for (what, jwk) in [
        ("for encryption", key("use", json!("enc"))),
        ("for signing only", key("key_ops", json!(["sign"]))),
        ("for another algorithm", key("alg", json!("ES256"))),
        ("for HMAC", json!({ "kty": "oct", "k": "AAAA", "kid": "key-1", "alg": "HS256" })),
        ("on another curve", key("crv", json!("X25519"))),
        ("half a key", key("x", json!("AAAA"))),
        ("without an id", key("kid", Value::Null)),
    ] {
        let world = World::new();
        world.net.serve(JWKS, &json!({ "keys": [jwk, Key::new(7).jwk()] }));
        assert_eq!(world.reason(&world.token(json!({}))).await, Reason::UnknownKey, "{what}");
    }
    for status in [204, 301, 302, 307, 404, 500] {
        let world = World::new();
        world.net.answer(JWKS, Ok((status, "", jwks(&[&world.key]).to_string())));
        assert_eq!(
            world.verify(&world.token(json!({}))).await.unwrap_err(),
            Rejection::Unavailable,
            "{status}"
        );
    }
}

#[tokio::test]
async fn metadata_is_of_exactly_this_issuer_and_names_an_https_url() {
    for metadata in [
        json!({ "issuer": "https://evil.example", "jwks_uri": JWKS }),
        json!({ "issuer": "https://login.example/", "jwks_uri": JWKS }),
        json!({ "issuer": "https://LOGIN.example", "jwks_uri": JWKS }),
        json!({ "jwks_uri": JWKS }),
        json!({ "issuer": ISSUER }),
        json!({ "issuer": ISSUER, "jwks_uri": "http://login.example/jwks" }),
        json!({ "issuer": ISSUER, "jwks_uri": "http://localhost/jwks" }),
        json!({ "issuer": ISSUER, "jwks_uri": "file:///etc/passwd" }),
        json!({ "issuer": ISSUER, "jwks_uri": [JWKS] }),
    ] {
        let world = World::new();
        world.net.serve(METADATA, &metadata);
        let refused = world.verify(&world.token(json!({}))).await.unwrap_err();
        assert_eq!((refused, world.net.total()), (Rejection::Unavailable, 1), "{metadata}");
    }
}

#[test]
fn outside_of_a_runtime_only_known_keys_are_used() {
    let key = Key::new(1);
    let issuer = Issuer::new(ISSUER).audience("https://orders.example").embedded(&jwks(&[&key]).to_string());
    let world = World::new();
    let verifier = Verifier::builder().issuer(issuer).clock(world.clock.clone()).build().unwrap();
    verifier.verify_offline(&of(&key, NOW + 600)).unwrap();
    let unknown = verifier.verify_offline(&of(&Key::new(2), NOW + 600)).unwrap_err();
    assert_eq!(unknown, Rejection::Invalid(Reason::UnknownKey));
    assert_eq!(world.verifier.verify_offline(&of(&key, NOW + 600)).unwrap_err(), Rejection::Unavailable);
}
