//! N-220: the process dies before or after any call of the store. Each step is tried with the store going away at
//! its first call, its second, and so on; then the store is back, and whoever sent the request sends it again.
//! What is true then is what is true had nothing happened.

use super::*;
use conformance::{PASSWORD, get};
use protocol::id::Realm;
use serde_json::json;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use storage::tap::{Access, Call, Observer, Tap, When};
use storage::{Location, Sqlite, Store, StoreError, StoreErrorKind};

/// Lets so many calls through and cuts the next one, before it is made or after; from then on nothing works.
#[derive(Default)]
struct Cut {
    passes: AtomicU64,
    when: Mutex<Option<When>>,
    struck: AtomicBool,
}

impl Cut {
    fn arm(&self, passes: u64, when: When) {
        self.passes.store(passes, Ordering::SeqCst);
        *self.when.lock().unwrap() = Some(when);
    }

    /// The store is back; whether it was away for anybody.
    fn heal(&self) -> bool {
        *self.when.lock().unwrap() = None;
        self.struck.swap(false, Ordering::SeqCst)
    }

    fn strike(&self, call: Call, now: When) -> Result<(), StoreError> {
        let Some(when) = *self.when.lock().unwrap() else { return Ok(()) };
        let is_due = self.passes.load(Ordering::SeqCst) == 0 && when == now;
        if is_due || self.struck.load(Ordering::SeqCst) {
            self.struck.store(true, Ordering::SeqCst);
            return Err(StoreError::new(StoreErrorKind::Unavailable, call.name, "cut"));
        }
        if now == When::After {
            self.passes.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

impl Observer for Cut {
    fn before(&self, call: Call) -> Result<(), StoreError> {
        if call.access == Access::Upkeep { Ok(()) } else { self.strike(call, When::Before) }
    }

    fn after(&self, call: Call) -> Result<(), StoreError> {
        if call.access == Access::Upkeep { Ok(()) } else { self.strike(call, When::After) }
    }
}

/// A world whose store can be cut off, with the relying party, the public client, and alice signed in.
struct Stage {
    world: World,
    cut: Arc<Cut>,
    browser: Browser,
    drawn: Cell<u32>,
}

impl Stage {
    async fn new() -> Self {
        let cut = Arc::<Cut>::default();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap());
        let store = Arc::new(Tap::new(store, Arc::clone(&cut)));
        let world = World::on(store, crate::HARNESS, &[("KEYWARD_SIGNUP", "open")]).await;
        world.relying_party().await;
        spa(&world).await;
        world.alice().await;
        let mut browser = Browser::new();
        browser.authorize(&world, &with(&[])).await;
        browser.authorize(&world, &with(&OFFLINE)).await;
        Self { world, cut, browser, drawn: Cell::new(0) }
    }

    /// A code of the public client.
    async fn code(&self) -> String {
        let answer = self.browser.clone().authorize(&self.world, &with(&OFFLINE)).await;
        answer.to_client().get("code").unwrap().to_owned()
    }

    async fn tokens(&self) -> Tokens {
        Tokens::of(&redeem_as_spa(&self.world, &self.code().await).await)
    }

    async fn refresh(&self, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
        self.world.send(form("/token", &fields)).await
    }

    async fn revoke(&self, token: &str) -> Answer {
        self.world.send(form("/revoke", &[("token", token), ("client_id", "spa")])).await
    }

    async fn userinfo(&self, tokens: &Tokens) -> u16 {
        userinfo_status(&self.world, &tokens.access).await
    }

    async fn assert_over(&self, tokens: &Tokens) {
        assert_eq!(self.userinfo(tokens).await, 401);
        self.refresh(&tokens.refresh).await.assert_token_error(400, "invalid_grant");
    }

    /// A name that nobody has yet.
    fn name(&self) -> String {
        self.drawn.set(self.drawn.get() + 1);
        format!("person{}", self.drawn.get())
    }

    /// Somebody new, in front of their account page.
    async fn somebody(&self) -> (String, Browser, Answer) {
        let name = self.name();
        self.world.user(&name, None, json!({})).await;
        let (browser, page) = self.at_home(&name, PASSWORD).await;
        assert!(page.is_page("Your account"), "{page:?}");
        (name, browser, page)
    }

    /// What the account page of somebody shows who signs in anew.
    async fn at_home(&self, name: &str, password: &str) -> (Browser, Answer) {
        let mut browser = Browser::new();
        let login = browser.visit(&self.world, "/account").await;
        let page = browser.sign_in(&self.world, &login, name, password).await;
        (browser, page)
    }

    /// Tries `act` on what `prepare` makes, cut off before and after each call of the store, and repeats it when the
    /// store is back; `check` sees the last answer. Returns how many calls there are.
    async fn everywhere<T>(
        &self,
        prepare: impl AsyncFn() -> T,
        act: impl AsyncFn(&T) -> Answer,
        check: impl AsyncFn(&T, Answer),
    ) -> u64 {
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
                let again = act(&subject).await;
                assert!(!again.status.is_server_error(), "{when:?} call {passes}: {again:?}");
                check(&subject, again).await;
            }
        }
        unreachable!("no step asks the store for ever")
    }
}

const OFFLINE: [(&str, &str); 2] = [("client_id", "spa"), ("scope", "openid offline_access")];

struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    fn of(answer: &Answer) -> Self {
        Self { access: member(answer, "access_token"), refresh: member(answer, "refresh_token") }
    }
}

#[tokio::test]
async fn n220_redeeming_a_code() {
    let stage = Stage::new().await;
    let redeem = async |code: &String| redeem_as_spa(&stage.world, code).await;
    let calls = stage
        .everywhere(
            async || stage.code().await,
            redeem,
            async |code, last| {
                if last.status == 200 {
                    assert_eq!(stage.userinfo(&Tokens::of(&last)).await, 200);
                } else {
                    last.assert_token_error(400, "invalid_grant");
                }
                redeem(code).await.assert_token_error(400, "invalid_grant");
            },
        )
        .await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_a_code_that_is_replayed_or_burnt() {
    let stage = Stage::new().await;
    let spent = async || {
        let code = stage.code().await;
        let tokens = Tokens::of(&redeem_as_spa(&stage.world, &code).await);
        stage.world.pass(2);
        (code, tokens)
    };
    let redeem = async |(code, _): &(String, Tokens)| redeem_as_spa(&stage.world, code).await;
    let calls = stage
        .everywhere(spent, redeem, async |(_, tokens), last| {
            last.assert_token_error(400, "invalid_grant");
            stage.assert_over(tokens).await;
        })
        .await;
    assert_eq!(calls, 2);
    let wrong = async |code: &String| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", "spa"),
        ];
        stage.world.send(form("/token", &fields)).await
    };
    let calls = stage
        .everywhere(
            async || stage.code().await,
            wrong,
            async |code, last| {
                last.assert_token_error(400, "invalid_grant");
                redeem_as_spa(&stage.world, code).await.assert_token_error(400, "invalid_grant");
            },
        )
        .await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_refreshing_and_reusing_a_refresh_token() {
    let stage = Stage::new().await;
    let refresh = async |tokens: &Tokens| stage.refresh(&tokens.refresh).await;
    let calls = stage
        .everywhere(
            async || stage.tokens().await,
            refresh,
            async |first, last| {
                let next = Tokens::of(&last);
                assert_ne!(next.refresh, first.refresh);
                for token in [first, &next] {
                    assert_eq!(Tokens::of(&refresh(token).await).refresh, next.refresh, "one head");
                }
            },
        )
        .await;
    assert_eq!(calls, 2);
    let rotated = async || {
        let first = stage.tokens().await;
        let next = Tokens::of(&refresh(&first).await);
        stage.world.pass(31);
        (first, next)
    };
    let reuse = async |(first, _): &(Tokens, Tokens)| refresh(first).await;
    let calls = stage
        .everywhere(rotated, reuse, async |(_, next), last| {
            last.assert_token_error(400, "invalid_grant");
            stage.assert_over(next).await;
        })
        .await;
    assert!(calls >= 2);
}

#[tokio::test]
async fn n220_giving_tokens_back_and_reading_them() {
    let stage = Stage::new().await;
    let tokens = async || stage.tokens().await;
    let back = async |tokens: &Tokens| stage.revoke(&tokens.refresh).await;
    let calls = stage.everywhere(tokens, back, async |tokens, _| stage.assert_over(tokens).await).await;
    assert_eq!(calls, 2);
    let back = async |tokens: &Tokens| stage.revoke(&tokens.access).await;
    let calls = stage
        .everywhere(tokens, back, async |tokens, _| {
            assert_eq!(stage.userinfo(tokens).await, 401);
            assert_eq!(stage.refresh(&tokens.refresh).await.status, 200);
        })
        .await;
    assert_eq!(calls, 1);
    let read = async |tokens: &Tokens| {
        stage.world.send(get("/userinfo").with("authorization", &format!("Bearer {}", tokens.access))).await
    };
    let calls = stage.everywhere(tokens, read, async |_, last| assert_eq!(last.status, 200)).await;
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn n220_signing_in_with_the_right_password_and_a_wrong_one() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let door = async || {
        world.pass(600);
        let mut browser = Browser::new();
        let page = browser.visit(world, &with(&OFFLINE)).await;
        (browser, page)
    };
    let enter = async |password: &str, (browser, page): &(Browser, Answer)| {
        browser.clone().sign_in(world, page, "alice", password).await
    };
    let calls = stage
        .everywhere(
            door,
            async |door| enter(PASSWORD, door).await,
            async |_, last| {
                let code = last.to_client().get("code").unwrap().to_owned();
                assert_eq!(redeem_as_spa(world, &code).await.status, 200);
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
    let calls = stage
        .everywhere(
            door,
            async |door| enter("wrong password", door).await,
            async |door, last| {
                assert_eq!(last.status, 422);
                assert!(enter(PASSWORD, door).await.to_client().get("code").is_some());
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
}

#[tokio::test]
async fn n220_agreeing_and_a_silent_request() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let asked = async || {
        let request: Vec<_> = OFFLINE.iter().chain(&[("prompt", "consent")]).copied().collect();
        stage.browser.clone().visit(world, &with(&request)).await
    };
    let agree = async |page: &Answer| stage.browser.clone().consent(world, page, "approve").await;
    let worth_once = async |last: Answer| {
        let code = last.to_client().get("code").unwrap().to_owned();
        assert_eq!(redeem_as_spa(world, &code).await.status, 200);
        redeem_as_spa(world, &code).await.assert_token_error(400, "invalid_grant");
    };
    let calls = stage.everywhere(asked, agree, async |_, last| worth_once(last).await).await;
    assert_eq!(calls, 3);
    let silent = async |(): &()| stage.browser.clone().visit(world, &with(&OFFLINE)).await;
    let calls = stage.everywhere(async || (), silent, async |(), last| worth_once(last).await).await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_signing_up() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let door = async || {
        world.pass(3600);
        let mut browser = Browser::new();
        let page = browser.visit(world, "/signup").await;
        (browser, page, stage.name())
    };
    let sign_up = async |(browser, page, name): &(Browser, Answer, String)| {
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", name), ("password", PASSWORD)];
        browser.clone().submit(world, "/signup", &fields).await
    };
    let calls = stage
        .everywhere(door, sign_up, async |(_, _, name), last| {
            // Taken: by the very account that was made and not told of.
            assert!(last.is_page("Your account") || last.status == 422, "{last:?}");
            assert!(stage.at_home(name, PASSWORD).await.1.is_page("Your account"));
        })
        .await;
    assert!(calls >= 5, "{calls}");
}

#[tokio::test]
async fn n220_signing_out() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let signed_in = async || {
        world.pass(600);
        let mut browser = Browser::new();
        let answer = browser.authorize(world, &with(&[])).await;
        let of_session = redeem(world, answer.to_client().get("code").unwrap()).await;
        let page = browser.get(world, "/logout").await;
        (browser, page, member(&of_session, "access_token"))
    };
    let leave = async |(browser, page, _): &(Browser, Answer, String)| {
        browser.clone().submit(world, "/logout", &[("csrf", &page.field("csrf"))]).await
    };
    let calls = stage
        .everywhere(signed_in, leave, async |(browser, _, access), last| {
            assert_eq!(last.element("logged-out"), Some("You are signed out"));
            let silent = browser.clone().visit(world, &with(&[("prompt", "none")])).await;
            assert_eq!(silent.to_client().get("error"), Some("login_required"));
            assert_eq!(userinfo_status(world, access).await, 401);
        })
        .await;
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn n220_changing_an_account() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let send = async |(_, browser, page): &(String, Browser, Answer), path: &str, fields: &[(&str, &str)]| {
        let csrf = page.field("csrf");
        let fields: Vec<_> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
        browser.clone().submit(world, path, &fields).await
    };
    let somebody = async || {
        world.pass(600);
        stage.somebody().await
    };
    let profile = async |who: &_| send(who, "/account/profile", &[("name", "Carol")]).await;
    let calls = stage
        .everywhere(somebody, profile, async |(name, ..), last| {
            assert!(last.is_page("Your account"), "{last:?}");
            assert_eq!(world.admin.user(name).await.unwrap().claims["name"], "Carol");
        })
        .await;
    assert!(calls >= 3, "{calls}");
    let new = "a brand new password";
    let fields = [("current_password", PASSWORD), ("new_password", new)];
    let password = async |who: &_| send(who, "/account/password", &fields).await;
    let calls = stage
        .everywhere(somebody, password, async |(name, ..), _| {
            world.pass(600);
            assert!(stage.at_home(name, new).await.1.is_page("Your account"));
            assert_eq!(stage.at_home(name, PASSWORD).await.1.status, 422);
        })
        .await;
    assert!(calls >= 4, "{calls}");
}

#[tokio::test]
async fn n220_ending_sessions_and_taking_back_from_applications() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let crowded = async || {
        world.pass(600);
        let (name, browser, page) = stage.somebody().await;
        let mut others = Vec::new();
        for _ in 0..2 {
            let (mut other, _) = stage.at_home(&name, PASSWORD).await;
            for request in [with(&OFFLINE), with(&[])] {
                other.authorize(world, &request).await;
            }
            others.push(other);
        }
        (name, browser, page, others)
    };
    let send = async |browser: &Browser, page: &Answer, path: &str, field: (&str, &str)| {
        browser.clone().submit(world, path, &[("csrf", page.field("csrf").as_str()), field]).await
    };
    let calls = stage
        .everywhere(
            crowded,
            async |(_, browser, page, _)| {
                send(browser, page, "/account/sessions", ("session", "others")).await
            },
            async |(_, browser, _, others), _| {
                for other in others {
                    assert!(other.clone().visit(world, "/account").await.is_page("Sign in"));
                }
                assert!(browser.clone().visit(world, "/account").await.is_page("Your account"));
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
    let calls = stage
        .everywhere(
            crowded,
            async |(_, browser, page, _)| send(browser, page, "/account/apps", ("all", "yes")).await,
            async |(name, ..), _| {
                let user = world.admin.user(name).await.unwrap();
                let view = world.store.load_account(&user.id).await.unwrap();
                assert!(view.consents.is_empty() && view.grants.iter().all(|grant| grant.revoked.is_some()));
                assert_eq!(view.grants.len(), 4);
            },
        )
        .await;
    assert!(calls >= 8, "{calls}");
}
