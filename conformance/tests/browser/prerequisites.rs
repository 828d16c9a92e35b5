//! What the tests need of the machine: environment variables, and programs that may be missing.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

/// An environment variable of the person who runs the tests.
#[expect(clippy::disallowed_methods, reason = "these are no settings of the server")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Something to test with is missing: fails if it is required, otherwise says so once, on standard error past the test
/// harness, which would swallow it.
pub(crate) fn go_without(missing: &'static str) {
    static SAID: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    assert!(environment("REQUIRE_BROWSER").is_none_or(|set| set != "1"), "{missing}");
    if SAID.lock().unwrap().insert(missing) {
        let line = format!("\nbrowser tests pass without testing: {missing}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
