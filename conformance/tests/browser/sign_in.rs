//! Signing in and consenting in a browser: with a mouse, with a keyboard, without scripts.

use crate::chromium::{Chromium, Setup};
use crate::fixture::{Fixture, sign_in};
use crate::keyboard::{ENTER, SHIFT, TAB};
use conformance::PASSWORD;
use http::Method;

#[tokio::test]
async fn a_user_signs_in_agrees_and_the_application_gets_the_tokens() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    browser.arrive_at("Sign in").await;
    assert!(browser.text("main").await.contains("Photo Albums"));
    // The sender of our forms is checked, and alice gets in: our referrer policy lets browsers name it.
    sign_in(&browser, PASSWORD).await;
    browser.arrive_at("Allow Photo Albums to use your account?").await;
    browser.press("#consent-approve").await;

    let arrival = fixture.site.arrival().await;
    assert_eq!((&arrival.method, arrival.get("state")), (&Method::GET, Some("s")));
    assert_eq!(arrival.get("iss"), Some(fixture.world.issuer().as_str()));
    assert_eq!(browser.text("#back").await, "Back at the application");
    let tokens = fixture.redeem(&arrival).await;
    assert_eq!(tokens.json()["scope"], "openid profile");
    assert!(tokens.claims("id_token")["sub"].is_string());
    assert_eq!(browser.refusals().await, [""; 0]);
}

#[tokio::test]
async fn n164_denial_leads_back_with_access_denied() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    sign_in(&browser, PASSWORD).await;
    browser.press("#consent-deny").await;
    let arrival = fixture.site.arrival().await;
    assert_eq!((arrival.get("error"), arrival.get("code")), (Some("access_denied"), None));
    browser.open(&fixture.request(&[("prompt", "none")])).await;
    assert_eq!(fixture.site.arrival().await.get("error"), Some("consent_required"), "nothing is remembered");
}

#[tokio::test]
async fn a_wrong_password_is_explained_where_it_is_typed_again() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    sign_in(&browser, "wrong password").await;
    assert!(browser.text("#login-problem").await.contains("don’t match"));
    assert_eq!(browser.client.title().await.unwrap(), "Error: Sign in");
    assert_eq!((browser.status().await, browser.focus().await.as_str()), (422, "password"));
    assert_eq!(browser.value("#username").await, "alice");
    assert_eq!(browser.value("#password").await, "");
    for field in ["#username", "#password"] {
        let field = browser.find(field).await;
        assert_eq!(field.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
        assert_eq!(field.attr("aria-describedby").await.unwrap().as_deref(), Some("login-problem"));
    }
    browser.fill("#password", PASSWORD).await;
    browser.press("#login-submit").await;
    browser.press("#consent-approve").await;
    assert!(fixture.site.arrival().await.get("code").is_some());
}

#[tokio::test]
async fn signing_in_works_from_the_keyboard() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    browser.find("#login-submit").await;
    assert_eq!(browser.focus().await, "username", "the first field has the focus");
    browser.keys(&["alice", TAB, PASSWORD, ENTER]).await;

    browser.find("#consent-approve").await;
    assert_eq!(browser.focus().await, "body", "a key pressed for the page before must not agree");
    let order = browser.stops("consent-deny").await;
    assert_eq!(order, ["profile", "consent-approve", "consent-deny"], "what is always needed has no stop");
    // Back over "Allow" to "profile", which is left out, and on to "Allow".
    browser.keys_held(SHIFT, &[TAB, TAB]).await;
    assert_eq!(browser.focus().await, "profile");
    browser.keys(&[" ", TAB, ENTER]).await;
    let arrival = fixture.site.arrival().await;
    assert_eq!(fixture.redeem(&arrival).await.json()["scope"], "openid");
}

#[tokio::test]
async fn signing_in_works_without_scripts() {
    let Some(browser) = Chromium::with(Setup { no_scripts: true, ..Setup::default() }).await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[("response_mode", "form_post")])).await;
    sign_in(&browser, "wrong password").await;
    browser.find("#login-problem").await;
    browser.fill("#password", PASSWORD).await;
    browser.press("#login-submit").await;
    browser.press("#consent-approve").await;
    browser.arrive_at("Taking you back").await;
    assert!(fixture.site.is_quiet(), "no script runs");
    browser.press("#form-post-submit").await;
    let arrival = fixture.site.arrival().await;
    assert!(arrival.method == Method::POST && arrival.get("code").is_some(), "{arrival:?}");
    assert_eq!(fixture.redeem(&arrival).await.status, 200);
}

#[tokio::test]
async fn n013_form_post_posts_itself_under_the_policy() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let state = r#""><script>document.title='owned'</script>&'"#;
    browser.open(&fixture.request(&[("response_mode", "form_post"), ("state", state)])).await;
    sign_in(&browser, PASSWORD).await;
    browser.press("#consent-approve").await;
    let arrival = fixture.site.arrival().await;
    assert_eq!((&arrival.method, arrival.get("state")), (&Method::POST, Some(state)));
    assert_eq!(arrival.content_type(), conformance::FORM);
    assert!(arrival.has_no_query() && arrival.get("code").is_some(), "{arrival:?}");
    assert_eq!(browser.text("#back").await, "Back at the application");
    assert_eq!(browser.refusals().await, [""; 0]);
}
