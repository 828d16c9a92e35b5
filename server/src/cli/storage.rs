//! `keyward storage …`.

use super::context::{Context, block_on};
use super::output::{Failed, Outcome, Output, show_time};
use super::transfer;
use crate::assembly;
use clap::Subcommand;
use protocol::event::{Event, What};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use storage::{Backend, Finding, Migration};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create the store, or update it to this version's schema; a DynamoDB table is created or completed. Users of an older
    /// version get protection from names that look like theirs
    Migrate,
    /// Check the store without changing it
    Check,
    /// Write the store to a file, to move it to another backend; stop the servers first. The file and the master key
    /// together give access to everything
    Export {
        /// The file to write, which must not exist
        file: PathBuf,
    },
    /// Read an export into an empty store. If the command is interrupted, run it again; until then no server starts on the
    /// store
    Import {
        /// The export
        file: PathBuf,
        /// No server has used the old store since the export, so what was issued remains valid; without this flag all users
        /// have to sign in again
        #[arg(long)]
        planned_move: bool,
    },
    /// Run after a backup was restored, with the servers stopped: end all older grants and sessions, so that none that had
    /// ended is valid again. Dates of keys that are ahead of this clock are corrected
    Restored,
}

pub(super) fn run(context: &Context, command: &Command) -> Outcome {
    let backend = context.operator_settings()?.storage.backend();
    if !backend.is_lasting() {
        return Err(Failed(
            "a store in memory exists only in its server: there is nothing to do here".into(),
        ));
    }
    match command {
        Command::Migrate => migrate(context, backend),
        Command::Check => check(context, backend),
        Command::Export { file } => transfer::export(context, file.clone()),
        Command::Import { file, planned_move } => transfer::import(context, file.clone(), *planned_move),
        Command::Restored => restored(context),
    }
}

fn migrate(context: &Context, backend: Box<dyn Backend>) -> Outcome {
    let output = context.output();
    block_on(async move {
        let Migration { summary: mut text, mut details, findings, lacks_skeletons } =
            backend.migrate().await?;
        if lacks_skeletons {
            let claimed = assembly::admin(backend.open().await?).claim_skeletons().await?;
            details.insert("skeletons".into(), claimed.into());
            if claimed > 0 {
                let _infallible =
                    write!(text, "\n{claimed} more users are protected from names that look like theirs.");
            }
        }
        // What can't be changed here is reported, but only once the store is ready.
        if findings.is_empty() {
            output.result(&Value::Object(details), text)
        } else {
            report(output, &backend.name(), &findings)
        }
    })
}

fn check(context: &Context, backend: Box<dyn Backend>) -> Outcome {
    let output = context.output();
    block_on(async move {
        let findings = backend.check().await?;
        report(output, &backend.name(), &findings)
    })
}

fn report(output: Output, name: &str, findings: &[Finding]) -> Outcome {
    let document: Vec<_> =
        findings.iter().map(|found| json!({ "what": found.what, "fix": found.fix })).collect();
    let mut text = String::new();
    for found in findings {
        let _infallible = writeln!(text, "{}: {}", found.what, found.fix);
    }
    let ok = findings.is_empty();
    let text = if ok { format!("{name} is fine.") } else { text };
    output.result(&json!({ "ok": ok, "findings": document }), text)?;
    if ok { Ok(()) } else { Err(Failed("the store has problems".into())) }
}

fn restored(context: &Context) -> Outcome {
    let output = context.output();
    context.with_store(|admin, settings| async move {
        let custody = assembly::custody(&settings, &settings.keys);
        let rotator = assembly::rotator(&settings, admin.store.clone(), &custody);
        let at = admin.call.at;
        admin.change_ring(Event::new(What::StoreRestored), rotator.end_all()).await?;
        let text = format!(
            "All grants and sessions from before {} have ended.\nRestart every server: one that ran while the backup was \
             restored doesn't use it.\nWhat was disabled or deleted since the backup is back: check `keyward user list`, \
             `client list` and `keys list`.",
            show_time(at)
        );
        output.result(&json!({ "not_before": at.seconds() }), text)
    })
}
