//! How old a process's copy of the ring may be, and what the process does while the store is away.

use super::*;

/// The calls to storage since the last look.
fn reads(world: &World) -> u64 {
    let (reads, writes) = world.counts.take();
    assert_eq!(writes, 0);
    reads
}

#[tokio::test]
async fn the_ring_is_read_again_after_a_minute() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.counts.take();
    for (after, calls) in [(0, 0), (59, 0), (60, 1), (60, 0), (119, 0), (120, 1), (100_000, 1)] {
        world.clock.set(START.plus(after * SECOND));
        keys.fresh().await.unwrap();
        assert_eq!(reads(&world), calls, "after {after} s");
    }
}

#[tokio::test]
async fn of_many_callers_one_reads_and_the_others_wait_for_it() {
    let world = World::new();
    let (keys, other) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    world.advance(HOUR);
    other.rotate(RotateWhen::Now { force: false }).await.unwrap();
    world.counts.take();
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let keys = Arc::clone(&keys);
            tokio::spawn(async move { keys.fresh().await.unwrap().version() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 2);
    }
    assert_eq!(reads(&world), 2, "the ring, and because it changed the removed keys");
}

#[tokio::test]
async fn n218_while_storage_is_away_the_last_ring_serves_for_15_minutes() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.away();
    for after in [MINUTE, 10 * MINUTE, STALE_LIMIT - MILLISECOND] {
        world.clock.set(START.plus(after));
        assert_eq!(keys.fresh().await.unwrap().version(), 1, "{after:?}");
        assert!(matches!(keys.refresh().await, Err(KeysError::Store(_))));
    }
    world.advance(MILLISECOND);
    assert!(matches!(keys.fresh().await, Err(KeysError::Stale)));
    assert_eq!(published(&keys).len(), 2, "verification continues");
    assert_eq!(accepts(&keys, &token(&keys).await), (true, true));
    world.back();
    world.advance(RETRY_AFTER);
    assert_eq!(keys.fresh().await.unwrap().version(), 1);
}

#[tokio::test]
async fn n218_requests_do_not_queue_on_a_store_that_is_away() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let other = world.open(&policy(ES256)).await;
    world.advance(HOUR);
    other.end_all().await.unwrap();
    world.advance(MINUTE);
    keys.fresh().await.unwrap();
    world.advance(MINUTE);
    world.faults.fail("ring", 1, When::Before, StoreErrorKind::Unavailable);
    let known = keys.fresh().await.unwrap().version();
    other.end_all().await.unwrap();
    world.advance(RETRY_AFTER - MILLISECOND);
    assert_eq!(keys.fresh().await.unwrap().version(), known, "not tried again yet");
    world.advance(MILLISECOND);
    assert_eq!(keys.fresh().await.unwrap().version(), known + 1);
}

#[tokio::test]
async fn n244_a_store_that_callers_made_busy_lets_no_old_ring_serve() {
    let world = World::new();
    let (keys, other) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    let leaked = only(&other, KeyState::Active).kid;
    other.revoke(&leaked, true).await.unwrap();
    world.advance(MINUTE);
    let busy = || world.faults.fail("ring", 1, When::Before, StoreErrorKind::Busy);
    busy();
    assert!(matches!(keys.fresh().await, Err(KeysError::Store(_))));
    assert!(matches!(keys.fresh().await, Err(KeysError::Stale)), "no caller queues for it");
    assert!(matches!(keys.published().await, Err(KeysError::Stale)));
    // It was away before, but now it is busy.
    world.advance(RETRY_SOON);
    world.faults.fail("ring", 1, When::Before, StoreErrorKind::Unavailable);
    assert_eq!(keys.fresh().await.unwrap().version(), 1);
    world.advance(RETRY_AFTER);
    busy();
    assert!(matches!(keys.published().await, Err(KeysError::Store(_))));
    world.advance(RETRY_SOON);
    assert_eq!(keys.fresh().await.unwrap().version(), 3, "a busy store is tried again after a second");
    assert_ne!(signing(&keys, Algorithm::ES256), Some(leaked));
}

#[tokio::test]
async fn n244_what_is_known_to_be_out_of_date_serves_nobody_however_young() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    keys.distrust();
    world.away();
    assert!(matches!(keys.fresh().await, Err(KeysError::Store(_))));
    assert!(matches!(keys.fresh().await, Err(KeysError::Stale)));
    assert!(matches!(keys.published().await, Err(KeysError::Stale)), "nor do verifiers get it");
    world.back();
    world.advance(RETRY_AFTER);
    assert_eq!(keys.fresh().await.unwrap().version(), 1);
    world.away();
    world.advance(MINUTE);
    assert_eq!(keys.fresh().await.unwrap().version(), 1, "read since");
}

#[tokio::test]
async fn a_ring_of_a_newer_version_is_known_to_be_another() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let good = world.stored().await.1.to_text().unwrap();
    world.put(RingDocument::Ring, "{\"format\":2}").await;
    world.advance(MINUTE);
    assert!(matches!(keys.fresh().await, Err(KeysError::Newer)));
    assert!(matches!(keys.fresh().await, Err(KeysError::Stale)));
    world.put(RingDocument::Ring, &good).await;
    world.advance(RETRY_SOON);
    assert_eq!(keys.fresh().await.unwrap().version(), 3);
}

#[tokio::test]
async fn a_ring_that_was_damaged_meanwhile_leaves_the_last_good_one_in_use() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let good = world.stored().await.1.to_text().unwrap();
    for damaged in ["", "no ring", &good.replacen("\"crv\":\"P-256\"", "\"crv\":\"P-384\"", 1)] {
        world.put(RingDocument::Ring, damaged).await;
        for _ in 0..30 {
            world.advance(MINUTE);
            assert_eq!(keys.fresh().await.unwrap().version(), 1);
            assert_eq!(accepts(&keys, &token(&keys).await), (true, true));
        }
    }
    world.put(RingDocument::Ring, &good).await;
    world.advance(MINUTE);
    assert_eq!(keys.fresh().await.unwrap().version(), 5);
}

#[tokio::test]
async fn a_clock_that_jumped_back_does_not_make_an_old_ring_new() {
    let world = World::new();
    let (keys, other) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    let leaked = only(&other, KeyState::Active).kid;
    world.clock.set(START.minus(DAY));
    other.revoke(&leaked, true).await.unwrap();
    let seen = keys.fresh().await.unwrap();
    assert_eq!(seen.version(), 3);
    world.counts.take();
    keys.fresh().await.unwrap();
    assert_eq!(reads(&world), 0, "and then by the clock as it is");
    world.away();
    world.clock.set(START.minus(2 * DAY));
    assert!(keys.fresh().await.is_err(), "its age is unknown");
}

#[tokio::test]
async fn n233_a_process_that_was_frozen_reads_before_it_signs() {
    let world = World::new();
    let (frozen, other) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    let first = only(&frozen, KeyState::Active).kid;
    world.advance(HOUR);
    other.revoke(&first, false).await.unwrap();
    world.advance(40 * DAY);
    other.tick().await.unwrap();
    let thawed = frozen.fresh().await.unwrap();
    let signer = thawed.signer(None, world.now()).unwrap();
    assert_eq!(signer.kid(), signing(&other, Algorithm::ES256).unwrap());
    assert_eq!(accepts(&other, &token(&frozen).await), (true, true));
}

#[tokio::test]
async fn n230_a_key_that_could_not_be_unwrapped_is_tried_again_with_the_next_read() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let custodian = Arc::new(Custodian::new(&world));
    let (_, ring) = world.stored().await;
    custodian.lock(&ring.active(Algorithm::ES256, START).unwrap().kid);
    let custody = custodian.custody();
    let keys = world.try_open(custody, &policy(ES256), false).await.unwrap();
    let none = keys.current().signer(None, START).err().map(|error| error.kind());
    assert_eq!(none, Some(SignErrorKind::Unavailable));
    assert_eq!(published(&keys).len(), 2, "verifiers are served all the same");
    custodian.unlock();
    world.advance(MINUTE);
    keys.fresh().await.unwrap();
    assert!(signing(&keys, Algorithm::ES256).is_some());
}

#[tokio::test]
async fn n202_ready_is_who_signs_by_every_algorithm_that_a_key_is_there_for() {
    let world = World::new();
    world.open(&policy(TWO)).await;
    let (_, ring) = world.stored().await;
    for alg in TWO {
        let custodian = Arc::new(Custodian::new(&world));
        custodian.lock(&ring.active(*alg, START).unwrap().kid);
        let custody = custodian.custody();
        let keys = world.try_open(custody, &policy(TWO), false).await.unwrap();
        let default = keys.current().signer(None, START).ok().map(|signer| signer.alg());
        let first = (*alg != TWO[0]).then_some(TWO[0]);
        assert_eq!(default, first, "resource servers may know the first algorithm only");
        assert!(keys.current().can_sign(START).is_err(), "{alg:?}");
        custodian.unlock();
        keys.refresh().await.unwrap();
        assert!(keys.current().can_sign(START).is_ok());
    }
}

#[tokio::test]
async fn n202_an_algorithm_that_was_just_added_makes_nobody_unready() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let keys = world.open(&policy(TWO)).await;
    keys.tick().await.unwrap();
    let added = TWO.iter().copied().find(|alg| *alg != Algorithm::ES256).unwrap();
    assert_eq!(signing(&keys, added), None, "it is only published");
    assert!(keys.current().can_sign(world.now()).is_ok());
}
