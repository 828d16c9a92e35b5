//! The result of a check, and how results are printed.

use crate::cli::output::{Failed, Outcome, Output};
use serde::Serialize;
use std::fmt::Write as _;

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) ok: bool,
    /// Nothing was checked, which is no problem.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skipped: bool,
    /// What was found.
    pub(super) found: String,
    /// How to fix it, or how to check what was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

/// What is there in place of what was expected.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) fix: String,
}

impl Check {
    pub(super) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, skipped: false, found: found.into(), fix: None }
    }

    pub(super) fn bad(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { ok: false, fix: Some(fix.into()), ..Self::good(name, found) }
    }

    pub(super) fn skipped(name: &'static str, found: impl Into<String>, how: impl Into<String>) -> Self {
        Self { skipped: true, fix: Some(how.into()), ..Self::good(name, found) }
    }

    /// What was found, or how it differs from what was expected.
    pub(super) fn of(name: &'static str, outcome: Result<String, Difference>) -> Self {
        match outcome {
            Ok(found) => Self::good(name, found),
            Err(Difference { expected, found, fix }) => {
                Self::bad(name, format!("expected {expected}; found {found}"), fix)
            }
        }
    }
}

impl Difference {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into(), fix: fix.into() }
    }
}

/// There was no answer, for this reason.
impl From<String> for Difference {
    fn from(why: String) -> Self {
        Self::new("an answer", why, "see `reachability`; if it was too slow, run this again")
    }
}

/// Prints the results. `Err` if there is a problem.
pub(super) fn report(output: Output, checks: &[Check]) -> Outcome {
    let mut text = String::new();
    for check in checks {
        let mark = match check {
            Check { skipped: true, .. } => "skip",
            Check { ok: true, .. } => "ok  ",
            Check { ok: false, .. } => "BAD ",
        };
        let _infallible = writeln!(text, "{mark}  {:12}  {}", check.name, check.found);
        if let Some(fix) = &check.fix {
            let _infallible = writeln!(text, "      {:12}  -> {fix}", "");
        }
    }
    let ok = checks.iter().all(|check| check.ok);
    output.result(&serde_json::json!({ "ok": ok, "checks": checks }), text)?;
    if ok { Ok(()) } else { Err(Failed("there are problems to fix".into())) }
}
