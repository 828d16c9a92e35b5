//! `/introspect` and `/revoke`.

use super::requests::*;
use axum::body::Body;
use conformance::{Log, basic};
use http::{Method, Request};
use protocol::introspection::INACTIVE;
use serde_json::{Value, json};

/// A world where alice gave the single page application tokens for an API, and the API's server.
async fn world_with_api() -> (World, Party, Answer) {
    let (world, _) = people().await;
    let metadata = json!({
        "client_id": "spa",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile offline_access",
        "audiences": ["https://api.example"],
    });
    world.client(metadata).await;
    let api = world.client(json!({ "client_id": "api", "resources": ["https://api.example"] })).await;
    let tokens = spa_tokens(&world).await;
    (world, api, tokens)
}

async fn introspect(world: &World, who: &str, token: &str) -> Answer {
    world.send(form("/introspect", &[("token", token)]).with("authorization", &world.basic(who))).await
}

async fn is_active(world: &World, token: &str) -> bool {
    let answer = introspect(world, "api", token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["active"] == true
}

async fn revoke(world: &World, token: &str) -> Answer {
    world.send(form("/revoke", &[("token", token), ("client_id", "spa")])).await
}

#[tokio::test]
async fn n115_introspection_needs_client_authentication() {
    let (world, api, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    world.send(form("/introspect", &[("token", &access)])).await.assert_token_error(401, "invalid_client");
    let public = form("/introspect", &[("token", &access), ("client_id", "spa")]);
    world.send(public).await.assert_token_error(401, "invalid_client");
    let wrong = form("/introspect", &[("token", &access)]).with("authorization", &basic(api.id(), "wrong"));
    world.send(wrong).await.assert_token_error(401, "invalid_client");
    introspect(&world, "api", "").await.assert_token_error(400, "invalid_request");
}

#[tokio::test]
async fn an_active_token_is_introspected_by_its_client_and_its_audience_only() {
    let (world, _, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    let message = introspect(&world, "api", &access).await;
    conformance::assert_answer!("introspection", message);
    let other = world.client(json!({ "client_id": "other", "resources": ["https://two.example"] })).await;
    assert_eq!(introspect(&world, other.id(), &access).await.text(), INACTIVE);
    assert_eq!(introspect(&world, "rp", &access).await.text(), INACTIVE);
    let machine = world.machine().await;
    let own = world
        .send(form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic()))
        .await;
    let own = member(&own, "access_token");
    assert_eq!(introspect(&world, "machine", &own).await.json()["active"], true, "its own");
    assert_eq!(introspect(&world, "api", &own).await.json()["active"], true, "it is for the API");
    assert_eq!(introspect(&world, "other", &own).await.text(), INACTIVE);
}

#[tokio::test]
async fn a_refresh_token_is_introspected_by_its_own_client_only() {
    let (world, _) = people().await;
    let metadata =
        json!({ "client_id": "web", "redirect_uris": [REDIRECT], "scope": "openid offline_access" });
    world.client(metadata).await;
    let code = code(&world, &[("client_id", "web"), ("scope", "openid offline_access")]).await;
    let tokens = redeem_as(&world, "web", &code).await;
    let token = member(&tokens, "refresh_token");
    let message = introspect(&world, "web", &token).await.json();
    assert_eq!((&message["active"], &message["client_id"]), (&json!(true), &json!("web")));
    assert_eq!(introspect(&world, "rp", &token).await.text(), INACTIVE);
    world.pass(30 * 24 * 3600);
    assert_eq!(introspect(&world, "web", &token).await.text(), INACTIVE);
}

#[tokio::test]
async fn n117_inactive_tokens_get_the_same_answer() {
    let (world, _, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    let id_token = member(&tokens, "id_token");
    let mut texts: Vec<String> = ["x", "a.b.c", "kwr_x", "kwc_x"].map(str::to_owned).to_vec();
    texts.extend([id_token, format!("{access}x"), "y".repeat(8000)]);
    for token in &texts {
        assert_eq!(introspect(&world, "api", token).await.text(), INACTIVE);
    }
    // None of these cost a read; a token that was ours once costs one, whatever became of it.
    introspect(&world, "api", "x").await;
    world.counts.take();
    for token in &texts {
        introspect(&world, "api", token).await;
    }
    assert_eq!(world.counts.take(), (0, 0));
    let refresh = member(&tokens, "refresh_token");
    revoke(&world, &access).await;
    for token in [&access, &refresh] {
        world.counts.take();
        assert_eq!(introspect(&world, "api", token).await.text(), INACTIVE, "revoked, or another client's");
        assert_eq!(world.counts.take(), (1, 0));
    }
    let gone = member(&spa_tokens(&world).await, "access_token");
    assert!(is_active(&world, &gone).await);
    world.admin().delete_user("alice").await.unwrap();
    assert_eq!(introspect(&world, "api", &gone).await.text(), INACTIVE, "unknown by now");
    // Text larger than any parameter or any body is no token.
    introspect(&world, "api", &"z".repeat(12_000)).await.assert_token_error(400, "invalid_request");
    assert_eq!(introspect(&world, "api", &"z".repeat(1024 * 1024)).await.status, 413);
    world.pass(600);
    assert_eq!(introspect(&world, "api", &access).await.text(), INACTIVE, "expired");
}

#[tokio::test]
async fn n118_the_hint_changes_nothing() {
    let (world, _, tokens) = world_with_api().await;
    world.client(json!({ "client_id": "web", "redirect_uris": [REDIRECT] })).await;
    let code = code(&world, &[("client_id", "web"), ("scope", "openid offline_access")]).await;
    let webs = redeem_as(&world, "web", &code).await;
    let tokens = [
        ("api", member(&tokens, "access_token")),
        ("web", member(&webs, "access_token")),
        ("web", member(&webs, "refresh_token")),
    ];
    for hint in ["refresh_token", "access_token", "foo"] {
        for (who, token) in &tokens {
            let fields = [("token", token.as_str()), ("token_type_hint", hint)];
            let request = form("/introspect", &fields).with("authorization", &world.basic(who));
            let hinted = world.send(request).await;
            assert_eq!(hinted.json()["active"], true, "{hint}");
            assert_eq!(hinted.text(), introspect(&world, who, token).await.text());
        }
    }
}

#[tokio::test]
async fn n119_what_is_revoked_is_inactive_at_once() {
    let (world, _, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    // No answer is that of another token or another caller.
    let narrow = member(&spa_tokens_for(&world, "openid").await, "access_token");
    for _ in 0..2 {
        for (token, scope) in [(&access, "openid profile offline_access"), (&narrow, "openid")] {
            assert_eq!(introspect(&world, "api", token).await.json()["scope"], scope);
            assert_eq!(introspect(&world, "rp", token).await.text(), INACTIVE);
            assert_eq!(introspect(&world, "api", &token[..token.len() - 1]).await.text(), INACTIVE);
        }
    }
    assert!(is_active(&world, &access).await);
    assert_eq!(revoke(&world, &access).await.status, 200);
    assert!(!is_active(&world, &access).await);
    assert!(is_active(&world, &narrow).await);
}

#[tokio::test]
async fn n120_post_only_and_no_browser_code() {
    let (world, _, _) = world_with_api().await;
    for method in [Method::GET, Method::OPTIONS, Method::HEAD, Method::PUT] {
        let request = Request::builder().method(method).uri("/introspect").body(Body::empty()).unwrap();
        let answer = world.send(request.with("origin", "https://rp.example")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
        assert!(!answer.has("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn n121_only_its_own_client_revokes_a_token() {
    let (world, _, tokens) = world_with_api().await;
    let (access, refresh) = (member(&tokens, "access_token"), member(&tokens, "refresh_token"));
    for token in [&access, &refresh] {
        let other = form("/revoke", &[("token", token)]).with("authorization", &world.basic("rp"));
        assert_eq!(world.send(other).await.status, 200);
    }
    assert!(is_active(&world, &access).await);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("client_id", "spa")];
    assert_eq!(world.send(form("/token", &fields)).await.status, 200);
}

#[tokio::test]
async fn n122_revocation_needs_client_authentication() {
    let (world, _, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    world.send(form("/revoke", &[("token", &access)])).await.assert_token_error(401, "invalid_client");
    let wrong = form("/revoke", &[("token", &access)]).with("authorization", &basic("rp", "wrong"));
    world.send(wrong).await.assert_token_error(401, "invalid_client");
    revoke(&world, "").await.assert_token_error(400, "invalid_request");
    assert!(is_active(&world, &access).await);
}

#[tokio::test]
async fn n123_revoking_a_refresh_token_ends_the_grant_an_access_token_only_itself() {
    let (world, _, tokens) = world_with_api().await;
    let (access, refresh) = (member(&tokens, "access_token"), member(&tokens, "refresh_token"));
    revoke(&world, &access).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("client_id", "spa")];
    let again = world.send(form("/token", &fields)).await;
    assert_eq!(again.status, 200, "the refresh token is unaffected");
    let access = member(&again, "access_token");
    assert!(is_active(&world, &access).await);
    revoke(&world, &member(&again, "refresh_token")).await;
    assert!(!is_active(&world, &access).await);
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n125_text_that_is_no_token_is_answered_200() {
    let (world, _, tokens) = world_with_api().await;
    for token in ["x", "kwr_x", "a.b.c"] {
        let fields = [("token", token), ("token_type_hint", "foo"), ("client_id", "spa")];
        assert_eq!(world.send(form("/revoke", &fields)).await.status, 200);
    }
    let access = member(&tokens, "access_token");
    let fields = [("token", access.as_str()), ("token_type_hint", "foo"), ("client_id", "spa")];
    assert_eq!(world.send(form("/revoke", &fields)).await.status, 200);
    assert!(!is_active(&world, &access).await, "and a token is revoked, whatever it is called");
}

#[tokio::test]
async fn n126_a_hundred_revocations_are_one() {
    let (world, _, tokens) = world_with_api().await;
    let (world, log) = (std::sync::Arc::new(world), Log::open());
    for (member_name, event) in [("access_token", "token.revoked"), ("refresh_token", "grant.revoked")] {
        let token = member(&tokens, member_name);
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (world, token) = (world.clone(), token.clone());
                tokio::spawn(async move { revoke(&world, &token).await.status.as_u16() })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 200);
        }
        assert_eq!(log.event(event)["client"], "spa", "one change, one event");
    }
}

#[tokio::test]
async fn budgets_of_introspection_and_revocation_hold() {
    let (world, _, tokens) = world_with_api().await;
    let (access, refresh) = (member(&tokens, "access_token"), member(&tokens, "refresh_token"));
    is_active(&world, &access).await;
    world.counts.take();
    is_active(&world, &access).await;
    assert_eq!(world.counts.take(), (1, 0), "introspection");
    introspect(&world, "api", "garbage").await;
    assert_eq!(world.counts.take(), (0, 0), "garbage is refused before any read");
    revoke(&world, &access).await;
    assert_eq!(world.counts.take(), (0, 1), "an access token");
    revoke(&world, &refresh).await;
    assert_eq!(world.counts.take(), (1, 1), "a grant");
}

#[tokio::test]
async fn a_disabled_client_has_no_active_tokens() {
    let (world, _, tokens) = world_with_api().await;
    let access = member(&tokens, "access_token");
    let machine = world.machine().await;
    let own = form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic());
    let own = member(&world.send(own).await, "access_token");
    assert!(is_active(&world, &access).await && is_active(&world, &own).await);
    world.pass(1);
    for client in ["spa", "machine"] {
        world.admin().set_client_disabled(client, true).await.unwrap();
    }
    world.app.distrust_caches();
    assert!(!is_active(&world, &access).await && !is_active(&world, &own).await);
    world.pass(1);
    for client in ["spa", "machine"] {
        world.admin().set_client_disabled(client, false).await.unwrap();
    }
    world.app.distrust_caches();
    assert!(!is_active(&world, &access).await && !is_active(&world, &own).await, "for good");
}

#[tokio::test]
async fn names_and_addresses_are_not_revealed() {
    let (world, _, tokens) = world_with_api().await;
    let message: Value = introspect(&world, "api", &member(&tokens, "access_token")).await.json();
    let names: Vec<&String> = message.as_object().unwrap().keys().collect();
    assert!(!names.iter().any(|name| name.contains("name") || name.contains("mail")), "{names:?}");
}
