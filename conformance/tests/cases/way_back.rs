//! What goes wrong on a page without anybody's fault: the error page says what happened, and names the application to go
//! back to.

use super::requests::*;
use protocol::lifetimes;

/// An error page that leads back to the relying party.
fn assert_way_back(page: &Answer, status: u16, code: &str, what: &str) {
    page.assert_error_page(status, code);
    assert_eq!(page.element("application"), Some("Relying party"), "{}", page.text());
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
    assert_eq!(disabled.element("application"), None, "nobody is led to an application that is disabled");
    let unknown = browser.get(&world, "/login?r=x").await;
    unknown.assert_error_page(400, "invalid_request");
    assert_eq!(unknown.element("application"), None);
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

#[tokio::test]
async fn a_registered_start_address_is_the_way_back() {
    let (world, _) = people().await;
    let start = "https://rp.example/start?a=b&c#/home";
    let changed = serde_json::from_value(serde_json::json!({ "client_uri": start })).unwrap();
    world.admin().update_client("rp", &changed, &world.app.settings).await.unwrap();
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let other = Browser::new().sign_in(&world, &page, "alice", "correct horse").await;
    assert_way_back(&other, 403, "access_denied", "Your browser sent no cookie");
    let link = format!("<a id=\"application\" href=\"{}\">", start.replace('&', "&#38;"));
    assert!(other.text().contains(&link), "{}", other.text());
    let leave = format!("/logout?{}", query(&[("client_id", "rp")]));
    let nobody = browser.get(&world, &leave).await;
    assert!(nobody.text().contains(&link), "{}", nobody.text());
    browser.sign_in(&world, &page, "alice", "correct horse").await;
    let asked = browser.get(&world, &leave).await;
    let fields = [("csrf", asked.field("csrf")), ("client_id", asked.field("client_id"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let done = browser.submit(&world, "/logout", &fields).await;
    assert!(done.text().contains(&link), "{}", done.text());
    let elsewhere = ("post_logout_redirect_uri", "https://rp.example/unregistered");
    let unregistered = format!("/logout?{}", query(&[("client_id", "rp"), elsewhere]));
    let refused = browser.get(&world, &unregistered).await;
    refused.assert_error_page(400, "invalid_request");
    assert!(refused.text().contains(&link), "{}", refused.text());
    let unknown = browser.get(&world, "/logout?client_id=nobody").await;
    assert_eq!(unknown.element("application"), None);
}
