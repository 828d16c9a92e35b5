//! How long refresh tokens live, and which grants get one.

use super::refresh::{refresh, world_with_spa};
use super::requests::*;
use serde_json::json;

/// A world where refresh tokens live for one hour unused and three in all.
async fn short_lived() -> World {
    let settings = [("KEYWARD_REFRESH_TOKEN_IDLE_TTL", "1h"), ("KEYWARD_REFRESH_TOKEN_ABSOLUTE_TTL", "3h")];
    let world = World::with(crate::HARNESS, &settings).await;
    world.alice().await;
    world.single_page().await;
    world
}

#[tokio::test]
async fn n078_sliding_ends_at_the_absolute_lifetime() {
    let world = short_lived().await;
    let mut token = member(&spa_tokens(&world).await, "refresh_token");
    for _ in 0..3 {
        world.pass(3599);
        token = member(&refresh(&world, &token).await, "refresh_token");
    }
    // 3 h less 3 s have passed.
    world.pass(2);
    token = member(&refresh(&world, &token).await, "refresh_token");
    world.pass(1);
    refresh(&world, &token).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n079_a_token_ends_with_the_instant_of_its_expiry() {
    for (wait, good) in [(3599, true), (3600, false), (3601, false), (1_000_000_000, false)] {
        let world = short_lived().await;
        let token = member(&spa_tokens(&world).await, "refresh_token");
        world.pass(wait);
        let answer = refresh(&world, &token).await;
        assert_eq!(answer.status, if good { 200 } else { 400 }, "{wait}: {answer:?}");
        if !good {
            answer.assert_token_error(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn n080_without_offline_access_there_is_none() {
    let (world, _) = people().await;
    world.single_page().await;
    let code = code(&world, &[("client_id", "spa"), ("scope", "openid profile")]).await;
    assert_eq!(redeem_for_spa(&world, &code, &[]).await.json().get("refresh_token"), None);
    let metadata = json!({
        "client_id": "once",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code"],
        "scope": "openid offline_access",
    });
    world.client(metadata).await;
    let mut browser = Browser::new();
    let asked = [("client_id", "once"), ("scope", "openid offline_access")];
    let page = browser.visit(&world, &with(&asked)).await;
    let consent = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    assert_eq!(consent.scopes(), ["openid"], "what can't be given is not asked for");
}

#[tokio::test]
async fn an_offline_grant_outlives_its_session_and_ends_with_the_password() {
    let (world, r1) = world_with_spa().await;
    world.pass(8 * 24 * 3600);
    let r2 = refresh(&world, &r1).await;
    assert_eq!(r2.status, 200, "no session lasts that long");
    let password = zeroize::Zeroizing::new("another password".to_owned());
    world.admin().set_password("alice", &world.app.passwords, password).await.unwrap();
    refresh(&world, &member(&r2, "refresh_token")).await.assert_token_error(400, "invalid_grant");
}
