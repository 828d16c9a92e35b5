//! `/consent`.

use super::requests::*;
use conformance::account::Account;
use conformance::{PASSWORD, get};
use protocol::id::RequestId;
use serde_json::json;
use storage::Stamp;

/// Alice's browser at the consent page.
async fn asked(world: &World, changes: &[(&str, &str)]) -> (Browser, Answer) {
    let mut browser = Browser::new();
    let page = browser.visit(world, &with(changes)).await;
    let consent = browser.sign_in(world, &page, "alice", PASSWORD).await;
    assert!(consent.text().contains("consent-approve"), "{consent:?}");
    (browser, consent)
}

/// Whether alice has granted the relying party anything: then it gets a code without asking.
async fn is_remembered(world: &World, browser: &mut Browser, scope: &str) -> bool {
    let answer = browser.visit(world, &with(&[("prompt", "none"), ("scope", scope)])).await;
    answer.to_client().get("code").is_some()
}

/// Everything that alice granted.
async fn grants(world: &World) -> Vec<protocol::grant::Grant> {
    let alice = world.admin().user("alice").await.unwrap();
    Account::of(&*world.store, &alice.id).await.grants
}

#[tokio::test]
async fn n160_cross_site_forms_grant_nothing() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    let second = browser.visit(&world, &with(&[("state", "2")])).await;
    let r = page.field("r");
    // The same browser and request, one step before.
    let login = browser.visit(&world, &format!("/login?r={r}")).await;
    assert!(login.is_page("Sign in"), "{login:?}");
    for csrf in ["", "x", &second.field("csrf"), &login.field("csrf")] {
        let fields = [("r", r.as_str()), ("csrf", csrf), ("decision", "approve"), ("scope", "openid")];
        browser.submit(&world, "/consent", &fields).await.assert_error_page(403, "access_denied");
    }
    let foreign = form("/consent", &[("r", &r), ("csrf", &page.field("csrf")), ("decision", "approve")]);
    browser
        .send(&world, foreign.with("origin", "https://evil.example"))
        .await
        .assert_error_page(403, "access_denied");
    assert!(!is_remembered(&world, &mut browser, "openid").await);
    assert!(grants(&world).await.is_empty());
}

#[tokio::test]
async fn n166_another_browsers_form_grants_nothing() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    let (mut other, others) = asked(&world, &[]).await;
    // The other browser's request and token; then its token with our request.
    browser.consent(&world, &others, "approve").await.assert_error_page(403, "access_denied");
    other.consent(&world, &page, "approve").await.assert_error_page(403, "access_denied");
    let (r, csrf) = (page.field("r"), others.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("decision", "approve"), ("scope", "openid")];
    browser.submit(&world, "/consent", &fields).await.assert_error_page(403, "access_denied");
    assert!(!is_remembered(&world, &mut browser, "openid").await);
    assert!(grants(&world).await.is_empty());
}

#[tokio::test]
async fn n160_a_form_counts_only_for_the_user_it_was_shown_to() {
    let (world, _) = people().await;
    world.user("bob", None, json!({})).await;
    let (mut browser, alices) = asked(&world, &[]).await;
    let page = browser.visit(&world, &with(&[("prompt", "login")])).await;
    browser.sign_in(&world, &page, "bob", PASSWORD).await;
    browser.consent(&world, &alices, "approve").await.assert_error_page(403, "access_denied");
}

#[tokio::test]
async fn n163_granted_is_requested_and_posted_and_allowed() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[("scope", "openid profile email")]).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields = [
        ("r", r.as_str()),
        ("csrf", &csrf),
        ("decision", "approve"),
        ("scope", "openid"),
        ("scope", "email"),
        ("scope", "phone"),
        ("scope", "admin"),
    ];
    let answer = browser.submit(&world, "/consent", &fields).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    assert_eq!(tokens.json()["scope"], "openid email");
    assert!(is_remembered(&world, &mut browser, "openid email").await);
    assert!(!is_remembered(&world, &mut browser, "openid phone").await);
}

#[tokio::test]
async fn n164_denial_reaches_the_client_and_nothing_is_stored() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    let denied = browser.consent(&world, &page, "deny").await;
    denied.assert_error_redirect(REDIRECT, ISSUER, "access_denied", Some("s"));
    assert!(grants(&world).await.is_empty());
    assert!(!is_remembered(&world, &mut browser, "openid").await);
    // Agreeing to no scope is no agreement either.
    let (mut browser, page) = asked(&world, &[("scope", "email")]).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("decision", "approve")];
    let nothing = browser.submit(&world, "/consent", &fields).await;
    nothing.assert_error_redirect(REDIRECT, ISSUER, "access_denied", Some("s"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("decision", "maybe")];
    browser.submit(&world, "/consent", &fields).await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n165_consent_is_asked_only_for_what_is_new() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    browser.consent(&world, &page, "approve").await;
    let silent = browser.visit(&world, &with(&[])).await;
    assert!(silent.to_client().get("code").is_some());
    let more = browser.visit(&world, &with(&[("scope", "openid email")])).await;
    assert!(more.text().contains("consent-approve"));
    browser.consent(&world, &more, "approve").await;
    assert!(is_remembered(&world, &mut browser, "openid email").await);
    let anyway = browser.visit(&world, &with(&[("prompt", "consent")])).await;
    assert!(anyway.text().contains("consent-approve"), "prompt=consent asks whatever is remembered");
    // Later, and in another browser, only the password is asked for.
    world.pass(100 * 24 * 3600);
    let mut later = Browser::new();
    let login = later.visit(&world, &with(&[("scope", "openid email")])).await;
    let answer = later.sign_in(&world, &login, "alice", PASSWORD).await;
    assert!(answer.to_client().get("code").is_some(), "{answer:?}");
    // Scopes that the client was allowed since are asked for; what another client was granted doesn't count.
    let change = |client: &mut protocol::client::Client, _| {
        client.scope = protocol::scope::Scope::parse("openid profile email reports").unwrap();
        Ok(())
    };
    world.admin().change_client("rp", change).await.unwrap();
    world.app.distrust_caches();
    let difference = later.visit(&world, &with(&[("scope", "openid email reports")])).await;
    assert_eq!(difference.scopes(), ["openid", "email", "reports"]);
    world.client(json!({ "client_id": "other", "redirect_uris": [REDIRECT] })).await;
    assert_eq!(later.visit(&world, &with(&[("client_id", "other")])).await.scopes(), ["openid"]);
}

#[tokio::test]
async fn a_new_client_under_an_old_id_gets_nothing_of_the_former_one() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[("scope", "openid email")]).await;
    browser.consent(&world, &page, "approve").await;
    let alice = world.admin().user("alice").await.unwrap().id;
    let kept = async || Account::of(&*world.store, &alice).await.consents;
    let [former] = &kept().await[..] else { panic!() };
    world.admin().delete_client("rp").await.unwrap();
    // On DynamoDB they remain stored and don't count.
    assert!(kept().await.is_empty() || crate::HARNESS == conformance::Harness::DynamoDb, "they go along");
    world.pass(1);
    let party = world.relying_party().await;
    world.app.distrust_caches();
    let page = browser.visit(&world, &with(&[])).await;
    assert!(page.text().contains("consent-approve"), "it has to ask");
    // A store that can't delete them in the same step still has them.
    let stamp = Stamp { at: former.granted_at, request: RequestId::from_bytes([7; 16]) };
    world.store.remember_consent(former, stamp).await.unwrap();
    let account = browser.visit(&world, "/account").await;
    assert!(account.text().contains("No applications can use your account."));
    let page = browser.visit(&world, &with(&[("prompt", "consent")])).await;
    browser.consent(&world, &page, "approve").await;
    let [now] = &kept().await[..] else { panic!() };
    assert_eq!(now.scope.to_string(), "openid", "not united");
    let (alice, realm) = (world.admin().user("alice").await.unwrap(), world.app.keys.current().generation());
    assert!(now.counts(&alice, &party.client, realm));
    let account = browser.visit(&world, "/account").await;
    assert!(account.text().contains("Relying party"));
}

#[tokio::test]
async fn a_user_who_is_signed_out_already_is_not_asked() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    world.admin().set_user_disabled("alice", true).await.unwrap();
    assert!(browser.consent(&world, &page, "approve").await.is_page("Sign in"));
    let shown = browser.visit(&world, &format!("/consent?r={}", page.field("r"))).await;
    assert!(shown.is_page("Sign in"));
}

#[tokio::test]
async fn a_client_changed_meanwhile_is_checked_again() {
    let (world, _) = people().await;
    let (mut browser, page) = asked(&world, &[]).await;
    world.admin().set_client_disabled("rp", true).await.unwrap();
    world.app.distrust_caches();
    browser.consent(&world, &page, "approve").await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn the_page_names_client_address_and_user() {
    let (world, _) = people().await;
    let (_, page) = asked(&world, &[("scope", "openid email")]).await;
    assert_eq!(page.element("consent-host"), Some("rp.example"));
    for text in ["Relying party", "alice", "See your e-mail address"] {
        assert!(page.text().contains(text), "{text}");
    }
    assert_eq!(world.send(get("/consent")).await.status, 400);
}
