//! `/login` and the session it begins.

use super::requests::*;
use conformance::{FORM, PASSWORD, get, post};
use serde_json::json;

/// The fields of a filled-in sign-in page.
fn fields<'a>(r: &'a str, csrf: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("r", r), ("csrf", csrf), ("username", "alice"), ("password", PASSWORD)]
}

#[tokio::test]
async fn n143_cross_site_forms_sign_nobody_in() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let mut other = Browser::new();
    let others = other.visit(&world, &with(&[])).await;
    let second = browser.visit(&world, &with(&[("state", "2")])).await;
    let foreign = [String::new(), "x".into(), others.field("csrf"), second.field("csrf")];
    for token in &foreign {
        let answer = browser.submit(&world, "/login", &fields(&r, token)).await;
        answer.assert_error_page(403, "access_denied");
    }
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://op.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = form("/login", &fields(&r, &csrf)).with(name, value);
        browser.send(&world, request).await.assert_error_page(403, "access_denied");
    }
    // Another browser that has everything but the cookie.
    world.send(form("/login", &fields(&r, &csrf))).await.assert_error_page(403, "access_denied");
    other.submit(&world, "/login", &fields(&r, &csrf)).await.assert_error_page(403, "access_denied");
    assert!(browser.cookie("kw-s-").is_none());
    browser.submit(&world, "/login", &fields(&r, &csrf)).await;
    assert!(browser.cookie("kw-s-").is_some());
}

#[tokio::test]
async fn n145_cookies_are_host_only_and_out_of_reach() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let first = browser.visit(&world, &with(&[])).await;
    let (r, csrf) = (first.field("r"), first.field("csrf"));
    let binding = first.cookies()[0].to_owned();
    let request = form("/login", &fields(&r, &csrf)).with("origin", ISSUER);
    let signed_in = browser.send(&world, request).await;
    let session = signed_in.cookies()[0].to_owned();
    for (cookie, kind) in [(&binding, "b"), (&session, "s")] {
        let (name, rest) = cookie.split_once('=').unwrap();
        assert!(name.starts_with(&format!("__Host-kw-{kind}-")) && name.len() == 20, "{name}");
        for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(rest.split("; ").any(|own| own == attribute), "{attribute} in {cookie}");
        }
        assert!(!rest.contains("Domain"), "{cookie}");
    }
    let loopback = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", "http://localhost:8080")]).await;
    loopback.relying_party().await;
    let page = Browser::new().visit(&loopback, &with(&[])).await;
    let cookie = page.cookies()[0];
    assert!(cookie.starts_with("kw-b-") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn n145_the_session_secret_is_hashed_at_rest() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let ring = world.app.keys.current();
    let headers: http::HeaderMap = [(
        http::header::COOKIE,
        format!("{}={}", session_name(&browser), browser.cookie("kw-s-").unwrap()).parse().unwrap(),
    )]
    .into_iter()
    .collect();
    let cookie = world.app.cookies().session(&headers, &ring).unwrap();
    let view = world
        .store
        .load_sign_in(&cookie.user, Some(cookie.session), &protocol::id::ClientId::parse("rp").unwrap(), &[])
        .await
        .unwrap();
    let stored = view.session.unwrap().secret;
    assert_eq!(stored, cookie.digest());
    assert_ne!(stored.as_bytes(), cookie.secret.expose());
}

fn session_name(browser: &Browser) -> String {
    browser.name("kw-s-").unwrap().to_owned()
}

#[tokio::test]
async fn n152_passwords_are_compared_whole() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let before = world.app.passwords.calls();
    for wrong in ["correct hors", "correct horse ", "Correct horse", &"x".repeat(1024)] {
        let answer = browser.sign_in(&world, &page, "alice", wrong).await;
        assert_eq!(answer.status, 422, "{wrong:.20}");
        assert!(answer.text().contains("login-problem"));
    }
    assert_eq!(world.app.passwords.calls(), before + 4);
    let answer = browser.sign_in(&world, &page, "alice", &"x".repeat(1025)).await;
    assert_eq!(
        (answer.status.as_u16(), world.app.passwords.calls()),
        (422, before + 4),
        "refused before hashing"
    );
    world.pass(60);
    // The no-break space of another keyboard is a space (RFC 8265 §4.2).
    let answer = browser.sign_in(&world, &page, "ALICE", "correct\u{a0}horse").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn unknown_users_cost_the_same() {
    let (world, _) = people().await;
    world.user("mute", None, json!({})).await;
    let disabled = world.user("gone", None, json!({})).await;
    world.admin().set_user_disabled("gone", true).await.unwrap();
    let _ = disabled;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let mut message = Vec::new();
    for (username, password) in [
        ("alice", "wrong password"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("a@b.example", PASSWORD),
        ("no such\u{7}name", PASSWORD),
    ] {
        world.counts.take();
        let before = world.app.passwords.calls();
        let answer = browser.sign_in(&world, &page, username, password).await;
        let text = answer.text().replace(username, "");
        let nonce = answer.header("content-security-policy").split("nonce-").nth(1).unwrap()[..22].to_owned();
        message.push((
            answer.status,
            text.replace(&nonce, "").len(),
            world.app.passwords.calls() - before,
            world.counts.take().1,
        ));
    }
    assert!(message[1..3].iter().all(|one| one == &message[0]), "{message:?}");
    assert!(message.iter().all(|one| one.2 == 1), "one hash each: {message:?}");
}

#[tokio::test]
async fn n154_no_form_field_decides_where_it_leads() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    for target in
        ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example", "\t//evil"]
    {
        let mut sent = fields(&r, &csrf);
        sent.extend(["return_to", "next", "redirect", "continue"].map(|name| (name, target)));
        let answer = browser.clone().send(&world, form("/login", &sent).with("origin", ISSUER)).await;
        assert!(answer.location().starts_with("/consent?r="), "{answer:?}");
        let asked = format!("/login?r={r}&{}", query(&[("return_to", target)]));
        let shown = browser.clone().get(&world, &asked).await;
        assert!(shown.is_page("Sign in") && !shown.text().contains("evil"), "{shown:?}");
    }
}

#[tokio::test]
async fn n156_every_page_has_every_header() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, &with(&[])).await;
    let wrong = browser.sign_in(&world, &login, "alice", "wrong password").await;
    let consent = browser.sign_in(&world, &login, "alice", PASSWORD).await;
    let error = world.send(get("/authorize")).await;
    let account = browser.visit(&world, "/account").await;
    let logout = browser.visit(&world, "/logout").await;
    let closed = world.send(get("/signup")).await;
    let mut nonces = std::collections::BTreeSet::new();
    for page in [&account, &logout, &closed] {
        page.assert_page_headers();
        assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
        nonces.insert(page.header("content-security-policy").to_owned());
    }
    for page in [&login, &wrong, &consent, &error] {
        page.assert_page_headers();
        assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
        nonces.insert(page.header("content-security-policy").to_owned());
        let leaves = !page.header("content-security-policy").contains("form-action");
        assert_eq!(leaves, !std::ptr::eq(page, &error), "forms that may end in a redirect name no target");
    }
    assert_eq!(nonces.len(), 7, "fresh each time");
}

#[tokio::test]
async fn n159_empty_forms_go_nowhere() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    for (username, password) in [("", ""), ("alice", ""), ("", PASSWORD)] {
        let sent = [("r", r.as_str()), ("csrf", &csrf), ("username", username), ("password", password)];
        browser.submit(&world, "/login", &sent).await.assert_error_page(400, "invalid_request");
    }
    browser
        .submit(&world, "/login", &[("r", &r), ("csrf", &csrf)])
        .await
        .assert_error_page(400, "invalid_request");
    let stepping = [("r", r.as_str()), ("csrf", &csrf), ("_method", "PUT"), ("step", "consent")];
    browser.submit(&world, "/login", &stepping).await.assert_error_page(400, "invalid_request");
    for request in [post("/login", "application/json", "{}"), post("/login", FORM, "")] {
        let answer = browser.send(&world, request).await;
        assert!(answer.status.is_client_error() && !answer.has("location"), "{answer:?}");
    }
    assert!(browser.cookie("kw-s-").is_none());
}

#[tokio::test]
async fn a_session_idles_and_ends() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    for hours in [11, 11, 11] {
        world.pass(hours * 3600);
        let answer = browser.visit(&world, &with(&[("prompt", "none")])).await;
        assert!(answer.to_client().get("code").is_some(), "used often enough");
    }
    world.pass(12 * 3600);
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    browser.authorize(&world, &with(&[])).await;
    for _ in 0..14 {
        world.pass(12 * 3600 - 1);
        browser.visit(&world, &with(&[("prompt", "none")])).await;
    }
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
}

#[tokio::test]
async fn another_user_in_the_same_browser_ends_the_first_session() {
    let (world, _) = people().await;
    world.user("bob", None, json!({})).await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let alices = browser.cookie("kw-s-").unwrap().to_owned();
    let page = browser.visit(&world, &with(&[("prompt", "login")])).await;
    browser.sign_in(&world, &page, "bob", PASSWORD).await;
    let bobs = browser.cookie("kw-s-").unwrap().to_owned();
    browser.set_cookie("kw-s-", &alices);
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    let userinfo = world.send(get("/userinfo").with("authorization", &bearer)).await;
    assert_eq!(userinfo.status, 401, "grants end with their session");
    browser.set_cookie("kw-s-", &bobs);
    let page = browser.visit(&world, &with(&[])).await;
    assert!(page.text().contains("bob"), "{}", page.text());
}

#[tokio::test]
async fn the_same_user_keeps_the_session_id() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let first = browser.authorize(&world, &with(&[])).await;
    let sid = redeem(&world, first.to_client().get("code").unwrap()).await.claims("id_token")["sid"].clone();
    world.pass(10);
    let second = browser.authorize(&world, &with(&[("prompt", "login")])).await;
    let claims = redeem(&world, second.to_client().get("code").unwrap()).await.claims("id_token");
    assert_eq!(claims["sid"], sid);
    assert_eq!(claims["auth_time"], conformance::BEGIN.seconds() + 10);
}

#[tokio::test]
async fn a_changed_password_ends_sessions_and_grants() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let password = zeroize::Zeroizing::new("another password".to_owned());
    world.admin().set_password("alice", &world.app.passwords, password).await.unwrap();
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    world.pass(1);
    let page = browser.visit(&world, &with(&[])).await;
    let page = browser.sign_in(&world, &page, "alice", "another password").await;
    let answer = browser.consent(&world, &page, "approve").await;
    assert!(answer.to_client().get("code").is_some(), "whoever agreed before may have been somebody else");
}

#[tokio::test]
async fn a_verified_address_is_a_login_name_an_unverified_one_is_not() {
    let (world, _) = people().await;
    let new = server::admin::users::NewUser {
        username: "carol".into(),
        email: Some("Carol@example.com".into()),
        email_verified: true,
        ..Default::default()
    };
    let password = zeroize::Zeroizing::new(PASSWORD.to_owned());
    world.admin().create_user(new, Some((&world.app.passwords, password))).await.unwrap();
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    assert_eq!(browser.sign_in(&world, &page, "alice@example.com", PASSWORD).await.status, 422);
    assert_eq!(browser.sign_in(&world, &page, "carol@EXAMPLE.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn another_programs_cookie_hides_nothing_whatever_its_bytes() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let session = format!("{}={}", browser.name("kw-s-").unwrap(), browser.cookie("kw-s-").unwrap());
    for other in [b"name=J\xfcrgen".as_slice(), "price=5\u{a0}€".as_bytes(), b"a", b"=;;"] {
        let mut request = get("/account");
        let sent = [other, b"; ", session.as_bytes()].concat();
        request.headers_mut().insert(http::header::COOKIE, sent.try_into().unwrap());
        let answer = world.send(request).await;
        assert!(answer.is_page("Your account"), "{} {answer:?}", other.escape_ascii());
    }
}
