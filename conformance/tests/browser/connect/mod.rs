//! The pages of `docs/guides/connect`, followed with the client that each is about: a user signs in, the client gets the
//! claims and later a new access token, and signing out ends both sessions, so that the next sign-in asks for the
//! password.
//!
//! `conformance/clients/install` installs the clients, and `CLIENTS` is the folder that it installed them to. Without
//! it the tests pass after saying so; with `REQUIRE_CLIENTS=1`, as in CI, they fail.

mod auth_js;
mod mcp;
mod oidc_client_ts;
mod proxies;
mod recipe;
mod spring_security;

use crate::chromium::{Chromium, PATIENCE};
use crate::fixture::sign_in;
use conformance::PASSWORD;
use std::time::Duration;

/// Alice signs in at Keyward, agrees, and is back at the client, whose addresses begin with `client`.
async fn sign_in_and_agree(browser: &Chromium, client: &str) {
    browser.arrive_at("Sign in").await;
    sign_in(browser, PASSWORD).await;
    browser.press("#consent-approve").await;
    // Not only away from Keyward: the client may redirect before it has a session.
    let back = async {
        while !browser.client.current_url().await.unwrap().as_str().starts_with(client) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.unwrap_or_else(|_| panic!("{client} is not reached"));
}

/// Waits until the client shows another access token.
async fn until_other(token: &str, mut shown: impl AsyncFnMut() -> String) {
    let other = async {
        while shown().await == token {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, other).await.unwrap_or_else(|_| panic!("the client didn't refresh"));
}
