//! The environment, read once and only here. Everything else gets this value, so tests can inject their own.

use std::collections::BTreeMap;

/// A copy of the environment.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's environment. What is not UTF-8 becomes [`char::REPLACEMENT_CHARACTER`], which no setting accepts.
    pub fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// An environment for a test.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable; `None` if it isn't set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables whose names begin with `prefix`, under the rest of their names.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// What to log, in the syntax of `RUST_LOG` (`info`, `server=debug,warn`).
    pub fn log_filter(&self) -> Option<&str> {
        self.get("RUST_LOG")
    }
}
