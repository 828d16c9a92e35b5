//! How a family begins: a user signs in at a public client.

use conformance::{Answer, Browser, CHALLENGE, PASSWORD, VERIFIER, World, form, query};
use serde_json::json;

const REDIRECT: &str = "https://spa.example/cb";

/// How many families one user has: fewer than the grants a user can have with one client.
const OF_A_PERSON: usize = 50;

/// The first refresh tokens of this many families, all of the client `spa`.
pub(crate) async fn sign_in(world: &World, families: usize) -> Vec<String> {
    let metadata = json!({
        "client_id": "spa",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "scope": "profile offline_access",
    });
    world.client(metadata).await;
    let mut tokens = Vec::with_capacity(families);
    while tokens.len() < families {
        let name = format!("person-{}", tokens.len());
        world.user(&name, None, json!({})).await;
        let mut browser = Browser::new();
        let page = browser.visit(world, "/account").await;
        browser.sign_in(world, &page, &name, PASSWORD).await;
        for _ in 0..OF_A_PERSON.min(families - tokens.len()) {
            tokens.push(begin(world, &mut browser).await);
        }
    }
    tokens
}

async fn begin(world: &World, browser: &mut Browser) -> String {
    let request = [
        ("client_id", "spa"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "profile offline_access"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let answer = browser.authorize(world, &format!("/authorize?{}", query(&request))).await;
    let code = answer.to_client().get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    refresh_token(&world.send(form("/token", &fields)).await)
}

/// Presents a refresh token.
pub(crate) async fn refresh(world: &World, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
    world.send(form("/token", &fields)).await
}

/// The refresh token of an answer.
pub(crate) fn refresh_token(answer: &Answer) -> String {
    answer.json()["refresh_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}
