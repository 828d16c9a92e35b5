//! When a user is asked to sign in or to agree, and which user.

use super::requests::*;

#[tokio::test]
async fn n021_prompt_none_never_shows_a_page() {
    let (world, _) = people().await;
    assert_error_to_client(&world, &[("prompt", "none")], "login_required").await;
    for prompt in ["none login", "none consent", "xyz", "login  consent"] {
        assert_error_to_client(&world, &[("prompt", prompt)], "invalid_request").await;
    }
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let silent = browser.visit(&world, &with(&[("prompt", "none")])).await;
    assert!(silent.to_client().get("code").is_some());
    let more = browser.visit(&world, &with(&[("prompt", "none"), ("scope", "openid email")])).await;
    more.assert_error_redirect(REDIRECT, ISSUER, "consent_required", Some("s"));
}

#[tokio::test]
async fn n022_prompt_login_needs_a_sign_in_of_its_own() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let before = browser.cookie("kw-s-").unwrap().to_owned();
    world.pass(60);
    let started_at = conformance::BEGIN.seconds() + 60;
    let page = browser.visit(&world, &with(&[("prompt", "login")])).await;
    assert!(page.is_page("Sign in"));
    // Going back, or straight to the consent page, does not help.
    let consent = format!("/consent?r={}", page.field("r"));
    assert!(browser.visit(&world, &consent).await.is_page("Sign in"));
    world.pass(5);
    let answer = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    let code = answer.to_client().get("code").unwrap().to_owned();
    let tokens = redeem(&world, &code).await;
    assert!(tokens.claims("id_token")["auth_time"].as_u64().unwrap() >= started_at);
    // A sign-in replaces the secret of the session: the cookie from before is dead.
    browser.set_cookie("kw-s-", &before);
    let silent = browser.visit(&world, &with(&[("prompt", "none")])).await;
    silent.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
}

#[tokio::test]
async fn n022_an_older_session_of_another_browser_does_not_do() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    world.pass(120);
    for demand in [("prompt", "login"), ("max_age", "1"), ("max_age", "0"), ("max_age", "120")] {
        // Started without a session, and continued with one.
        let r = Browser::new().visit(&world, &with(&[demand])).await.field("r");
        let page = browser.visit(&world, &format!("/consent?r={r}")).await;
        assert!(page.is_page("Sign in"), "{demand:?}");
    }
    let r = Browser::new().visit(&world, &with(&[("max_age", "121")])).await.field("r");
    let answer = browser.visit(&world, &format!("/consent?r={r}")).await;
    assert!(answer.to_client().get("code").is_some(), "young enough");
}

#[tokio::test]
async fn n023_max_age_is_seconds_and_counts() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    world.pass(2);
    for age in ["0", "1"] {
        assert!(browser.visit(&world, &with(&[("max_age", age)])).await.is_page("Sign in"), "{age}");
    }
    assert!(browser.visit(&world, &with(&[("max_age", "3")])).await.to_client().get("code").is_some());
    for age in ["-1", "abc", "99999999999999999999", "1.5", "+1", " 1"] {
        assert_error_to_client(&world, &[("max_age", age)], "invalid_request").await;
    }
}

#[tokio::test]
async fn max_age_is_decided_once_at_the_start() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let consent = browser.visit(&world, &with(&[("max_age", "10"), ("prompt", "consent")])).await;
    world.pass(600);
    let answer = browser.consent(&world, &consent, "approve").await;
    assert!(answer.to_client().get("code").is_some(), "reading took long, signing in did not");
}

#[tokio::test]
async fn n034_clients_without_a_secret_are_asked_about_each_time() {
    let (world, _) = people().await;
    let native = json!({
        "client_id": "app",
        "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb", REDIRECT],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    });
    world.client(native).await;
    let at = |uri: &'static str| [("client_id", "app"), ("redirect_uri", uri)];
    let silently = |uri| with(&[at(uri).as_slice(), &[("prompt", "none")]].concat());
    let mut browser = Browser::new();
    assert!(browser.authorize(&world, &with(&at("http://127.0.0.1:5000/cb"))).await.status == 303);
    for uri in ["http://127.0.0.1:6666/cb", "http://127.0.0.1:5000/cb", "com.example.app:/cb"] {
        let answer = browser.visit(&world, &silently(uri)).await;
        answer.assert_error_redirect(uri, ISSUER, "consent_required", Some("s"));
    }
    assert!(browser.visit(&world, &silently(REDIRECT)).await.to_client().get("code").is_some());
}

#[tokio::test]
async fn n034_only_confidential_first_party_clients_skip_consent() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "own", "redirect_uris": [REDIRECT], "first_party": true })).await;
    let native = json!({
        "client_id": "app",
        "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"],
        "first_party": true,
        "application_type": "native",
    });
    world.client(native).await;
    let public =
        json!({ "client_id": "spa", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    world.client(public).await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let own = browser.visit(&world, &with(&[("client_id", "own")])).await;
    assert!(own.to_client().get("code").is_some());
    let asks = |answer: &Answer| answer.status == 200 && answer.text().contains("consent-approve");
    assert!(asks(&browser.visit(&world, &with(&[("client_id", "own"), ("prompt", "consent")])).await));
    assert!(asks(&browser.visit(&world, &with(&[("client_id", "spa")])).await));
    for uri in ["com.example.app:/cb", "http://127.0.0.1:51004/cb"] {
        assert!(
            asks(&browser.visit(&world, &with(&[("client_id", "app"), ("redirect_uri", uri)])).await),
            "{uri}"
        );
    }
    let registration = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "first_party": true, "client_name": "x" });
    let refused = world
        .admin()
        .create_client(&serde_json::from_value(registration).unwrap(), &world.app.settings)
        .await;
    assert!(refused.is_err_and(|error| error.to_string().contains("first-party")));
}

#[tokio::test]
async fn hints_lead_to_the_right_user_or_to_an_error() {
    let (world, _) = people().await;
    world.user("bob", None, json!({})).await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[("login_hint", "alice")])).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let hint = tokens.json()["id_token"].as_str().unwrap().to_owned();
    let own = browser.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await;
    assert!(own.to_client().get("code").is_some());
    world.pass(3 * 3600);
    let expired = browser.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await;
    assert!(expired.to_client().get("code").is_some(), "a hint may be expired");
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    for wrong in ["x", &access, &hint[..hint.len() - 4]] {
        assert_error_to_client(&world, &[("id_token_hint", wrong)], "invalid_request").await;
    }
    // Another user is signed in: a sign-in is asked for, and only the user of the hint will do.
    let mut other = Browser::new();
    let page = other.visit(&world, &with(&[])).await;
    other.sign_in(&world, &page, "bob", conformance::PASSWORD).await;
    other.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    let page = other.visit(&world, &with(&[("id_token_hint", &hint)])).await;
    assert!(page.is_page("Sign in"));
    other.sign_in(&world, &page, "bob", conformance::PASSWORD).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
}
