//! What breaks, and how often the store is asked.

use super::*;
use conformance::{PASSWORD, get};
use storage::StoreErrorKind::{Busy, Corrupt, Unavailable};
use storage::tap::When::{After, Before};

/// 503 of a page or of JSON, with a time to come back, and no secret in it.
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
async fn n218_what_needs_no_store_goes_on_without() {
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
    assert_eq!(ask().await.status, 200, "it comes back by itself");
}

#[tokio::test]
async fn n220_a_write_whose_answer_was_lost_hurts_nobody() {
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
    // Spent, but nobody was told: the code is refused, and soon after nothing else is revoked.
    let code = code(&world, &[]).await;
    world.faults.fail("redeem_code", 1, After, Unavailable);
    assert_away(&redeem(&world, &code).await);
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n215_a_damaged_record_is_our_fault_and_tells_nothing() {
    let (world, _) = people().await;
    world.faults.fail("client", 1, Before, Corrupt);
    let answer = world.send(get(&with(&[]))).await;
    answer.assert_error_page(500, "server_error");
    assert_eq!(answer.element("error-request-id"), Some(answer.header("x-request-id")));
}

#[tokio::test]
async fn n225_what_is_over_is_over_whether_deleted_or_not() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[])).await;
    let code = answer.to_client().get("code").unwrap().to_owned();
    world.pass(8 * 24 * 3600);
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    let late = browser.visit(&world, &with(&[("prompt", "none")])).await;
    late.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
    let alice = &world.store.users().await.unwrap()[0];
    let account = world.store.load_account(&alice.id).await.unwrap();
    assert!(!account.grants.is_empty() && !account.sessions.is_empty(), "it was still there");
}

#[tokio::test]
async fn n226_after_a_restore_nothing_from_before_counts() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, &code(&world, &[]).await).await;
    let waiting = code(&world, &[]).await;
    world.pass(1);
    world.app.keys.void_before(world.app.clock.now()).await.unwrap();
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    assert_eq!(world.send(get("/userinfo").with("authorization", &bearer)).await.status, 401);
    redeem(&world, &waiting).await.assert_token_error(400, "invalid_grant");
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
    world.app.keys.revoke(&kid, true).await.unwrap();
    let answer = world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await;
    assert_eq!(answer.status, 401);
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
