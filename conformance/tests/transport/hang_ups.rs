//! Callers that ask for the most expensive page and hang up at once (N-243): a user's lists are read one at a time, for
//! few users at once, and not for callers that have left.

use crate::wire::{Server, Wire, get, token, within};
use conformance::{Browser, Harness, Party, World};
use protocol::id::{Realm, SessionId};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::tap::{Observer, Operation, Tap};
use storage::{Belonging, Location, Place, Sqlite, Store, StoreError};
use tempfile::TempDir;
use tokio::task::{block_in_place, yield_now};

/// Longer than anything that works takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lists of one user may wait at once.
const WAITING: usize = 4;

/// Counts the pages of belongings that are read, and holds the first one once it is armed.
#[derive(Default)]
struct Gate {
    pages: AtomicUsize,
    held: Mutex<Option<Receiver<()>>>,
}

impl Gate {
    /// The next page waits until the answer is dropped.
    fn close(&self) -> Sender<()> {
        let (open, held) = channel();
        *self.held.lock().unwrap() = Some(held);
        self.pages.store(0, Ordering::SeqCst);
        open
    }

    fn pages(&self) -> usize {
        self.pages.load(Ordering::SeqCst)
    }
}

impl Observer for Gate {
    fn before(&self, call: Operation) -> Result<(), StoreError> {
        if call.name == "belongings" {
            self.pages.fetch_add(1, Ordering::SeqCst);
            let held = self.held.lock().unwrap().take();
            if let Some(held) = held {
                block_in_place(|| held.recv_timeout(PATIENCE).unwrap_err());
            }
        }
        Ok(())
    }
}

/// A server on a file, with two users who are signed in.
struct Setting {
    gate: Arc<Gate>,
    world: World,
    machine: Party,
    server: Server,
    session: SessionId,
    bob: Browser,
    /// Alice's request for her account page.
    account: String,
    _folder: TempDir,
}

impl Setting {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = Location::File(folder.path().join("keyward.db"));
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&file, true, Realm::main()).unwrap());
        let gate = Arc::new(Gate::default());
        let world = World::on(Arc::new(Tap::new(store, Arc::clone(&gate))), Harness::Router, &[]).await;
        let machine = world.machine().await;
        let alice = world.alice().await.id;
        world.user("bob", None, json!({})).await;
        let account = get("/account", &[&cookie(&signed_in(&world, "alice").await)]);
        let session = match &*world.store.belongings(&alice, Some(Place::Sessions)).await.unwrap().list {
            [Belonging::Session(session)] => session.id,
            other => panic!("{other:?}"),
        };
        let bob = signed_in(&world, "bob").await;
        let server = Server::of(&world).await;
        Self { gate, world, machine, server, session, bob, account, _folder: folder }
    }

    /// Waits until this many lists of alice's session are queued.
    async fn waiting(&self, count: usize) {
        within(async {
            while self.world.app.lists().count(&self.session) != count {
                yield_now().await;
            }
        })
        .await;
    }

    async fn ask(&self) -> Wire {
        let mut wire = self.server.connect().await;
        wire.send(&self.account).await;
        wire
    }

    /// Requests that have nothing to do with the lists.
    async fn others_are_served(&self) {
        assert_eq!(self.server.ask(token(&self.machine)).await.status, 200);
        // Loads session and user, as any page does.
        let page = self.server.ask(get("/logout", &[&cookie(&self.bob)])).await;
        assert_eq!(page.status, 200, "{page:?}");
    }

    async fn bobs_account(&self) {
        let page = self.server.ask(get("/account", &[&cookie(&self.bob)])).await;
        assert!(page.is_page("Your account"), "{page:?}");
    }
}

async fn signed_in(world: &World, username: &str) -> Browser {
    let mut browser = Browser::new();
    let login = browser.visit(world, "/account").await;
    let page = browser.sign_in(world, &login, username, conformance::PASSWORD).await;
    assert!(page.is_page("Your account"), "{page:?}");
    browser
}

fn cookie(browser: &Browser) -> String {
    format!("cookie: {}={}", browser.name("kw-s-").unwrap(), browser.cookie("kw-s-").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n243_nothing_is_read_for_callers_that_hung_up_and_others_are_served() {
    let it = Setting::new().await;
    drop(it.gate.close());
    it.bobs_account().await;
    let pages_of_bob = it.gate.pages();
    let open = it.gate.close();
    let first = it.ask().await;
    it.waiting(1).await;
    for _ in 0..300 {
        let next = it.ask().await;
        it.waiting(2).await;
        drop(next);
        it.waiting(1).await;
    }
    drop(first);
    it.others_are_served().await;
    drop(open);
    it.waiting(0).await;
    it.bobs_account().await;
    // The first was in the store already, and may read its second page before it is known to have left.
    let of_those_who_left = it.gate.pages() - pages_of_bob;
    assert!((1..=2).contains(&of_those_who_left), "{of_those_who_left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n243_more_lists_of_one_user_than_may_wait_are_refused() {
    let it = Setting::new().await;
    let open = it.gate.close();
    let mut waiting = Vec::new();
    for already in 0..WAITING {
        waiting.push(it.ask().await);
        it.waiting(already + 1).await;
    }
    for _ in 0..3 {
        let refused = it.ask().await.answer().await;
        refused.assert_error_page(503, "temporarily_unavailable");
        assert_eq!(refused.header("retry-after"), "2");
    }
    it.others_are_served().await;
    assert_eq!(it.gate.pages(), 1, "one at a time");
    drop(open);
    for mut wire in waiting {
        let page = wire.answer().await;
        assert!(page.is_page("Your account"), "{page:?}");
    }
    assert!(it.ask().await.answer().await.is_page("Your account"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n243_an_account_with_many_sessions_has_one_queue_and_keeps_nobody_out() {
    let it = Setting::new().await;
    let mut accounts = Vec::new();
    for _ in 0..20 {
        accounts.push(get("/account", &[&cookie(&signed_in(&it.world, "alice").await)]));
    }
    let open = it.gate.close();
    let first = it.ask().await;
    it.waiting(1).await;
    let mut crowd = Vec::new();
    for account in accounts.iter().flat_map(|account| [account; WAITING]) {
        let mut wire = it.server.connect().await;
        wire.send(account).await;
        crowd.push(tokio::spawn(async move { wire.answer().await.status }));
    }
    // The others wait, as many as the queue has room for.
    let refused = || crowd.iter().filter(|one| one.is_finished()).count();
    within(async {
        while refused() < crowd.len() - 64 {
            yield_now().await;
        }
    })
    .await;
    let owner = it.ask().await;
    it.waiting(2).await;
    let mut bob = it.server.connect().await;
    bob.send(&get("/account", &[&cookie(&it.bob)])).await;
    within(async {
        while refused() < crowd.len() - 62 {
            yield_now().await;
        }
    })
    .await;
    drop(open);
    for mut wire in [first, owner, bob] {
        let page = wire.answer().await;
        assert!(page.is_page("Your account"), "{page:?}");
    }
}
