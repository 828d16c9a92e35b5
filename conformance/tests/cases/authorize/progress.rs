//! A request in progress: sealed, bound, and answered once.

use super::requests::*;

#[tokio::test]
async fn n032_a_request_in_progress_is_sealed_ends_and_answers_once() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let r = page.field("r");
    let mut altered = r.clone();
    altered.replace_range(40..41, if &r[40..41] == "A" { "B" } else { "A" });
    for path in ["/login", "/consent", "/authorize"] {
        for wrong in [altered.as_str(), "", "x", &r[..r.len() - 1]] {
            let answer = browser.get(&world, &format!("{path}?r={wrong}")).await;
            answer.assert_error_page(400, "invalid_request");
        }
    }
    let consent = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    let first = browser.consent(&world, &consent, "approve").await;
    let again = browser.consent(&world, &consent, "approve").await;
    assert_eq!(first.location(), again.location(), "a double click gets the same code");
    let code = first.to_client().get("code").unwrap().to_owned();
    assert_eq!(redeem(&world, &code).await.status, 200);
    browser.consent(&world, &consent, "approve").await.assert_error_page(400, "invalid_request");
    // Two tabs, each with a request of its own.
    let (one, two) = (
        browser.visit(&world, &with(&[("state", "1"), ("prompt", "consent")])).await,
        browser.visit(&world, &with(&[("state", "2"), ("prompt", "consent")])).await,
    );
    let (two, one) =
        (browser.consent(&world, &two, "approve").await, browser.consent(&world, &one, "approve").await);
    assert_eq!((one.to_client().get("state"), two.to_client().get("state")), (Some("1"), Some("2")));
    let late = browser.visit(&world, &with(&[("prompt", "login")])).await;
    world.pass(30 * 60);
    browser
        .get(&world, &format!("/login?r={}", late.field("r")))
        .await
        .assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n033_a_form_cannot_change_the_request() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "other", "redirect_uris": ["https://evil.example/cb"] })).await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let extra =
        [("client_id", "other"), ("redirect_uri", "https://evil.example/cb"), ("scope", "openid email")];
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let mut fields =
        vec![("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", conformance::PASSWORD)];
    fields.extend(extra);
    let consent = browser.submit(&world, "/login", &fields).await;
    assert_eq!(consent.scopes(), ["openid"]);
    let (r, csrf) = (consent.field("r"), consent.field("csrf"));
    let mut fields = vec![("r", r.as_str()), ("csrf", &csrf), ("decision", "approve"), ("scope", "openid")];
    fields.extend(extra);
    let answer = browser.submit(&world, "/consent", &fields).await;
    assert!(answer.location().starts_with(&format!("{REDIRECT}?")), "{answer:?}");
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    assert_eq!(tokens.json()["scope"], "openid");
}
