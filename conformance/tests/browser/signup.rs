//! Signing up in a browser, on the way to an application.

use crate::chromium::{Chromium, Setup};
use crate::fixture::Fixture;
use crate::keyboard::{ENTER, TAB};

const GOOD: &str = "a good password";

/// Fills in the page, replacing what was typed before.
async fn sign_up(browser: &Chromium, username: &str, password: &str) {
    browser.refill("#username", username).await;
    browser.refill("#password", password).await;
    browser.follow("#signup-submit").await;
}

/// The page is shown again with the problem at the field that has it.
async fn assert_problem(browser: &Chromium, field: &str, why: &str) {
    browser.find("#signup-problem[role=alert]").await;
    let problem = browser.text("#signup-problem").await;
    assert!(problem.contains(why), "{problem}");
    assert_eq!(browser.client.title().await.unwrap(), "Error: Create an account");
    assert_eq!((browser.status().await, browser.focus().await.as_str()), (422, field));
    let field = browser.find(&format!("#{field}")).await;
    assert_eq!(field.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
    let described = field.attr("aria-describedby").await.unwrap().unwrap();
    assert!(described.split(' ').any(|id| id == "signup-problem"), "{described}");
    assert_eq!(browser.count("[aria-invalid]").await, 1, "only the field with the problem");
    assert_eq!(browser.value("#password").await, "");
}

#[tokio::test]
async fn a_user_signs_up_and_arrives_at_the_application() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::open().await;
    browser.open(&fixture.request(&[])).await;
    browser.follow("#login-signup").await;
    browser.arrive_at("Create an account").await;
    assert!(browser.text("main").await.contains("Photo Albums"));
    browser.follow("#signup-login").await;
    browser.arrive_at("Sign in").await;
    browser.follow("#login-signup").await;

    browser.arrive_at("Create an account").await;
    sign_up(&browser, "admin", GOOD).await;
    assert_problem(&browser, "username", "reserved").await;
    sign_up(&browser, "alice", GOOD).await;
    assert_problem(&browser, "username", "taken").await;
    sign_up(&browser, "carol", "short").await;
    assert_problem(&browser, "password", "at least 8").await;
    assert_eq!(browser.value("#username").await, "carol");
    sign_up(&browser, "carol", "password123").await;
    assert_problem(&browser, "password", "most common").await;

    sign_up(&browser, "carol", GOOD).await;
    browser.arrive_at("Allow Photo Albums to use your account?").await;
    assert!(browser.text("main").await.contains("carol"));
    browser.follow("#consent-approve").await;
    let arrival = fixture.site.arrival().await;
    let tokens = fixture.redeem(&arrival).await;
    let carol = fixture.world.admin().user("carol").await.unwrap();
    assert_eq!(tokens.claims("id_token")["sub"], carol.subject.as_str());
    assert_eq!(browser.refusals().await, [""; 0]);
}

#[tokio::test]
async fn signing_up_works_from_the_keyboard() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::open().await;
    browser.open(&fixture.request(&[])).await;
    browser.find("#login-submit").await;
    assert_eq!(browser.stops("login-signup").await, ["password", "login-submit", "login-signup"]);
    browser.leaving(browser.keys(&[ENTER])).await;
    browser.arrive_at("Create an account").await;
    assert_eq!(browser.focus().await, "username", "the first field has the focus");
    assert_eq!(browser.stops("signup-login").await, ["password", "email", "signup-submit", "signup-login"]);
    browser.find("#username").await.click().await.unwrap();
    browser.leaving(browser.keys(&["admin", TAB, GOOD, ENTER])).await;
    assert_problem(&browser, "username", "reserved").await;
    // What was typed is selected by coming back to it with Tab, or replaced like here.
    browser.refill("#username", "carol").await;
    browser.leaving(browser.keys(&[TAB, GOOD, TAB, "carol@example.com", ENTER])).await;
    browser.find("#consent-approve").await;
    browser.stops("consent-approve").await;
    browser.leaving(browser.keys(&[ENTER])).await;
    assert!(fixture.site.arrival().await.get("code").is_some());
    let carol = fixture.world.admin().user("carol").await.unwrap();
    assert_eq!((carol.email.as_deref(), carol.email_verified), (Some("carol@example.com"), false));
}

#[tokio::test]
async fn signing_up_works_without_scripts() {
    let Some(browser) = Chromium::with(Setup { no_scripts: true, ..Setup::default() }).await else { return };
    let mut fixture = Fixture::open().await;
    browser.open(&fixture.request(&[("prompt", "create")])).await;
    browser.arrive_at("Create an account").await;
    sign_up(&browser, "carol", "short").await;
    assert_problem(&browser, "password", "at least 8").await;
    sign_up(&browser, "carol", GOOD).await;
    browser.follow("#consent-approve").await;
    assert!(fixture.site.arrival().await.get("code").is_some());
}
