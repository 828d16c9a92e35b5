//! What the tests need of the machine: environment variables, and programs that may be missing.

use storage::contract::tool;

/// An environment variable of the person who runs the tests.
pub(crate) fn environment(name: &str) -> Option<String> {
    tool::environment(name).map(|value| value.into_string().unwrap())
}

/// Something to test with is missing.
pub(crate) fn go_without(missing: &'static str) {
    tool::go_without("BROWSER", "browser tests pass without testing", missing);
}
