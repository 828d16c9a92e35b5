//! `/authorize`, never a redirect until client and URI are proven.

use super::*;
use conformance::{FORM, get, post};
use http::{Method, Request};
use serde_json::json;

mod answer;
mod methods;
mod parameters;
mod pkce;
mod progress;
mod prompt;
mod redirect;

/// Sends the good request with changes, without a session.
async fn ask(world: &World, changes: &[(&str, &str)]) -> Answer {
    world.send(get(&with(changes))).await
}

/// Whether the request is on its way to the sign-in page.
fn goes_on(answer: &Answer) -> bool {
    answer.location().starts_with("/login?r=")
}

/// The client gets the error, by redirect.
async fn assert_told(world: &World, changes: &[(&str, &str)], code: &str) {
    ask(world, changes).await.assert_error_redirect(REDIRECT, ISSUER, code, Some("s"));
}

/// Only the user sees the error, on a page that shows nothing of what was sent.
async fn assert_shown(world: &World, changes: &[(&str, &str)]) -> Answer {
    let page = ask(world, changes).await;
    page.assert_error_page(400, "invalid_request");
    for (_, sent) in changes.iter().filter(|(_, sent)| sent.len() > 3) {
        assert!(!page.text().contains(sent), "{sent} in {page:?}");
    }
    page
}
