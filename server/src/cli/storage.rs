//! `keyward storage …`.

use super::context::{Context, block_on};
use super::output::{Failed, Outcome, Output, show_time};
use crate::admin::transfer;
use crate::assembly;
use crate::config::StorageSetting;
use clap::Subcommand;
use protocol::event::{Event, What};
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use storage::{Finding, Patience, Sqlite};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the store, or bring an old one to this version's schema; a DynamoDB table: make it, or complete it
    Migrate,
    /// Examine the store without changing it
    Check,
    /// Write the store to a file, to move it to another backend; stop the servers first. Whoever has the file and
    /// the master key has everything
    Export {
        /// Where to; must not exist
        file: PathBuf,
    },
    /// Put an export into an empty store. After a stop half-way run it again
    Import {
        /// From where
        file: PathBuf,
        /// No server has used the old store since the export, so what was issued goes on; without, everybody signs
        /// in anew
        #[arg(long)]
        planned_move: bool,
    },
    /// After a backup was put back, servers stopped: end every grant and session older than now, so that nothing comes
    /// back to life
    Restored,
}

pub(super) fn run(context: &Context, command: &Command) -> Outcome {
    let storage = context.operator_settings()?.storage;
    match (command, storage) {
        (_, StorageSetting::SqliteMemory) => {
            Err(Failed("a store in memory lives in its server only: there is nothing to do here".into()))
        }
        (Command::Restored, _) => restored(context),
        (Command::Export { file }, _) => super::transfer::export(context, file.clone()),
        (Command::Import { file, planned_move }, _) => {
            super::transfer::import(context, file.clone(), *planned_move)
        }
        (Command::Migrate, StorageSetting::Sqlite(path)) => migrate_file(context, &path),
        (Command::Migrate, StorageSetting::DynamoDb(table)) => migrate_table(context, table),
        (Command::Check, StorageSetting::Sqlite(path)) => {
            check(context, &path.display().to_string(), async { Ok(Sqlite::check(&path)?) })
        }
        (Command::Check, StorageSetting::DynamoDb(table)) => {
            check(context, &format!("The table {table}"), async {
                Ok(assembly::open_table(&table, Patience::Operator).await?.check().await?)
            })
        }
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
        let table = assembly::open_table(&name, Patience::Operator).await?;
        let made = table.migrate().await?;
        let text =
            if made { format!("Made the table {name}.") } else { format!("The table {name} is there.") };
        // What can't be changed here is told, but only once it is ready to be used.
        let findings = table.check().await?;
        if findings.is_empty() {
            output.result(&json!({ "made": made }), text)
        } else {
            report(output, &name, &findings)
        }
    })
}

/// What `examine` finds, and in a sound store, whether it is whole.
fn check(
    context: &Context,
    name: &str,
    examine: impl Future<Output = Result<Vec<Finding>, Failed>>,
) -> Outcome {
    let settings = context.operator_settings()?;
    block_on(async {
        let mut findings = examine.await?;
        if findings.is_empty() {
            let store = assembly::open_store(&settings, false).await?;
            if store.issuer().await?.as_deref() == Some(transfer::UNFINISHED) {
                let what = "an import into it has not ended".to_owned();
                findings.push(Finding { what, mend: transfer::FINISH });
            }
        }
        report(context.output(), name, &findings)
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
        let from = admin.stamp().next_millisecond();
        admin.change_ring(Event::new(What::StoreRestored), keys.void_before(from)).await?;
        let text = format!(
            "Every grant and session from before {} has ended.\nStart every server anew: one that ran while the \
             backup was put back doesn't work on it.\nWhat was disabled or deleted since the backup is back: \
             look at `keyward user list`, `client list` and `keys list`.",
            show_time(from)
        );
        output.result(&json!({ "not_before": from.seconds() }), text)
    })
}
