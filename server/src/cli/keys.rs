//! `keyward keys …`.

use super::context::Context;
use super::output::{Failed, Outcome, Output, Table, show_time};
use super::timeline;
use crate::admin::Admin;
use crate::assembly;
use crate::config::{KeysSetting, Settings};
use clap::{Args, Subcommand};
use keys::clock::{Clock as _, SystemClock};
use keys::ring::JWKS_MAX_AGE;
use keys::{
    ChangeReport, Custody, KeyInfo, KeyState, LocalCustody, Moved, RotateWhen, Rotator, Run, rewrap, snapshot,
};
use protocol::event::{Event, What};
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use protocol::time::Timestamp;
use serde::Serialize;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// Move the keys between a master key file and KMS, or to another KMS key, while servers run. The first run begins it;
    /// after a restart of the servers with the new setting, the second one ends it
    Move(Move),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Only if a rotation is due; makes the first keys if there are none, and removes expired ones. For a scheduler
    #[arg(long, conflicts_with_all = ["now", "force"])]
    if_due: bool,
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

#[derive(Debug, Args)]
pub(super) struct Move {
    /// What is to protect the keys, as a value of the setting `keys`
    #[arg(long, value_name = "KEYS", value_parser = KeysSetting::parse)]
    to: KeysSetting,
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
        let custody = assembly::custody(&settings, &settings.keys).await?;
        let rotator = assembly::rotator(&settings, admin.store.clone(), &custody);
        match command {
            Command::List => print(output, &list(&rotator, admin.call.at).await?, ""),
            Command::Rotate(Rotate { if_due: true, .. }) => rotate_if_due(output, &admin, &rotator).await,
            Command::Rotate(Rotate { now, force, .. }) => {
                let when = if now { RotateWhen::Now { force } } else { RotateWhen::Scheduled };
                let event = Event::new(What::KeysRotated);
                report(output, &admin.change_ring(event, rotator.rotate(when)).await?, "")
            }
            Command::Revoke(Revoke { kid, force }) => {
                let lead = format!("{kid} is revoked.\n");
                let event = Event::new(What::KeyRevoked).key(&kid);
                report(output, &admin.change_ring(event, rotator.revoke(&kid, force)).await?, &lead)
            }
            Command::Rewrap(Rewrap { new_master }) => {
                rewrap(output, &admin, &settings, &rotator, &new_master).await
            }
            Command::Move(Move { to }) => move_to(output, &admin, &settings, &custody, &to).await,
        }
    })
}

async fn list(rotator: &Rotator, now: Timestamp) -> Result<Vec<KeyInfo>, Failed> {
    Ok(snapshot::list(&rotator.ring().await?.1, now))
}

async fn rotate_if_due(output: Output, admin: &Admin, rotator: &Rotator) -> Outcome {
    let run = admin.change_ring(Event::new(What::KeysRenewed), rotator.run()).await?;
    let text = match run {
        Run::First => "The first keys were made.",
        Run::Rotated => "New keys were made; they sign when every API can know them.",
        Run::Nothing => "No rotation is due.",
    };
    print(output, &list(rotator, admin.call.at).await?, text)
}

async fn rewrap(
    output: Output,
    admin: &Admin,
    settings: &Settings,
    rotator: &Rotator,
    new: &Path,
) -> Outcome {
    let KeysSetting::Local(path) = &settings.keys else {
        let why = "the keys are wrapped by KMS, not by a master key file: `keyward keys rotate --now` makes new ones, and \
                   `keyward keys move --to` another KMS key wraps all again";
        return Err(Failed(why.into()));
    };
    let file = rewrap::prepare(&*admin.store, path, new, &*admin.entropy).await?;
    let custody = LocalCustody::new(path, Realm::main(), Arc::clone(&admin.entropy));
    let rewrapped = rotator.rewrap(&custody, &file.name);
    let changed = admin.change_ring(Event::new(What::KeysRewrapped), rewrapped).await?;
    rewrap::finish(path, &file, &*admin.entropy)?;
    let before = if changed { "" } else { "The store already uses this file: nothing was changed there.\n" };
    let (new, path) = (new.display(), path.display());
    let text = format!(
        "{before}The keys are wrapped by the key of {new}, which is now in {path}, too. The former file is kept next to it as \
         {path}.NAME.\nServers that read {path} need no restart. Older backups of the store need the former file."
    );
    print(output, &list(rotator, admin.call.at).await?, &text)
}

async fn move_to(
    output: Output,
    admin: &Admin,
    settings: &Settings,
    from: &Custody,
    to: &KeysSetting,
) -> Outcome {
    let target = assembly::custody(settings, to).await?;
    let rotator = assembly::rotator(settings, admin.store.clone(), &target);
    let restarted = settings.keys == *to;
    let step = rotator.step_move(&*from.opener, &*target.opener, restarted);
    let text = match admin.change_ring(Event::new(What::KeysMoved), step).await? {
        Moved::Begun { restart_from } => {
            let wait = restart_from.map(|at| {
                format!(
                    "A key that can't leave KMS signs until {}: restart no server before, and all within a day after.\n",
                    show_time(at)
                )
            });
            format!(
                "Both custodies have the keys now.\n{}1. Restart every server with keys = \"{to}\", one after the other.\n\
                 2. Run this command again with that setting, to end the move.\nUntil then no key rotates. To give it up, run \
                 `keyward keys move --to {}`.",
                wait.unwrap_or_default(),
                settings.keys
            )
        }
        Moved::Ended(change) => {
            let lead = format!("The keys have moved to {to}.\n");
            return report(output, &change, &lead);
        }
        Moved::Nothing => format!("The keys are with {to} already."),
        Moved::GivenUp => format!("The move is given up: the keys are with {to}, as before."),
    };
    print(output, &list(&rotator, admin.call.at).await?, &text)
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
    let line =
        if io::stdout().is_terminal() { timeline::draw(keys, SystemClock.now()) } else { String::new() };
    output.result(&rows, format_args!("{table}{line}\n{text}"))
}
