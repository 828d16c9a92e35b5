//! `keyward storage …`.

use super::context::{Context, block_on};
use super::output::{Failed, Outcome, Output, show_time};
use super::transfer;
use crate::assembly;
use crate::config::StorageSetting;
use clap::Subcommand;
use protocol::event::{Event, What};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::{Finding, Patience, Sqlite};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the store, or bring an old one to this version's schema; a DynamoDB table: make it, or complete it.
    /// Users of an older version get their protection from names that look like theirs
    Migrate,
    /// Examine the store without changing it
    Check,
    /// Write the store to a file, to move it to another backend; stop the servers first. Whoever has the file and
    /// the master key has everything
    Export {
        /// Where to; must not exist
        file: PathBuf,
    },
    /// Put an export into an empty store. After a stop half-way run the same again; until then no server starts on it
    Import {
        /// From where
        file: PathBuf,
        /// No server has used the old store since the export, so what was issued goes on; without, everybody signs
        /// in anew
        #[arg(long)]
        planned_move: bool,
    },
    /// After a backup was put back, servers stopped: end every grant and session older than now, so that nothing comes
    /// back to life. Keys that a clock dated which ran ahead are dated by this one
    Restored,
}

pub(super) fn run(context: &Context, command: &Command) -> Outcome {
    let storage = context.operator_settings()?.storage;
    match (command, storage) {
        (_, StorageSetting::SqliteMemory) => {
            Err(Failed("a store in memory lives in its server only: there is nothing to do here".into()))
        }
        (Command::Restored, _) => restored(context),
        (Command::Export { file }, _) => transfer::export(context, file.clone()),
        (Command::Import { file, planned_move }, _) => transfer::import(context, file.clone(), *planned_move),
        (Command::Migrate, StorageSetting::Sqlite(path)) => migrate_file(context, &path),
        (Command::Migrate, StorageSetting::DynamoDb(table)) => migrate_table(context, table),
        (Command::Check, StorageSetting::Sqlite(path)) => {
            report(context.output(), &path.display().to_string(), &Sqlite::check(&path)?)
        }
        (Command::Check, StorageSetting::DynamoDb(table)) => check_table(context, table),
    }
}

fn migrate_file(context: &Context, path: &Path) -> Outcome {
    let done = Sqlite::migrate(path)?;
    let text = match done.from {
        0 => format!("Made {} with schema {}.", path.display(), done.to),
        from if from == done.to => format!("{} has schema {} already.", path.display(), done.to),
        from => format!("Brought {} from schema {from} to {}.", path.display(), done.to),
    };
    context.output().result(&json!({ "from": done.from, "to": done.to }), text)
}

fn migrate_table(context: &Context, name: String) -> Outcome {
    let output = context.output();
    block_on(async move {
        let table = Arc::new(assembly::open_table(&name, Patience::Operator).await?);
        let made = table.migrate().await?;
        let mut text =
            if made { format!("Made the table {name}.") } else { format!("The table {name} is there.") };
        // What a SQLite store does whenever it is opened reads this whole table.
        let claimed = match !made && table.is_ours().await? {
            true => assembly::admin(table.clone()).claim_skeletons().await?,
            false => 0,
        };
        if claimed > 0 {
            let _infallible =
                write!(text, "\nNobody can take a name that looks like one of {claimed} more users.");
        }
        // What can't be changed here is told, but only once it is ready to be used.
        let findings = table.check().await?;
        if findings.is_empty() {
            output.result(&json!({ "made": made, "skeletons": claimed }), text)
        } else {
            report(output, &name, &findings)
        }
    })
}

fn check_table(context: &Context, name: String) -> Outcome {
    let output = context.output();
    block_on(async move {
        let findings = assembly::open_table(&name, Patience::Operator).await?.check().await?;
        report(output, &format!("The table {name}"), &findings)
    })
}

fn report(output: Output, name: &str, findings: &[Finding]) -> Outcome {
    let document: Vec<_> =
        findings.iter().map(|found| json!({ "what": found.what, "mend": found.mend })).collect();
    let mut text = String::new();
    for found in findings {
        let _infallible = writeln!(text, "{}: {}", found.what, found.mend);
    }
    let sound = findings.is_empty();
    let text = if sound { format!("{name} is sound.") } else { text };
    output.result(&json!({ "ok": sound, "findings": document }), text)?;
    if sound { Ok(()) } else { Err(Failed("the store needs mending".into())) }
}

fn restored(context: &Context) -> Outcome {
    let output = context.output();
    context.with_store(|admin, settings| async move {
        let keys = assembly::open_keys(&settings, admin.store.clone(), false).await?;
        let at = admin.call.at;
        admin.change_ring(Event::new(What::StoreRestored), keys.end_all()).await?;
        let text = format!(
            "Every grant and session from before {} has ended.\nRestart every server: one that ran while the backup \
             was put back doesn't work on it.\nWhat was disabled or deleted since the backup is back: look at \
             `keyward user list`, `client list` and `keys list`.",
            show_time(at)
        );
        output.result(&json!({ "not_before": at.seconds() }), text)
    })
}
