//! `keyward storage …`.

use super::context::Context;
use super::output::{Failed, Outcome, show_time};
use crate::assembly;
use crate::config::StorageSetting;
use clap::Subcommand;
use protocol::event::{Event, What};
use serde_json::json;
use std::fmt::Write as _;
use std::path::PathBuf;
use storage::Sqlite;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the store, or bring an old one to this version's schema
    Migrate,
    /// Examine the store without changing it
    Check,
    /// After a backup was put back, servers stopped: end every grant and session older than now, so that nothing comes
    /// back to life
    Restored,
}

pub(super) fn run(context: &Context, command: &Command) -> Outcome {
    let path = path(context)?;
    match command {
        Command::Restored => restored(context),
        Command::Migrate => {
            let done = Sqlite::migrate(&path)?;
            let text = match done.from {
                0 => format!("Made {} with schema {}.", path.display(), done.to),
                from if from == done.to => format!("{} has schema {} already.", path.display(), done.to),
                from => format!("Brought {} from schema {from} to {}.", path.display(), done.to),
            };
            context.output().result(&json!({ "from": done.from, "to": done.to }), text)
        }
        Command::Check => {
            let findings = Sqlite::check(&path)?;
            let document: Vec<_> =
                findings.iter().map(|found| json!({ "what": found.what, "mend": found.mend })).collect();
            let mut text = String::new();
            for found in &findings {
                let _infallible = writeln!(text, "{}: {}", found.what, found.mend);
            }
            let sound = findings.is_empty();
            let text = if sound { format!("{} is sound.", path.display()) } else { text };
            context.output().result(&json!({ "ok": sound, "findings": document }), text)?;
            if sound { Ok(()) } else { Err(Failed("the store needs mending".into())) }
        }
    }
}

fn restored(context: &Context) -> Outcome {
    let output = context.output();
    context.with_store(|admin, settings| async move {
        let keys = assembly::open_keys(&settings, admin.store.clone(), false).await?;
        let from = admin.stamp().next_millisecond();
        admin.change_ring(Event::new(What::StoreRestored), keys.void_before(from)).await?;
        let text = format!(
            "Every grant and session from before {} has ended.\nStop the servers first; one whose file was \
             replaced refuses everything until it is started anew.\nWhat was disabled or deleted since the backup is back: \
             look at `keyward user list`, `client list` and `keys list`.",
            show_time(from)
        );
        output.result(&json!({ "not_before": from.seconds() }), text)
    })
}

fn path(context: &Context) -> Result<PathBuf, Failed> {
    match context.operator_settings()?.storage {
        StorageSetting::Sqlite(path) => Ok(path),
        StorageSetting::SqliteMemory => {
            Err(Failed("a store in memory lives in its server only: there is nothing to do here".into()))
        }
    }
}
