//! `keyward dev`, the real binary: what it prints is all a user needs.

use crate::chromium::Chromium;
use crate::other_site::Site;
use crate::prerequisites::go_without;
use conformance::keyward_binary;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running `keyward dev` in a folder of its own.
pub(crate) struct Dev {
    process: Child,
    printed: Value,
    _folder: TempDir,
}

impl Dev {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut process = Command::new(keyward_binary())
            .args(["dev", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, printed: serde_json::from_str(&line).unwrap(), _folder: folder }
    }

    /// A member of what it printed.
    pub(crate) fn says(&self, name: &str) -> &str {
        self.printed[name].as_str().unwrap()
    }

    /// From the first page to the last.
    pub(crate) async fn walk(&self, browser: &Chromium) {
        browser.open(self.says("demo")).await;
        browser.press("#demo-sign-in").await;
        browser.fill("input[name=username]", self.says("username")).await;
        browser.fill("input[name=password]", self.says("password")).await;
        browser.press("#login-submit").await;
        browser.press("#consent-approve").await;
        browser.find("#demo-again").await;
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

pub(crate) async fn json_of(browser: &Chromium, css: &str) -> Value {
    serde_json::from_str(&browser.text(css).await).unwrap()
}

#[tokio::test]
async fn the_demo_signs_a_user_in_and_shows_what_it_verified() {
    let Some(browser) = Chromium::start().await else { return };
    let dev = Dev::start();
    dev.walk(&browser).await;
    browser.arrive_at("You are signed in").await;
    let id_token = json_of(&browser, "#demo-id-token").await;
    assert_eq!((&id_token["iss"], &id_token["aud"]), (&json!(dev.says("issuer")), &json!("demo-app")));
    let userinfo = json_of(&browser, "#demo-userinfo").await;
    assert_eq!((&userinfo["name"], &userinfo["sub"]), (&json!("Demo User"), &id_token["sub"]));
    let token = browser.text("#demo-access-token").await;
    let claims = json_of(&browser, "#demo-access-token-claims").await;
    assert_eq!(conformance::claims(&token), claims);
    let checks = browser.text("#demo-checks").await;
    for check in [dev.says("issuer"), id_token["nonce"].as_str().unwrap()] {
        assert!(checks.contains(check), "{check} in {checks}");
    }
    assert_eq!(browser.refusals().await, [""; 0]);

    // Consent is not asked for again.
    browser.press("#demo-again").await;
    browser.press("#demo-sign-in").await;
    browser.arrive_at("You are signed in").await;
}

#[tokio::test]
async fn the_demo_accepts_no_answer_it_did_not_ask_for() {
    let Some(browser) = Chromium::start().await else { return };
    let dev = Dev::start();
    let issuer = dev.says("issuer");
    browser.open(&format!("{issuer}/demo/callback?code=kwc_x&state=y&iss={issuer}")).await;
    assert_eq!(browser.text("#demo-error").await, "not_begun");
    // Another site sends its own answer while a sign-in is under way.
    let site = Site::start().await;
    browser.open(dev.says("demo")).await;
    browser.press("#demo-sign-in").await;
    browser.find("#login-submit").await;
    let forged = format!("{issuer}/demo/callback?code=kwc_x&amp;state=y&amp;iss={issuer}");
    site.page("/go", &format!(r#"<a id=go href="{forged}">Go</a>"#));
    browser.open(&site.url("/go")).await;
    browser.press("#go").await;
    assert_eq!(browser.text("#demo-error").await, "not_accepted");
}

#[test]
fn the_printed_command_gets_a_token() {
    let dev = Dev::start();
    let command = format!("{} --silent --show-error", dev.says("curl"));
    let done = Command::new("sh").args(["-c", &command]).output().unwrap();
    if done.status.code() == Some(127) {
        return go_without("curl is not installed");
    }
    let answer: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!(answer["token_type"], "Bearer");
    let claims = conformance::claims(answer["access_token"].as_str().unwrap());
    assert_eq!(claims["client_id"], "demo-machine");
    assert_eq!(claims["scope"], "demo:read demo:write");
}
