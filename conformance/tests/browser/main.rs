//! Keyward in a real browser: headless Chromium walks the pages, and what a server can't see from inside is looked
//! at from outside: cookies and origins as a browser sends them, the content security policy as it enforces it,
//! focus, accessibility, looks.
//!
//! Without `chromedriver` the tests pass after saying so; with `REQUIRE_BROWSER=1`, as in CI, they fail.
//! `AXE_SOURCE` is the path of axe-core's `axe.min.js`, which is not ours to ship. `SCREENSHOTS` is a folder
//! that gets a picture of every page. None begins with `KEYWARD_`: an unknown setting would stop every server that
//! inherits it.
//!
//! Nothing here reaches beyond this machine: the browser resolves no other name.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod account;
mod chromium;
mod demo;
mod elsewhere;
mod keyboard;
mod logout;
mod look;
mod redirects;
mod requests;
mod setting;
mod signup;
mod site;
mod walk;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

/// What whoever starts the tests says.
#[expect(clippy::disallowed_methods, reason = "these are no settings of the server")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Something to test with is missing: fails if it is demanded, else says so once, past the harness that would swallow
/// it.
fn go_without(missing: &'static str) {
    static SAID: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    assert!(environment("REQUIRE_BROWSER").is_none_or(|set| set != "1"), "{missing}");
    if SAID.lock().unwrap().insert(missing) {
        let line = format!("\nbrowser tests pass without testing: {missing}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
