//! What goes wrong on a page without anybody's fault: the error page says what happened, and names the application to go
//! back to.

use super::requests::*;
use protocol::lifetimes;

/// An error page that leads back to the relying party.
fn assert_way_back(page: &Answer, status: u16, code: &str, what: &str) {
    page.assert_error_page(status, code);
    assert_eq!(page.element("error-application"), Some("Relying party"), "{}", page.text());
    assert!(page.text().contains(what), "{what}: {}", page.text());
}

#[tokio::test]
async fn a_page_left_open_too_long_says_so() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    world.pass(lifetimes::REQUEST.as_secs() + 1);
    let sent = browser.sign_in(&world, &page, "alice", "correct horse").await;
    assert_way_back(&sent, 400, "invalid_request", "This page was open for too long");
    let reloaded = browser.get(&world, &format!("/login?r={}", page.field("r"))).await;
    assert_way_back(&reloaded, 400, "invalid_request", "This page was open for too long");
    world.admin().set_client_disabled("rp", true).await.unwrap();
    world.app.distrust_caches();
    let disabled = browser.get(&world, &format!("/login?r={}", page.field("r"))).await;
    assert_eq!(
        disabled.element("error-application"),
        None,
        "nobody is led to an application that is disabled"
    );
    let unknown = browser.get(&world, "/login?r=x").await;
    unknown.assert_error_page(400, "invalid_request");
    assert_eq!(unknown.element("error-application"), None);
}

#[tokio::test]
async fn without_cookies_a_form_says_so() {
    let (world, _) = people().await;
    let page = Browser::new().visit(&world, &with(&[])).await;
    let sent = Browser::new().sign_in(&world, &page, "alice", "correct horse").await;
    assert_way_back(&sent, 403, "access_denied", "Your browser sent no cookie");
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let consent = browser.sign_in(&world, &page, "alice", "correct horse").await;
    let sent = Browser::new().consent(&world, &consent, "approve").await;
    assert_way_back(&sent, 403, "access_denied", "Your browser sent no cookie");
}

#[tokio::test]
async fn a_form_that_is_sent_after_the_sign_in_was_finished_says_so() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let consent = browser.sign_in(&world, &page, "alice", "correct horse").await;
    let answer = browser.consent(&world, &consent, "approve").await;
    assert_eq!(redeem(&world, answer.to_client().get("code").unwrap()).await.status, 200);
    let again = browser.consent(&world, &consent, "approve").await;
    assert_way_back(&again, 400, "invalid_request", "This sign-in was finished before");
}
