//! A server that is killed again and again while it works: what it acknowledged is stored, and no code or token works
//! twice.
//!
//! Each round starts a server on the file that the last one left, checks what the rounds before acknowledged, and lets
//! users, clients and commands work concurrently. When a random number of requests is answered the process is killed
//! with the other requests under way: at a point of the work, not of the clock.

use crate::commands::{REDIRECT, json};
use check::{Checked, check};
use conformance::PASSWORD;
use mortal_server::{Browser, Dice};
use std::path::Path;
use tempfile::TempDir;
use token_chain::{Fate, request};
use workload::{agree, register, sign_in, work};

pub(crate) use mortal_server::MortalServer;
pub(crate) use token_chain::Chain;
pub(crate) use workload::Ledger;

mod check;
mod mortal_server;
mod token_chain;
mod workload;

const SEED: u64 = 63;
const ROUNDS: usize = 50;
/// Requests answered in a round, at most.
const LONGEST: u32 = 150;
/// How long a former refresh token is answered, in turn: what was written under each is read under both.
const GRACES: [&str; 4] = ["5m", "5m", "0", "0"];

#[tokio::test]
async fn n063_killed_fifty_times_it_loses_nothing_acknowledged_and_gives_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let (dice, mut checked) = (Dice::new(SEED), Checked::default());
    let mut ledger = begin(folder.path(), &MortalServer::start(folder.path(), GRACES[0])).await;
    let mut lost = [0; 3];
    for (round, grace) in (0..ROUNDS).zip(GRACES.iter().cycle()) {
        let progress = Progress(round);
        let server = MortalServer::start(folder.path(), grace);
        check(folder.path(), &server, &mut ledger, &mut checked, &dice, *grace != "0").await;
        server.die_after(1 + dice.roll(LONGEST));
        work(folder.path(), &server, &mut ledger, &dice).await;
        for chain in &ledger.chains[checked.chains..] {
            let fates = [chain.redeemed, chain.refreshed, chain.revoked];
            lost.iter_mut().zip(fates).for_each(|(lost, fate)| *lost += u32::from(fate == Fate::Lost));
        }
        drop(progress);
    }
    assert!(lost.iter().all(|lost| *lost > 0), "no request was under way: {lost:?}");
    let server = MortalServer::start(folder.path(), GRACES[0]);
    check(folder.path(), &server, &mut ledger, &mut Checked::default(), &dice, true).await;
    json(folder.path(), &["storage", "check"], "");
}

/// Alice, the client she signs in at, and a client with tokens of its own. Alice has agreed.
pub(crate) async fn begin(folder: &Path, server: &MortalServer) -> Ledger {
    json(folder, &["user", "create", "--username", "alice", "--password-stdin"], PASSWORD);
    let client = ["client", "create", "--id", "spa", "--name", "Shop", "--auth-method", "none"];
    let rest = ["--redirect-uri", REDIRECT, "--scope", "openid offline_access"];
    json(folder, &[&client[..], &rest[..]].concat(), "");
    let mut ledger = Ledger::default();
    ledger.machines.push(register(folder.to_owned()).await);
    let mut browser = Browser::new(ledger.number());
    let page = browser.visit(server, &request("first", "login")).await.unwrap();
    let answer = sign_in(server, &mut browser, &page, "alice", PASSWORD).await.unwrap();
    let page = browser.follow(server, answer).await.unwrap();
    agree(server, &mut browser, &page).await.unwrap();
    ledger.browser = browser;
    ledger
}

/// Prints the round of a failure.
struct Progress(usize);

impl Drop for Progress {
    #[expect(clippy::print_stdout, reason = "cargo shows it with the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("round {} of seed {SEED}", self.0);
        }
    }
}
