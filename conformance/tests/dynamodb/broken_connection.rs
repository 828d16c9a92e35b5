//! The connection to DynamoDB breaks, or DynamoDB fails.

use super::requests::*;
use conformance::account::Account;

/// Repeats a step once, after the time that a 503 asks for.
macro_rules! patiently {
    ($world:ident, $step:expr) => {{
        let first = $step;
        if first.status == 503 {
            $world.pass(first.header("retry-after").parse().unwrap());
            $step
        } else {
            first
        }
    }};
}

/// How a flow ended.
#[derive(Debug, PartialEq)]
enum End {
    /// Completely.
    Whole,
    /// With the code refused: it was spent although the tokens were lost.
    CodeRefused,
}

/// From the first request to a refreshed token; every step that is answered with 503 is repeated once.
async fn walk(world: &World) -> End {
    let mut browser = Browser::new();
    let page = patiently!(world, browser.visit(world, &request()).await);
    let consent = patiently!(world, browser.sign_in(world, &page, "alice", PASSWORD).await);
    let consent = if consent.text().contains("consent-approve") {
        consent
    } else {
        // The page after the sign-in failed: the browser has its session and sends the request again.
        browser.visit(world, &request()).await
    };
    let answer = patiently!(world, browser.consent(world, &consent, "approve").await);
    let code = code(&answer);
    let tokens = patiently!(world, world.send(redeem(&code)).await);
    if tokens.status == 400 {
        tokens.assert_token_error(400, "invalid_grant");
        return End::CodeRefused;
    }
    world.pass(31);
    let fresh = patiently!(world, world.send(refresh(&tokens)).await);
    assert_eq!(fresh.status, 200, "{fresh:?}");
    assert_eq!(patiently!(world, world.send(userinfo(&fresh)).await).status, 200);
    world.pass(31);
    assert_eq!(patiently!(world, world.send(refresh(&fresh)).await).status, 200, "the chain continues");
    End::Whole
}

/// How many grants of alice's were revoked.
async fn revoked(world: &World) -> usize {
    let alice = world.admin().user("alice").await.unwrap();
    let account = Account::of(&*world.store, &alice.id).await;
    assert!(account.grants.len() <= 2, "no grant was made twice by one answer");
    account.grants.iter().filter(|grant| grant.revoked.is_some()).count()
}

#[tokio::test]
async fn n220_an_answer_lost_at_any_call_changes_nothing() {
    let (world, wire) = wired().await;
    assert_eq!(walk(&world).await, End::Whole);
    let calls = wire.take().len() as u64;
    for nth in 1..=calls {
        let (world, wire) = wired().await;
        wire.plan(nth, 1, Mishap::Unanswered);
        assert_eq!(walk(&world).await, End::Whole, "call {nth}");
        assert!(wire.clear(), "call {nth} was made");
        assert!(wire.take().len() as u64 > calls, "call {nth} was repeated");
        assert_eq!(revoked(&world).await, 0);
    }
}

#[tokio::test]
async fn n220_all_tries_of_any_call_lost_and_the_next_request_succeeds_or_is_refused() {
    let (world, wire) = wired().await;
    walk(&world).await;
    let calls = wire.take().len() as u64;
    let mut refused = 0;
    for nth in 1..=calls {
        let (world, wire) = wired().await;
        wire.plan(nth, 3, Mishap::Unanswered);
        let is_refused = walk(&world).await == End::CodeRefused;
        assert!(wire.clear(), "call {nth} was made");
        // The grant of the spent code, whose tokens were lost.
        assert_eq!(revoked(&world).await, usize::from(is_refused), "call {nth}");
        refused += u32::from(is_refused);
    }
    assert_eq!(refused, 1, "only where the code was spent");
}

#[tokio::test]
async fn n220_a_deletion_whose_answer_was_lost_is_reported_as_done() {
    for nth in 1.. {
        let (world, wire) = wired().await;
        wire.plan(nth, 1, Mishap::Unanswered);
        let user = world.admin().delete_user("alice").await;
        let client = world.admin().delete_client("spa").await;
        let met = wire.clear();
        assert_eq!(user.unwrap().username, "alice", "call {nth}");
        assert_eq!(client.unwrap().id.to_string(), "spa", "call {nth}");
        assert!(world.admin().user("alice").await.is_err() && world.admin().client("spa").await.is_err());
        if !met {
            assert!(nth > 4, "two of each at least");
            break;
        }
    }
}

/// The answers of everything that uses the store, with the client's record in the cache and without.
async fn statuses(world: &World, code: &str, tokens: &Answer) -> Vec<(&'static str, Answer)> {
    let mut all = Vec::new();
    for _ in 0..2 {
        all.extend([
            ("code", world.send(redeem(code)).await),
            ("refresh", world.send(refresh(tokens)).await),
            ("userinfo", world.send(userinfo(tokens)).await),
            ("revoke", world.send(revoke(&member(tokens, "access_token"))).await),
            ("readyz", world.send(get("/readyz")).await),
        ]);
    }
    world.app.distrust_caches();
    all.push(("authorize", Browser::new().get(world, &request()).await));
    all
}

#[tokio::test]
async fn n218_throttled_or_without_a_table_the_server_says_so_and_recovers() {
    let (world, wire) = wired().await;
    let (_, ask) = machine(&world).await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &request()).await;
    let consent = browser.sign_in(&world, &page, "alice", PASSWORD).await;
    let answer = browser.consent(&world, &consent, "approve").await;
    let tokens = world.send(redeem(&code(&answer))).await;
    let unspent = code(&browser.visit(&world, &request()).await);
    assert_eq!(world.send(ask()).await.status, 200);
    for mishap in [Mishap::Throttled, Mishap::NoTable, Mishap::ServerError, Mishap::Unreachable] {
        wire.plan(1, u64::MAX, mishap);
        // Longer than an answer of `/readyz` is kept.
        world.pass(1);
        for (step, answer) in statuses(&world, &unspent, &tokens).await {
            assert_eq!(answer.status, 503, "{mishap:?}, {step}: {answer:?}");
            // Its callers poll anyway.
            if step == "readyz" {
                continue;
            }
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=5).contains(&wait), "{mishap:?}, {step}");
        }
        for path in ["/.well-known/openid-configuration", "/healthz"] {
            assert_eq!(world.send(get(path)).await.status, 200, "{mishap:?}, {path}");
        }
        // Something is known to have changed and can't be read: nothing cached serves.
        assert_eq!(world.send(get("/jwks")).await.status, 503, "{mishap:?}");
        assert_eq!(world.send(ask()).await.status, 503, "{mishap:?}");
        wire.clear();
        world.pass(61);
        assert_eq!(world.send(userinfo(&tokens)).await.status, 200, "{mishap:?}");
        assert_eq!(world.send(ask()).await.status, 200, "{mishap:?}");
        assert_eq!(world.send(get("/readyz")).await.status, 200, "{mishap:?}");
    }
    assert_eq!(revoked(&world).await, 0);
}
