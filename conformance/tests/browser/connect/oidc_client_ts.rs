//! oidc-client-ts in a single-page application.

use super::recipe::{Recipe, are_installed};
use super::{sign_in_and_agree, until_other};
use crate::chromium::Chromium;
use crate::demo::json_of;

const USER: &str = "#user:not(:empty)";

#[tokio::test]
async fn oidc_client_ts_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let recipe = Recipe::follow("oidc-client-ts", &[], &[]);
    recipe.run("ln -s $CLIENTS/node_modules node_modules");
    let _client = recipe.start(&format!("python3 -m http.server {}", recipe.port));

    browser.open(&recipe.url("/")).await;
    browser.follow("#sign-in").await;
    sign_in_and_agree(&browser, &recipe.url("/")).await;
    let user = json_of(&browser, USER).await;
    assert_eq!(user["profile"]["email"], "alice@example.com");
    let token = user["access_token"].as_str().unwrap();
    browser.press("#refresh").await;
    until_other(token, async || json_of(&browser, USER).await["access_token"].as_str().unwrap().to_owned())
        .await;
    assert!(recipe.was_refreshed());

    browser.follow("#sign-out").await;
    assert!(json_of(&browser, USER).await.is_null());
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), recipe.url("/"));
    browser.follow("#sign-in").await;
    browser.arrive_at("Sign in").await;
}
