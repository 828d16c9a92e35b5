//! Failures of the store, and how many calls of it each step makes.

use super::requests::*;
use conformance::account::Account;
use conformance::{Log, PASSWORD, get};
use storage::StoreErrorKind::{Busy, Corrupt, Unavailable};
use storage::tap::When::{After, Before};

/// A 503 as a page or as JSON, with `Retry-After` and no secret in it.
fn assert_away(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=5).contains(&wait));
    let code = answer.element("error-code").map(str::to_owned);
    let code = code.unwrap_or_else(|| answer.json()["error"].as_str().unwrap().to_owned());
    assert_eq!(code, "temporarily_unavailable");
    assert!(!answer.text().contains("injected"), "N-215: {}", answer.text());
}

#[tokio::test]
async fn n218_the_store_is_away() {
    let (world, _) = people().await;
    for kind in [Busy, Unavailable] {
        world.app.distrust_caches();
        world.faults.fail("client", 1, Before, kind);
        assert_away(&world.send(get(&with(&[]))).await);
        let mut browser = Browser::new();
        let page = browser.visit(&world, &with(&[])).await;
        for call in ["find_user", "load_sign_in", "start_session", "create_grant"] {
            world.faults.fail(call, 1, Before, kind);
            let mut answer = browser.sign_in(&world, &page, "alice", PASSWORD).await;
            if call == "create_grant" && answer.text().contains("consent-approve") {
                answer = browser.consent(&world, &answer, "approve").await;
            }
            assert_away(&answer);
        }
        world.faults.clear();
        let code = code(&world, &[]).await;
        for call in ["load_grant", "redeem_code"] {
            world.faults.fail(call, 1, Before, kind);
            assert_away(&redeem(&world, &code).await);
        }
        let tokens = redeem(&world, &code).await;
        assert_eq!(tokens.status, 200, "nothing was lost");
        let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
        world.faults.fail("load_token", 1, Before, kind);
        assert_away(&world.send(get("/userinfo").with("authorization", &bearer)).await);
        assert_eq!(world.send(get("/userinfo").with("authorization", &bearer)).await.status, 200);
    }
}

#[tokio::test]
async fn n218_half_of_all_calls_fail() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let mut issued = 0;
    for round in 0..8 {
        world.app.distrust_caches();
        for call in ["client", "find_user", "load_sign_in", "start_session", "load_grant", "redeem_code"] {
            world.faults.fail(call, 1 + round % 2, Before, Busy);
        }
        for path in ["/jwks", "/.well-known/openid-configuration"] {
            assert_eq!(world.send(get(path)).await.status, 200, "{path}");
        }
        let own = form("/token", &[("grant_type", "client_credentials")]);
        let own = world.send(own.with("authorization", &machine.basic())).await;
        if own.status != 200 {
            assert_away(&own);
        }
        // Another try succeeds.
        let mut browser = Browser::new();
        let mut code = None;
        for _ in 0..8 {
            let answer = browser.authorize(&world, &with(&[])).await;
            if answer.status == 303 {
                code = answer.to_client().get("code").map(str::to_owned);
                break;
            }
            assert_away(&answer);
        }
        for _ in 0..4 {
            let answer = redeem(&world, code.as_deref().unwrap()).await;
            if answer.status == 200 {
                issued += 1;
                break;
            }
            assert_away(&answer);
        }
        world.faults.clear();
    }
    assert_eq!(issued, 8);
    let alice = world.admin().user("alice").await.unwrap();
    let grants = Account::of(&*world.store, &alice.id).await.grants;
    assert!(grants.iter().all(|grant| grant.redeemed_at().is_some() && grant.revoked.is_none()));
    assert_eq!(grants.len(), 8, "nothing was written by halves");
}

#[tokio::test]
async fn n218_what_needs_no_store_is_still_served() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let ask = async || {
        world
            .send(
                form("/token", &[("grant_type", "client_credentials")])
                    .with("authorization", &machine.basic()),
            )
            .await
    };
    assert_eq!(ask().await.status, 200);
    world.pass(14 * 60);
    for call in ["client", "ring"] {
        for nth in 1..50 {
            world.faults.fail(call, nth, Before, Unavailable);
        }
    }
    assert_eq!(ask().await.status, 200, "a client acting for itself is remembered for a quarter of an hour");
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        assert_eq!(world.send(get(path)).await.status, 200, "{path}");
    }
    assert_away(&world.send(get(&with(&[]))).await);
    world.pass(60);
    assert_away(&ask().await);
    world.faults.clear();
    assert_eq!(ask().await.status, 200, "it recovers without a restart");
}

#[tokio::test]
async fn n220_a_write_whose_answer_was_lost_does_no_harm() {
    let (world, _) = people().await;
    for call in ["start_session", "create_grant", "remember_consent"] {
        world.faults.fail(call, 1, After, Unavailable);
        let mut browser = Browser::new();
        let page = browser.visit(&world, &with(&[("prompt", "consent")])).await;
        let answer = browser.sign_in(&world, &page, "alice", PASSWORD).await;
        let answer = if call == "start_session" {
            assert_away(&answer);
            browser.sign_in(&world, &page, "alice", PASSWORD).await
        } else {
            answer
        };
        let first = browser.consent(&world, &answer, "approve").await;
        let last = if call == "start_session" {
            first
        } else {
            assert_away(&first);
            browser.consent(&world, &answer, "approve").await
        };
        let code = last.to_client().get("code").unwrap().to_owned();
        assert_eq!(redeem(&world, &code).await.status, 200, "{call}");
    }
    // Spent, but the answer was lost: the code is refused, and within a second nothing is revoked.
    let code = code(&world, &[]).await;
    world.faults.fail("redeem_code", 1, After, Unavailable);
    assert_away(&redeem(&world, &code).await);
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n215_a_damaged_record_is_a_500_that_reveals_nothing() {
    let (world, _) = people().await;
    world.faults.fail("client", 1, Before, Corrupt);
    let answer = world.send(get(&with(&[]))).await;
    answer.assert_error_page(500, "server_error");
    assert_eq!(answer.element("error-request-id"), Some(answer.header("x-request-id")));
}

#[tokio::test]
async fn n223_a_lost_race_and_a_busy_store_are_distinguished() {
    let (world, _) = people().await;
    world.single_page().await;
    let log = Log::open();
    // Busy: nothing is spent, and the same request succeeds later.
    let first = code(&world, &[]).await;
    world.faults.fail("redeem_code", 1, Before, Busy);
    assert_away(&redeem(&world, &first).await);
    assert_eq!(redeem(&world, &first).await.status, 200);
    let r1 = member(&spa_tokens(&world).await, "refresh_token");
    let refresh = async |token: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
        world.send(form("/token", &fields)).await
    };
    world.faults.fail("rotate_refresh", 1, Before, Busy);
    assert_away(&refresh(&r1).await);
    let r2 = member(&refresh(&r1).await, "refresh_token");
    // Lost: another call came between our read and our write, and the code is refused as spent.
    let second = code(&world, &[]).await;
    let (one, two) = tokio::join!(redeem(&world, &second), redeem(&world, &second));
    let (won, lost) = if one.status == 200 { (one, two) } else { (two, one) };
    assert_eq!(won.status, 200);
    lost.assert_token_error(400, "invalid_grant");
    // A failed read is not mistaken for a missing record.
    for kind in [Busy, Unavailable] {
        world.faults.fail("load_grant", 1, Before, kind);
        assert_away(&refresh(&r2).await);
        world.app.distrust_caches();
        world.faults.fail("client", 1, Before, kind);
        assert_away(&refresh(&r2).await);
    }
    assert_eq!(refresh(&r2).await.status, 200);
    for event in ["code.reuse", "code.burnt", "refresh.reuse", "client_auth.failure"] {
        assert!(log.events(event).is_empty(), "{event}");
    }
}

#[tokio::test]
async fn n225_expired_records_never_count_whether_deleted_or_not() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[])).await;
    let code = answer.to_client().get("code").unwrap().to_owned();
    world.pass(8 * 24 * 3600);
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    let late = browser.visit(&world, &with(&[("prompt", "none")])).await;
    late.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
    let alice = &world.store.users().await.unwrap()[0];
    let account = Account::of(&*world.store, &alice.id).await;
    assert!(!account.grants.is_empty() && !account.sessions.is_empty(), "it was still there");
}

#[tokio::test]
async fn n226_after_a_restore_nothing_from_before_counts() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, &code(&world, &[]).await).await;
    let waiting = code(&world, &[]).await;
    world.single_page().await;
    let offline = member(&spa_tokens(&world).await, "refresh_token");
    let machine = world.machine().await;
    let ask = form("/token", &[("grant_type", "client_credentials")]);
    let own = member(&world.send(ask.with("authorization", &machine.basic())).await, "access_token");
    world.pass(1);
    world.app.keys.end_all().await.unwrap();
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    assert_eq!(world.send(get("/userinfo").with("authorization", &bearer)).await.status, 401);
    redeem(&world, &waiting).await.assert_token_error(400, "invalid_grant");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", offline.as_str()), ("client_id", "spa")];
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
    let asked = form("/introspect", &[("token", own.as_str())]).with("authorization", &machine.basic());
    assert_eq!(world.send(asked).await.json()["active"], false, "nor what a client got for itself");
    browser.visit(&world, &with(&[("prompt", "none")])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    assert_eq!(redeem(&world, &code(&world, &[]).await).await.status, 200);
}

#[tokio::test]
async fn n231_what_a_revoked_key_signed_is_refused() {
    let (world, _) = people().await;
    let tokens = redeem(&world, &code(&world, &[]).await).await;
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let kid = conformance::header(&access)["kid"].as_str().unwrap().to_owned();
    let asked = form("/introspect", &[("token", &access)]).with("authorization", &world.basic("rp"));
    assert_eq!(world.send(asked).await.json()["active"], true);
    world.app.keys.revoke(&kid, true).await.unwrap();
    let answer = world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await;
    assert_eq!(answer.status, 401);
    let asked = form("/introspect", &[("token", &access)]).with("authorization", &world.basic("rp"));
    assert_eq!(world.send(asked).await.json()["active"], false);
    assert!(!world.send(get("/jwks")).await.text().contains(&kid));
    let next = redeem(&world, &code(&world, &[]).await).await;
    assert_ne!(conformance::header(next.json()["access_token"].as_str().unwrap())["kid"], kid.as_str());
}

/// Reads and writes of the store in one step.
async fn cost<T>(world: &World, step: impl Future<Output = T>) -> (T, (u64, u64)) {
    world.counts.take();
    let done = step.await;
    (done, world.counts.take())
}

#[tokio::test]
async fn budgets_of_the_design_hold() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let mut browser = Browser::new();
    // The client's record is cached for a minute.
    world.send(get(&with(&[]))).await;
    for path in ["/jwks", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(cost(&world, world.send(get(path))).await.1, (0, 0), "{path}");
    }
    let (page, start) = cost(&world, browser.visit(&world, &with(&[]))).await;
    assert_eq!(start, (0, 0), "GET /authorize and /login without a session");
    let (consent, login) = cost(&world, browser.sign_in(&world, &page, "alice", PASSWORD)).await;
    assert_eq!(login, (3, 1), "find and load the user, begin the session; GET /consent");
    let (answer, agreed) = cost(&world, browser.consent(&world, &consent, "approve")).await;
    assert_eq!(agreed, (1, 2), "remember, grant");
    let code = answer.to_client().get("code").unwrap().to_owned();
    assert_eq!(cost(&world, redeem(&world, &code)).await.1, (1, 1), "code to tokens");
    let (_, silent) = cost(&world, browser.visit(&world, &with(&[]))).await;
    assert_eq!(silent, (1, 1), "session and remembered consent");
    let mut other = Browser::new();
    let page = other.visit(&world, &with(&[])).await;
    let (answer, login) = cost(&world, other.sign_in(&world, &page, "alice", PASSWORD)).await;
    assert_eq!(login, (2, 2), "password login to code");
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    let userinfo = get("/userinfo").with("authorization", &bearer);
    assert_eq!(cost(&world, world.send(userinfo)).await.1, (1, 0), "userinfo");
    let own =
        || form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic());
    world.send(own()).await;
    assert_eq!(cost(&world, world.send(own())).await.1, (0, 0), "client_credentials");
}
