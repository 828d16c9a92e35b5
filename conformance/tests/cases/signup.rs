//! `/signup`.

use super::requests::*;
use conformance::{Log, get};
use protocol::attempts::SIGN_UP;
use std::sync::Arc;

async fn open() -> World {
    let world = World::with(crate::HARNESS, &[("KEYWARD_SIGNUP", "open")]).await;
    world.relying_party().await;
    world
}

/// Fills in the sign-up page.
pub(super) async fn sign_up(
    world: &World,
    browser: &mut Browser,
    page: &Answer,
    fields: &[(&str, &str)],
) -> Answer {
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields: Vec<_> = [("r", r.as_str()), ("csrf", &csrf)].iter().chain(fields).copied().collect();
    browser.submit(world, "/signup", &fields).await
}

const GOOD: [(&str, &str); 2] = [("username", "carol"), ("password", "a good password")];

#[tokio::test]
async fn from_the_login_page_to_the_client() {
    let world = open().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, &with(&[])).await;
    let link = login.text().split(r#"id="login-signup" href=""#).nth(1).unwrap().split('"').next().unwrap();
    let page = browser.visit(&world, link.strip_prefix(ISSUER).unwrap()).await;
    assert!(page.is_page("Create an account"), "{page:?}");
    page.assert_page_headers();
    let consent = sign_up(&world, &mut browser, &page, &GOOD).await;
    let answer = browser.consent(&world, &consent, "approve").await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    assert_eq!(tokens.status, 200);
    let user = world.admin().user("carol").await.unwrap();
    assert_eq!(tokens.claims("id_token")["sub"], user.subject.as_str());
}

#[tokio::test]
async fn without_an_errand_it_leads_to_the_account() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let account = sign_up(&world, &mut browser, &page, &GOOD).await;
    assert!(account.is_page("Your account"), "{account:?}");
}

#[tokio::test]
async fn an_account_carries_the_id_and_the_time_of_the_request_that_made_it() {
    let world = open().await;
    let (mut browser, log) = (Browser::new(), Log::open());
    let page = browser.visit(&world, "/signup").await;
    sign_up(&world, &mut browser, &page, &GOOD).await;
    let (event, user) = (log.event("signup.done"), world.admin().user("carol").await.unwrap());
    assert_eq!(event["request"], user.generation.id.unwrap().to_string());
    assert_eq!(event["at"], user.created_at.millis());
}

#[tokio::test]
async fn n169_closed_means_closed() {
    let (world, _) = people().await;
    world.send(get("/signup")).await.assert_error_page(403, "access_denied");
    let answer = world.send(form("/signup", &GOOD)).await;
    answer.assert_error_page(403, "access_denied");
    let create = world.send(get(&with(&[("prompt", "create")]))).await;
    create.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    let page = Browser::new().visit(&world, &with(&[])).await;
    assert!(!page.text().contains("login-signup"));
    assert_eq!(world.store.users().await.unwrap().len(), 1);
    let metadata = world.send(get("/.well-known/openid-configuration")).await;
    assert!(!metadata.text().contains("\"create\""));
}

#[tokio::test]
async fn prompt_create_leads_straight_there_even_when_signed_in() {
    let world = open().await;
    world.alice().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let page = browser.visit(&world, &with(&[("prompt", "create"), ("login_hint", "carol")])).await;
    assert!(page.is_page("Create an account"));
    assert_eq!(page.field("username"), "carol");
    let consent = sign_up(&world, &mut browser, &page, &GOOD).await;
    assert!(consent.text().contains("carol"), "{consent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn n171_a_hundred_at_once_are_one_account() {
    let world = World::with(
        crate::HARNESS,
        &[
            ("KEYWARD_SIGNUP", "open"),
            ("KEYWARD_ISSUER", "http://localhost:1"),
            ("KEYWARD_RATE_LIMITS", "off"),
        ],
    )
    .await;
    let world = Arc::new(world);
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (world, mut browser, r, csrf) = (world.clone(), browser.clone(), r.clone(), csrf.clone());
            tokio::spawn(async move {
                let fields = [("r", r.as_str()), ("csrf", &csrf), GOOD[0], GOOD[1]];
                browser.submit(&world, "/signup", &fields).await
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        made += usize::from(answer.is_page("Your account"));
        assert!([200, 422, 503].contains(&answer.status.as_u16()), "{answer:?}");
    }
    assert_eq!((made, world.store.users().await.unwrap().len()), (1, 1));
}

/// Names that are taken, reserved, or could be mistaken for something else.
#[tokio::test]
async fn n173_names_that_cannot_be_taken() {
    let world = open().await;
    let new = server::admin::users::NewUser {
        username: "dora".into(),
        email: Some("dora@example.com".into()),
        email_verified: true,
        ..Default::default()
    };
    world.admin().create_user(new, None).await.unwrap();
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    for name in ["rp", "RP", "dora", "ＤＯＲＡ", "dora@example.com", "a@b.example", "admin", "Administrator"]
    {
        let answer = sign_up(&world, &mut browser, &page, &[("username", name), GOOD[1]]).await;
        assert_eq!(answer.status, 422, "{name:?}: {answer:?}");
        assert!(answer.element("signup-problem").is_some(), "{name:?}");
    }
    assert_eq!(world.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn n178_names_with_markup_controls_or_without_end() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    for name in [
        "line\r\nbreak",
        "tab\there",
        "two words",
        "with\u{202e}override",
        "with\u{200b}nothing",
        &"x".repeat(129),
        &"x".repeat(7 * 1024),
    ] {
        let answer = sign_up(&world, &mut browser, &page, &[("username", name), GOOD[1]]).await;
        assert_eq!(answer.status, 422, "{name:?}: {answer:?}");
        assert!(answer.text().contains("signup-problem"), "{name:?}");
    }
    let huge = sign_up(&world, &mut browser, &page, &[("username", &"x".repeat(10_000)), GOOD[1]]).await;
    huge.assert_error_page(400, "invalid_request");
    assert!(world.store.users().await.unwrap().is_empty());
    let markup = [("username", "<b>x</b>"), GOOD[1]];
    let account = sign_up(&world, &mut browser, &page, &markup).await;
    assert!(account.text().contains("&#60;b&#62;x&#60;/b&#62;") && !account.text().contains("<b>x</b>"));
    let again = browser.visit(&world, "/signup").await;
    let taken = sign_up(&world, &mut browser, &again, &markup).await;
    assert!(taken.status == 422 && !taken.text().contains("<b>x</b>"), "{taken:?}");
    // The longest allowed.
    let again = browser.visit(&world, "/signup").await;
    let longest = sign_up(&world, &mut browser, &again, &[("username", &"y".repeat(128)), GOOD[1]]).await;
    assert!(longest.is_page("Your account"), "{longest:?}");
}

#[tokio::test]
async fn n174_nothing_else_can_be_set() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let mut fields = GOOD.to_vec();
    fields.extend([
        ("email", "carol@example.com"),
        ("email_verified", "true"),
        ("sub", "x"),
        ("role", "admin"),
        ("disabled", "true"),
        ("tenant", "other"),
        ("realm", "other"),
        ("id", "AAAAAAAAAAAAAAAAAAAAAA"),
    ]);
    sign_up(&world, &mut browser, &page, &fields).await;
    let user = world.admin().user("carol").await.unwrap();
    assert_eq!((user.email.as_deref(), user.email_verified), (Some("carol@example.com"), false));
    assert!(user.claims.is_empty() && !user.disabled && user.subject.as_str() != "x");
    assert!(world.admin().user("carol@example.com").await.is_err(), "no login name until verified");
}

#[tokio::test]
async fn n175_refused_passwords_and_the_reasons() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let long = "x".repeat(1025);
    for (password, why) in [
        ("1234567", "at least 8"),
        ("password123", "most common"),
        ("carol-the-second", "user name"),
        (&long, "1024"),
    ] {
        let username = if password.starts_with("carol") { "Carol-the-Second" } else { "carol" };
        let answer =
            sign_up(&world, &mut browser, &page, &[("username", username), ("password", password)]).await;
        assert_eq!(answer.status, 422, "{password:.20}");
        let problem = answer.element("signup-problem").unwrap();
        assert!(problem.contains(why), "{password:.20}: {problem}");
    }
    let bad_mail = sign_up(&world, &mut browser, &page, &[GOOD[0], GOOD[1], ("email", "nonsense")]).await;
    assert_eq!(bad_mail.status, 422);
    assert!(sign_up(&world, &mut browser, &page, &GOOD).await.is_page("Your account"));
}

#[tokio::test]
async fn cross_site_forms_make_no_account() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), GOOD[0], GOOD[1]];
    world.send(form("/signup", &fields)).await.assert_error_page(403, "access_denied");
    let foreign = form("/signup", &fields).with("origin", "https://evil.example");
    browser.send(&world, foreign).await.assert_error_page(403, "access_denied");
    let wrong = [("r", r.as_str()), ("csrf", "x"), GOOD[0], GOOD[1]];
    browser.submit(&world, "/signup", &wrong).await.assert_error_page(403, "access_denied");
    assert!(world.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn accounts_from_one_address_are_limited() {
    let world = open().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let limit = SIGN_UP;
    for n in 0..limit.burst {
        let answer =
            sign_up(&world, &mut browser, &page, &[("username", &format!("user{n}")), GOOD[1]]).await;
        assert!(answer.is_page("Your account"), "{n}: {answer:?}");
    }
    let refused = sign_up(&world, &mut browser, &page, &[("username", "more"), GOOD[1]]).await;
    assert_eq!(refused.status, 429);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(wait <= limit.interval.as_secs());
    world.pass(wait);
    let page = browser.visit(&world, "/signup").await;
    assert!(
        sign_up(&world, &mut browser, &page, &[("username", "more"), GOOD[1]]).await.is_page("Your account")
    );
}

#[tokio::test]
async fn n171_parallel_sign_ups_pass_the_limit_no_more_often_than_serial_ones() {
    let world = Arc::new(open().await);
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (world, mut browser, page) = (Arc::clone(&world), browser.clone(), page.clone());
            tokio::spawn(async move {
                let fields = [("username", format!("user{n}")), ("password", "a good password".into())];
                let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
                sign_up(&world, &mut browser, &page, &fields).await
            })
        })
        .collect();
    let (mut made, mut busy) = (0, 0);
    for task in tasks {
        let answer = task.await.unwrap();
        made += usize::from(answer.is_page("Your account"));
        busy += usize::from(answer.status == 503);
        assert!([200, 429, 503].contains(&answer.status.as_u16()), "{answer:?}");
    }
    let burst = SIGN_UP.burst as usize;
    assert!(made > 0 && made + busy <= burst, "{made} made, {busy} busy");
    let hashed = usize::try_from(world.app.passwords.calls()).unwrap();
    assert_eq!((hashed, world.store.users().await.unwrap().len()), (made, made));
    // Attempts that found the pool full count, too: that answer reveals that the name is free.
    for n in made + busy..=burst {
        let page = Browser::clone(&browser).visit(&world, "/signup").await;
        let fields = [("username", format!("late{n}")), ("password", "a good password".into())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = sign_up(&world, &mut browser.clone(), &page, &fields).await;
        assert_eq!(answer.status, if n < burst { 200 } else { 429 }, "{n}");
    }
}

/// A taken name costs no hash, but trying names is limited.
#[tokio::test]
async fn n173_taken_names_are_counted_before_they_cost_a_hash() {
    let world = open().await;
    world.alice().await;
    let before = world.app.passwords.calls();
    let mut browser = Browser::new();
    let page = browser.visit(&world, "/signup").await;
    // What reveals nothing about anybody doesn't count.
    for fields in [[("username", "two words"), GOOD[1]], [("username", "alice"), ("password", "short")]] {
        for _ in 0..SIGN_UP.burst {
            assert_eq!(sign_up(&world, &mut browser, &page, &fields).await.status, 422);
        }
    }
    for name in ["alice", "al1ce", "rp"].iter().cycle().take(SIGN_UP.burst as usize) {
        let answer = sign_up(&world, &mut browser, &page, &[("username", name), GOOD[1]]).await;
        assert_eq!(answer.status, 422);
        assert!(answer.element("signup-problem").unwrap().contains("taken"), "{answer:?}");
    }
    for name in ["alice", "carol"] {
        let answer = sign_up(&world, &mut browser, &page, &[("username", name), GOOD[1]]).await;
        assert_eq!(answer.status, 429, "{name}");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() <= SIGN_UP.interval.as_secs());
    }
    assert_eq!(world.app.passwords.calls(), before);
    world.pass(SIGN_UP.interval.as_secs());
    assert!(sign_up(&world, &mut browser, &page, &GOOD).await.is_page("Your account"));
}

#[tokio::test]
async fn a_sign_up_that_hangs_up_makes_the_account_and_counts() {
    let world = Arc::new(open().await);
    let (mut browser, log) = (Browser::new(), Log::open());
    let page = browser.visit(&world, "/signup").await;
    for n in 0..SIGN_UP.burst {
        let name = format!("user{n}");
        let (server, mut browser, page) = (Arc::clone(&world), browser.clone(), page.clone());
        let before = world.app.passwords.calls();
        let submitted = tokio::spawn(async move {
            sign_up(&server, &mut browser, &page, &[("username", &name), GOOD[1]]).await
        });
        until(|| world.app.passwords.calls() > before).await;
        submitted.abort();
        until(|| log.events("signup.done").len() > n as usize && world.app.in_flight().is_empty()).await;
    }
    assert_eq!(world.store.users().await.unwrap().len(), SIGN_UP.burst as usize);
    assert_eq!(sign_up(&world, &mut browser, &page, &GOOD).await.status, 429);
}
