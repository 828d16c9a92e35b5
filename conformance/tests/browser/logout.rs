//! Signing out in a browser: by the user, or because an application asks for it.

use crate::chromium::{Chromium, Setup};
use crate::fixture::{Fixture, sign_in};
use crate::keyboard::{ENTER, TAB};
use conformance::{PASSWORD, query};

/// Signs alice in at the application, and returns the ID token it got.
async fn id_token(fixture: &mut Fixture, browser: &Chromium) -> String {
    browser.open(&fixture.request(&[("prompt", "consent")])).await;
    sign_in(browser, PASSWORD).await;
    browser.follow("#consent-approve").await;
    let arrival = fixture.site.arrival().await;
    fixture.redeem(&arrival).await.json()["id_token"].as_str().unwrap().to_owned()
}

async fn is_signed_in(fixture: &mut Fixture, browser: &Chromium) -> bool {
    browser.open(&fixture.request(&[("prompt", "none")])).await;
    fixture.site.arrival().await.get("code").is_some()
}

#[tokio::test]
async fn an_application_signs_its_user_out_and_gets_them_back() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    let hint = id_token(&mut fixture, &browser).await;
    let bye = fixture.site.url("/bye");
    let state = "a b&c=<d>";
    let asked =
        query(&[("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &bye), ("state", state)]);
    fixture.open_page(&browser, &format!("/logout?{asked}")).await;
    let arrival = fixture.site.arrival().await;
    assert_eq!((arrival.path.as_str(), arrival.get("state")), ("/bye", Some(state)));
    assert_eq!(browser.text("#back").await, "Back at the application");
    assert!(!is_signed_in(&mut fixture, &browser).await);

    // The same by POST, which sends no cookie from another site.
    let hint = id_token(&mut fixture, &browser).await;
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &bye)];
    fixture.site.self_posting_form("/sign-out", &fixture.world.issuer().url("/logout"), &fields);
    browser.open(&fixture.site.url("/sign-out")).await;
    let arrival = fixture.site.arrival().await;
    assert!(arrival.path == "/bye" && arrival.has_no_query(), "{arrival:?}");
    assert!(!is_signed_in(&mut fixture, &browser).await);

    // Without a redirect URI the browser stays here.
    let hint = id_token(&mut fixture, &browser).await;
    fixture.open_page(&browser, &format!("/logout?id_token_hint={hint}")).await;
    assert_eq!(browser.text("#logged-out").await, "You are signed out");
    assert!(!is_signed_in(&mut fixture, &browser).await);
    assert_eq!(browser.refusals().await, [""; 0]);
}

#[tokio::test]
async fn n188_a_logout_without_a_hint_asks_the_user() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    fixture.sign_in_and_agree(&browser).await;
    let logout = fixture.world.issuer().url("/logout");
    fixture.site.page("/image", &format!(r#"<p id=shown>Shown</p><img src="{logout}" alt="">"#));
    for from in [fixture.site.url("/image"), fixture.site.sibling_url("/image")] {
        browser.open(&from).await;
        browser.find("#shown").await;
        assert!(is_signed_in(&mut fixture, &browser).await, "{from}");
    }
    let bye = fixture.site.url("/bye");
    let unvouched = format!("/logout?{}", query(&[("client_id", "rp"), ("post_logout_redirect_uri", &bye)]));
    fixture.open_page(&browser, &unvouched).await;
    assert!(browser.text("main").await.contains("alice"));
    browser.follow("#logout-stay").await;
    // Staying leads to the account page, which asks nothing since the sign-in is recent.
    browser.arrive_at("Your account").await;
    fixture.open_page(&browser, &unvouched).await;
    browser.follow("#logout-confirm").await;
    let arrival = fixture.site.arrival().await;
    assert!(arrival.path == "/bye" && arrival.has_no_query(), "{arrival:?}");
    assert!(!is_signed_in(&mut fixture, &browser).await);
    let unnamed = format!("/logout?{}", query(&[("post_logout_redirect_uri", &bye)]));
    fixture.open_page(&browser, &unnamed).await;
    assert_eq!(browser.text("#logged-out").await, "You are signed out", "no client owns the address");
}

#[tokio::test]
async fn signing_out_works_from_the_keyboard_and_without_scripts() {
    let Some(browser) = Chromium::with(Setup { no_scripts: true, ..Setup::default() }).await else { return };
    let fixture = Fixture::new().await;
    fixture.open_account(&browser).await;
    browser.stops("account-logout").await;
    browser.leaving(browser.keys(&[ENTER])).await;
    browser.arrive_at("Sign out?").await;
    assert_eq!(browser.focus().await, "body", "a key pressed for the page before must not sign out");
    assert_eq!(browser.stops("logout-stay").await, ["logout-confirm", "logout-stay"]);
    browser.leaving(browser.keys(&[ENTER])).await;
    browser.arrive_at("Your account").await;
    browser.stops("account-logout").await;
    browser.leaving(browser.keys(&[ENTER])).await;
    browser.arrive_at("Sign out?").await;
    browser.leaving(browser.keys(&[TAB, ENTER])).await;
    browser.arrive_at("You are signed out").await;
    fixture.open_page(&browser, "/account").await;
    browser.arrive_at("Sign in").await;
}
