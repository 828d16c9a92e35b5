//! What has to be true after a restart. First the store's contents are compared with the ledger, then the requests
//! without an answer are sent again, as their senders would.

use super::mortal_server::{Browser, Dice, MortalServer};
use super::token_chain::{Chain, Fate, present_refresh, request};
use super::workload::{Ledger, Person, agree, ask, make_account, sign_in};
use crate::commands::QUICK;
use conformance::PASSWORD;
use conformance::account::{Account, kept_grant};
use keys::Snapshot;
use keys::clock::{Clock as _, SystemClock};
use protocol::attempts::{AttemptKey, NAME};
use protocol::grant::{Grant, GrantKey, KEPT_OF_A_CLIENT};
use protocol::id::{ClientId, GrantId, Realm, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use server::config::env::Env;
use server::config::raw::Raw;
use server::config::resolve::{Surroundings, resolve};
use server::{assembly, attempts};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::{Location, Sqlite, Store};

/// How much of the ledger was checked after an earlier kill.
#[derive(Clone, Copy, Default)]
pub(super) struct Checked {
    pub(super) chains: usize,
    people: usize,
    guesses: usize,
    machines: usize,
}

/// What the store holds.
struct Kept {
    grants: BTreeMap<String, Grant>,
    /// By user name: whether they agreed to something.
    people: BTreeMap<String, bool>,
}

/// Only the newest of alice's grants for the client are kept. Besides those in the ledger there are some whose answers
/// were lost: no more than those in the ledger.
const KEPT: usize = KEPT_OF_A_CLIENT / 2;

/// Checks everything, and repeats the requests after `checked`. `has_grace`: former refresh tokens are answered.
pub(super) async fn check(
    folder: &Path,
    server: &MortalServer,
    ledger: &mut Ledger,
    checked: &mut Checked,
    dice: &Dice,
    has_grace: bool,
) {
    let path = folder.join("keyward-data/keyward.db");
    assert_eq!(Sqlite::check(&path).unwrap(), []);
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&Location::File(path.clone()), false, Realm::main()).unwrap());
    let kept = look(&*store, &path).await;
    let newest = ledger.chains.len().saturating_sub(KEPT);
    for (number, chain) in ledger.chains.iter_mut().enumerate() {
        let Some(grant) = kept.grants.get(&chain.nonce) else {
            // Ended grants are deleted first.
            let is_over = chain.is_over || chain.revoked != Fate::NotSent;
            assert!(number < newest || is_over, "lost: {chain:?}");
            continue;
        };
        compare(chain, grant);
        if number >= checked.chains {
            go_on(server, chain, grant, dice, has_grace).await.unwrap();
        }
    }
    for number in checked.people..ledger.people.len() {
        let mut browser = Browser::new(ledger.number());
        welcome(server, &mut browser, &ledger.people[number], &kept).await.unwrap();
    }
    let began = store.client(&ClientId::parse("spa").unwrap()).await.unwrap().unwrap().created_at;
    let ring = ring(folder, Arc::clone(&store)).await;
    for (name, count) in &ledger.guesses[checked.guesses..] {
        assert_counted(&*store, &ring, name, *count, began).await;
    }
    for (id, secret) in &ledger.machines[checked.machines..] {
        assert_eq!(ask(server, id, secret).await.unwrap().status, 200);
    }
    *checked = Checked {
        chains: ledger.chains.len(),
        people: ledger.people.len(),
        guesses: ledger.guesses.len(),
        machines: ledger.machines.len(),
    };
}

/// Reads everything; records that belong together exist together.
async fn look(store: &dyn Store, path: &Path) -> Kept {
    let mut kept = Kept { grants: BTreeMap::new(), people: BTreeMap::new() };
    for user in store.users().await.unwrap() {
        let view = Account::of(store, &user.id).await;
        kept.people.insert(user.username, !view.consents.is_empty());
        for id in grants_of(path, &user.id) {
            let key = GrantKey { user: user.id, grant: id };
            let grant = kept_grant(store, key).await;
            assert!(view.sessions.iter().any(|session| session.id == grant.session), "an orphan: {grant:?}");
            assert_eq!(
                grant.redeemed_at().is_some(),
                grant.refresh.is_some(),
                "half a redemption: {grant:?}"
            );
            kept.grants.insert(grant.code().unwrap().nonce.clone().unwrap(), grant);
        }
    }
    kept
}

/// The ids of all grants of a user; an account lists a bounded number.
fn grants_of(path: &Path, user: &UserId) -> Vec<GrantId> {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut ids = file.prepare("SELECT id FROM grants WHERE user_id = ?1").unwrap();
    let ids = ids.query_map([user.as_bytes()], |row| row.get(0).map(GrantId::from_bytes)).unwrap();
    ids.map(Result::unwrap).collect()
}

/// What was acknowledged is stored, and what was not sent was not done.
fn compare(chain: &Chain, grant: &Grant) {
    if chain.is_over {
        return;
    }
    let agrees = |fate: Fate, is_done: bool| match fate {
        Fate::NotSent => !is_done,
        Fate::Lost => true,
        Fate::Acknowledged => is_done,
    };
    assert!(agrees(chain.redeemed, grant.redeemed_at().is_some()), "{chain:?} {grant:?}");
    assert!(agrees(chain.revoked, grant.revoked.is_some()), "{chain:?} {grant:?}");
    if chain.redeemed == Fate::Acknowledged {
        let ahead = generation(grant) - chain.generation;
        assert!(ahead == 0 || ahead == 1 && chain.refreshed == Fate::Lost, "{chain:?} {grant:?}");
    }
}

fn generation(grant: &Grant) -> u32 {
    grant.refresh.as_ref().unwrap().generation
}

/// N-063: one set of tokens per code and one successor per refresh token, answered or not.
async fn go_on(
    server: &MortalServer,
    chain: &mut Chain,
    grant: &Grant,
    dice: &Dice,
    has_grace: bool,
) -> Option<()> {
    if chain.is_over {
        return Some(());
    }
    let mut ahead = false;
    if chain.redeemed == Fate::Acknowledged {
        ahead = generation(grant) > chain.generation;
    } else if grant.redeemed_at().is_some() {
        // Spent, but the answer was lost: nobody has its tokens.
        chain.is_over = true;
        chain.present_code(server).await?.assert_token_error(400, "invalid_grant");
        return Some(());
    } else {
        chain.redeem(server).await?;
    }
    if chain.denied == Fate::Lost {
        chain.deny(server).await?;
    }
    if chain.revoked == Fate::Lost {
        chain.revoke(server).await?;
    }
    let is_alive = chain.denied == Fate::NotSent && chain.revoked == Fate::NotSent;
    assert_eq!(chain.userinfo(server).await?, if is_alive { 200 } else { 401 }, "{chain:?}");
    if chain.revoked == Fate::Acknowledged || ahead && !has_grace {
        chain.is_over = true;
        present_refresh(server, &chain.refresh).await?.assert_token_error(400, "invalid_grant");
    } else {
        use_on(server, chain, dice, has_grace).await?;
    }
    Some(())
}

/// A living chain: its newest token works once. Sometimes the chain is then ended by using something twice.
async fn use_on(server: &MortalServer, chain: &mut Chain, dice: &Dice, has_grace: bool) -> Option<()> {
    let former = chain.refresh.clone();
    chain.refresh(server).await?;
    assert_eq!(chain.userinfo(server).await?, 200, "{chain:?}");
    if has_grace {
        let again = present_refresh(server, &former).await?;
        assert_eq!(again.json()["refresh_token"], chain.refresh, "one head: {chain:?}");
    } else if dice.roll(2) == 0 {
        chain.is_over = true;
        for token in [&former, &chain.refresh] {
            present_refresh(server, token).await?.assert_token_error(400, "invalid_grant");
        }
        return Some(());
    }
    if dice.roll(3) == 0 {
        // Within a second of its redemption this is a double submit, and the grant lives on.
        chain.is_over = true;
        chain.present_code(server).await?.assert_token_error(400, "invalid_grant");
    }
    Some(())
}

/// A user whose sign-up was acknowledged signs in; another one has an account or can make it. Likewise with consent.
async fn welcome(server: &MortalServer, browser: &mut Browser, person: &Person, kept: &Kept) -> Option<()> {
    let agreed = kept.people.get(&person.name).copied();
    assert!(agreed.is_some() || person.signed_up != Fate::Acknowledged, "{} was lost", person.name);
    assert!(
        agreed == Some(true) || person.agreed != Fate::Acknowledged,
        "what {} agreed to was lost",
        person.name
    );
    let answer = match agreed {
        Some(_) => {
            let page = browser.visit(server, &request("again", "login")).await?;
            sign_in(server, browser, &page, &person.name, PASSWORD).await?
        }
        None => {
            let page = browser.visit(server, &request("again", "create")).await?;
            make_account(server, browser, &page, &person.name).await?
        }
    };
    assert_eq!(answer.status, 303, "{answer:?}");
    let answer = browser.follow(server, answer).await?;
    let answer = if agreed == Some(true) { answer } else { agree(server, browser, &answer).await? };
    assert!(answer.to_client().get("code").is_some(), "{answer:?}");
    Some(())
}

/// The ring as a command reads it.
async fn ring(folder: &Path, store: Arc<dyn Store>) -> Arc<Snapshot> {
    let master = format!("local:{}", folder.join("keyward-data/master.key").display());
    let raw = Raw::of(None, &Env::of(&[QUICK[0], ("KEYWARD_KEYS", &master)])).unwrap();
    let settings = resolve(&raw, Surroundings::default()).unwrap();
    assembly::read_keys(&settings, store).await.unwrap().current()
}

/// Each failure moved the debt one interval on, from the time of the failure or from the earlier debt, whichever is
/// later.
async fn assert_counted(store: &dyn Store, ring: &Snapshot, name: &str, count: u32, began: Timestamp) {
    let key = AttemptKey::name(&Identifier::typed(name).unwrap());
    let key = attempts::stored(key, ring, SystemClock.now()).unwrap();
    let debts = store.debts(&[key]).await.unwrap();
    let least = if count == 0 { Duration::ZERO } else { NAME.interval * count };
    assert!(debts[0] >= began.plus(least) || count == 0, "{count} failures of {name}: {debts:?}");
}
