//! The results of a run: a table, JSON, JUnit and Markdown.

use crate::judge::Ended;
use crate::run::{ModuleResult, PlanResult};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Everything that was run.
pub(crate) struct Report {
    /// The suite's base URL.
    pub(crate) suite: String,
    /// Its release.
    pub(crate) version: String,
    pub(crate) plans: Vec<PlanResult>,
}

impl Report {
    pub(crate) fn is_expected(&self) -> bool {
        self.plans.iter().all(|plan| plan.unexpected() == 0)
    }

    /// One row a plan.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("\nConformance suite {}\n", self.version);
        let heads = ["profile", "modules", "passed", "with picture", "skipped", "unexpected"];
        let rows = self.plans.iter().map(PlanResult::row);
        for row in std::iter::once(heads.map(str::to_owned)).chain(rows) {
            let [profile, numbers @ ..] = row;
            let numbers: String = numbers.iter().map(|number| format!("  {number:>12}")).collect();
            let _infallible = writeln!(text, "{profile:<16}{numbers}");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let module = |result: &ModuleResult| {
            json!({
                "module": result.module,
                "id": result.id,
                "result": result.ended,
                "expected": result.complaint.is_none(),
                "complaint": result.complaint,
                "findings": result.findings,
                "milliseconds": u64::try_from(result.took.as_millis()).unwrap_or(u64::MAX),
            })
        };
        let plan = |result: &PlanResult| {
            json!({
                "name": result.plan.name,
                "plan": result.plan.plan,
                "profile": result.plan.profile,
                "id": result.id,
                "modules": result.modules.iter().map(module).collect::<Vec<_>>(),
            })
        };
        json!({
            "suite": self.suite,
            "version": self.version,
            "ok": self.is_expected(),
            "plans": self.plans.iter().map(plan).collect::<Vec<_>>(),
        })
    }

    /// The page `docs/reference/conformance-result.md`.
    pub(crate) fn markdown(&self) -> String {
        let mut page = format!(
            "# Result of the official conformance suite\n\n\
             <!-- Written by `oidf --markdown` (docs/guides/conformance.md). What it ran on is added by hand. -->\n\n\
             OpenID Foundation conformance suite, release {}. \"Passed, picture\": the suite found nothing wrong and \
             kept a picture of a page for a human reviewer.\n\n\
             | profile | modules | passed | with picture | skipped | unexpected |\n|---|---|---|---|---|---|\n",
            self.version
        );
        for plan in &self.plans {
            let _infallible = writeln!(page, "| {} |", plan.row().join(" | "));
        }
        for plan in &self.plans {
            let _infallible = write!(
                page,
                "\n## {}\n\nPlan `{}`.\n\n| module | result | note |\n|---|---|---|\n",
                plan.plan.profile, plan.plan.plan
            );
            for result in &plan.modules {
                let cells = [&format!("`{}`", result.module), result.ended.word(), &plan.note(result)];
                let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
                let _infallible = writeln!(page, "| {} |", cells.join(" | ").trim_end());
            }
        }
        page
    }

    /// JUnit, for test tools.
    pub(crate) fn junit(&self) -> String {
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for plan in &self.plans {
            let skipped = plan.count(|result| result.complaint.is_none() && result.ended == Ended::Skipped);
            let _infallible = writeln!(
                text,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\">",
                xml(&plan.plan.plan),
                plan.modules.len(),
                plan.unexpected()
            );
            plan.modules.iter().for_each(|result| plan.testcase(result, &mut text));
            text.push_str("  </testsuite>\n");
        }
        text.push_str("</testsuites>\n");
        text
    }
}

impl PlanResult {
    fn count(&self, which: impl Fn(&ModuleResult) -> bool) -> usize {
        self.modules.iter().filter(|result| which(result)).count()
    }

    fn unexpected(&self) -> usize {
        self.count(|result| result.complaint.is_some())
    }

    fn row(&self) -> [String; 6] {
        let ended = |as_| self.count(|result| result.ended == as_).to_string();
        [
            self.plan.profile.clone(),
            self.modules.len().to_string(),
            ended(Ended::Passed),
            ended(Ended::Review),
            ended(Ended::Skipped),
            self.unexpected().to_string(),
        ]
    }

    /// Why it was skipped, or what is wrong.
    fn note(&self, result: &ModuleResult) -> String {
        match &result.complaint {
            Some(complaint) => format!("{complaint}. {}", result.findings.join("; ")),
            None => self.plan.skips.get(&result.module).cloned().unwrap_or_default(),
        }
    }

    fn testcase(&self, result: &ModuleResult, text: &mut String) {
        let _infallible = write!(
            text,
            "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
            xml(&self.plan.plan),
            xml(&result.module),
            result.took.as_secs_f64()
        );
        let note = xml(&self.note(result));
        if let Some(complaint) = &result.complaint {
            let message = xml(&format!("{}: {complaint}", result.ended.word()));
            let _infallible = write!(text, "<failure message=\"{message}\">{note}</failure>");
        } else if result.ended == Ended::Skipped {
            let _infallible = write!(text, "<skipped message=\"{note}\"/>");
        }
        text.push_str("</testcase>\n");
    }
}

/// Escaped for XML; control characters, which XML 1.0 can't represent, become spaces.
fn xml(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
