//! `keyward doctor`: what a careful operator would look at, and what to do about what is wrong.

use super::context::Context;
use super::output::{Failed, Outcome, show_time};
use super::reach::{self, Question};
use crate::assembly;
use crate::clock::{Clock as _, SystemClock};
use crate::config::resolve::{Surroundings, resolve};
use crate::config::{ClientIp, OriginSecret, Settings, StorageSetting};
use crate::keys::ring::MASTER_LEAD;
use crate::keys::{Keys, KeysError, Ring};
use crate::web::caller::UNREADABLE;
use protocol::client::Client;
use protocol::issuer::Issuer;
use protocol::time::{CLOCK_SKEW, Timestamp};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use storage::{FINISH_IMPORT, Patience, Sqlite, Store, UNFINISHED_IMPORT};

/// Clocks that differ by more make tokens look issued in the future to those who verify them.
const TOLERABLE: Duration = Duration::from_secs(30);

/// One thing that was looked at.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: true, found: found.into(), mend: None }
    }

    fn bad(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, ok: false, found: found.into(), mend: Some(mend.into()) }
    }
}

pub(super) fn run(context: &Context) -> Outcome {
    let mut settings = match context.raw().and_then(|raw| Ok(resolve(&raw, Surroundings::default())?)) {
        Ok(settings) => settings,
        Err(Failed(why)) => return report(context, &[Check::bad("settings", why, "correct it as it says")]),
    };
    super::context::block_on(async move {
        let mut checks = vec![Check::good("settings", "all keys and values are fine")];
        checks.extend(storage(&settings).await);
        match assembly::open_store(&settings, false).await {
            Ok(store) => {
                adopt_issuer(&mut settings, &*store).await;
                checks.extend(writable(&*store).await);
                checks.push(issuer(&settings, &*store).await);
                checks.extend(clients(&settings, &*store).await);
                checks.extend(keys(&settings, store).await);
            }
            Err(error) => checks.push(Check::bad("store", error.to_string(), "see `storage`")),
        }
        checks.extend(reachability(&settings).await);
        report(context, &checks)
    })
}

fn report(context: &Context, checks: &[Check]) -> Outcome {
    let mut text = String::new();
    for check in checks {
        let mark = if check.ok { "ok  " } else { "BAD " };
        let _infallible = writeln!(text, "{mark}  {:12}  {}", check.name, check.found);
        if let Some(mend) = &check.mend {
            let _infallible = writeln!(text, "      {:12}  -> {mend}", "");
        }
    }
    let sound = checks.iter().all(|check| check.ok);
    context.output().result(&serde_json::json!({ "ok": sound, "checks": checks }), text)?;
    if sound { Ok(()) } else { Err(Failed("something needs mending".into())) }
}

async fn storage(settings: &Settings) -> Vec<Check> {
    let (name, checked, mend) = match &settings.storage {
        StorageSetting::SqliteMemory => {
            return vec![Check::good("storage", "in memory: it lives in its server only")];
        }
        StorageSetting::Sqlite(path) => (
            path.display().to_string(),
            Sqlite::check(path),
            "start `keyward serve` once, or correct the setting `storage`",
        ),
        StorageSetting::DynamoDb(table) => (
            format!("table {table}"),
            check_table(table).await,
            "see that network, endpoint, region, credentials and the table's name are right, and that you may describe it",
        ),
    };
    match checked {
        Ok(findings) if findings.is_empty() => vec![Check::good("storage", format!("{name} is sound"))],
        Ok(findings) => {
            let bad = |found: storage::Finding| Check::bad("storage", found.what, found.mend);
            findings.into_iter().map(bad).collect()
        }
        Err(error) => vec![Check::bad("storage", error.to_string(), mend)],
    }
}

/// A store that can be read and not written: a full disk, or one that is mounted read-only.
async fn writable(store: &dyn Store) -> Option<Check> {
    let error = store.probe().await.err()?;
    let mend =
        "make room on its disk, and see that it isn't mounted read-only and that this user may write to it";
    Some(Check::bad("storage", format!("it can't be written: {error}"), mend))
}

async fn check_table(name: &str) -> Result<Vec<storage::Finding>, storage::StoreError> {
    assembly::open_table(name, Patience::Operator).await?.check().await
}

/// Where no issuer is set, the server chose one by its `--listen`, and told the store.
async fn adopt_issuer(settings: &mut Settings, store: &dyn Store) {
    let theirs = store.issuer().await.ok().flatten().and_then(|issuer| Issuer::parse(&issuer).ok());
    if let Some(theirs) = theirs.filter(|_| settings.issuer_is_default) {
        settings.issuer = theirs;
    }
}

async fn issuer(settings: &Settings, store: &dyn Store) -> Check {
    match store.issuer().await {
        Ok(Some(theirs)) if theirs == settings.issuer.as_str() => Check::good("issuer", theirs),
        Ok(Some(theirs)) if theirs == UNFINISHED_IMPORT => {
            Check::bad("issuer", format!("the store belongs to {theirs}"), FINISH_IMPORT)
        }
        Ok(Some(theirs)) => Check::bad(
            "issuer",
            format!("the store belongs to {theirs}, the settings say {}", settings.issuer),
            "set `issuer` to the store's, or start `keyward serve --change-issuer` once",
        ),
        Ok(None) => Check::bad("issuer", "the store has none yet", "start `keyward serve` once"),
        Err(error) => Check::bad("issuer", error.to_string(), "see `storage`"),
    }
}

/// Clients that can't get a token, and clients from ahead of this clock.
async fn clients(settings: &Settings, store: &dyn Store) -> Vec<Check> {
    let clients = match store.clients().await {
        Ok(clients) => clients,
        Err(error) => return vec![Check::bad("clients", error.to_string(), "see `storage`")],
    };
    let latest = SystemClock.now().plus(CLOCK_SKEW);
    let ahead = clients.iter().filter(|client| client.created_at > latest);
    let told = ahead.map(|client| {
        let at = show_time(client.created_at);
        let found = format!(
            "`{}` was registered at {at}, ahead of this machine's clock; it works all the same",
            client.id
        );
        Check::good("clients", found)
    });
    told.chain(unsigned(settings, &clients)).collect()
}

fn unsigned(settings: &Settings, clients: &[Client]) -> Option<Check> {
    let unsigned =
        |client: &&Client| client.signing_alg.is_some_and(|alg| !settings.signing_algs.contains(&alg));
    let client = clients.iter().find(unsigned)?;
    let alg = client.signing_alg?;
    let id = &client.id;
    let found = format!("nothing signs for `{id}`, which wants {alg}");
    Some(Check::bad(
        "clients",
        found,
        format!("add {alg} to `signing_algs`, or run `keyward client update {id} --signing-alg ALG`"),
    ))
}

async fn keys(settings: &Settings, store: Arc<dyn Store>) -> Vec<Check> {
    let keys: Arc<Keys> = match assembly::open_keys(settings, store, false).await {
        Ok(keys) => keys,
        Err(error) => {
            let mend = match &error {
                KeysError::Store(_) => "see `storage`",
                KeysError::NoRing => "start `keyward serve` once",
                _ => {
                    "put that master key file in place, from the backup of it or from the one kept as NAME beside it"
                }
            };
            return vec![Check::bad("keys", error.to_string(), mend)];
        }
    };
    let (now, ring) = (SystemClock.now(), keys.current());
    let signs = match ring.signer(None, now) {
        Ok(signer) => Check::good("keys", format!("{} {} signs", signer.alg(), signer.kid())),
        Err(error) => Check::bad(
            "keys",
            error.to_string(),
            "start a server, or run `keyward keys rotate --now --force`",
        ),
    };
    dated_ahead(ring.ring(), now).into_iter().chain([signs]).collect()
}

/// What of the ring a clock made that was ahead of ours.
fn dated_ahead(ring: &Ring, now: Timestamp) -> Option<Check> {
    let latest = now.plus(CLOCK_SKEW);
    let keys = ring.keys.iter().filter(|key| key.publish_at > latest);
    let keys = keys.map(|key| format!("the key {} was made at {}", key.kid, show_time(key.publish_at)));
    let masters = ring.masters.iter().filter(|master| master.seal_from > latest.plus(MASTER_LEAD));
    let masters =
        masters.map(|master| format!("master {} seals from {}", master.id, show_time(master.seal_from)));
    let found: Vec<_> = keys.chain(masters).collect();
    (!found.is_empty()).then(|| {
        Check::bad(
            "clock",
            format!("{}: ahead of this machine's clock", found.join("; ")),
            "set the clock (NTP); if it is right, run `keyward storage restored`, which dates them again and ends every \
             session and grant",
        )
    })
}

async fn reachability(settings: &Settings) -> Vec<Check> {
    let issuer = &settings.issuer;
    let (ca, proof) =
        (settings.outbound_ca.as_deref(), settings.origin_secret.first().map(OriginSecret::proof));
    let reached = match reach::metadata(Question { issuer, ca, proof: proof.as_deref() }).await {
        Ok(reached) => reached,
        Err(why) => {
            let mend = format!(
                "see that `keyward serve` runs, and that its clients' way to {issuer} (DNS, TLS, proxy) leads to it"
            );
            return vec![Check::bad("reachability", why, mend)];
        }
    };
    let served = match reached.issuer.as_deref() {
        Some(served) if served == issuer.as_str() => Check::good("reachability", format!("{issuer} answers")),
        Some(served) => Check::bad(
            "reachability",
            format!("at {issuer} answers the issuer {served}"),
            "let the address lead to the server with these settings",
        ),
        None => Check::bad("reachability", format!("{issuer} serves no metadata"), "let it lead to Keyward"),
    };
    // Only whoever is Keyward can tell.
    let caller = if served.ok { client_ip(settings, reached.caller.as_deref()) } else { None };
    std::iter::once(served).chain(caller).chain(reached.date.map(clock)).collect()
}

/// Whether the front end tells the server who calls.
fn client_ip(settings: &Settings, told: Option<&str>) -> Option<Check> {
    const NAME: &str = "client_ip";
    let ClientIp::Header(header) = &settings.client_ip else { return None };
    let mend = format!("let the front end send the caller's address in {header}, as its last or only entry");
    Some(match told {
        Some(UNREADABLE) => {
            let found =
                format!("the header {header} tells the server no address, so limits by address don't hold");
            Check::bad(NAME, found, mend)
        }
        Some(address) => {
            Check::good(NAME, format!("the server takes this machine for {address}, by the header {header}"))
        }
        None => Check::bad(
            NAME,
            "the server doesn't say by which address it knows this machine",
            "run this with the server's own `origin_secret`, and let the front end pass x-keyward-doctor on",
        ),
    })
}

/// Our clock beside the one of whoever answered.
fn clock(theirs: Timestamp) -> Check {
    let now = SystemClock.now();
    let apart = now.since(theirs).max(theirs.since(now));
    if apart <= TOLERABLE {
        Check::good("clock", "agrees with the server's")
    } else {
        Check::bad("clock", format!("{} s apart from the server's", apart.as_secs()), "set the clock (NTP)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::ring::RingMaster;

    #[test]
    fn n240_what_is_dated_ahead_is_named_with_the_command_that_settles_it() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let mut ring = Ring::empty();
        let master = |seal_from| RingMaster { id: 7, wrapped: String::new(), seal_from, remove_at: None };
        ring.masters = vec![master(now.plus(MASTER_LEAD).plus(CLOCK_SKEW))];
        assert!(dated_ahead(&ring, now).is_none(), "clocks may differ by so much");
        ring.masters.push(master(now.plus(Duration::from_secs(3600))));
        let check = dated_ahead(&ring, now).unwrap();
        assert!(!check.ok && check.found.contains("master 7"));
        assert!(check.mend.unwrap().contains("keyward storage restored"));
    }
}
