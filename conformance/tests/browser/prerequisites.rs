//! What the tests need of the machine: environment variables, and programs that may be missing.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

/// What whoever starts the tests says.
#[expect(clippy::disallowed_methods, reason = "these are no settings of the server")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Something to test with is missing: fails if it is demanded, else says so once, past the harness that would swallow
/// it.
pub(crate) fn go_without(missing: &'static str) {
    static SAID: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    assert!(environment("REQUIRE_BROWSER").is_none_or(|set| set != "1"), "{missing}");
    if SAID.lock().unwrap().insert(missing) {
        let line = format!("\nbrowser tests pass without testing: {missing}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}
