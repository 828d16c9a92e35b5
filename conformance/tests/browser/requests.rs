//! Unusual authorization requests: silent ones, posted ones, several at a time.

use crate::chromium::Chromium;
use crate::fixture::{Fixture, sign_in, with};
use conformance::PASSWORD;

#[tokio::test]
async fn n021_prompt_none_shows_nothing() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let silent = fixture.request(&[("prompt", "none")]);
    browser.open(&silent).await;
    assert_eq!(fixture.site.arrival().await.get("error"), Some("login_required"));
    fixture.sign_in_and_agree(&browser).await;
    browser.open(&silent).await;
    assert!(fixture.site.arrival().await.get("code").is_some());
    assert_eq!(browser.text("#back").await, "Back at the application");
    // OIDC Core §3.1.2.1 is about this: an application asks in a frame, which it may as nothing is shown in it.
    fixture.site.page("/frame", &format!(r#"<iframe src="{}"></iframe>"#, silent.replace('&', "&amp;")));
    browser.open(&fixture.site.sibling_url("/frame")).await;
    assert!(fixture.site.arrival().await.get("code").is_some());
}

#[tokio::test]
async fn n015_a_cross_site_post_continues_with_the_session() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    fixture.sign_in_and_agree(&browser).await;
    let callback = fixture.site.url("/cb");
    let fields = with(&[("redirect_uri", &callback), ("state", "posted")]);
    fixture.site.self_posting_form("/post", &fixture.world.issuer().url("/authorize"), &fields);
    for from in [fixture.site.url("/post"), fixture.site.sibling_url("/post")] {
        browser.open(&from).await;
        // Without another sign-in or consent.
        let arrival = fixture.site.arrival().await;
        assert!(arrival.get("code").is_some(), "{arrival:?}");
        assert_eq!(arrival.get("state"), Some("posted"));
    }
}

#[tokio::test]
async fn n015_a_cross_site_post_without_a_session_asks_to_sign_in() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let callback = fixture.site.url("/cb");
    let fields = with(&[("redirect_uri", &callback)]);
    fixture.site.self_posting_form("/post", &fixture.world.issuer().url("/authorize"), &fields);
    browser.open(&fixture.site.url("/post")).await;
    sign_in(&browser, PASSWORD).await;
    browser.press("#consent-approve").await;
    assert!(fixture.site.arrival().await.get("code").is_some());
}

#[tokio::test]
async fn n032_two_tabs_each_finish_their_own_request() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let first = browser.client.window().await.unwrap();
    browser.open(&fixture.request(&[("state", "first")])).await;
    let second = browser.client.new_window(true).await.unwrap().handle;
    browser.client.switch_to_window(second.clone()).await.unwrap();
    browser.open(&fixture.request(&[("state", "second"), ("scope", "openid")])).await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#consent-approve").await;

    // The sign-in page of the first tab still works.
    browser.client.switch_to_window(first.clone()).await.unwrap();
    sign_in(&browser, PASSWORD).await;
    browser.press("#consent-approve").await;
    let arrival = fixture.site.arrival().await;
    assert_eq!(arrival.get("state"), Some("first"));
    assert_eq!(fixture.redeem(&arrival).await.json()["scope"], "openid profile");

    browser.client.switch_to_window(second).await.unwrap();
    browser.press("#consent-approve").await;
    let arrival = fixture.site.arrival().await;
    assert_eq!(arrival.get("state"), Some("second"));
    assert_eq!(fixture.redeem(&arrival).await.json()["scope"], "openid");
}

#[tokio::test]
async fn n032_going_back_to_an_answered_request_gives_the_same_code_until_it_is_spent() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let first = fixture.sign_in_and_agree(&browser).await;
    back_to_consent(&browser).await;
    let second = fixture.site.arrival().await;
    assert_eq!(second.get("code"), first.get("code"));
    assert_eq!(fixture.redeem(&second).await.status, 200);
    back_to_consent(&browser).await;
    assert_eq!(browser.text("#error-code").await, "invalid_request");
    assert!(fixture.site.is_quiet());
}

/// Browsers may show the page as it was, or load it again, which redirects at once since the consent is remembered.
async fn back_to_consent(browser: &Chromium) {
    browser.client.back().await.unwrap();
    if browser.count("#consent-approve").await > 0 {
        browser.press("#consent-approve").await;
    }
}
