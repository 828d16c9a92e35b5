//! Authorization requests and how they fail.

pub(crate) use super::super::requests::*;
pub(crate) use conformance::{FORM, get, post};
pub(crate) use http::{Method, Request};
pub(crate) use serde_json::json;

/// Sends the good request with changes, without a session.
pub(crate) async fn ask(world: &World, changes: &[(&str, &str)]) -> Answer {
    world.send(get(&with(changes))).await
}

/// Whether the request is on its way to the sign-in page.
pub(crate) fn leads_to_sign_in(answer: &Answer) -> bool {
    answer.location().starts_with("/login?r=")
}

/// The client gets the error, by redirect.
pub(crate) async fn assert_error_to_client(world: &World, changes: &[(&str, &str)], code: &str) {
    ask(world, changes).await.assert_error_redirect(REDIRECT, ISSUER, code, Some("s"));
}

/// Only the user sees the error, on a page that shows nothing of what was sent.
pub(crate) async fn assert_error_on_page(world: &World, changes: &[(&str, &str)]) -> Answer {
    let page = ask(world, changes).await;
    page.assert_error_page(400, "invalid_request");
    for (_, sent) in changes.iter().filter(|(_, sent)| sent.len() > 3) {
        assert!(!page.text().contains(sent), "{sent} in {page:?}");
    }
    page
}
