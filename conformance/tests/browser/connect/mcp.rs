//! A client and a server of the Model Context Protocol.

use super::recipe::{Recipe, are_installed};
use super::{sign_in_and_agree, until_other};
use crate::chromium::Chromium;
use crate::demo::json_of;
use conformance::ports::free_port;

#[tokio::test]
async fn an_mcp_client_signs_in_and_refreshes() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let client = free_port(32_000);
    let callback = format!("http://localhost:{client}/callback");
    let changes = [("http://localhost:5000/callback", &*callback)];
    let recipe = Recipe::follow("mcp", &[("KEYWARD_ACCESS_TOKEN_TTL", "10s")], &changes);
    recipe.run("ln -s $CLIENTS/node_modules node_modules; cp $CLIENTS/mcp-client.mjs .");
    let _server = recipe.start("node server.mjs");
    let command = format!("node mcp-client.mjs {} {callback}", recipe.url("/mcp"));
    let _client = recipe.start_at(client, &command);

    browser.open(&callback).await;
    sign_in_and_agree(&browser, &callback).await;
    let first = json_of(&browser, "pre").await;
    assert!(first["user"].is_string());
    let token = first["access_token"].as_str().unwrap();
    until_other(token, async || {
        browser.open(&callback).await;
        json_of(&browser, "pre").await["access_token"].as_str().unwrap().to_owned()
    })
    .await;
    assert!(recipe.was_refreshed());
}
