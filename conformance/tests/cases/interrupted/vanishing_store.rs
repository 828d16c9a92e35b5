//! A store that vanishes at a given call, and a world on it.

use super::super::requests::*;
use conformance::{Harness, PASSWORD};
use serde_json::json;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use storage::contract::local_aws;
use storage::contract::wire::{Mishap, Wire};
use storage::tap::{Access, Observer, Operation, Tap, When};
use storage::{Store, StoreError, StoreErrorKind};

/// Lets some calls through and fails the next one, before or after it is made; from then on nothing works.
#[derive(Default)]
struct Cut {
    passes: AtomicU64,
    /// How many calls were made since; some of them run at once.
    made: AtomicU64,
    when: Mutex<Option<When>>,
    struck: AtomicBool,
}

impl Cut {
    fn arm(&self, passes: u64, when: When) {
        self.passes.store(passes, Ordering::SeqCst);
        self.made.store(0, Ordering::SeqCst);
        *self.when.lock().unwrap() = Some(when);
    }

    /// The store is back. Returns whether any call failed.
    fn heal(&self) -> bool {
        *self.when.lock().unwrap() = None;
        self.struck.swap(false, Ordering::SeqCst)
    }

    fn strike(&self, call: Operation, now: When) -> Result<(), StoreError> {
        let Some(when) = *self.when.lock().unwrap() else { return Ok(()) };
        let made = match now {
            When::Before => self.made.fetch_add(1, Ordering::SeqCst) + 1,
            When::After => self.made.load(Ordering::SeqCst),
        };
        let is_due = made > self.passes.load(Ordering::SeqCst) && when == now;
        if is_due || self.struck.load(Ordering::SeqCst) {
            self.struck.store(true, Ordering::SeqCst);
            return Err(StoreError::new(StoreErrorKind::Unavailable, call.name, "cut"));
        }
        Ok(())
    }
}

impl Observer for Cut {
    fn before(&self, call: Operation) -> Result<(), StoreError> {
        if call.access == Access::Upkeep { Ok(()) } else { self.strike(call, When::Before) }
    }

    fn after(&self, call: Operation) -> Result<(), StoreError> {
        if call.access == Access::Upkeep { Ok(()) } else { self.strike(call, When::After) }
    }
}

/// A world whose store can be cut off, with the relying party, the public client, and alice signed in.
pub(super) struct Stage {
    pub(super) world: World,
    cut: Arc<Cut>,
    /// The connection to the store, if it has one.
    wire: Option<Wire>,
    /// Alice's.
    pub(super) browser: Browser,
    drawn: Cell<u32>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let cut = Arc::<Cut>::default();
        let wire = (crate::HARNESS == Harness::DynamoDb).then(Wire::new);
        let store: Arc<dyn Store> = match &wire {
            Some(wire) => Arc::new(local_aws::empty_over(Some(wire.client())).await.unwrap()),
            None => crate::HARNESS.store().await,
        };
        let store = Arc::new(Tap::new(store, Arc::clone(&cut)));
        let world = World::on(store, crate::HARNESS, &[("KEYWARD_SIGNUP", "open")]).await;
        world.relying_party().await;
        world.single_page().await;
        world.alice().await;
        let mut browser = Browser::new();
        browser.authorize(&world, &with(&[])).await;
        browser.authorize(&world, &with(&OFFLINE)).await;
        Self { world, cut, wire, browser, drawn: Cell::new(0) }
    }

    /// A code of the public client.
    pub(super) async fn code(&self) -> String {
        let answer = self.browser.clone().authorize(&self.world, &with(&OFFLINE)).await;
        answer.to_client().get("code").unwrap().to_owned()
    }

    pub(super) async fn tokens(&self) -> Tokens {
        Tokens::of(&redeem_for_spa(&self.world, &self.code().await, &[]).await)
    }

    pub(super) async fn refresh(&self, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
        self.world.send(form("/token", &fields)).await
    }

    pub(super) async fn revoke(&self, token: &str) -> Answer {
        self.world.send(form("/revoke", &[("token", token), ("client_id", "spa")])).await
    }

    pub(super) async fn userinfo(&self, tokens: &Tokens) -> u16 {
        userinfo_status(&self.world, &tokens.access).await
    }

    pub(super) async fn assert_over(&self, tokens: &Tokens) {
        assert_eq!(self.userinfo(tokens).await, 401);
        self.refresh(&tokens.refresh).await.assert_token_error(400, "invalid_grant");
    }

    /// A name that nobody has yet.
    pub(super) fn name(&self) -> String {
        self.drawn.set(self.drawn.get() + 1);
        format!("person{}", self.drawn.get())
    }

    /// A new user at their account page.
    pub(super) async fn somebody(&self) -> (String, Browser, Answer) {
        let name = self.name();
        self.world.user(&name, None, json!({})).await;
        let (browser, page) = self.at_home(&name, PASSWORD).await;
        assert!(page.is_page("Your account"), "{page:?}");
        (name, browser, page)
    }

    /// What a user's account page shows after another sign-in.
    pub(super) async fn at_home(&self, name: &str, password: &str) -> (Browser, Answer) {
        let mut browser = Browser::new();
        let login = browser.visit(&self.world, "/account").await;
        let page = browser.sign_in(&self.world, &login, name, password).await;
        (browser, page)
    }

    /// Tries `act` on what `prepare` makes, interrupted before and after each call of the store, and repeats it when
    /// the store is back; `check` gets the last answer. On DynamoDB each request on the connection is interrupted,
    /// too. Returns how many calls of the store there are.
    pub(super) async fn everywhere<T>(
        &self,
        prepare: impl AsyncFn() -> T,
        act: impl AsyncFn(&T) -> Answer,
        check: impl AsyncFn(&T, Answer),
    ) -> u64 {
        for nth in 1.. {
            let Some(wire) = &self.wire else { break };
            let mut met = false;
            for mishap in [Mishap::Unreachable, Mishap::Unanswered] {
                let subject = prepare().await;
                wire.plan(nth, TRIES, mishap);
                let answer = act(&subject).await;
                met = wire.clear();
                let last = self.repeated(&subject, answer, &act).await;
                check(&subject, last).await;
            }
            if !met {
                break;
            }
        }
        for passes in 0.. {
            for when in [When::Before, When::After] {
                let subject = prepare().await;
                self.cut.arm(passes, when);
                let answer = act(&subject).await;
                if !self.cut.heal() {
                    check(&subject, answer).await;
                    return passes;
                }
                assert_eq!(answer.status, 503, "{when:?} call {passes}: {answer:?}");
                let last = self.repeated(&subject, answer, &act).await;
                check(&subject, last).await;
            }
        }
        unreachable!("no step asks the store for ever")
    }

    /// Repeats a request that was answered with 503, after the time that the answer says.
    async fn repeated<T>(&self, subject: &T, answer: Answer, act: &impl AsyncFn(&T) -> Answer) -> Answer {
        if answer.status != 503 {
            return answer;
        }
        self.world.pass(answer.header("retry-after").parse().unwrap());
        let again = act(subject).await;
        assert!(!again.status.is_server_error(), "{again:?}");
        again
    }
}

/// How often the SDK tries a call.
const TRIES: u64 = 3;

/// The scope that the public client asks for.
pub(super) const OFFLINE: [(&str, &str); 2] = [("client_id", "spa"), ("scope", "openid offline_access")];

/// The tokens of a redemption or a refresh.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Tokens {
    pub(super) fn of(answer: &Answer) -> Self {
        Self { access: member(answer, "access_token"), refresh: member(answer, "refresh_token") }
    }
}
