//! Keyward in a real browser. Headless Chromium shows what a server can't: cookies and origins as a browser sends them,
//! the content security policy as it enforces it, focus, accessibility, layout.
//!
//! Without `chromedriver` the tests pass after saying so; with `REQUIRE_BROWSER=1`, as in CI, they fail.
//! `AXE_SOURCE` is the path of axe-core's `axe.min.js`, which is not ours to ship. `SCREENSHOTS` is a folder
//! that gets a picture of every page. None begins with `KEYWARD_`: an unknown fixture would stop every server that
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
mod connect;
mod cross_site;
mod demo;
mod fixture;
mod keyboard;
mod layout;
mod logout;
mod other_site;
mod prerequisites;
mod redirects;
mod requests;
mod sign_in;
mod signup;
