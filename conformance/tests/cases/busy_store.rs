//! N-244: what a caller can cause never lets anything pass. A store that is busy (a full queue, a time-out,
//! throttling) is refused with 503; only while a store is away do cached records serve, and never those known to be
//! out of date.

use super::requests::*;
use super::token::{GRANT, ask, world_with_machine};
use conformance::{basic, get};
use std::time::Duration;
use storage::StoreErrorKind::{self, Busy, Corrupt, Unavailable};
use storage::tap::When::Before;

/// Longer than a client's record is cached.
const OLD: u64 = 60;

/// The answer to a client while its record can't be read.
async fn without_its_record(world: &World, kind: StoreErrorKind) -> Answer {
    world.faults.fail("client", 1, Before, kind);
    let answer = ask(world, &[GRANT]).await;
    world.faults.clear();
    answer
}

fn assert_unserved(answer: &Answer) {
    assert!([401, 500, 503].contains(&answer.status.as_u16()), "{answer:?}");
}

#[tokio::test]
async fn n244_a_disabled_client_is_not_served_by_a_busy_store() {
    let (world, _) = world_with_machine().await;
    assert_eq!(ask(&world, &[GRANT]).await.status, 200);
    let elsewhere = world.beside(world.app.clock.now()).await;
    elsewhere.admin().set_client_disabled("machine", true).await.unwrap();
    world.pass(OLD);
    for kind in [Busy, Corrupt] {
        assert_unserved(&without_its_record(&world, kind).await);
    }
    // No caller can take the store away: then a client that was valid a while ago is served.
    assert_eq!(without_its_record(&world, Unavailable).await.status, 200);
    // Not once it is known that something changed.
    world.app.distrust_caches();
    assert_unserved(&without_its_record(&world, Unavailable).await);
    ask(&world, &[GRANT]).await.assert_token_error(401, "invalid_client");
    world.app.distrust_caches();
    assert_unserved(&without_its_record(&world, Unavailable).await);
}

#[tokio::test]
async fn n244_nor_is_a_secret_that_was_rotated_out() {
    let (world, machine) = world_with_machine().await;
    assert_eq!(ask(&world, &[GRANT]).await.status, 200);
    let elsewhere = world.beside(world.app.clock.now()).await;
    let rotated = elsewhere.admin().rotate_secret("machine", Duration::ZERO).await.unwrap();
    let by_new = basic("machine", &rotated.secret.unwrap());
    world.pass(OLD);
    assert_unserved(&without_its_record(&world, Busy).await);
    world.app.distrust_caches();
    assert_unserved(&without_its_record(&world, Unavailable).await);
    // Read again, the record serves as before while the store is away.
    let by = |authorization: &str| world.send(form("/token", &[GRANT]).with("authorization", authorization));
    assert_eq!(by(&by_new).await.status, 200);
    world.pass(OLD);
    world.faults.fail("client", 1, Before, Unavailable);
    assert_eq!(by(&by_new).await.status, 200);
    world.pass(OLD);
    world.faults.fail("client", 1, Before, Unavailable);
    by(&machine.basic()).await.assert_token_error(401, "invalid_client");
}

/// Everything that depends on the ring: signing, verifying, and publishing keys.
async fn by_the_ring(world: &World, access: &str, own: &str) -> [Answer; 4] {
    let asked = form("/introspect", &[("token", own)]).with("authorization", &world.basic("machine"));
    [
        ask(world, &[GRANT]).await,
        world.send(asked).await,
        world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await,
        world.send(get("/jwks")).await,
    ]
}

#[tokio::test]
async fn n244_a_revoked_key_neither_signs_nor_verifies_in_a_busy_store() {
    let (world, _) = people().await;
    world.machine().await;
    let access = member(&redeem(&world, &code(&world, &[]).await).await, "access_token");
    let own = member(&ask(&world, &[GRANT]).await, "access_token");
    let kid = conformance::header(&own)["kid"].as_str().unwrap().to_owned();
    let elsewhere = world.beside(world.app.clock.now()).await;
    elsewhere.app.keys.revoke(&kid, true).await.unwrap();
    world.pass(OLD);
    let break_reading = |kind| (0..100).for_each(|_| world.faults.fail("ring", 1, Before, kind));
    for kind in [Busy, Corrupt] {
        break_reading(kind);
        // The second time nothing is read, since it was just tried.
        for _ in 0..2 {
            for answer in by_the_ring(&world, &access, &own).await {
                assert_eq!(answer.status, 503, "{kind:?} {answer:?}");
            }
        }
        world.faults.clear();
    }
    // While the store is away the last ring serves, and is published.
    world.pass(5);
    break_reading(Unavailable);
    for answer in by_the_ring(&world, &access, &own).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    // Not once it is known that something changed.
    world.app.distrust_caches();
    for answer in by_the_ring(&world, &access, &own).await {
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    world.faults.clear();
    world.pass(5);
    let [signed, introspected, userinfo, jwks] = by_the_ring(&world, &access, &own).await;
    assert_ne!(conformance::header(&member(&signed, "access_token"))["kid"], kid.as_str());
    assert_eq!(introspected.json()["active"], false);
    assert_eq!(userinfo.status, 401);
    assert!(!jwks.text().contains(&kid));
}

#[tokio::test]
async fn n244_a_change_that_was_noticed_but_not_read_is_not_overlooked() {
    let (world, _) = world_with_machine().await;
    let own = member(&ask(&world, &[GRANT]).await, "access_token");
    let kid = conformance::header(&own)["kid"].as_str().unwrap().to_owned();
    let elsewhere = world.beside(world.app.clock.now()).await;
    elsewhere.app.keys.revoke(&kid, true).await.unwrap();
    let mut mark = Some(u64::MAX);
    world.faults.fail("ring", 1, Before, Unavailable);
    server::upkeep::notice_changes(&world.app, &mut mark).await;
    // Within the minute and the 15 minutes for which the old ring would serve.
    for _ in 0..3 {
        assert_eq!(ask(&world, &[GRANT]).await.status, 503);
        assert_eq!(world.send(get("/jwks")).await.status, 503);
    }
    world.pass(5);
    let next = member(&ask(&world, &[GRANT]).await, "access_token");
    assert_ne!(conformance::header(&next)["kid"], kid.as_str());
}

#[tokio::test]
async fn n244_callers_that_keep_us_from_noticing_changes_gain_nothing() {
    let (world, _) = world_with_machine().await;
    assert_eq!(ask(&world, &[GRANT]).await.status, 200);
    let elsewhere = world.beside(world.app.clock.now()).await;
    elsewhere.admin().set_client_disabled("machine", true).await.unwrap();
    let mut mark = None;
    world.faults.fail("change_mark", 1, Before, Busy);
    server::upkeep::notice_changes(&world.app, &mut mark).await;
    assert_unserved(&without_its_record(&world, Busy).await);
    ask(&world, &[GRANT]).await.assert_token_error(401, "invalid_client");
}
