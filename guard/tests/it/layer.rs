//! The layer in front of an axum router: what gets through, and what the others are told.

use crate::fixture::{API, ISSUER, JWKS, METADATA, NOW, World};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use keyward_guard::{Caller, FetchError, Guard, Require, ResourceMetadata, role};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct Tenant {
    tenant: String,
}

fn router(world: &World) -> Router {
    let metadata = ResourceMetadata::new(API, ISSUER).scopes(["orders:read"]);
    let guard = Guard::new(world.verifier.clone()).described_by(&metadata);
    let named = async |caller: Caller| caller.subject().to_owned();
    let typed = async |caller: Caller<Tenant>| caller.claims.tenant;
    let by_method = Require::all(["orders:read"]).on(Method::POST, Require::all(["orders:write"]));
    let recent = Require::token().acr(["mfa"]).max_age(Duration::from_secs(300));
    Router::new()
        .route("/any-token", get(named).layer(guard.layer(Require::token())))
        .route("/all", get(named).layer(guard.scopes(["orders:read", "orders:write"])))
        .route("/any", get(named).layer(guard.layer(Require::any(["orders:write".into(), role("manager")]))))
        .route("/orders", get(named).post(named).layer(guard.layer(by_method)))
        .route("/recent", get(named).layer(guard.layer(recent)))
        .route("/typed", get(typed).layer(guard.layer(Require::token())))
        .route("/forgotten", get(named))
        .route(&metadata.path(), get(metadata))
}

/// Status, challenge and body of the response to a request with these headers.
async fn send(world: &World, method: Method, path: &str, headers: &[&str]) -> (StatusCode, String, String) {
    let mut request = Request::builder().method(method).uri(path);
    for header in headers {
        request = request.header("authorization", *header);
    }
    let response = router(world).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 10_000).await.unwrap();
    let challenge = head.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap());
    (head.status, challenge.to_owned(), String::from_utf8(body.to_vec()).unwrap())
}

async fn called(world: &World, method: Method, path: &str, claims: Value) -> (StatusCode, String) {
    let (status, challenge, body) =
        send(world, method, path, &[&format!("Bearer {}", world.token(claims))]).await;
    assert_eq!(status == StatusCode::OK, challenge.is_empty());
    (status, if status == StatusCode::OK { body } else { challenge })
}

const METADATA_URL: &str =
    r#"resource_metadata="https://orders.example/.well-known/oauth-protected-resource""#;

#[tokio::test]
async fn a_sufficient_token_reaches_the_handler() {
    let world = World::new();
    let ok = (StatusCode::OK, "user-1".to_owned());
    assert_eq!(called(&world, Method::GET, "/any-token", json!({ "scope": null })).await, ok);
    assert_eq!(called(&world, Method::GET, "/all", json!({ "scope": "orders:write orders:read" })).await, ok);
    assert_eq!(called(&world, Method::GET, "/any", json!({ "roles": ["manager"] })).await, ok);
    assert_eq!(called(&world, Method::GET, "/orders", json!({})).await, ok);
    assert_eq!(called(&world, Method::HEAD, "/orders", json!({})).await.0, StatusCode::OK);
    assert_eq!(called(&world, Method::POST, "/orders", json!({ "scope": "orders:write" })).await, ok);
    let token = format!("bEARER  {}", world.token(json!({})));
    assert_eq!(send(&world, Method::GET, "/any-token", &[&token]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which() {
    let world = World::new();
    for (method, path, scope) in [
        (Method::GET, "/all", "orders:read orders:write"),
        (Method::GET, "/any", "orders:write"),
        (Method::POST, "/orders", "orders:write"),
    ] {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}", {METADATA_URL}"#);
        assert_eq!(called(&world, method, path, json!({})).await, (StatusCode::FORBIDDEN, challenge));
    }
    let (status, _) = called(&world, Method::HEAD, "/orders", json!({ "scope": "orders:write" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_invalid_token_is_told_so_and_nothing_of_it_is_repeated() {
    let world = World::new();
    let challenge = format!(r#"Bearer error="invalid_token", {METADATA_URL}"#);
    let markup = r#"x", error="insufficient_scope"#;
    for claims in
        [json!({ "exp": NOW - 100 }), json!({ "iss": markup }), json!({ "aud": markup, "sub": markup })]
    {
        assert_eq!(
            called(&world, Method::GET, "/all", claims).await,
            (StatusCode::UNAUTHORIZED, challenge.clone())
        );
    }
    let (status, told, body) = send(&world, Method::GET, "/all", &["Bearer abc"]).await;
    assert_eq!((status, told, body), (StatusCode::UNAUTHORIZED, challenge, String::new()));
}

#[tokio::test]
async fn without_a_token_there_is_no_error_code() {
    let world = World::new();
    for headers in [&[][..], &["Basic YTpi"], &["Negotiate"], &["DPoP abc"]] {
        let answer = send(&world, Method::GET, "/all", headers).await;
        assert_eq!(answer, (StatusCode::UNAUTHORIZED, format!("Bearer {METADATA_URL}"), String::new()));
    }
    let token = format!("Bearer {}", world.token(json!({})));
    for headers in
        [&[token.as_str(), token.as_str()][..], &["Bearer"], &["Bearer "], &["Bearer a b"], &["Bearer a,b"]]
    {
        let (status, challenge, _) = send(&world, Method::GET, "/any-token", headers).await;
        let expected = format!(r#"Bearer error="invalid_request", {METADATA_URL}"#);
        assert_eq!((status, challenge), (StatusCode::BAD_REQUEST, expected), "{headers:?}");
    }
}

#[tokio::test]
async fn a_user_who_has_to_sign_in_again_is_told_how() {
    // RFC 9470 §3.
    let world = World::new();
    let challenge = format!(
        r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="300", {METADATA_URL}"#
    );
    for claims in [
        json!({}),
        json!({ "acr": "mfa", "auth_time": NOW - 301 }),
        json!({ "acr": "mfa" }),
        json!({ "acr": "pwd", "auth_time": NOW }),
    ] {
        assert_eq!(
            called(&world, Method::GET, "/recent", claims).await,
            (StatusCode::UNAUTHORIZED, challenge.clone())
        );
    }
    let claims = json!({ "acr": "mfa", "auth_time": NOW - 300 });
    assert_eq!(called(&world, Method::GET, "/recent", claims).await.0, StatusCode::OK);
}

#[tokio::test]
async fn claims_have_the_handlers_type() {
    let world = World::new();
    let answer = called(&world, Method::GET, "/typed", json!({ "tenant": "acme" })).await;
    assert_eq!(answer, (StatusCode::OK, "acme".to_owned()));
    let (status, challenge) = called(&world, Method::GET, "/typed", json!({ "tenant": 1 })).await;
    assert_eq!((status, challenge.as_str()), (StatusCode::UNAUTHORIZED, r#"Bearer error="invalid_token""#));
}

#[tokio::test]
async fn a_handler_without_the_layer_never_runs() {
    let world = World::new();
    let token = format!("Bearer {}", world.token(json!({})));
    let (status, ..) = send(&world, Method::GET, "/forgotten", &[&token]).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_the_callers_fault() {
    let world = World::new();
    world.net.answer(METADATA, Err(FetchError::Late));
    world.net.answer(JWKS, Err(FetchError::Late));
    let token = format!("Bearer {}", world.token(json!({})));
    let answer = send(&world, Method::GET, "/all", &[&token]).await;
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, String::new(), String::new()));
}

#[tokio::test]
async fn the_metadata_needs_no_token() {
    let (status, _, body) =
        send(&World::new(), Method::GET, "/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!(status, StatusCode::OK);
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&document["resource"], &document["authorization_servers"][0]), (&json!(API), &json!(ISSUER)));
}
