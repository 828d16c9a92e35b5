//! Wrong clocks: a minute off, set back by an hour, in the years 2038, 9999 and beyond. What ended stays ended, nothing
//! is issued that expires before it begins, and everything works once the clock is right again.

use super::refresh;
use super::requests::*;
use conformance::{BEGIN, PASSWORD, claims, get};
use keys::clock::Clock as _;
use protocol::attempts::NAME_FROM_NETWORK;
use protocol::time::Timestamp;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// 2038-01-20 00:00:00 UTC: seconds in 32 bits with a sign ended a day before.
const AFTER_2038: Timestamp = Timestamp::from_seconds(2_147_558_400);
/// 9999-12-31 23:59:59 UTC: the last instant that RFC 3339 can write.
const END_OF_9999: Timestamp = Timestamp::from_seconds(253_402_300_799);

/// Issued, and not expired before it begins.
fn assert_sound(world: &World, tokens: &Answer) {
    assert_eq!(tokens.status, 200, "{tokens:?}");
    for name in ["access_token", "id_token"] {
        let claims = claims(&member(tokens, name));
        let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
        assert_eq!(iat, world.clock.now().seconds());
        assert!(exp > iat && claims["auth_time"].as_u64().is_some(), "{claims}");
    }
}

async fn refreshed(world: &World, token: &str) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
    world.send(form("/token", &fields)).await
}

#[tokio::test]
async fn clocks_a_minute_apart_between_any_two_steps_disturb_nobody() {
    // Clients and users are older than the jump.
    let right = BEGIN.plus(HOUR);
    for first in [right.plus(MINUTE), right.minus(MINUTE)] {
        let (world, _) = people().await;
        world.single_page().await;
        let times = [first, right];
        let mut turn = times.iter().cycle();
        let mut jump = || world.clock.set(*turn.next().unwrap());
        let request = with(&[("client_id", "spa"), ("scope", "openid offline_access")]);
        let mut browser = Browser::new();
        jump();
        let page = browser.visit(&world, &request).await;
        jump();
        let page = browser.sign_in(&world, &page, "alice", PASSWORD).await;
        jump();
        let answer = browser.consent(&world, &page, "approve").await;
        let code = answer.to_client().get("code").unwrap().to_owned();
        // After a minute a code is expired.
        if first > right {
            jump();
        }
        let mut tokens = redeem_for_spa(&world, &code, &[]).await;
        for _ in 0..4 {
            assert_sound(&world, &tokens);
            jump();
            assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 200);
            tokens = refreshed(&world, &member(&tokens, "refresh_token")).await;
        }
        jump();
        assert!(
            browser
                .visit(&world, &with(&[("prompt", "none"), ("client_id", "spa"), ("scope", "openid")]))
                .await
                .to_client()
                .get("code")
                .is_some()
        );
    }
}

#[tokio::test]
async fn set_back_by_an_hour_everything_continues_and_what_ended_stays_ended() {
    let (world, _) = people().await;
    world.single_page().await;
    let (spent, late) = (code(&world, &[]).await, code(&world, &[]).await);
    let ended = redeem(&world, &spent).await;
    let tokens = spa_tokens(&world).await;
    let r1 = member(&tokens, "refresh_token");
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    world.pass(12 * 3600);
    let r2 = member(&refreshed(&world, &r1).await, "refresh_token");
    assert_eq!(userinfo_status(&world, &member(&ended, "access_token")).await, 401);
    world.clock.set(world.clock.now().minus(HOUR));
    assert_eq!(userinfo_status(&world, &member(&ended, "access_token")).await, 401);
    redeem(&world, &spent).await.assert_token_error(400, "invalid_grant");
    redeem(&world, &late).await.assert_token_error(400, "invalid_grant");
    // The rotation lies further ahead than clocks may differ, so it doesn't count as recent: the newest token works,
    // and a token that was rotated away counts as stolen.
    let again = refreshed(&world, &r2).await;
    assert_sound(&world, &again);
    let r3 = member(&again, "refresh_token");
    assert_eq!(member(&refreshed(&world, &r2).await, "refresh_token"), r3, "the rotation from here on is");
    refresh::refresh(&world, &r1).await.assert_token_error(400, "invalid_grant");
    refresh::refresh(&world, &r3).await.assert_token_error(400, "invalid_grant");
    assert_sound(&world, &redeem(&world, &code(&world, &[]).await).await);
}

#[tokio::test]
async fn set_back_by_an_hour_no_delay_remains_and_attempts_are_counted_again() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let mut knock = async |password: &str| browser.sign_in(&world, &page, "alice", password).await;
    for _ in 0..NAME_FROM_NETWORK.burst {
        assert_eq!(knock("wrong password").await.status, 422);
    }
    let wait: u64 = knock(PASSWORD).await.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    world.clock.set(BEGIN.minus(MINUTE));
    let wait: u64 = knock(PASSWORD).await.header("retry-after").parse().unwrap();
    assert!((1..=120).contains(&wait), "no longer than the clocks differ: {wait}");
    world.clock.set(BEGIN.minus(HOUR));
    for _ in 0..NAME_FROM_NETWORK.burst {
        assert_eq!(knock("wrong password").await.status, 422);
    }
    let wait: u64 = knock(PASSWORD).await.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    world.clock.set(AFTER_2038);
    world.clock.set(BEGIN.minus(HOUR).plus(Duration::from_secs(wait)));
    assert_ne!(knock(PASSWORD).await.status, 429);
}

/// What users and clients do, each step with the result of the one before. No answer is a server error. Returns the
/// tokens of a public client, if it got some.
async fn everything(world: &World) -> Option<Answer> {
    let mut browser = Browser::new();
    let account = browser.visit(world, "/account").await;
    let mut answers = vec![account.clone()];
    let request = with(&[("client_id", "spa"), ("scope", "openid offline_access"), ("prompt", "consent")]);
    let page = browser.visit(world, &request).await;
    if page.is_page("Sign in") {
        answers.push(browser.sign_in(world, &page, "alice", "wrong password").await);
        answers.push(browser.sign_in(world, &page, "alice", PASSWORD).await);
    }
    let page = browser.visit(world, &request).await;
    let answer = if page.text().contains("consent-approve") {
        browser.consent(world, &page, "approve").await
    } else {
        page
    };
    let code = (answer.status == 303).then(|| answer.to_client().get("code").map(str::to_owned)).flatten();
    let tokens = redeem_for_spa(world, &code.unwrap_or("none".into()), &[]).await;
    answers.extend([answer, tokens.clone(), browser.visit(world, "/account").await]);
    for path in ["/jwks", "/readyz", "/.well-known/openid-configuration", "/logout", "/signup"] {
        answers.push(browser.visit(world, path).await);
    }
    if tokens.status == 200 {
        let access = member(&tokens, "access_token");
        answers.push(world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await);
        let r1 = member(&tokens, "refresh_token");
        answers.extend([refreshed(world, &r1).await, refreshed(world, &r1).await]);
        for token in [access, r1] {
            answers
                .push(world.send(form("/revoke", &[("token", token.as_str()), ("client_id", "spa")])).await);
        }
    }
    for answer in answers {
        assert!(!answer.status.is_server_error(), "{:?} {answer:?}", world.clock.now());
    }
    (tokens.status == 200).then_some(tokens)
}

#[tokio::test]
async fn in_2038_and_9999_and_beyond_nothing_breaks() {
    let (world, _) = people().await;
    world.single_page().await;
    let at_the_end = Timestamp::from_millis(u64::MAX);
    for (at, works) in [
        (AFTER_2038, true),
        (END_OF_9999.minus(HOUR), true),
        (END_OF_9999, true),
        (END_OF_9999.plus(HOUR), true),
        (Timestamp::from_millis(i64::MAX as u64), false),
        (at_the_end, false),
    ] {
        world.clock.set(at);
        for _ in 0..2 {
            // Before and after the keys were looked after.
            let tokens = everything(&world).await;
            // DynamoDB's numbers continue where SQLite's end.
            let may_work = crate::HARNESS == conformance::Harness::DynamoDb && at >= END_OF_9999;
            assert!(tokens.is_some() == works || may_work, "{at:?}");
            tokens.iter().for_each(|tokens| assert_sound(&world, tokens));
            server::upkeep::look_after_keys(&world.app).await;
        }
    }
}

#[tokio::test]
async fn a_clock_that_ran_ahead_and_came_back_leaves_keys_that_sign_and_rotate_in_time() {
    for ahead in
        [Duration::from_secs(31 * 24 * 3600), Duration::from_secs(33 * 24 * 3600), AFTER_2038.since(BEGIN)]
    {
        let (world, _) = people().await;
        world.machine().await;
        let ask = || {
            form("/token", &[("grant_type", "client_credentials")])
                .with("authorization", &world.basic("machine"))
        };
        world.send(ask()).await;
        world.clock.set(BEGIN.plus(ahead));
        server::upkeep::look_after_keys(&world.app).await;
        assert_eq!(world.send(ask()).await.status, 200);
        world.clock.set(BEGIN.plus(MINUTE));
        server::upkeep::look_after_keys(&world.app).await;
        let token = world.send(ask()).await;
        assert_eq!(token.status, 200, "{token:?}");
        let kid = conformance::header(&member(&token, "access_token"))["kid"].as_str().unwrap().to_owned();
        assert!(world.send(get("/jwks")).await.text().contains(&kid));
    }
}

/// Sign-in, tokens, refreshing, userinfo, introspection and the published keys all work.
async fn assert_serves(world: &World) {
    let tokens = redeem(world, &code(world, &[]).await).await;
    assert_sound(world, &tokens);
    let access = member(&tokens, "access_token");
    assert_eq!(userinfo_status(world, &access).await, 200);
    let asked = form("/introspect", &[("token", &access)]).with("authorization", &world.basic("rp"));
    assert_eq!(world.send(asked).await.json()["active"], true);
    let kid = conformance::header(&access)["kid"].as_str().unwrap().to_owned();
    assert!(world.send(get("/jwks")).await.text().contains(&kid));
    let tokens = spa_tokens(world).await;
    assert_sound(world, &refreshed(world, &member(&tokens, "refresh_token")).await);
    assert_eq!(world.send(get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn n240_a_store_first_used_while_the_clock_was_ahead_serves_once_it_is_corrected() {
    for ahead in [2 * MINUTE, HOUR, 365 * 24 * HOUR] {
        let world = World::new(crate::HARNESS).await;
        world.clock.set(BEGIN.minus(ahead));
        world.relying_party().await;
        world.single_page().await;
        world.alice().await;
        // The process that made the keys, and one that starts now.
        let other = world.beside(world.app.clock.now()).await;
        for server in [&world, &other] {
            assert_serves(server).await;
            server::upkeep::look_after_keys(&server.app).await;
            assert_serves(server).await;
        }
    }
}

#[tokio::test]
async fn n240_a_request_repeated_at_a_server_with_another_clock_ends_no_grant() {
    let seconds = Duration::from_secs;
    for (apart, waited) in [(2, 0), (45, 0), (45, 20), (60, 29)] {
        for ahead in [true, false] {
            let (world, _) = people().await;
            world.single_page().await;
            let now = world.app.clock.now();
            let other =
                world.beside(if ahead { now.plus(seconds(apart)) } else { now.minus(seconds(apart)) });
            let other = other.await;
            let code = code(&world, &[]).await;
            let tokens = redeem(&world, &code).await;
            redeem(&other, &code).await.assert_token_error(400, "invalid_grant");
            assert_eq!(
                userinfo_status(&world, &member(&tokens, "access_token")).await,
                200,
                "{apart} s apart"
            );
            let r1 = member(&spa_tokens(&world).await, "refresh_token");
            let r2 = member(&refreshed(&world, &r1).await, "refresh_token");
            for server in [&world, &other] {
                server.pass(waited);
            }
            let again = refreshed(&other, &r1).await;
            assert_eq!(
                (again.status.as_u16(), member(&again, "refresh_token")),
                (200, r2),
                "{apart} s apart"
            );
        }
    }
}

#[tokio::test]
async fn n240_what_is_sent_again_to_another_server_later_than_clocks_explain_ends_the_grant() {
    let (world, _) = people().await;
    world.single_page().await;
    let other = world.beside(world.app.clock.now()).await;
    let code = code(&world, &[]).await;
    let access = member(&redeem(&world, &code).await, "access_token");
    let r1 = member(&spa_tokens(&world).await, "refresh_token");
    let r2 = member(&refreshed(&world, &r1).await, "refresh_token");
    for server in [&world, &other] {
        server.pass(90);
    }
    redeem(&other, &code).await.assert_token_error(400, "invalid_grant");
    assert_eq!(userinfo_status(&world, &access).await, 401);
    for token in [&r1, &r2] {
        refreshed(&other, token).await.assert_token_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn n240_a_sign_in_for_a_request_counts_for_it_whatever_clocks_say() {
    let demands: [&[(&str, &str)]; 4] = [
        &[("prompt", "login")],
        &[("prompt", "login consent")],
        &[("max_age", "0")],
        &[("max_age", "60"), ("prompt", "consent")],
    ];
    for demand in demands {
        for ahead in [true, false] {
            let (world, _) = people().await;
            world.pass(2 * 3600);
            let now = world.app.clock.now();
            let ten = 10 * MINUTE;
            let other = world.beside(if ahead { now.plus(ten) } else { now.minus(ten) }).await;
            let mut browser = Browser::new();
            browser.authorize(&world, &with(&[])).await;
            let page = browser.visit(&other, &with(demand)).await;
            assert!(page.is_page("Sign in"), "{demand:?}");
            let mut answer = browser.sign_in(&world, &page, "alice", PASSWORD).await;
            if answer.status == 200 {
                answer = browser.consent(&other, &answer, "approve").await;
            }
            assert!(answer.to_client().get("code").is_some(), "{demand:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn n240_a_sign_in_by_a_clock_that_was_ahead_is_not_fresh() {
    let (world, _) = people().await;
    world.clock.set(BEGIN.plus(2 * MINUTE));
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    assert!(browser.visit(&world, "/account").await.is_page("Your account"));
    world.clock.set(BEGIN);
    assert!(browser.visit(&world, &with(&[("max_age", "3600")])).await.is_page("Sign in"));
    let page = browser.visit(&world, "/account").await;
    assert!(page.is_page("Sign in"));
    let account = browser.sign_in(&world, &page, "alice", PASSWORD).await;
    assert!(account.is_page("Your account"));
    let again = browser.visit(&world, &with(&[("max_age", "3600")])).await;
    assert!(again.to_client().get("code").is_some(), "{again:?}");
}

#[tokio::test]
async fn n240_the_newest_secret_is_the_last_one_made_whatever_clocks_say() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let ask = async |secret: &str| {
        let request = form("/token", &[("grant_type", "client_credentials")]);
        let authorization = conformance::basic(machine.id(), secret);
        world.send(request.with("authorization", &authorization)).await.status.as_u16()
    };
    world.clock.set(BEGIN.minus(HOUR));
    let day = 24 * HOUR;
    let second = world.admin().rotate_secret(machine.id(), day).await.unwrap().secret.unwrap();
    let third = world.admin().rotate_secret(machine.id(), day).await.unwrap().secret.unwrap();
    world.app.distrust_caches();
    assert_eq!([ask(&second).await, ask(&third).await], [200, 200]);
}

#[tokio::test]
async fn n240_servers_with_different_clocks_sign_by_keys_that_both_publish() {
    for apart in [2 * MINUTE, HOUR] {
        for ahead in [true, false] {
            let (world, _) = people().await;
            world.single_page().await;
            world.pass(2 * 3600);
            let now = world.app.clock.now();
            let other = world.beside(if ahead { now.plus(apart) } else { now.minus(apart) }).await;
            let kid = async |world: &World| {
                let tokens = redeem(world, &code(world, &[]).await).await;
                conformance::header(&member(&tokens, "id_token"))["kid"].as_str().unwrap().to_owned()
            };
            let assert_published = async |kid: &str| {
                for world in [&world, &other] {
                    assert!(world.send(get("/jwks")).await.text().contains(kid), "{apart:?}");
                }
            };
            for server in [&world, &other] {
                server::upkeep::look_after_keys(&server.app).await;
                assert_serves(server).await;
                assert_published(&kid(server).await).await;
            }
            // A command on the other host changes the keys, and every process serves.
            other.app.keys.rotate(keys::RotateWhen::Now { force: true }).await.unwrap();
            world.app.distrust_caches();
            for server in [&world, &other] {
                assert_serves(server).await;
                assert_published(&kid(server).await).await;
            }
            let revoked = kid(&other).await;
            other.app.keys.revoke(&revoked, true).await.unwrap();
            world.app.distrust_caches();
            for server in [&world, &other] {
                assert_serves(server).await;
                assert_ne!(kid(server).await, revoked);
            }
            // And once the clock is corrected.
            other.clock.set(world.app.clock.now());
            server::upkeep::look_after_keys(&other.app).await;
            assert_serves(&other).await;
        }
    }
}
