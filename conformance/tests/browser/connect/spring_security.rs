//! Spring Security in a Spring Boot application.

use super::recipe::{Recipe, are_installed};
use super::{sign_in_and_agree, until_other};
use crate::chromium::Chromium;
use crate::demo::json_of;

#[tokio::test]
async fn spring_security_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    // Spring refreshes a minute before a token expires.
    let recipe = Recipe::follow("spring-security", &[("KEYWARD_ACCESS_TOKEN_TTL", "30s")], &[]);
    recipe.run("javac -parameters -cp \"$CLIENTS/jars/*\" -d . Application.java");
    let _client = recipe.start("java -cp \".:$CLIENTS/jars/*\" com.example.Application");
    let home = async || {
        browser.open(&recipe.url("/")).await;
        json_of(&browser, "pre").await
    };

    browser.open(&recipe.url("/")).await;
    sign_in_and_agree(&browser, &recipe.url("/")).await;
    let first = json_of(&browser, "pre").await;
    assert_eq!(first["claims"]["email"], "alice@example.com");
    let token = first["access_token"].as_str().unwrap();
    until_other(token, async || home().await["access_token"].as_str().unwrap().to_owned()).await;
    assert!(recipe.was_refreshed());

    browser.open(&recipe.url("/logout")).await;
    browser.follow("button[type=submit]").await;
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), recipe.url("/signed-out"));
    browser.open(&recipe.url("/")).await;
    browser.arrive_at("Sign in").await;
}
