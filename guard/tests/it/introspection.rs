//! Asking the issuer about each token.

use crate::fixture::{NOW, World};
use keyward_guard::{FetchError, Introspection, Reason, Rejection};
use serde_json::json;
use std::time::Duration;

const ENDPOINT: &str = "https://login.example/introspect";

fn world(remember: u64) -> World {
    let how = Introspection::new(ENDPOINT, "orders api", "s:+cret").remember(Duration::from_secs(remember));
    assert!(!format!("{how:?}").contains("cret"));
    let world = World::with(|issuer| issuer.introspect(how), |builder| builder);
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    world
}

#[tokio::test]
async fn a_revocation_counts_at_once() {
    let world = world(0);
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap();
    let asked = world.net.last();
    assert_eq!(asked.headers()["authorization"], "Basic b3JkZXJzJTIwYXBpOnMlM0ElMkJjcmV0");
    assert_eq!(asked.body(), format!("token={token}&token_type_hint=access_token").as_bytes());
    world.net.serve(ENDPOINT, &json!({ "active": false }));
    assert_eq!(world.reason(&token).await, Reason::Inactive);
    assert_eq!(world.verifier.verify_offline(&token).unwrap_err(), Rejection::Unavailable);
}

#[tokio::test]
async fn only_tokens_of_the_issuer_cause_a_request() {
    let world = world(0);
    let token = world.token(json!({}));
    for bad in
        [format!("{token}x"), world.token(json!({ "exp": NOW - 100 })), world.token(json!({ "aud": "x" }))]
    {
        world.verify(&bad).await.unwrap_err();
    }
    assert_eq!(world.net.count(ENDPOINT), 0);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_no_yes() {
    for answer in [
        Err(FetchError::Late),
        Ok((401, "", String::new())),
        Ok((500, "", String::new())),
        Ok((302, "", r#"{"active":true}"#.to_owned())),
        Ok((200, "", "{}".to_owned())),
        Ok((200, "", r#"{"active":"true"}"#.to_owned())),
        Ok((200, "", r#"{"active":false,"active":true}"#.to_owned())),
        Ok((200, "", format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(256 * 1024)))),
    ] {
        let world = world(60);
        world.net.answer(ENDPOINT, answer);
        assert_eq!(world.verify(&world.token(json!({}))).await.unwrap_err(), Rejection::Unavailable);
    }
}

#[tokio::test]
async fn answers_are_remembered_for_as_long_as_it_was_said_and_not_beyond_the_expiry() {
    let world = world(60);
    let (token, other) = (world.token(json!({})), world.token(json!({ "exp": NOW + 10, "jti": "2" })));
    world.verify(&other).await.unwrap();
    // The other has expired after 12 s, but is accepted within the leeway.
    for (advance, asked) in [(0, 2), (12, 3), (47, 3), (1, 4)] {
        world.clock.advance(advance);
        world.verify(&token).await.unwrap();
        if advance == 12 {
            world.verify(&other).await.unwrap();
        }
        assert_eq!(world.net.count(ENDPOINT), asked, "after {advance} s more");
    }
}

#[tokio::test]
async fn a_token_that_was_not_active_is_asked_about_again() {
    let world = world(60);
    world.net.serve(ENDPOINT, &json!({ "active": false }));
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap_err();
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    world.verify(&token).await.unwrap();
}
