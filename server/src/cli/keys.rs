//! `keyward keys …`.

use super::context::Context;
use super::output::{Failed, Outcome, Output, Table, show_time};
use crate::admin::Admin;
use crate::assembly;
use crate::config::{KeysSetting, Settings};
use clap::{Args, Subcommand};
use keys::ring::JWKS_MAX_AGE;
use keys::{ChangeReport, KeyInfo, KeyState, RotateWhen, rewrap};
use protocol::event::{Event, What};
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys and their states
    List,
    /// Let the next keys sign, after the publish lead or at once
    Rotate(Rotate),
    /// Remove a key at once, as after a leak; its successor signs
    Revoke(Revoke),
    /// Replace the master key file: wrap all keys by a new one, which takes its place; the former file is kept next to it
    Rewrap(Rewrap),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// At once; refused while verifiers that cache /jwks may not know the next keys
    #[arg(long)]
    now: bool,
    /// At once, even if verifiers don't know the next keys
    #[arg(long, requires = "now")]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The key's id
    #[arg(allow_hyphen_values = true)]
    kid: String,
    /// Even if verifiers don't know its successor yet
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rewrap {
    /// The new file, which is created if it doesn't exist. If the command is interrupted, run it again
    #[arg(long, value_name = "FILE")]
    new_master: PathBuf,
}

/// A key in a JSON document; instants are in seconds.
#[derive(Serialize)]
struct Row<'a> {
    kid: &'a str,
    alg: Algorithm,
    state: KeyState,
    publish_at: u64,
    sign_from: u64,
    retire_at: Option<u64>,
    remove_at: Option<u64>,
}

impl<'a> From<&'a KeyInfo> for Row<'a> {
    fn from(key: &'a KeyInfo) -> Self {
        Self {
            kid: &key.kid,
            alg: key.alg,
            state: key.state,
            publish_at: key.publish_at.seconds(),
            sign_from: key.sign_from.seconds(),
            retire_at: key.retire_at.map(Timestamp::seconds),
            remove_at: key.remove_at.map(Timestamp::seconds),
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    context.with_store(|admin, settings| async move {
        let open = async || assembly::open_keys(&settings, admin.store.clone(), false).await;
        match command {
            Command::List => print(output, &open().await?.current().list(admin.call.at), ""),
            Command::Rotate(Rotate { now, force }) => {
                let when = if now { RotateWhen::Now { force } } else { RotateWhen::Scheduled };
                let keys = open().await?;
                let rotated = admin.change_ring(Event::new(What::KeysRotated), keys.rotate(when)).await?;
                report(output, &rotated, "")
            }
            Command::Revoke(Revoke { kid, force }) => {
                let (keys, lead) = (open().await?, format!("{kid} is revoked.\n"));
                let event = Event::new(What::KeyRevoked).key(&kid);
                report(output, &admin.change_ring(event, keys.revoke(&kid, force)).await?, &lead)
            }
            Command::Rewrap(Rewrap { new_master }) => rewrap(output, &admin, &settings, &new_master).await,
        }
    })
}

async fn rewrap(output: Output, admin: &Admin, settings: &Settings, new: &Path) -> Outcome {
    let KeysSetting::Local(path) = &settings.keys;
    let file = rewrap::prepare(&*admin.store, path, new, &*admin.entropy).await?;
    let keys = assembly::open_keys(settings, admin.store.clone(), false).await?;
    let changed = admin.change_ring(Event::new(What::KeysRewrapped), keys.rewrap(&file.name)).await?;
    rewrap::finish(path, &file, &*admin.entropy)?;
    let before = if changed { "" } else { "The store already uses this file: nothing was changed there.\n" };
    let (new, path) = (new.display(), path.display());
    let text = format!(
        "{before}The keys are wrapped by the key of {new}, which is now in {path}, too. The former file is kept next to it as \
         {path}.NAME.\nServers that read {path} need no restart. Older backups of the store need the former file."
    );
    print(output, &keys.current().list(admin.call.at), &text)
}

fn report(output: Output, change: &ChangeReport, lead: &str) -> Outcome {
    let text = format!(
        "{lead}The new keys sign from {}. All servers use them by {}.\nAPIs and gateways that \
         cache /jwks (for {} minutes) may accept tokens of the old key until {}.",
        show_time(change.signs_from),
        show_time(change.in_force_by),
        JWKS_MAX_AGE.as_secs() / 60,
        show_time(change.old_accepted_until),
    );
    print(output, &change.keys, &text)
}

fn print(output: Output, keys: &[KeyInfo], text: &str) -> Result<(), Failed> {
    let rows: Vec<Row<'_>> = keys.iter().map(Row::from).collect();
    let mut table = Table::new(["KID", "ALG", "STATE", "SIGNS FROM", "RETIRES", "REMOVED"]);
    for key in keys {
        let instant = |at: Option<Timestamp>| at.map(show_time).unwrap_or_default();
        table.row([
            key.kid.clone(),
            key.alg.to_string(),
            format!("{:?}", key.state).to_lowercase(),
            show_time(key.sign_from),
            instant(key.retire_at),
            instant(key.remove_at),
        ]);
    }
    output.result(&rows, format_args!("{table}\n{text}"))
}
