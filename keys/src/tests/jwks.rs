//! The JWKS that verifiers get.

use super::*;
use serde_json::Value;

fn etag(keys: &Keys) -> String {
    keys.current().jwks(keys.clock().now()).etag
}

fn body(keys: &Keys) -> String {
    String::from_utf8(keys.current().jwks(keys.clock().now()).body.to_vec()).unwrap()
}

#[tokio::test]
async fn n110_public_members_only() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let jwks: Value = serde_json::from_str(&body(&keys)).unwrap();
    assert_eq!(jwks.as_object().unwrap().len(), 1);
    let all = jwks["keys"].as_array().unwrap();
    assert_eq!(all.len(), 4);
    for key in all {
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        match key["alg"].as_str().unwrap() {
            "ES256" => {
                assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
                assert_eq!((&key["kty"], &key["crv"]), (&"EC".into(), &"P-256".into()));
            }
            _ => {
                assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x"]);
                assert_eq!((&key["kty"], &key["crv"]), (&"OKP".into(), &"Ed25519".into()));
            }
        }
        assert_eq!(key["use"], "sig");
    }
    let mut kids = published(&keys);
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), 4);
}

#[tokio::test]
async fn it_changes_exactly_when_a_key_comes_or_goes() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let (first, second) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    let at_start = (etag(&keys), body(&keys));
    world.clock.set(START.plus(30 * DAY - MILLISECOND));
    assert_eq!((etag(&keys), body(&keys)), at_start);
    world.advance(MILLISECOND);
    assert_eq!((etag(&keys), body(&keys)), at_start, "it doesn't say which key signs");
    keys.tick().await.unwrap();
    let third = only(&keys, KeyState::Pending).kid;
    assert_eq!(published(&keys), [third.clone(), second.clone(), first], "what signs next comes first");
    let with_three = etag(&keys);
    assert_ne!(with_three, at_start.0);
    world.away();
    world.clock.set(START.plus(32 * DAY - MILLISECOND));
    assert_eq!(etag(&keys), with_three);
    world.advance(MILLISECOND);
    assert_eq!(published(&keys), [third, second], "from memory, to the millisecond");
    assert_ne!(etag(&keys), with_three);
}

#[tokio::test]
async fn every_process_and_every_snapshot_tells_the_same() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    for after in [Duration::ZERO, DAY, DAY, DAY] {
        world.advance(after);
        let other = world.open(&policy(TWO)).await;
        assert_eq!((etag(&other), body(&other)), (etag(&keys), body(&keys)));
    }
}

#[tokio::test]
async fn an_etag_is_strong_and_quoted() {
    let world = World::new();
    let etag = etag(&*world.open(&policy(ES256)).await);
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
    assert_eq!(protocol::base64url::decode(inner).unwrap().len(), 16);
}

#[tokio::test]
async fn a_clock_that_jumped_back_sees_the_keys_that_are_there() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.clock.set(START.minus(DAY));
    assert_eq!(published(&keys).len(), 2);
}
