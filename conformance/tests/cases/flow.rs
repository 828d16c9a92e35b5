//! Whole flows, of a user and of a client for itself, as snapshots of whole answers.

use super::requests::*;
use conformance::{Log, PASSWORD, assert_answer, get};
use serde_json::json;

#[tokio::test]
async fn a_user_signs_in_and_the_client_gets_the_tokens() {
    let (world, party) = people().await;
    let mut browser = Browser::new();
    let request = with(&[("scope", "openid profile email"), ("nonce", "n")]);
    let login = browser.visit(&world, &request).await;
    assert!(login.is_page("Sign in"), "{login:?}");
    let consent = browser.sign_in(&world, &login, "Alice", conformance::PASSWORD).await;
    assert_eq!(consent.scopes(), ["openid", "profile", "email"]);
    let answer = browser.consent(&world, &consent, "approve").await;
    assert_answer!("authorization_response", answer);

    let code = answer.to_client().get("code").unwrap().to_owned();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = world.send(form("/token", &fields).with("authorization", &party.basic())).await;
    assert_answer!("token_response", tokens);

    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await;
    assert_answer!("userinfo", userinfo);
}

#[tokio::test]
async fn no_secret_that_was_issued_is_in_the_log() {
    let (world, _) = people().await;
    let web = json!({ "client_id": "web", "redirect_uris": [REDIRECT], "scope": "openid offline_access" });
    let (web, log, mut browser) = (world.client(web).await, Log::open(), Browser::new());
    let request =
        with(&[("client_id", "web"), ("scope", "openid offline_access"), ("state", "my-own-state")]);
    let code = browser.authorize(&world, &request).await.to_client().get("code").unwrap().to_owned();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = world.send(form("/token", &fields).with("authorization", &web.basic())).await;
    let [access, refresh, id] =
        ["access_token", "refresh_token", "id_token"].map(|name| member(&tokens, name));
    userinfo_status(&world, &access).await;
    for path in ["/introspect", "/revoke"] {
        let asked = form(path, &[("token", &refresh)]).with("authorization", &web.basic());
        assert_eq!(world.send(asked).await.status, 200);
    }
    redeem(&world, &code).await;
    let [session, binding] = ["kw-s-", "kw-b-"].map(|part| browser.cookie(part).unwrap());
    let text = log.text();
    assert!(log.events("code.redeemed").len() == 1 && text.contains("/token"), "it was written: {text}");
    for secret in
        [&code, &access, &refresh, &id, session, binding, &web.secret, VERIFIER, PASSWORD, "my-own-state"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_machine_gets_a_token() {
    let world = World::new(crate::HARNESS).await;
    let machine = world.machine().await;
    let fields = [("grant_type", "client_credentials"), ("scope", "read")];
    let answer = world.send(form("/token", &fields).with("authorization", &machine.basic())).await;
    assert_answer!("client_credentials", answer);
}

#[tokio::test]
async fn pages_and_documents() {
    let (world, _) = people().await;
    let login = Browser::new().visit(&world, &with(&[])).await;
    let text = String::from_utf8(login.body.clone()).unwrap();
    assert!(!text.contains("<script"), "works without scripts");
    let metadata = world.send(get("/.well-known/openid-configuration")).await;
    assert_answer!("metadata", metadata);
    let error = Answer { body: Vec::new(), ..without_nonce(&world).await };
    assert_answer!("error_page_headers", error);
}

/// The headers of an error page without its nonce.
async fn without_nonce(world: &World) -> Answer {
    let mut answer = world.send(get("/authorize")).await;
    let policy = answer.header("content-security-policy").to_owned();
    let nonce = policy.split("nonce-").nth(1).unwrap().split('\'').next().unwrap();
    let stable = policy.replace(nonce, "(nonce)").parse().unwrap();
    answer.headers.insert("content-security-policy", stable);
    answer
}
