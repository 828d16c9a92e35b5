//! `keyward apply`: shows how the store differs from a declaration, and makes it the same.

use super::client::idle_first_party;
use super::context::Context;
use super::output::{Failed, Outcome, Output, note, one_line, print};
use crate::admin::Admin;
use crate::admin::declared::{Action, Change, Plan, Step, file};
use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The declaration: TOML, or JSON if its name ends in `.json`
    file: PathBuf,
    /// Show the difference, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete clients that were declared before and no longer are
    #[arg(long)]
    prune: bool,
}

/// What the command prints with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    changes: Vec<&'a Change>,
    left_over: &'a [String],
}

pub(super) fn run(context: &Context, args: &Args) -> Outcome {
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failed(format!("{}: can't be read: {error}", args.file.display())))?;
    let is_json = args.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let declaration = file::read(&text, is_json).map_err(|why| wrong(&args.file, &why))?;
    let (output, env) = (context.output(), &context.env);
    context.with_store(|admin, settings| async move {
        let variable = |name: &str| env.get(name).map(str::to_owned);
        let plan = admin.plan(&declaration, &settings, args.prune, &variable).await?;
        let mut plan = plan.map_err(|problems| {
            wrong(
                &args.file,
                &problems.iter().map(|problem| one_line(problem)).collect::<Vec<_>>().join("\n"),
            )
        })?;
        if !output.json {
            print(&difference(&plan))?;
        }
        plan.steps.iter().filter_map(Step::client).filter_map(idle_first_party).for_each(note);
        let outcome = if args.dry_run { Ok(()) } else { carry_out(&admin, &mut plan).await };
        finish(&plan, args.dry_run, output)?;
        outcome
    })
}

/// Nothing was changed.
fn wrong(file: &Path, problems: &str) -> Failed {
    let lines = problems.trim_end().replace('\n', "\n  ");
    Failed(format!("{}: nothing was changed, because:\n  {lines}", file.display()))
}

async fn carry_out(admin: &Admin, plan: &mut Plan) -> Outcome {
    for step in &mut plan.steps {
        if let Err(error) = admin.carry_out(step).await {
            let Change { kind, id, .. } = &step.change;
            let advice = "what came before it is done: apply the file again for the rest";
            return Err(Failed(format!("{kind} `{id}`: {error}; {advice}")));
        }
    }
    Ok(())
}

/// The difference, a line for each record and each of its members.
fn difference(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let Change { action, kind, id, fields, .. } = &step.change;
        let sign = match action {
            Action::Create => '+',
            Action::Update => '~',
            Action::Delete => '-',
        };
        let _infallible = writeln!(text, "{sign} {kind} {}", one_line(id));
        for (name, values) in fields {
            let _infallible = match action {
                Action::Update => {
                    writeln!(text, "    {name}: {} → {}", show(&values.before), show(&values.after))
                }
                _ => writeln!(text, "    {name}: {}", show(&values.after)),
            };
        }
    }
    for id in &plan.left_over {
        let _infallible = writeln!(
            text,
            "  client {} was declared before and is not in this file; with --prune, it would be deleted",
            one_line(id)
        );
    }
    text
}

fn show(value: &Value) -> String {
    if value.is_null() { "none".into() } else { value.to_string() }
}

/// What was done, and the secrets that were made.
fn finish(plan: &Plan, dry_run: bool, output: Output) -> Outcome {
    let changes: Vec<&Change> = plan.steps.iter().map(|step| &step.change).collect();
    let mut text = String::new();
    for change in &changes {
        if let Some(secret) = &change.client_secret {
            let _infallible = writeln!(text, "client_secret of {}  {secret}", one_line(&change.id));
        }
    }
    if !text.is_empty() {
        text += "\nThese secrets are not shown again. Keep them safe.\n";
    }
    let done = changes.iter().filter(|change| change.done).count();
    text += &match (changes.len(), dry_run) {
        (0, _) => "Nothing differs.".to_owned(),
        (all, true) => format!("{all} to change; nothing was changed (--dry-run)."),
        (all, false) => format!("{done} of {all} changed."),
    };
    output.result(&Report { dry_run, changes, left_over: &plan.left_over }, text)
}
