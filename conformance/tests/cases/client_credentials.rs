//! `client_credentials`: a client acting for itself.

use super::requests::*;
use super::token::{GRANT, ask, world_with_machine};
use conformance::basic;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn n083_public_clients_have_no_tokens_of_their_own() {
    let (world, _) = world_with_machine().await;
    let spa =
        json!({ "client_id": "spa", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    world.client(spa).await;
    let answer = world.send(form("/token", &[GRANT, ("client_id", "spa")])).await;
    answer.assert_token_error(400, "unauthorized_client");
}

#[tokio::test]
async fn n085_a_clients_own_token_has_no_user() {
    let (world, _) = world_with_machine().await;
    // Metadata may list such scopes, but a client that acts for itself has no user.
    world.client(json!({ "client_id": "eager", "scope": "openid profile" })).await;
    for id in ["machine", "eager"] {
        let own = world.send(form("/token", &[GRANT]).with("authorization", &world.basic(id))).await;
        let own = member(&own, "access_token");
        assert_eq!(userinfo_status(&world, &own).await, 401, "{id}");
    }
    // User names and client ids are separate: neither can be mistaken for the other.
    let taken = server::admin::users::NewUser { username: "Machine".into(), ..Default::default() };
    assert!(world.admin().create_user(taken, None).await.is_err());
    let alice = world.alice().await;
    let namesake = world.client(json!({ "client_id": "alice", "scope": "read" })).await;
    let claims = world
        .send(form("/token", &[GRANT]).with("authorization", &namesake.basic()))
        .await
        .claims("access_token");
    assert_eq!(claims["sub"], "alice");
    assert_ne!(claims["sub"], alice.subject.as_str());
    let asked = form("/token", &[GRANT, ("scope", "openid")]).with("authorization", &namesake.basic());
    world.send(asked).await.assert_token_error(400, "invalid_scope");
}

#[tokio::test]
async fn n086_a_disabled_client_is_out_within_a_minute() {
    let (world, _) = world_with_machine().await;
    assert_eq!(ask(&world, &[GRANT]).await.status, 200);
    world.admin().set_client_disabled("machine", true).await.unwrap();
    world.pass(60);
    ask(&world, &[GRANT]).await.assert_token_error(401, "invalid_client");
    world.admin().set_client_disabled("machine", false).await.unwrap();
    // Another process wrote: what `upkeep` does when it notices.
    world.app.distrust_caches();
    assert_eq!(ask(&world, &[GRANT]).await.status, 200);
}

#[tokio::test]
async fn n086_an_old_secret_is_out_after_the_overlap() {
    let (world, machine) = world_with_machine().await;
    let as_secret = async |secret: &str| {
        world.send(form("/token", &[GRANT]).with("authorization", &basic("machine", secret))).await
    };
    let day = Duration::from_secs(24 * 3600);
    let rotated = world.admin().rotate_secret("machine", day).await.unwrap();
    let new = rotated.secret.unwrap();
    world.pass(60);
    for secret in [&machine.secret, &new] {
        assert_eq!(as_secret(secret).await.status, 200, "both work for a day");
    }
    world.pass(24 * 3600 - 61);
    assert_eq!(as_secret(&machine.secret).await.status, 200);
    world.pass(1);
    as_secret(&machine.secret).await.assert_token_error(401, "invalid_client");
    assert_eq!(as_secret(&new).await.status, 200);
    // After a leak there is no overlap.
    let newest = world.admin().rotate_secret("machine", Duration::ZERO).await.unwrap().secret.unwrap();
    world.pass(60);
    as_secret(&new).await.assert_token_error(401, "invalid_client");
    assert_eq!(as_secret(&newest).await.status, 200);
}

#[tokio::test]
async fn a_client_gets_the_scopes_it_asks_for_and_may_have() {
    let (world, _) = world_with_machine().await;
    let all = ask(&world, &[GRANT]).await;
    assert_eq!(
        (&all.json()["scope"], &all.claims("access_token")["aud"]),
        (&json!("read write"), &json!("https://api.example"))
    );
    let some =
        ask(&world, &[GRANT, ("scope", "write openid admin"), ("resource", "https://two.example")]).await;
    assert_eq!(
        (&some.json()["scope"], &some.claims("access_token")["aud"]),
        (&json!("write"), &json!("https://two.example"))
    );
    let claims = some.claims("access_token");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("machine"), &json!("machine")));
    for resource in ["https://three.example", "https://api.example#f", "api"] {
        ask(&world, &[GRANT, ("resource", resource)]).await.assert_token_error(400, "invalid_target");
    }
    let plain = world.client(json!({ "client_id": "plain" })).await;
    let answer = world.send(form("/token", &[GRANT]).with("authorization", &plain.basic())).await;
    assert_eq!(
        (answer.json().get("scope"), answer.claims("access_token")["aud"].as_str()),
        (None, Some(ISSUER))
    );
    let posting = json!({ "client_id": "posting", "token_endpoint_auth_method": "client_secret_post" });
    let posting = world.client(posting).await;
    let fields = [GRANT, ("client_id", "posting"), ("client_secret", &posting.secret)];
    assert_eq!(world.send(form("/token", &fields)).await.status, 200);
}

#[tokio::test]
async fn two_tokens_never_have_one_id() {
    let (world, _) = world_with_machine().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let claims = ask(&world, &[GRANT]).await.claims("access_token");
        assert!(seen.insert(claims["jti"].as_str().unwrap().to_owned()));
    }
}
