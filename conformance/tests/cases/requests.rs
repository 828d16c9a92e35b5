//! What most cases begin with: a server with a client and a user, a request that passes, and the ways to its tokens.

use axum::body::Body;
pub(crate) use conformance::{
    Answer, Browser, CHALLENGE, Party, REDIRECT, VERIFIER, With as _, World, form, query,
};
use http::Request;

/// Lets everything else run until a condition is true. The time-out is far longer than anything that works takes, so
/// that a broken case fails instead of hanging.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let patience = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    assert!(patience.await.is_ok(), "the condition never became true");
}

/// A world with the relying party and alice.
pub(crate) async fn people() -> (World, Party) {
    let world = World::new(crate::HARNESS).await;
    let party = world.relying_party().await;
    world.alice().await;
    (world, party)
}

pub(crate) const ISSUER: &str = "https://op.example";

/// A request that passes.
pub(crate) const GOOD: [(&str, &str); 7] = [
    ("client_id", "rp"),
    ("redirect_uri", REDIRECT),
    ("response_type", "code"),
    ("scope", "openid"),
    ("state", "s"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The valid request with parameters changed, added, or (by an empty value) left out.
pub(crate) fn with(changes: &[(&str, &str)]) -> String {
    let kept = GOOD.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let pairs: Vec<_> = kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect();
    format!("/authorize?{}", query(&pairs))
}

/// What the client gets for a request after alice signed in and agreed.
pub(crate) async fn authorized(world: &World, changes: &[(&str, &str)]) -> Answer {
    Browser::new().authorize(world, &with(changes)).await
}

/// A code for alice, by the valid request with these changes.
pub(crate) async fn code(world: &World, changes: &[(&str, &str)]) -> String {
    let answer = authorized(world, changes).await;
    answer.to_client().get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Redeems the relying party's code.
pub(crate) async fn redeem(world: &World, code: &str) -> Answer {
    redeem_as(world, "rp", code).await
}

/// Redeems a code of a client with a secret.
pub(crate) async fn redeem_as(world: &World, client: &str, code: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    world.send(form("/token", &fields).with("authorization", &world.basic(client))).await
}

/// The whole sign-in of alice at a public client, with a refresh token.
pub(crate) async fn spa_tokens(world: &World) -> Answer {
    spa_tokens_for(world, "openid profile offline_access").await
}

pub(crate) async fn spa_tokens_for(world: &World, scope: &str) -> Answer {
    let code = code(world, &[("client_id", "spa"), ("scope", scope)]).await;
    let answer = redeem_for_spa(world, &code, &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Redeems the public client's code.
pub(crate) async fn redeem_for_spa(world: &World, code: &str, more: &[(&str, &str)]) -> Answer {
    world.send(redemption_for_spa(code, more)).await
}

/// The request that redeems the public client's code.
pub(crate) fn redemption_for_spa(code: &str, more: &[(&str, &str)]) -> Request<Body> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    form("/token", &[&fields[..], more].concat())
}

/// A member of a JSON answer, as text.
pub(crate) fn member(answer: &Answer, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", answer.text())).to_owned()
}

/// The status of `/userinfo` for an access token.
pub(crate) async fn userinfo_status(world: &World, access: &str) -> u16 {
    let request = conformance::get("/userinfo").with("authorization", &format!("Bearer {access}"));
    world.send(request).await.status.as_u16()
}
