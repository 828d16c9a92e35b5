//! What most tests here begin with: a server on DynamoDB whose calls are recorded and can fail, and requests to it.

pub(crate) use crate::cases::requests::{CHALLENGE, REDIRECT, VERIFIER, member, redemption_for_spa};
pub(crate) use axum::body::Body;
pub(crate) use conformance::{Answer, Browser, Harness, PASSWORD, Party, With as _, World, form, get, query};
pub(crate) use http::Request;
pub(crate) use std::sync::Arc;
pub(crate) use storage::contract::local_aws;
pub(crate) use storage::contract::wire::{Mishap, Wire};

/// A server on DynamoDB, the connection to it, alice, and a public client that may refresh.
pub(crate) async fn wired() -> (World, Wire) {
    let wire = Wire::new();
    let store = local_aws::empty_over(Some(wire.client())).await.unwrap();
    let world = World::on(Arc::new(store), Harness::DynamoDb, &[("KEYWARD_SIGNUP", "open")]).await;
    world.alice().await;
    world.single_page().await;
    // The client's record is in the cache, as it is nearly always.
    Browser::new().visit(&world, &request()).await;
    wire.take();
    (world, wire)
}

/// An authorization request of the public client.
pub(crate) fn request() -> String {
    request_of("spa", "openid profile offline_access")
}

pub(crate) fn request_of(client: &str, scope: &str) -> String {
    let pairs = [
        ("client_id", client),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", scope),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("nonce", "0123456789012345678901234567890123456789012"),
    ];
    format!("/authorize?{}", query(&pairs))
}

pub(crate) fn redeem(code: &str) -> Request<Body> {
    redemption_for_spa(code, &[])
}

pub(crate) fn refresh(tokens: &Answer) -> Request<Body> {
    let token = member(tokens, "refresh_token");
    form("/token", &[("grant_type", "refresh_token"), ("refresh_token", &token), ("client_id", "spa")])
}

pub(crate) fn userinfo(tokens: &Answer) -> Request<Body> {
    get("/userinfo").with("authorization", &format!("Bearer {}", member(tokens, "access_token")))
}

pub(crate) fn revoke(token: &str) -> Request<Body> {
    form("/revoke", &[("token", token), ("client_id", "spa")])
}

pub(crate) fn logout(tokens: &Answer) -> String {
    format!("/logout?{}", query(&[("id_token_hint", &member(tokens, "id_token"))]))
}

pub(crate) fn code(answer: &Answer) -> String {
    answer.to_client().get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// A client, and its token request by client_credentials.
pub(crate) async fn machine(world: &World) -> (Party, impl Fn() -> Request<Body>) {
    let party = world.machine().await;
    let header = party.basic();
    let ask = move || {
        form("/token", &[("grant_type", "client_credentials")]).with("authorization", header.as_str())
    };
    (party, ask)
}
