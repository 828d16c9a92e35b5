//! A plan from its creation to the last module, one module after the other: modules with the same alias would receive
//! each other's answers.

use crate::judge::{Ended, complaint};
use crate::output::{Outcome, note, print};
use crate::suite::{Entry, PlannedModule, Suite};
use conformance::plans::Plan;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How many incomplete modules in a row end a plan.
const GIVE_UP: usize = 3;

/// What is run and how.
pub(crate) struct Run<'a> {
    pub(crate) suite: &'a Suite,
    /// Folder of the configurations.
    pub(crate) configurations: &'a Path,
    /// Only these modules; all if empty.
    pub(crate) modules: &'a [String],
    /// How long a module may take.
    pub(crate) patience: Duration,
    /// Whether the lines go to standard error.
    pub(crate) quiet: bool,
}

/// A plan that was run.
pub(crate) struct PlanResult {
    pub(crate) plan: Plan,
    /// The suite's id of it.
    pub(crate) id: String,
    pub(crate) modules: Vec<ModuleResult>,
}

/// A module that was run.
pub(crate) struct ModuleResult {
    pub(crate) module: String,
    /// The suite's id of it; `None` if it never began.
    pub(crate) id: Option<String>,
    pub(crate) ended: Ended,
    /// Why that is unexpected; `None` if it is expected.
    pub(crate) complaint: Option<String>,
    /// What the suite found.
    pub(crate) findings: Vec<String>,
    pub(crate) took: Duration,
}

impl Run<'_> {
    /// Runs a plan. Whatever happens to a module is its result; an error is what keeps the plan from starting.
    pub(crate) async fn plan(&self, plan: &Plan) -> Outcome<PlanResult> {
        let file = self.configurations.join(format!("{}.json", plan.name));
        let configuration = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}; `seed` writes the configurations", file.display()))?;
        let created = self.suite.create(&plan.plan, &plan.variant, configuration).await?;
        note(format_args!("{}: {}/plan-detail.html?plan={}", plan.profile, self.suite.base(), created.id));
        let mut result = PlanResult { plan: plan.clone(), id: created.id, modules: Vec::new() };
        let planned: Vec<_> =
            created.modules.iter().filter(|module| self.is_chosen(&module.test_module)).collect();
        let mut incomplete = 0;
        for (at, module) in planned.iter().enumerate() {
            note(format_args!("{} {}/{} {}", plan.name, at + 1, planned.len(), module.test_module));
            let ended = if incomplete < GIVE_UP {
                self.module(plan, &result.id, module).await
            } else {
                not_run(
                    plan,
                    &module.test_module,
                    format!("given up after {GIVE_UP} modules that didn't end"),
                )
            };
            incomplete = if ended.ended.is_complete() { 0 } else { incomplete + 1 };
            self.tell(&ended)?;
            result.modules.push(ended);
        }
        let missing = plan.modules.iter().filter(|name| {
            self.is_chosen(name) && created.modules.iter().all(|module| module.test_module != **name)
        });
        for name in missing {
            let missing = not_run(plan, name, "the suite's plan doesn't have it".into());
            self.tell(&missing)?;
            result.modules.push(missing);
        }
        Ok(result)
    }

    fn is_chosen(&self, module: &str) -> bool {
        self.modules.is_empty() || self.modules.iter().any(|name| name == module)
    }

    async fn module(&self, plan: &Plan, plan_id: &str, module: &PlannedModule) -> ModuleResult {
        let began = Instant::now();
        let mut result = not_run(plan, &module.test_module, String::new());
        let watched = self.watch(plan_id, module, &mut result.id).await;
        let (ended, findings) = watched.unwrap_or_else(|error| (Ended::Broken, vec![error.to_string()]));
        result.ended = ended;
        result.complaint = complaint(plan, &module.test_module, ended);
        result.findings = findings;
        result.took = began.elapsed();
        result
    }

    async fn watch(
        &self,
        plan_id: &str,
        module: &PlannedModule,
        started: &mut Option<String>,
    ) -> Outcome<(Ended, Vec<String>)> {
        let id = self.suite.start(plan_id, module).await?;
        *started = Some(id.clone());
        let ended = if self.suite.wait(&id, self.patience).await? {
            let info = self.suite.info(&id).await?;
            Ended::of(&info.status, info.result.as_deref())
        } else {
            Ended::TimedOut
        };
        let entries = self.suite.log(&id).await?;
        let telling: Vec<_> = entries.into_iter().filter_map(Entry::telling).collect();
        // The suite's own result isn't enough: with a picture to review it drops a warning.
        Ok((
            ended.and(&telling),
            telling.into_iter().map(|(result, text)| format!("{result} {text}")).collect(),
        ))
    }

    /// One line per module, and the findings if the result is unexpected.
    fn tell(&self, result: &ModuleResult) -> Outcome<()> {
        let mut text = result.line();
        if result.complaint.is_some() {
            text.extend(result.findings.iter().map(|finding| format!("\n    {finding}")));
        }
        if self.quiet {
            note(text)
        } else {
            print(&text)?
        }
        Ok(())
    }
}

impl ModuleResult {
    /// The line.
    pub(crate) fn line(&self) -> String {
        let complaint = self.complaint.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{:<16} {}{complaint}", self.ended.word(), self.module)
    }
}

fn not_run(plan: &Plan, module: &str, why: String) -> ModuleResult {
    ModuleResult {
        module: module.to_owned(),
        id: None,
        ended: Ended::NotRun,
        complaint: complaint(plan, module, Ended::NotRun),
        findings: vec![why],
        took: Duration::ZERO,
    }
}
