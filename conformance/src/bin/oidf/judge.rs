//! How a module ended, and whether that was expected.

use crate::suite::Against;
use conformance::plans::Plan;
use serde::Serialize;

/// How a module ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Ended {
    /// As the rules demand.
    Passed,
    /// The same, and the suite's browser left a picture for a human reviewer.
    Review,
    /// It doesn't apply.
    Skipped,
    /// Less than the rules recommend.
    Warning,
    /// Against the rules.
    Failed,
    /// The suite gave no verdict.
    Unknown,
    /// The suite stopped it.
    Interrupted,
    /// It took too long.
    TimedOut,
    /// The suite couldn't be reached.
    Broken,
    /// It never began.
    NotRun,
}

impl Ended {
    /// From the suite's words.
    pub(crate) fn of(status: &str, result: Option<&str>) -> Self {
        match (status, result) {
            ("FINISHED", Some("PASSED")) => Self::Passed,
            ("FINISHED", Some("REVIEW")) => Self::Review,
            ("FINISHED", Some("SKIPPED")) => Self::Skipped,
            ("FINISHED", Some("WARNING")) => Self::Warning,
            ("FINISHED", Some("FAILED")) => Self::Failed,
            ("INTERRUPTED", _) => Self::Interrupted,
            _ => Self::Unknown,
        }
    }

    /// The same, with the findings of the log taken into account.
    pub(crate) fn and(self, findings: &[(Against, String)]) -> Self {
        let has = |against| findings.iter().any(|(own, _)| *own == against);
        match self {
            Self::Passed | Self::Review | Self::Skipped if has(Against::Failure) => Self::Failed,
            Self::Passed | Self::Review | Self::Skipped if has(Against::Warning) => Self::Warning,
            ended => ended,
        }
    }

    /// The word in the table.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Review => "passed, picture",
            Self::Skipped => "skipped",
            Self::Warning => "WARNING",
            Self::Failed => "FAILED",
            Self::Unknown => "UNKNOWN",
            Self::Interrupted => "INTERRUPTED",
            Self::TimedOut => "TIMED OUT",
            Self::Broken => "BROKEN",
            Self::NotRun => "NOT RUN",
        }
    }

    /// Whether the module ran to its end. After several in a row that don't, the rest won't either.
    pub(crate) const fn is_complete(self) -> bool {
        !matches!(self, Self::Interrupted | Self::TimedOut | Self::Broken | Self::Unknown | Self::NotRun)
    }
}

/// Why the result of a module is unexpected; `None` if it is expected.
pub(crate) fn complaint(plan: &Plan, module: &str, ended: Ended) -> Option<String> {
    let known = plan.modules.iter().any(|own| own == module);
    match (ended, plan.skips.get(module)) {
        _ if !known => Some(format!("not in plans/{}.json", plan.name)),
        (Ended::Skipped, Some(_)) | (Ended::Passed | Ended::Review, None) => None,
        (Ended::Passed | Ended::Review, Some(_)) => Some("expected to be skipped, but it ran".into()),
        (Ended::Skipped, None) => Some("skipped, and no reason for that is known".into()),
        _ => Some("expected to pass".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conformance::plans;

    #[test]
    fn only_what_passes_or_is_skipped_for_a_reason_is_expected() {
        let basic = plans::find("basic").unwrap();
        let skip = "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported";
        let all = [
            Ended::Passed,
            Ended::Review,
            Ended::Skipped,
            Ended::Warning,
            Ended::Failed,
            Ended::Unknown,
            Ended::Interrupted,
            Ended::TimedOut,
            Ended::Broken,
            Ended::NotRun,
        ];
        let expected =
            |module| all.into_iter().filter(|ended| complaint(&basic, module, *ended).is_none()).collect();
        let expected: [Vec<_>; 3] = ["oidcc-server", skip, "oidcc-new"].map(expected);
        assert_eq!(expected, [vec![Ended::Passed, Ended::Review], vec![Ended::Skipped], vec![]]);
    }

    #[test]
    fn a_verdict_counts_only_for_a_module_that_finished() {
        assert_eq!(Ended::of("INTERRUPTED", Some("PASSED")), Ended::Interrupted);
        assert_eq!(Ended::of("RUNNING", Some("PASSED")), Ended::Unknown);
        assert_eq!(Ended::of("FINISHED", None), Ended::Unknown);
        assert_eq!(Ended::of("FINISHED", Some("WARNING")), Ended::Warning);
    }
}
