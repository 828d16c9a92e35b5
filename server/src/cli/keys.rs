//! `keyward keys …`.

use super::context::Context;
use super::input::require_folder;
use super::output::{Failed, Outcome, Output, Table, note, show_time};
use super::timeline;
use crate::admin::Admin;
use crate::assembly;
use crate::config::{KeysSetting, Settings};
use clap::{Args, Subcommand};
use keys::clock::{Clock as _, SystemClock};
use keys::ring::JWKS_MAX_AGE;
use keys::{
    ChangeReport, Custody, KeyInfo, KeyState, LocalCustody, Moved, Ring, RotateWhen, Rotator, Run,
    is_same_custody, rewrap, snapshot,
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
    /// Replace the master key file: wrap all keys with a new one, which takes its place; the former file is kept next to it
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
    /// What will protect the keys, as a value of the setting `keys`
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
    /// The ARN of a key that stays in KMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<&'a str>,
}

/// What a change did, as a JSON document; instants are in seconds, and a member that does not apply is left out.
#[derive(Default, Serialize)]
struct Changed<'a> {
    keys: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signs_from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force_by: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_accepted_until: Option<u64>,
    /// What a move did: `begun`, `ended`, `nothing` or `given_up`; `pending` if one is in the way of a rotation.
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    moved: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_from: Option<u64>,
    /// Why a key that is to follow was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'a str>,
    /// The KMS keys that nothing uses any more.
    unused_kms_keys: Vec<String>,
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
            kms_key: key.kms_key.as_deref(),
        }
    }
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    match &command {
        Command::Rewrap(Rewrap { new_master: file })
        | Command::Move(Move { to: KeysSetting::Local(file) }) => {
            require_folder(file)?;
        }
        _ => {}
    }
    context.with_store(|admin, settings| async move {
        let custody = assembly::custody(&settings, &settings.keys);
        let rotator = assembly::rotator(&settings, admin.store.clone(), &custody);
        match command {
            Command::List => {
                let keys = list(&rotator).await?;
                output.result(&rows(&keys), shown(&keys, ""))
            }
            Command::Rotate(Rotate { if_due: true, .. }) => rotate_if_due(output, &admin, &rotator).await,
            Command::Rotate(Rotate { now, force, .. }) => {
                let when = if now { RotateWhen::Now { force } } else { RotateWhen::Scheduled };
                let event = Event::new(What::KeysRotated);
                let change = admin.change_ring(event, rotator.rotate(when)).await?;
                report(output, &change, None, rotator.unused(), takes_over(&change))
            }
            Command::Revoke(Revoke { kid, force }) => {
                let before = list(&rotator).await?;
                let state = before.iter().find(|key| key.kid == kid).map(|key| key.state);
                let event = Event::new(What::KeyRevoked).key(&kid);
                let change = admin.change_ring(event, rotator.revoke(&kid, force)).await?;
                let text = revoked(&kid, state, &change);
                report(output, &change, None, rotator.unused(), text)
            }
            Command::Rewrap(Rewrap { new_master }) => {
                rewrap(output, &admin, &settings, &rotator, &new_master).await
            }
            Command::Move(Move { to }) => move_to(output, &admin, &settings, &custody, &to).await,
        }
    })
}

/// The keys as they are now: those that this command made began after it.
async fn list(rotator: &Rotator) -> Result<Vec<KeyInfo>, Failed> {
    Ok(snapshot::list(&rotator.ring().await?.1, SystemClock.now()))
}

async fn rotate_if_due(output: Output, admin: &Admin, rotator: &Rotator) -> Outcome {
    let run = admin.change_ring(Event::new(What::KeysRenewed), rotator.run()).await?;
    let (text, moved, is_late) = match run {
        Run::First => (
            "The first keys were made. Start the servers now; those that wait for keys find them.".to_owned(),
            None,
            false,
        ),
        Run::Rotated => {
            ("New keys were made; they sign when every API can know them.".to_owned(), None, false)
        }
        Run::Nothing => ("No rotation is due.".to_owned(), None, false),
        Run::Claimed { seconds } => {
            (format!("Another process began to make keys {seconds} s ago."), None, false)
        }
        Run::Moving { to, is_due } => {
            let due = if is_due { "A rotation is due, but" } else { "No rotation is due, and" };
            let end = "none is made until the move has ended (`keyward keys move`)";
            (format!("{due} the keys are being moved to {to}: {end}."), Some("pending"), is_due)
        }
    };
    let keys = list(rotator).await?;
    let document =
        Changed { keys: rows(&keys), moved, unused_kms_keys: rotator.unused(), ..Changed::default() };
    output.result(&document, shown(&keys, &text))?;
    if is_late { Err(Failed(text)) } else { Ok(()) }
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
    let kept = rewrap::finish(path, &file, &*admin.entropy)?;
    let kept = kept.map(|former| format!(" The former file is kept as {}.", former.display()));
    let before = if changed { "" } else { "The store already uses this file: nothing was changed there.\n" };
    let (new, path) = (new.display(), path.display());
    let text = format!(
        "{before}The keys are wrapped by the key of {new}, which is now in {path}, too.{}\nServers that read {path} need no \
         restart. Older backups of the store need the former file.",
        kept.unwrap_or_default()
    );
    let keys = list(rotator).await?;
    let document = Changed { keys: rows(&keys), ..Changed::default() };
    output.result(&document, shown(&keys, &text))
}

async fn move_to(
    output: Output,
    admin: &Admin,
    settings: &Settings,
    from: &Custody,
    to: &KeysSetting,
) -> Outcome {
    let target = assembly::custody(settings, to);
    let rotator = assembly::rotator(settings, admin.store.clone(), &target);
    let (_, ring) = rotator.ring().await?;
    // An alias may be written in one place and the ARN in the other.
    let restarted = settings.keys == *to || is_same(from, &target, &ring).await?;
    let step = rotator.step_move(&*from.opener, &*target.opener, restarted);
    let moved = admin.change_ring(Event::new(What::KeysMoved), step).await?;
    let (state, restart_from, text) = match moved {
        Moved::Begun { restart_from } => {
            ("begun", restart_from, begun(settings, to, restart_from, is_at(from, &ring).await?))
        }
        Moved::Ended(change) => {
            let setting = format!(
                "Set keys = \"{to}\" for the servers and for whatever rotates: with the former value, no key is made.\n"
            );
            let lead = format!("The keys have moved to {to}.\n{}", if restarted { "" } else { &setting });
            let text = format!("{lead}{}", takes_over(&change));
            return report(output, &change, Some("ended"), rotator.unused(), text);
        }
        Moved::Nothing => ("nothing", None, format!("The keys are with {to} already.")),
        Moved::GivenUp => {
            ("given_up", None, format!("The move is abandoned: the keys are with {to}, as before."))
        }
    };
    let keys = list(&rotator).await?;
    let document = Changed {
        keys: rows(&keys),
        moved: Some(state),
        restart_from: restart_from.map(Timestamp::seconds),
        unused_kms_keys: rotator.unused(),
        ..Changed::default()
    };
    output.result(&document, shown(&keys, &text))
}

/// What to do after the begin of a move. `is_former`: the setting is the one that the keys are moved away from.
fn begun(settings: &Settings, to: &KeysSetting, restart_from: Option<Timestamp>, is_former: bool) -> String {
    let wait = restart_from.map(|at| {
        format!(
            "A key that can't leave KMS signs until {}: restart no server before, and all within a day after.\n",
            show_time(at)
        )
    });
    let former =
        if is_former { settings.keys.to_string() } else { "FORMER, the former value of `keys`".to_owned() };
    format!(
        "Both custodies have the keys now.\n{}1. Restart every server with keys = \"{to}\", one after the other.\n\
         2. Run this command again with that setting, to end the move.\nUntil then no key rotates. To give it up, run \
         `keyward keys move --to {former}`.",
        wait.unwrap_or_default(),
    )
}

async fn is_same(one: &Custody, other: &Custody, ring: &Ring) -> Result<bool, Failed> {
    match (&one.maker, &other.maker) {
        (Some(one), Some(other)) => Ok(is_same_custody(&**one, &**other, ring).await?),
        _ => Ok(false),
    }
}

/// Whether a ring is with a custody.
async fn is_at(custody: &Custody, ring: &Ring) -> Result<bool, Failed> {
    let Some(maker) = &custody.maker else { return Ok(false) };
    let name = maker.resolve(ring.wrapping_key.as_deref()).await?;
    Ok(maker.form() == ring.form() && (name == ring.wrapping_key || ring.wrapping_key.is_none()))
}

/// What the revocation of a key means, by what it did before.
fn revoked(kid: &str, before: Option<KeyState>, change: &ChangeReport) -> String {
    match before {
        Some(KeyState::Pending) => {
            format!("{kid} is revoked. It had not signed; its replacement is published.")
        }
        Some(KeyState::Retiring) => format!("{kid} is revoked. {}", still_accepted(change)),
        _ => format!("{kid} is revoked.\n{}", takes_over(change)),
    }
}

fn takes_over(change: &ChangeReport) -> String {
    let (from, by) = (show_time(change.signs_from), show_time(change.in_force_by));
    format!("The new keys sign from {from}. All servers use them by {by}.\n{}", still_accepted(change))
}

fn still_accepted(change: &ChangeReport) -> String {
    format!(
        "APIs and gateways that cache /jwks (for {} minutes) may accept tokens of the old key until {}.",
        JWKS_MAX_AGE.as_secs() / 60,
        show_time(change.old_accepted_until),
    )
}

fn report(
    output: Output,
    change: &ChangeReport,
    moved: Option<&'static str>,
    unused: Vec<String>,
    mut text: String,
) -> Outcome {
    if change.without_master {
        text.push_str(
            "\nNo sealing master was added: there are as many as are kept. The newest continues to seal until one is removed.",
        );
    }
    if let Some(why) = &change.missing {
        note(format_args!(
            "keyward: warning: the key is removed, but the one that is to follow was not made: {why}\nRun `keyward keys \
             rotate --if-due` when that is fixed."
        ));
    }
    let document = Changed {
        keys: rows(&change.keys),
        signs_from: Some(change.signs_from.seconds()),
        in_force_by: Some(change.in_force_by.seconds()),
        old_accepted_until: Some(change.old_accepted_until.seconds()),
        moved,
        restart_from: None,
        missing: change.missing.as_deref(),
        unused_kms_keys: unused,
    };
    output.result(&document, shown(&change.keys, &text))
}

fn rows(keys: &[KeyInfo]) -> Vec<Row<'_>> {
    keys.iter().map(Row::from).collect()
}

/// The keys as a table, and on a terminal as bars, with a text below. The table has at most 100 columns, so of the instants
/// it has the next one only.
fn shown(keys: &[KeyInfo], text: &str) -> String {
    let mut table = Table::new(["KID", "ALG", "STATE", "NEXT"]);
    for key in keys {
        let (what, at) = match key.state {
            KeyState::Pending => ("signs from", Some(key.sign_from)),
            KeyState::Active => ("retires", key.retire_at),
            KeyState::Retiring | KeyState::Removed => ("removed", key.remove_at),
        };
        let next = at.map(|at| format!("{what} {}", show_time(at)));
        let state = format!("{:?}", key.state).to_lowercase();
        table.row([key.kid.clone(), key.alg.to_string(), state, next.unwrap_or_default()]);
    }
    let kept = keys.iter().filter_map(|key| Some((key.kid.get(..8)?, key.kms_key.as_ref()?)));
    let kept: String = kept.map(|(kid, arn)| format!("{kid}  {arn}\n")).collect();
    let kept = if kept.is_empty() { kept } else { format!("\nKMS keys:\n{kept}") };
    let drawn = terminal_width().map(|width| timeline::draw(keys, SystemClock.now(), width));
    format!("{table}{kept}{}\n{text}", drawn.unwrap_or_default())
}

/// The columns of the terminal on standard output, if it is one.
fn terminal_width() -> Option<u64> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out))?;
    Some(size.map_or(80, |size| u64::from(size.ws_col)))
}
