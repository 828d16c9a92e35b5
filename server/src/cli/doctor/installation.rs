//! The parts of an installation: issuer, storage, clients, keys, clock, and whether the server can be reached.

use super::check::Check;
use super::visitor::{header, json};
use crate::assembly;
use crate::cli::output::show_time;
use crate::cli::reach::{Answer, Server};
use crate::config::{ClientIp, KeysSetting, OriginSecret, Settings};
use crate::web::caller::{CALLER, DOCTOR, UNREADABLE};
use http::Request;
use http::header::DATE;
use http_body_util::Full;
use keys::clock::{Clock as _, SystemClock};
use keys::ring::MASTER_LEAD;
use keys::{Keys, KeysError, Ring, custody_of};
use protocol::client::Client;
use protocol::issuer::Issuer;
use protocol::time::{CLOCK_SKEW, Timestamp};
use serde_json::Value;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use storage::{FINISH_IMPORT, Finding, Store, UNFINISHED_IMPORT};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// If clocks differ by more, tokens look to their verifiers as if they were issued in the future.
const TOLERABLE: Duration = Duration::from_secs(30);

/// What to do if the keys can't be opened because KMS does not answer.
const REACH_KMS: &str = "check network, region, endpoint and credentials for AWS, then run this again";

/// What is wrong with what the store contains, and with the keys.
pub(super) async fn checks(settings: &Settings, store: &Arc<dyn Store>) -> Vec<Check> {
    let mut checks: Vec<Check> = writable(&**store).await.into_iter().collect();
    checks.push(issuer(settings, &**store).await);
    checks.extend(settings.security_expires.and_then(|expires| security(expires, SystemClock.now())));
    checks.extend(clients(settings, &**store).await);
    checks.extend(keys(settings, Arc::clone(store)).await);
    checks
}

pub(super) async fn storage(settings: &Settings) -> Vec<Check> {
    let backend = settings.storage.backend();
    if !backend.is_lasting() {
        return vec![Check::good("storage", "in memory: it exists only in its server")];
    }
    match backend.check().await {
        Ok(findings) if findings.is_empty() => {
            vec![Check::good("storage", format!("{} is fine", backend.name()))]
        }
        Ok(findings) => {
            let bad = |found: Finding| Check::bad("storage", found.what, found.fix);
            findings.into_iter().map(bad).collect()
        }
        Err(error) => vec![Check::bad("storage", error.to_string(), backend.advice())],
    }
}

/// Finds a store that can be read but not written: the disk is full or mounted read-only.
async fn writable(store: &dyn Store) -> Option<Check> {
    let error = store.probe().await.err()?;
    let fix =
        "make room on its disk, and check that it isn't mounted read-only and that this user may write to it";
    Some(Check::bad("storage", format!("it can't be written: {error}"), fix))
}

/// If no issuer is set, the server derived one from its `--listen`, and the store has it.
pub(super) async fn adopt_issuer(settings: &mut Settings, store: &dyn Store) {
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
            format!("the store belongs to {theirs}, but the settings say {}", settings.issuer),
            "set `issuer` to the store's, or start `keyward serve --change-issuer` once",
        ),
        Ok(None) => Check::bad("issuer", "the store has none yet", "start `keyward serve` once"),
        Err(error) => Check::bad("issuer", error.to_string(), "see `storage`"),
    }
}

/// Finds a `security.txt` that has expired, which nobody should rely on (RFC 9116 §2.5.5).
fn security(expires: jiff::Timestamp, now: Timestamp) -> Option<Check> {
    let has_passed = u64::try_from(expires.as_millisecond()).unwrap_or(0) <= now.millis();
    has_passed.then(|| {
        let found = format!("security.txt expired at {expires}");
        Check::bad(
            "security",
            found,
            "confirm `security_contact`, and set `security_expires` to a later time",
        )
    })
}

/// Finds clients that can't get tokens, and clients that are dated ahead of this clock.
async fn clients(settings: &Settings, store: &dyn Store) -> Vec<Check> {
    let clients = match store.clients().await {
        Ok(clients) => clients,
        Err(error) => return vec![Check::bad("clients", error.to_string(), "see `storage`")],
    };
    let latest = SystemClock.now().plus(CLOCK_SKEW);
    let ahead = clients.iter().filter(|client| client.created_at > latest);
    let reported = ahead.map(|client| {
        let at = show_time(client.created_at);
        let found = format!(
            "`{}` was registered at {at}, ahead of this machine's clock; it works nevertheless",
            client.id
        );
        Check::good("clients", found)
    });
    reported.chain(unsigned(settings, &clients)).collect()
}

fn unsigned(settings: &Settings, clients: &[Client]) -> Option<Check> {
    let unsigned =
        |client: &&Client| client.signing_alg.is_some_and(|alg| !settings.signing_algs.contains(&alg));
    let client = clients.iter().find(unsigned)?;
    let alg = client.signing_alg?;
    let id = &client.id;
    let found = format!("no key signs for `{id}`, which needs {alg}");
    Some(Check::bad(
        "clients",
        found,
        format!("add {alg} to `signing_algs`, or run `keyward client update {id} --signing-alg ALG`"),
    ))
}

async fn keys(settings: &Settings, store: Arc<dyn Store>) -> Vec<Check> {
    let keys: Arc<Keys> = match assembly::read_keys(settings, store).await {
        Ok(keys) => keys,
        Err(error) => {
            let fix = match &error {
                KeysError::Store(_) => "see `storage`",
                KeysError::NoRing if matches!(settings.keys, KeysSetting::Kms(..)) => {
                    "run `keyward keys rotate --if-due` with the role of the rotation"
                }
                KeysError::NoRing | KeysError::InKms { .. } => "do as described",
                KeysError::Sign(error) | KeysError::Locked(error) if error.kind().is_passing() => REACH_KMS,
                _ if matches!(settings.keys, KeysSetting::Kms(..)) => "correct what the message names",
                _ => "restore that master key file from its backup, or from the former file kept next to it",
            };
            return vec![Check::bad("keys", error.to_string(), fix)];
        }
    };
    let (now, ring) = (SystemClock.now(), keys.current());
    let signs = match ring.signer(None, now) {
        Ok(signer) => Check::good("keys", format!("{} {} signs", signer.alg(), signer.kid())),
        // It has one if the keys were not opened.
        Err(error) if error.source().is_some() => Check::bad("keys", error.to_string(), REACH_KMS),
        Err(error) => Check::bad(
            "keys",
            error.to_string(),
            "start a server, or run `keyward keys rotate --now --force`",
        ),
    };
    let checks = [dated_ahead(ring.ring(), now), elsewhere(settings, ring.ring()), Some(signs)];
    checks.into_iter().flatten().collect()
}

/// Finds keys that are in another custody than the setting says: they sign on, and nothing makes the next ones.
fn elsewhere(settings: &Settings, ring: &Ring) -> Option<Check> {
    if let Some(to) = &ring.moving_to {
        let found = format!("they are being moved to {to}: until that has ended, no key rotates");
        return Some(Check::good("keys", found));
    }
    let form = assembly::custody(settings, &settings.keys).maker?.form();
    (form != ring.form()).then(|| {
        let found = format!(
            "they are with {}, but `keys` is {}: no keys are made while that is so",
            custody_of(ring),
            settings.keys
        );
        Check::bad("keys", found, "set `keys` to where they are, or move them (`keyward keys move`)")
    })
}

/// Finds keys that are dated ahead of this clock.
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
            "set the clock (NTP); if it is right, run `keyward storage restored`, which corrects these dates and ends all \
             sessions and grants",
        )
    })
}

pub(super) async fn reachability(settings: &Settings) -> Vec<Check> {
    let issuer = &settings.issuer;
    let answer = match metadata(settings).await {
        Ok(answer) => answer,
        Err(why) => {
            let fix = format!(
                "check that `keyward serve` runs, and that {issuer} leads to it from here (DNS, TLS, proxy)"
            );
            return vec![Check::bad("reachability", why, fix)];
        }
    };
    let document = json(&answer);
    let served = match document.get("issuer").and_then(Value::as_str) {
        Some(served) if served == issuer.as_str() => Check::good("reachability", format!("{issuer} answers")),
        Some(served) => Check::bad(
            "reachability",
            format!("the server at {issuer} has the issuer {served}"),
            "make the address lead to the server with these settings",
        ),
        None => Check::bad("reachability", format!("{issuer} serves no metadata"), "make it lead to Keyward"),
    };
    // Only Keyward itself can say this.
    let caller = if served.ok { client_ip(settings, header(&answer, &CALLER)) } else { None };
    let date = header(&answer, &DATE).and_then(parse_date);
    std::iter::once(served).chain(caller).chain(date.map(clock)).collect()
}

async fn metadata(settings: &Settings) -> Result<Answer, String> {
    let server =
        Server { issuer: settings.issuer.clone(), ca: settings.outbound_ca.clone(), patience: PATIENCE };
    let request = Request::get(format!("{}/.well-known/openid-configuration", server.issuer.path()));
    let proof = settings.origin_secret.first().map(OriginSecret::proof);
    let request = proof.into_iter().fold(request, |request, proof| request.header(DOCTOR, proof));
    server.send(request.body(Full::default()).map_err(|error| error.to_string())?).await
}

/// RFC 9110 §5.6.7.
fn parse_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Timestamp::from_seconds(u64::try_from(at.as_second()).ok()?))
}

/// Checks that the front end sends the caller's address.
fn client_ip(settings: &Settings, address: Option<&str>) -> Option<Check> {
    const NAME: &str = "client_ip";
    let ClientIp::Header(header) = &settings.client_ip else { return None };
    let fix = format!("make the front end send the caller's address in {header}, as its last or only entry");
    Some(match address {
        Some(UNREADABLE) => {
            let found = format!("the header {header} has no address, so limits by address don't work");
            Check::bad(NAME, found, fix)
        }
        Some(address) => {
            Check::good(NAME, format!("by the header {header}, this machine has the address {address}"))
        }
        None => Check::bad(
            NAME,
            "the server doesn't say which address this machine has",
            "run this with the server's `origin_secret`, and make the front end forward x-keyward-doctor",
        ),
    })
}

/// Compares this clock with the server's.
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
    use keys::ring::RingMaster;

    #[test]
    fn n240_what_is_dated_ahead_is_named_with_the_command_that_settles_it() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let mut ring = Ring::empty();
        let master =
            |seal_from| RingMaster { id: 7, wrapped: String::new(), moved: None, seal_from, remove_at: None };
        ring.masters = vec![master(now.plus(MASTER_LEAD).plus(CLOCK_SKEW))];
        assert!(dated_ahead(&ring, now).is_none(), "clocks may differ by this much");
        ring.masters.push(master(now.plus(Duration::from_secs(3600))));
        let check = dated_ahead(&ring, now).unwrap();
        assert!(!check.ok && check.found.contains("master 7"));
        assert!(check.fix.unwrap().contains("keyward storage restored"));
    }

    #[test]
    fn a_security_txt_is_named_once_it_has_expired() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let at = |seconds: i64| jiff::Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        assert!(security(at(1), now).is_none());
        assert!(security(at(0), now).unwrap().found.contains("expired at 2027-01-15T08:00:00Z"));
    }
}
