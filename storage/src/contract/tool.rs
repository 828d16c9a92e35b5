//! Programs that tests need and that a machine may not have. Tests then pass after saying so; where the variable
//! `REQUIRE_` with the tool's name is 1, as in CI, they fail.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Mutex;

/// An environment variable of the person who runs the tests.
#[expect(clippy::disallowed_methods, reason = "these are no settings of the server")]
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Goes without a tool. `untested` says what is not tested then, `missing` what to install.
///
/// # Panics
/// If the tool is required.
pub fn go_without(tool: &str, untested: &str, missing: &'static str) {
    static SAID: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    assert!(environment(&format!("REQUIRE_{tool}")).is_none_or(|set| set != "1"), "{missing}");
    if SAID.lock().unwrap().insert(missing) {
        // Past the test harness, which would swallow it.
        std::io::stderr().write_all(format!("\n{untested}: {missing}\n").as_bytes()).unwrap();
    }
}
