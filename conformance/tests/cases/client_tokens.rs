//! What a client chooses about its tokens: lifetimes and the type of its access tokens.

use super::refresh::refresh;
use super::requests::*;
use conformance::header;
use serde_json::{Value, json};
use server::config::Settings;
use std::time::Duration;

/// A world with alice and two public clients: `spa`, with these choices, and `plain`.
async fn world_with(choices: Value) -> World {
    let (world, _) = people().await;
    for (id, choices) in [("spa", choices), ("plain", json!({}))] {
        world.client(public(id, choices)).await;
    }
    world
}

fn public(id: &str, choices: Value) -> Value {
    let mut metadata = json!({
        "client_id": id,
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile offline_access",
    });
    metadata.as_object_mut().unwrap().extend(choices.as_object().cloned().unwrap());
    metadata
}

/// How long an access token says that it lives, which is what the answer says.
fn lifetime(answer: &Answer) -> u64 {
    let claims = answer.claims("access_token");
    let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(answer.json()["expires_in"], lifetime);
    lifetime
}

#[tokio::test]
async fn access_tokens_live_as_long_as_their_client_chose() {
    let world = world_with(json!({ "access_token_ttl": "2h" })).await;
    let tokens = spa_tokens(&world).await;
    let refreshed = refresh(&world, &member(&tokens, "refresh_token")).await;
    assert_eq!((lifetime(&tokens), lifetime(&refreshed)), (7200, 7200));
    let id_token = tokens.claims("id_token");
    assert_eq!(id_token["exp"].as_u64().unwrap() - id_token["iat"].as_u64().unwrap(), 3600, "as before");
    let machine = json!({ "client_id": "worker", "scope": "read", "access_token_ttl": 30 });
    world.client(machine).await;
    let asked = form("/token", &[("grant_type", "client_credentials")]);
    let own = world.send(asked.with("authorization", &world.basic("worker"))).await;
    assert_eq!(lifetime(&own), 30);
    let access = member(&tokens, "access_token");
    for (wait, status) in [(7199, 200), (1, 401)] {
        world.pass(wait);
        assert_eq!(userinfo_status(&world, &access).await, status);
    }
}

#[tokio::test]
async fn a_token_without_a_refresh_lives_on_when_its_session_has_ended_by_itself() {
    let settings = [("KEYWARD_SESSION_ABSOLUTE_TTL", "1h"), ("KEYWARD_SESSION_IDLE_TTL", "1h")];
    let world = World::with(crate::HARNESS, &settings).await;
    world.alice().await;
    world.client(public("spa", json!({ "access_token_ttl": "3h" }))).await;
    let tokens = spa_tokens(&world).await;
    world.pass(3 * 3600 - 1);
    assert_eq!(
        userinfo_status(&world, &member(&tokens, "access_token")).await,
        200,
        "its grant is kept as long"
    );
}

#[tokio::test]
async fn refresh_tokens_stay_idle_as_long_as_their_client_chose() {
    let world = world_with(json!({ "refresh_token_idle_ttl": 3600 })).await;
    let mut token = member(&spa_tokens(&world).await, "refresh_token");
    for _ in 0..3 {
        world.pass(3599);
        token = member(&refresh(&world, &token).await, "refresh_token");
    }
    world.pass(3600);
    refresh(&world, &token).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn no_token_outlives_the_key_that_verifies_it() {
    let settings = [("KEYWARD_KEY_RETIRE_AFTER", "2h"), ("KEYWARD_REFRESH_TOKEN_IDLE_TTL", "1d")];
    let settings = [&settings[..], &[("KEYWARD_REFRESH_TOKEN_ABSOLUTE_TTL", "2d")]].concat();
    let world = World::with(crate::HARNESS, &settings).await;
    world.alice().await;
    let register = async |settings: &Settings, choices| {
        let registration = serde_json::from_value(public("spa", choices)).unwrap();
        world
            .admin()
            .create_client(&registration, settings)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let name = json!("A client");
    for (choices, said) in [
        (
            json!({ "client_name": name, "access_token_ttl": 3601 }),
            "access_token_ttl is at most 1h on this server",
        ),
        (
            json!({ "client_name": name, "refresh_token_idle_ttl": "3d" }),
            "refresh_token_idle_ttl is at most 2d",
        ),
    ] {
        let refused = register(&world.app.settings, choices).await.unwrap_err();
        assert!(refused.starts_with(said), "{refused}");
    }
    // Registered when keys were published for longer.
    let before =
        Settings { key_retire_after: Duration::from_secs(48 * 3600), ..(*world.app.settings).clone() };
    register(&before, json!({ "client_name": name, "access_token_ttl": "24h" })).await.unwrap();
    assert_eq!(lifetime(&spa_tokens(&world).await), 3600);
}

#[tokio::test]
async fn access_tokens_may_have_the_type_of_any_jwt() {
    let world = world_with(json!({ "token_typ": "JWT", "audiences": ["https://api.example"] })).await;
    let tokens = spa_tokens(&world).await;
    let (access, id_token) = (member(&tokens, "access_token"), member(&tokens, "id_token"));
    assert_eq!(header(&access)["typ"], "JWT");
    let machine = json!({ "client_id": "worker", "scope": "read", "token_typ": "JWT" });
    world.client(machine).await;
    let asked = form("/token", &[("grant_type", "client_credentials")]);
    let own = world.send(asked.with("authorization", &world.basic("worker"))).await;
    assert_eq!(header(&member(&own, "access_token"))["typ"], "JWT");
    // It works where one of RFC 9068 works, and nowhere else.
    assert_eq!(userinfo_status(&world, &access).await, 200);
    world.client(json!({ "client_id": "api", "resources": ["https://api.example"] })).await;
    let introspect = async |token: &str| {
        let asked = form("/introspect", &[("token", token)]).with("authorization", &world.basic("api"));
        world.send(asked).await.json()["active"] == true
    };
    assert!(introspect(&access).await);
    // RFC 9068 §5, RFC 8725 §3.12: neither passes for the other.
    assert_eq!(userinfo_status(&world, &id_token).await, 401);
    assert!(!introspect(&id_token).await);
    let mut browser = Browser::new();
    let hinted = |token: &str| with(&[("client_id", "spa"), ("id_token_hint", token), ("prompt", "none")]);
    for (token, code) in [(&access, "invalid_request"), (&id_token, "login_required")] {
        let answer = browser.get(&world, &hinted(token)).await;
        assert_eq!(answer.to_client().get("error"), Some(code), "{answer:?}");
    }
    let logout = browser.get(&world, &format!("/logout?id_token_hint={access}")).await;
    logout.assert_error_page(400, "invalid_request");
    let revoked = world.send(form("/revoke", &[("token", &access), ("client_id", "spa")])).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(userinfo_status(&world, &access).await, 401);
}

#[tokio::test]
async fn an_access_token_is_no_hint_whatever_its_audience() {
    // Its audience is its client's id, so that it looks like an ID token in everything but `client_id`.
    let (world, _) = people().await;
    // Such an audience is not registered any more, but there may be one that was.
    let party = world.client(public("urn:spa", json!({ "token_typ": "JWT", "scope": "profile" }))).await;
    let mut earlier = party.client.clone();
    earlier.audiences = vec![party.id().into()];
    earlier.revision += 1;
    let admin = world.admin();
    assert!(admin.store.replace_client(&earlier, admin.call).await.unwrap().is_done());
    let code = code(&world, &[("client_id", party.id()), ("scope", "profile")]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", conformance::VERIFIER),
        ("client_id", party.id()),
    ];
    let access = member(&world.send(form("/token", &fields)).await, "access_token");
    assert_eq!(conformance::claims(&access)["aud"], party.id());
    let logout = Browser::new().get(&world, &format!("/logout?id_token_hint={access}")).await;
    logout.assert_error_page(400, "invalid_request");
}
