//! The account page in a browser.

use crate::chromium::{Chromium, Setup};
use crate::fixture::{Fixture, sign_in};
use crate::keyboard::{CONTROL, ENTER, TAB};
use conformance::{Browser, PASSWORD, World};
use serde_json::json;

const NEW: &str = "a brand new password";

async fn change_password(browser: &Chromium, current: &str, new: &str) {
    browser.refill("#current-password", current).await;
    browser.refill("#new-password", new).await;
    browser.follow("#password-submit").await;
}

/// The page is shown again with the problem at the field that has it, and nowhere else.
async fn assert_problem(browser: &Chromium, section: &str, field: &str, why: &str) {
    let problem = format!("{section}-problem");
    browser.find(&format!("#{problem}[role=alert]")).await;
    let text = browser.text(&format!("#{problem}")).await;
    assert!(text.contains(why), "{text}");
    assert_eq!(browser.client.title().await.unwrap(), "Error: Your account");
    assert_eq!(browser.focus().await, field);
    let field = browser.find(&format!("#{field}")).await;
    assert_eq!(field.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
    let described = field.attr("aria-describedby").await.unwrap().unwrap();
    assert!(described.split(' ').any(|id| id == problem), "{described}");
    assert_eq!(browser.count("[aria-invalid]").await, 1, "only the field with the problem");
    let seen = "const seen = id => { const at = document.getElementById(id).getBoundingClientRect(); \
                return at.top >= 0 && at.bottom <= innerHeight }; return seen('PROBLEM') && seen(document.activeElement.id)";
    let seen = browser.run(&seen.replace("PROBLEM", &problem)).await;
    assert_eq!(seen, json!(true), "both are visible without scrolling");
}

async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    browser.visit(world, "/account").await.is_page("Your account")
}

#[tokio::test]
async fn a_profile_is_changed() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    // A visit without an authorization request leads to the account page.
    fixture.open_page(&browser, "/").await;
    browser.arrive_at("Sign in").await;
    sign_in(&browser, PASSWORD).await;
    browser.arrive_at("Your account").await;
    assert_eq!(browser.value("#profile-name").await, "Alice Adams");
    browser.refill("#profile-name", "Alice B. Adams").await;
    browser.refill("#profile-birthdate", "1.4.1990").await;
    browser.follow("#profile-submit").await;
    assert_problem(&browser, "profile", "profile-birthdate", "1990-12-31").await;
    assert_eq!(browser.status().await, 422);
    assert_eq!(browser.value("#profile-name").await, "Alice B. Adams", "nothing has to be typed again");
    browser.refill("#profile-birthdate", "1990-04-02").await;
    browser.refill("#profile-email", "alice@nowhere").await;
    browser.follow("#profile-submit").await;
    assert_problem(&browser, "profile", "profile-email", "not an e-mail address").await;
    browser.refill("#profile-email", "").await;
    browser.follow("#profile-submit").await;
    browser.find("#account-notice[role=status]").await;
    assert_eq!(browser.text("#account-notice").await, "Your profile has been saved.");
    let alice = fixture.world.admin().user("alice").await.unwrap();
    assert_eq!((alice.claims["name"].as_str(), alice.email), (Some("Alice B. Adams"), None));
    assert_eq!(alice.claims["birthdate"], json!("1990-04-02"));
    assert_eq!(browser.refusals().await, [""; 0]);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    let mut other_browser = fixture.other_browser().await;
    fixture.open_account(&browser).await;
    change_password(&browser, "not my password", NEW).await;
    assert_problem(&browser, "password", "current-password", "not your current password").await;
    assert_eq!(browser.status().await, 403);
    change_password(&browser, PASSWORD, "short").await;
    assert_problem(&browser, "password", "new-password", "at least 8").await;
    // Reloading the address of the form leads back to the page.
    let here = browser.client.current_url().await.unwrap();
    browser.open(here.as_str()).await;
    browser.arrive_at("Your account").await;
    assert!(is_signed_in(&fixture.world, &mut other_browser).await);

    fixture.world.pass(1);
    change_password(&browser, PASSWORD, NEW).await;
    assert!(browser.text("#account-notice").await.contains("signed out everywhere else"));
    assert_eq!(browser.count("#sessions-end-all").await, 0, "this browser is the only one");
    assert_eq!(browser.count("button[value=rp]").await, 0, "applications ask again: decision 0005");
    assert!(!is_signed_in(&fixture.world, &mut other_browser).await);

    browser.follow("#account-logout").await;
    browser.follow("#logout-confirm").await;
    browser.find("#logged-out").await;
    fixture.world.pass(1);
    fixture.open_page(&browser, "/account").await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#login-problem").await;
    browser.fill("#password", NEW).await;
    browser.follow("#login-submit").await;
    browser.arrive_at("Your account").await;
}

#[tokio::test]
async fn n193_sessions_are_seen_and_ended_one_by_one_or_all() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(fixture.other_browser().await);
        fixture.world.pass(60);
    }
    fixture.open_account(&browser).await;
    let one_each = "button[name=session]:not(#sessions-end-all)";
    assert_eq!(browser.count(one_each).await, 3, "this browser's own has no button");
    assert!(browser.text("section:nth-of-type(3) li:first-child").await.contains("This browser"));
    // The latest comes first.
    browser.follow(one_each).await;
    assert_eq!(browser.text("#account-notice").await, "Signed out.");
    assert_eq!(browser.count(one_each).await, 2);
    assert!(!is_signed_in(&fixture.world, &mut others[2]).await);
    assert!(is_signed_in(&fixture.world, &mut others[0]).await);
    browser.follow("#sessions-end-all").await;

    fixture.open_page(&browser, "/account").await;
    assert_eq!(browser.count("button[name=session]").await, 0);
    for mut other in others {
        assert!(!is_signed_in(&fixture.world, &mut other).await);
    }
}

#[tokio::test]
async fn n168_applications_are_seen_and_ended() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    for (id, name) in [("cards", "Cards"), ("maps", "Maps")] {
        let metadata = json!({
            "client_id": id,
            "client_name": name,
            "redirect_uris": [fixture.site.url("/cb")],
            "scope": "openid profile email offline_access",
        });
        fixture.world.client(metadata).await;
        let request = fixture.path(&[("client_id", id), ("scope", "openid profile offline_access")]);
        Browser::new().authorize(&fixture.world, &request).await;
    }
    fixture.other_browser().await;
    fixture.open_account(&browser).await;
    let text = browser.text("section:last-of-type").await;
    for seen in ["Photo Albums", "Cards", "Maps", "also while you are away", "See your name"] {
        assert!(text.contains(seen), "{seen}: {text}");
    }
    browser.follow("button[value=maps]").await;
    assert!(browser.text("#account-notice").await.contains("Access removed"));
    let text = browser.text("section:last-of-type").await;
    assert!(text.contains("Cards") && !text.contains("Maps"), "{text}");
    browser.follow("#apps-end-all").await;

    assert!(browser.text("section:last-of-type").await.contains("No applications can use your account."));
}

#[tokio::test]
async fn the_account_works_from_the_keyboard() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    let mut other_browser = fixture.other_browser().await;
    fixture.open_page(&browser, "/account").await;
    browser.find("#login-submit").await;
    browser.leaving(browser.keys(&["alice", TAB, PASSWORD, ENTER])).await;
    browser.arrive_at("Your account").await;
    let order = browser.stops("apps-end-all").await;
    let profile =
        ["name", "given_name", "family_name", "nickname", "birthdate", "phone_number", "website", "email"]
            .map(|name| format!("profile-{name}"));
    let expected: Vec<&str> = ["account-logout"]
        .into_iter()
        .chain(profile.iter().map(String::as_str))
        .chain(["profile-submit", "current-password", "new-password", "password-submit"])
        .collect();
    let (forms, ends) = order.split_at(expected.len());
    assert_eq!(forms, expected);
    let [session, rest @ ..] = ends else { panic!("{ends:?}") };
    assert!(session.len() > 9, "the session's id: {session}");
    assert_eq!(rest, ["sessions-end-all", "rp", "apps-end-all"]);

    fixture.open_page(&browser, "/account").await;
    browser.find("#profile-name").await;
    browser.keys(&[TAB, TAB]).await;
    browser.keys_held(CONTROL, &["a"]).await;
    browser.leaving(browser.keys(&["Alice C. Adams", ENTER])).await;
    browser.find("#account-notice").await;
    let alice = fixture.world.admin().user("alice").await.unwrap();
    assert_eq!(alice.claims["name"], json!("Alice C. Adams"));

    browser.stops("sessions-end-all").await;
    browser.leaving(browser.keys(&[ENTER])).await;

    assert!(!is_signed_in(&fixture.world, &mut other_browser).await);
}

#[tokio::test]
async fn the_account_works_without_scripts() {
    let Some(browser) = Chromium::with(Setup { no_scripts: true, ..Setup::default() }).await else { return };
    let fixture = Fixture::new().await;
    let mut other_browser = fixture.other_browser().await;
    fixture.open_account(&browser).await;
    browser.refill("#profile-nickname", "Al").await;
    browser.follow("#profile-submit").await;
    assert_eq!(browser.value("#profile-nickname").await, "Al");
    browser.follow("button[value=rp]").await;
    browser.arrive_at("Your account").await;
    assert!(is_signed_in(&fixture.world, &mut other_browser).await);
    browser.follow("#sessions-end-all").await;
    browser.arrive_at("Your account").await;
    fixture.world.pass(1);
    change_password(&browser, PASSWORD, NEW).await;
    assert!(!is_signed_in(&fixture.world, &mut other_browser).await);
}
