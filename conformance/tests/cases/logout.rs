//! `/logout`.

use super::requests::*;
use conformance::{FORM, PASSWORD, get, post};
use serde_json::json;

const AFTER: &str = "https://rp.example/bye";

/// A signed-in browser, the relying party with a post-logout redirect URI, and alice's ID token.
async fn signed_in() -> (World, Browser, String) {
    let world = World::new(crate::HARNESS).await;
    let metadata = json!({
        "client_id": "rp",
        "redirect_uris": [REDIRECT],
        "post_logout_redirect_uris": [AFTER, "https://rp.example/q?a=b"],
        "scope": "openid profile offline_access",
    });
    world.client(metadata).await;
    world.alice().await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    (world, browser, member(&tokens, "id_token"))
}

fn logout(pairs: &[(&str, &str)]) -> String {
    format!("/logout?{}", query(pairs))
}

async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    let answer = browser.visit(world, &with(&[("prompt", "none")])).await;
    answer.to_client().get("code").is_some()
}

#[tokio::test]
async fn a_logout_with_a_hint_leads_to_the_clients_uri() {
    let (world, mut browser, hint) = signed_in().await;
    let state = "s".repeat(128);
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER), ("state", &state)];
    let answer = browser.get(&world, &logout(&pairs)).await;
    assert_eq!(answer.location(), format!("{AFTER}?state={state}"));
    assert!(browser.cookie("kw-s-").is_none());
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
}

#[tokio::test]
async fn without_a_state_nothing_is_added() {
    let (world, mut browser, hint) = signed_in().await;
    let answer =
        browser.get(&world, &logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER)])).await;
    assert_eq!(answer.location(), AFTER);
    let kept = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "https://rp.example/q?a=b"),
        ("state", "x y"),
    ];
    let answer = browser.get(&world, &logout(&kept)).await;
    assert_eq!(
        answer.location(),
        "https://rp.example/q?a=b&state=x%20y",
        "also for who is signed out already"
    );
}

#[tokio::test]
async fn an_address_that_is_not_registered_is_never_followed() {
    let (world, mut browser, hint) = signed_in().await;
    for uri in [
        "https://evil.example/",
        "https://rp.example/bye/",
        "https://rp.example/bye?x=1",
        "https://rp.example/q",
        REDIRECT,
    ] {
        let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri)];
        browser.get(&world, &logout(&pairs)).await.assert_error_page(400, "invalid_request");
    }
    assert!(is_signed_in(&world, &mut browser).await);
}

#[tokio::test]
async fn n188_a_logout_that_the_user_did_not_ask_for_is_confirmed_first() {
    let (world, mut browser, _) = signed_in().await;
    for pairs in [
        vec![],
        vec![("state", "x")],
        vec![("post_logout_redirect_uri", AFTER)],
        vec![("client_id", "rp"), ("post_logout_redirect_uri", AFTER)],
    ] {
        let page = browser.get(&world, &logout(&pairs)).await;
        assert!(page.text().contains("logout-confirm"), "{page:?}");
        page.assert_page_headers();
        assert!(is_signed_in(&world, &mut browser).await);
    }
    let page = browser.get(&world, "/logout").await;
    let fields = [("csrf", page.field("csrf"))];
    let foreign = form("/logout", &[("csrf", &fields[0].1)]).with("origin", "https://evil.example");
    browser.send(&world, foreign).await.assert_error_page(403, "access_denied");
    let wrong = form("/logout", &[("csrf", "x")]).with("origin", ISSUER);
    browser.send(&world, wrong).await.assert_error_page(403, "access_denied");
    assert!(is_signed_in(&world, &mut browser).await);
    let page = browser.get(&world, "/logout").await;
    let done = browser.submit(&world, "/logout", &[("csrf", &page.field("csrf"))]).await;
    assert_eq!(done.element("logged-out"), Some("You are signed out"));
    assert!(!is_signed_in(&world, &mut browser).await);
    let again = browser.get(&world, "/logout").await;
    assert_eq!(again.element("logged-out"), Some("You are signed out"), "nothing to ask");
}

#[tokio::test]
async fn without_a_hint_the_user_goes_back_to_the_named_client_after_agreeing() {
    let (world, mut browser, _) = signed_in().await;
    let state = "a \"state\" & more";
    let pairs = [("client_id", "rp"), ("post_logout_redirect_uri", AFTER), ("state", state)];
    let page = browser.get(&world, &logout(&pairs)).await;
    assert!(is_signed_in(&world, &mut browser).await);
    let names = ["csrf", "client_id", "post_logout_redirect_uri", "state"];
    let fields = names.map(|name| (name, page.field(name)));
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(fields[1..], pairs);
    // Whatever the fields become, the browser goes only to an address of the client.
    let foreign = [fields[0], fields[1], ("post_logout_redirect_uri", "https://evil.example/")];
    let mut another = browser.clone();
    let done = another.submit(&world, "/logout", &foreign).await;
    assert_eq!(done.element("logged-out"), Some("You are signed out"));
    let done = browser.submit(&world, "/logout", &fields).await;
    assert!(done.location().starts_with(&format!("{AFTER}?state=")), "{done:?}");
    assert_eq!(done.to_client().get("state"), Some(state));
    assert!(!is_signed_in(&world, &mut browser).await);
    let again = browser.get(&world, &logout(&pairs[..2])).await;
    assert_eq!(again.location(), AFTER, "nothing to ask");
    for (client, uri) in [("rp", "https://evil.example/"), ("nobody", AFTER), ("(account)", AFTER)] {
        let pairs = [("client_id", client), ("post_logout_redirect_uri", uri)];
        browser.get(&world, &logout(&pairs)).await.assert_error_page(400, "invalid_request");
    }
}

#[tokio::test]
async fn n189_hints_are_ours_and_about_the_user_who_is_signed_in() {
    let (world, mut browser, hint) = signed_in().await;
    let [head, claims, _] = hint.split('.').collect::<Vec<_>>()[..] else { panic!("{hint}") };
    let none = protocol::base64url::encode(br#"{"alg":"none"}"#);
    let elsewhere = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", "https://other.example")]).await;
    elsewhere.relying_party().await;
    elsewhere.alice().await;
    let foreign = member(&redeem(&elsewhere, &code(&elsewhere, &[]).await).await, "id_token");
    for wrong in ["x", &format!("{none}.{claims}."), &format!("{head}.{claims}.AAAA"), &foreign, "a.b.c.d.e"]
    {
        let pairs = [("id_token_hint", wrong), ("post_logout_redirect_uri", AFTER)];
        browser.get(&world, &logout(&pairs)).await.assert_error_page(400, "invalid_request");
    }
    let other = [("id_token_hint", hint.as_str()), ("client_id", "other")];
    browser.get(&world, &logout(&other)).await.assert_error_page(400, "invalid_request");
    assert!(is_signed_in(&world, &mut browser).await);
    // Another user at this browser.
    world.user("bob", None, json!({})).await;
    let mut bobs = Browser::new();
    let page = bobs.visit(&world, &with(&[])).await;
    bobs.sign_in(&world, &page, "bob", PASSWORD).await;
    let page =
        bobs.get(&world, &logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER)])).await;
    assert!(page.text().contains("logout-confirm"), "{page:?}");
    // An expired token of ours.
    world.pass(2 * 3600);
    let answer = browser.get(&world, &logout(&[("id_token_hint", &hint)])).await;
    assert_eq!(answer.element("logged-out"), Some("You are signed out"));
}

#[tokio::test]
async fn a_hint_may_be_signed_by_a_retired_key() {
    let (world, mut browser, hint) = signed_in().await;
    world.pass(1);
    world.app.keys.rotate(keys::RotateWhen::Now { force: true }).await.unwrap();
    world.pass(49 * 3600);
    for _ in 0..2 {
        server::upkeep::look_after_keys(&world.app).await;
    }
    let kid = conformance::header(&hint)["kid"].as_str().unwrap().to_owned();
    assert!(!world.send(get("/jwks")).await.text().contains(&kid));
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(browser.get(&world, &logout(&pairs)).await.location(), AFTER);
}

#[tokio::test]
async fn n191_the_state_is_encoded_once() {
    let (world, mut browser, hint) = signed_in().await;
    let state = "\r\nSet-Cookie: a=b&x=<script>";
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER), ("state", state)];
    let answer = browser.get(&world, &logout(&pairs)).await;
    assert_eq!(answer.to_client().get("state"), Some(state));
    assert!(answer.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")));
}

#[tokio::test]
async fn a_request_by_post_from_another_site_becomes_a_get() {
    let (world, mut browser, hint) = signed_in().await;
    let body =
        query(&[("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER), ("state", "x")]);
    let crossing = post("/logout", FORM, body).with("origin", "https://rp.example");
    let answer = world.send(crossing.with("sec-fetch-site", "cross-site")).await;
    assert!(answer.location().starts_with("/logout?r="), "{answer:?}");
    assert_eq!(browser.follow(&world, answer).await.location(), format!("{AFTER}?state=x"));
    assert!(!is_signed_in(&world, &mut browser).await);
}

#[tokio::test]
async fn logout_ends_the_sessions_grants_and_spares_offline_ones() {
    let (world, mut browser, hint) = signed_in().await;
    let answer = browser.authorize(&world, &with(&[])).await;
    let of_session = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
    let answer = browser.authorize(&world, &with(&offline)).await;
    let offline = redeem(&world, answer.to_client().get("code").unwrap()).await;
    world.counts.take();
    browser.get(&world, &logout(&[("id_token_hint", &hint)])).await;
    let (reads, _) = world.counts.take();
    assert_eq!(reads, 1);
    assert_eq!(userinfo_status(&world, &member(&of_session, "access_token")).await, 401);
    assert_eq!(userinfo_status(&world, &member(&offline, "access_token")).await, 200);
}
