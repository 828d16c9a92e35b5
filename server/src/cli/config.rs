//! `keyward config …`.

use super::context::Context;
use super::output::{Outcome, Table};
use crate::config::resolve::{Surroundings, resolve};
use crate::config::table::ROWS;
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check the settings
    Check,
    /// Show the settings in force and where they come from, with secrets masked
    Show,
}

pub(super) fn run(context: &Context, command: &Command) -> Outcome {
    let raw = context.raw()?;
    let settings = resolve(&raw, Surroundings::default())?;
    let output = context.output();
    match command {
        Command::Check => output.result(&json!({ "ok": true }), "The settings are fine."),
        Command::Show => {
            let mut table = Table::new(["KEY", "VALUE", "FROM"]);
            let mut document = Vec::new();
            for row in &ROWS {
                let (value, origin) = (row.shown(&settings), raw.origin(row.key).to_string());
                table.row([row.key.into(), value.clone().unwrap_or_default(), origin.clone()]);
                document.push(json!({ "key": row.key, "value": value, "origin": origin }));
            }
            output.result(&document, table)
        }
    }
}
