//! `/account`.

use super::requests::*;
use conformance::account::{Account, kept_grant};
use conformance::{BEGIN, PASSWORD, get};
use protocol::grant::Grant;
use protocol::id::{GrantId, RequestId};
use serde_json::json;
use storage::Stamp;

const NEW: &str = "a brand new password";

/// Alice's account page in her browser.
async fn at_home(world: &World) -> (Browser, Answer) {
    let mut browser = Browser::new();
    let login = browser.visit(world, "/account").await;
    assert!(login.is_page("Sign in"), "{login:?}");
    let page = browser.sign_in(world, &login, "alice", PASSWORD).await;
    assert!(page.is_page("Your account"), "{page:?}");
    (browser, page)
}

async fn submit(
    world: &World,
    browser: &mut Browser,
    page: &Answer,
    path: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let csrf = page.field("csrf");
    let fields: Vec<_> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
    browser.submit(world, &format!("/account/{path}"), &fields).await
}

fn change<'a>(current: &'a str, new: &'a str) -> [(&'a str, &'a str); 2] {
    [("current_password", current), ("new_password", new)]
}

#[tokio::test]
async fn the_page_shows_what_is_there() {
    let (world, _) = people().await;
    world.single_page().await;
    spa_tokens(&world).await;
    let (_, page) = at_home(&world).await;
    page.assert_page_headers();
    for text in [
        "Alice Adams",
        "1990-04-01",
        "alice@example.com",
        "Single page",
        "also while you are away",
        "This browser",
        "A browser",
    ] {
        assert!(page.text().contains(text), "{text}");
    }
    assert_eq!(world.send(get("/account")).await.location().split('?').next(), Some("/login"));
}

#[tokio::test]
async fn the_issuers_own_address_leads_there() {
    for (issuer, path) in [("https://op.example", "/"), ("https://op.example/t1", "/t1")] {
        let world = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", issuer)]).await;
        world.alice().await;
        assert_eq!(world.send(get(path)).await.location(), format!("{issuer}/account"));
        let mut browser = Browser::new();
        let login = browser.visit(&world, path).await;
        assert!(login.is_page("Sign in"), "{login:?}");
        let page = browser.sign_in(&world, &login, "alice", PASSWORD).await;
        assert!(page.is_page("Your account"), "{page:?}");
    }
}

#[tokio::test]
async fn browsers_get_a_page_where_nothing_is() {
    for (issuer, path) in [("https://op.example", ""), ("https://op.example/t1", "/t1")] {
        let world = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", issuer)]).await;
        let path = format!("{path}/acount");
        let answer = world.send(get(&path).with("accept", "text/html,*/*;q=0.8")).await;
        answer.assert_error_page(404, "invalid_request");
        assert!(!answer.text().contains("acount"), "{answer:?}");
        for accept in ["*/*", "application/json"] {
            let answer = world.send(get(&path).with("accept", accept)).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (404, ""), "{accept}");
        }
        let form = form(&path, &[]).with("accept", "text/html");
        assert_eq!(world.send(form).await.text(), "");
    }
}

#[tokio::test]
async fn profiles_are_changed_checked_and_emptied() {
    let (world, _) = people().await;
    let (mut browser, page) = at_home(&world).await;
    let fields = [
        ("name", "Alice B. Adams"),
        ("birthdate", ""),
        ("website", "https://alice.example"),
        ("phone_number", "+31 20 1234567"),
        ("email", "alice@new.example"),
        ("email_verified", "true"),
        ("phone_number_verified", "true"),
        ("sub", "x"),
        ("username", "mallory"),
    ];
    world.pass(5);
    let saved = submit(&world, &mut browser, &page, "profile", &fields).await;
    assert_eq!(saved.element("account-notice"), Some("Your profile has been saved."));
    let user = world.admin().user("alice").await.unwrap();
    assert_eq!(user.claims.get("name"), Some(&json!("Alice B. Adams")));
    assert_eq!((user.claims.get("birthdate"), user.claims.get("phone_number_verified")), (None, None));
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("alice@new.example"), false));
    assert_eq!(user.updated_at.seconds(), conformance::BEGIN.seconds() + 5);
    assert_eq!(user.claims["address"], json!({ "country": "NL" }), "what is not on the page stays");
    for wrong in [("birthdate", "1.4.1990"), ("email", "nonsense"), ("name", "line\nbreak")] {
        let page = browser.visit(&world, "/account").await;
        let answer = submit(&world, &mut browser, &page, "profile", &[wrong]).await;
        assert_eq!(answer.status, 422, "{wrong:?}");
        assert!(answer.text().contains("profile-problem"));
    }
    assert_eq!(world.admin().user("alice").await.unwrap().claims.get("name"), Some(&json!("Alice B. Adams")));
}

#[tokio::test]
async fn a_verified_address_stays_until_another_is_verified() {
    let (world, _) = people().await;
    let new = server::admin::users::NewUser {
        username: "carol".into(),
        email: Some("carol@example.com".into()),
        email_verified: true,
        ..Default::default()
    };
    let password = zeroize::Zeroizing::new(PASSWORD.to_owned());
    world.admin().create_user(new, Some((&world.app.passwords, password))).await.unwrap();
    let mut browser = Browser::new();
    let login = browser.visit(&world, "/account").await;
    let page = browser.sign_in(&world, &login, "carol", PASSWORD).await;
    submit(&world, &mut browser, &page, "profile", &[("email", "mallory@example.com")]).await;
    let user = world.admin().user("carol@example.com").await.unwrap();
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("carol@example.com"), true));
}

#[tokio::test]
async fn n184_changing_a_password_needs_the_current_one_and_a_recent_sign_in() {
    let (world, _) = people().await;
    let (mut browser, page) = at_home(&world).await;
    for current in ["", "wrong password"] {
        let answer = submit(&world, &mut browser, &page, "password", &change(current, NEW)).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(answer.text().contains("password-problem"));
    }
    for new in ["short", "password123", ""] {
        let answer = submit(&world, &mut browser, &page, "password", &change(PASSWORD, new)).await;
        assert_eq!(answer.status, 422, "{new}");
    }
    world.pass(3600);
    let stale = submit(&world, &mut browser, &page, "password", &change(PASSWORD, NEW)).await;
    stale.assert_error_page(403, "access_denied");
    let again = browser.visit(&world, "/account").await;
    assert!(again.is_page("Sign in"), "an hour later the password is asked for");
    let page = browser.sign_in(&world, &again, "alice", PASSWORD).await;
    let done = submit(&world, &mut browser, &page, "password", &change(PASSWORD, NEW)).await;
    assert!(done.element("account-notice").unwrap().contains("password has been changed"), "{done:?}");
    let mut other = Browser::new();
    let login = other.visit(&world, "/account").await;
    assert_eq!(other.sign_in(&world, &login, "alice", PASSWORD).await.status, 422);
    world.pass(1);
    let page = other.sign_in(&world, &login, "alice", NEW).await;
    assert!(page.is_page("Your account"), "{page:?}");
}

#[tokio::test]
async fn a_new_password_ends_everything_else() {
    let (world, _) = people().await;
    world.single_page().await;
    let tokens = spa_tokens(&world).await;
    let mut elsewhere = Browser::new();
    elsewhere.authorize(&world, &with(&[])).await;
    let (mut browser, page) = at_home(&world).await;
    world.pass(1);
    submit(&world, &mut browser, &page, "password", &change(PASSWORD, NEW)).await;
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &member(&tokens, "refresh_token")),
        ("client_id", "spa"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
    assert!(elsewhere.visit(&world, "/account").await.is_page("Sign in"));
    assert!(browser.visit(&world, "/account").await.is_page("Your account"), "this browser stays");
}

#[tokio::test]
async fn n193_sessions_end_one_by_one_or_all() {
    let (world, _) = people().await;
    let (mut one, _) = at_home(&world).await;
    let (mut two, _) = at_home(&world).await;
    let (mut home, page) = at_home(&world).await;
    let ids = |page: &Answer| {
        let pieces = page.text().split(r#"name="session" value=""#).skip(1);
        pieces
            .map(|piece| piece.split('"').next().unwrap().to_owned())
            .filter(|id| id != "others")
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&page).len(), 2, "this browser signs out by signing out");
    let after = submit(&world, &mut home, &page, "sessions", &[("session", &ids(&page)[0])]).await;
    assert_eq!((after.element("account-notice"), ids(&after).len()), (Some("Signed out."), 1));
    let gone = [
        one.visit(&world, "/account").await.is_page("Sign in"),
        two.visit(&world, "/account").await.is_page("Sign in"),
    ];
    assert_eq!(gone.iter().filter(|gone| **gone).count(), 1);
    submit(&world, &mut home, &after, "sessions", &[("session", "others")]).await;
    assert!(one.visit(&world, "/account").await.is_page("Sign in"));
    assert!(two.visit(&world, "/account").await.is_page("Sign in"));
    assert!(home.visit(&world, "/account").await.is_page("Your account"));
    // The operator ends the last one as well, with all grants made in it.
    let answer = home.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    world.admin().void_user("alice").await.unwrap();
    assert!(home.visit(&world, "/account").await.is_page("Sign in"));
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
}

#[tokio::test]
async fn n168_access_of_an_application_is_revoked() {
    let (world, _) = people().await;
    world.single_page().await;
    let tokens = spa_tokens(&world).await;
    redeem(&world, &code(&world, &[]).await).await;
    let (mut browser, page) = at_home(&world).await;
    let after = submit(&world, &mut browser, &page, "apps", &[("client", "spa")]).await;
    assert!(!after.text().contains("Single page") && after.text().contains("Relying party"));
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
    let refresh = member(&tokens, "refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("client_id", "spa")];
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
    let again = browser.visit(&world, &with(&[("client_id", "spa")])).await;
    assert!(again.text().contains("consent-approve"), "it has to ask again");
    let page = browser.visit(&world, "/account").await;
    let after = submit(&world, &mut browser, &page, "apps", &[("all", "yes")]).await;
    assert!(after.text().contains("No applications can use your account."));
}

#[tokio::test]
async fn n168_all_grants_of_an_application_are_revoked_however_many() {
    let (world, _) = people().await;
    world.single_page().await;
    spa_tokens(&world).await;
    let alice = world.admin().user("alice").await.unwrap().id;
    let given = Account::of(&*world.store, &alice).await.grants.remove(0);
    // More than twice what is loaded at once.
    let all: Vec<_> = (0..1100_u128)
        .map(|number| Grant { id: GrantId::from_bytes(number.to_be_bytes()), ..given.clone() })
        .collect();
    for grant in &all {
        let stamp = Stamp { at: BEGIN, request: RequestId::from_bytes([7; 16]) };
        assert!(world.store.restore_grant(grant, stamp).await.unwrap().is_done());
    }
    let (mut browser, page) = at_home(&world).await;
    let after = submit(&world, &mut browser, &page, "apps", &[("client", "spa")]).await;
    assert!(after.text().contains("No applications can use your account."));
    for grant in all.iter().chain([&given]) {
        let kept = kept_grant(&*world.store, grant.key()).await;
        assert!(kept.revoked.is_some(), "{kept:?}");
    }
}

#[tokio::test]
async fn cross_site_forms_change_nothing() {
    let (world, _) = people().await;
    world.user("bob", None, json!({})).await;
    let (mut browser, page) = at_home(&world).await;
    let mut bobs = Browser::new();
    let login = bobs.visit(&world, "/account").await;
    let bob = bobs.sign_in(&world, &login, "bob", PASSWORD).await;
    for path in ["profile", "password", "sessions", "apps"] {
        let path = format!("/account/{path}");
        for csrf in ["", "x", &bob.field("csrf")] {
            let fields = [("csrf", csrf), ("name", "Mallory"), ("session", "others"), ("all", "yes")];
            browser.submit(&world, &path, &fields).await.assert_error_page(403, "access_denied");
        }
        let own = [("csrf", page.field("csrf"))];
        let foreign = form(&path, &[("csrf", own[0].1.as_str())]).with("origin", "https://evil.example");
        browser.send(&world, foreign).await.assert_error_page(403, "access_denied");
        // Reloading or typing the address leads to the page.
        assert_eq!(browser.get(&world, &path).await.location(), "https://op.example/account");
    }
    assert_eq!(world.admin().user("alice").await.unwrap().claims["name"], json!("Alice Adams"));
    let nobody = Browser::new().submit(&world, "/account/apps", &[("all", "yes")]).await;
    nobody.assert_error_page(403, "access_denied");
}
