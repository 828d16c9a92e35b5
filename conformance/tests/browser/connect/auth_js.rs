//! Auth.js in an Express application.

use super::recipe::{Recipe, are_installed};
use super::{sign_in_and_agree, until_other};
use crate::chromium::Chromium;
use crate::demo::json_of;

#[tokio::test]
async fn auth_js_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let recipe = Recipe::follow("auth-js", &[("KEYWARD_ACCESS_TOKEN_TTL", "10s")], &[]);
    recipe.run("ln -s $CLIENTS/node_modules node_modules");
    let _client = recipe.start("env AUTH_SECRET=0123456789abcdef AUTH_TRUST_HOST=1 node app.mjs");
    let session = async || {
        browser.open(&recipe.url("/auth/session")).await;
        json_of(&browser, "pre").await
    };
    let sign_in = async || {
        browser.open(&recipe.url("/auth/signin")).await;
        browser.press("button[type=submit]").await;
    };

    sign_in().await;
    sign_in_and_agree(&browser, &recipe.url("/")).await;
    let first = session().await;
    assert_eq!(first["user"]["email"], "alice@example.com");
    let token = first["access_token"].as_str().unwrap();
    until_other(token, async || session().await["access_token"].as_str().unwrap().to_owned()).await;
    assert!(recipe.was_refreshed());

    browser.open(&recipe.url("/sign-out")).await;
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), recipe.url("/signed-out"));
    assert!(session().await.is_null());
    sign_in().await;
    browser.arrive_at("Sign in").await;
}
