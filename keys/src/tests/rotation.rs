//! Keys change their states by the clock; commands only change the dates.

use super::*;
use protocol::time::CLOCK_SKEW;

/// A process with one algorithm, after a tick in each hour up to `end`.
async fn maintained_until(world: &World, keys: &Keys, end: Timestamp) {
    while world.now() < end {
        world.clock.set(world.now().plus(HOUR).min(end));
        keys.tick().await.unwrap();
    }
}

#[tokio::test]
async fn states_follow_from_timestamps_without_any_write() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let (first, second) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    world.away();
    let states = |after: Duration| {
        world.clock.set(START.plus(after));
        let states: Vec<_> = listed(&keys, world.now()).iter().map(|key| key.state).collect();
        (states, signing(&keys, Algorithm::ES256), published(&keys).len())
    };
    let (active, pending, retiring, removed) =
        (KeyState::Active, KeyState::Pending, KeyState::Retiring, KeyState::Removed);
    // The successor is unwrapped an hour before it signs, so only then it can.
    assert_eq!(states(Duration::ZERO), (vec![active, pending], Some(first.clone()), 2));
    assert_eq!(states(30 * DAY - MILLISECOND), (vec![active, pending], Some(first.clone()), 2));
    world.back();
    keys.refresh().await.unwrap();
    world.away();
    assert_eq!(states(30 * DAY), (vec![retiring, active], Some(second.clone()), 2));
    assert_eq!(states(32 * DAY - MILLISECOND), (vec![retiring, active], Some(second.clone()), 2));
    assert_eq!(states(32 * DAY), (vec![removed, active], Some(second), 1));
}

#[tokio::test]
async fn a_process_rotates_by_itself_when_it_is_due_and_not_before() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let second = only(&keys, KeyState::Pending).kid;
    world.advance(30 * DAY - MILLISECOND);
    assert_eq!(keys.tick().await.unwrap(), Maintained::default());
    let now = world.advance(MILLISECOND);
    assert_eq!(keys.tick().await.unwrap(), Maintained { rotated: true, ..Maintained::default() });
    assert_eq!(only(&keys, KeyState::Active).kid, second);
    let third = only(&keys, KeyState::Pending);
    assert_eq!((third.publish_at, third.sign_from), (now, START.plus(60 * DAY)));
    assert_eq!(only(&keys, KeyState::Active).retire_at, Some(third.sign_from));
    assert_eq!(keys.tick().await.unwrap(), Maintained::default());
    assert_eq!(world.stored().await.0, 2, "a tick with nothing to do writes nothing");
}

#[tokio::test]
async fn in_two_years_every_key_was_known_before_it_signed_and_three_at_most_were_published() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let mut rotations = 0;
    for _ in 0..730 {
        let now = world.advance(DAY);
        let maintained = keys.tick().await.unwrap();
        rotations += usize::from(maintained.rotated);
        assert!(!maintained.overdue);
        for alg in TWO {
            let of_alg: Vec<_> = listed(&keys, now).into_iter().filter(|key| key.alg == *alg).collect();
            let state = |state| of_alg.iter().filter(move |key| key.state == state).count();
            assert_eq!((state(KeyState::Active), state(KeyState::Pending)), (1, 1));
            assert!(state(KeyState::Retiring) <= 1 && state(KeyState::Removed) == 0, "{of_alg:?}");
            let known = |key: &&KeyInfo| key.publish_at != START && key.state != KeyState::Pending;
            for key in of_alg.iter().filter(known) {
                assert!(key.sign_from >= key.publish_at.plus(DAY), "{key:?}");
            }
        }
    }
    assert_eq!(rotations, 24);
    let copies = retired::read(&*world.store).await.unwrap().1.keys.len();
    assert_eq!(copies, 2 * 3, "those removed in the last 90 days");
}

#[tokio::test]
async fn a_server_that_slept_publishes_a_successor_for_the_lead_all_the_same() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let second = only(&keys, KeyState::Pending).kid;
    let now = world.advance(75 * DAY);
    assert_eq!(keys.tick().await.unwrap(), Maintained { rotated: true, ..Maintained::default() });
    assert_eq!(only(&keys, KeyState::Active).kid, second, "which signs on, for as long as it takes");
    assert_eq!(only(&keys, KeyState::Pending).sign_from, now.plus(DAY));
    assert_eq!(count(&keys, KeyState::Removed), 0, "what is over was cleared away");
}

#[tokio::test]
async fn without_who_may_make_keys_a_rotation_is_overdue_and_the_old_key_signs_on() {
    let world = World::new();
    let rotator = world.open(&policy(ES256)).await;
    let custodian = world.custody_without_maker();
    let keys = world.try_open(custodian, &policy(ES256), false).await.unwrap();
    let second = only(&keys, KeyState::Pending).kid;
    let due = |days| RingStatus { rotation_due: START.plus(days * DAY), ..keys.status(world.clock.now()) };
    assert_eq!(keys.status(world.clock.now()), due(30), "when the second key takes over");
    world.advance(60 * DAY - MILLISECOND);
    assert_eq!(keys.tick().await.unwrap(), Maintained::default());
    let now = world.clock.now();
    assert_eq!(keys.status(now), RingStatus { read_at: now, overdue: false, ..due(60) });
    world.advance(MILLISECOND);
    assert_eq!(keys.tick().await.unwrap(), Maintained { overdue: true, ..Maintained::default() });
    assert_eq!(keys.status(world.clock.now()), RingStatus { overdue: true, ..due(60) });
    world.advance(MINUTE);
    assert_eq!(keys.status(world.clock.now()), RingStatus { read_at: now.plus(MILLISECOND), ..due(60) });
    assert_eq!(signing(&keys, Algorithm::ES256), Some(second));
    assert_eq!(world.stored().await.0, 1, "it changed nothing");
    assert!(rotator.tick().await.unwrap().rotated);
    assert_eq!(keys.tick().await.unwrap(), Maintained::default());
}

#[tokio::test]
async fn rotate_lets_the_pending_key_sign_one_lead_from_now() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let (first, second) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    let now = world.advance(HOUR);
    let report = keys.rotate(RotateWhen::Scheduled).await.unwrap();
    assert_eq!(report.keys, listed(&keys, now));
    assert_eq!((report.signs_from, report.in_force_by), (now.plus(DAY), now.plus(MINUTE)));
    assert_eq!(report.old_accepted_until, now.plus(3 * DAY), "until the old key's removal");
    assert_eq!(only(&keys, KeyState::Active).retire_at, Some(now.plus(DAY)));
    maintained_until(&world, &keys, now.plus(DAY - MILLISECOND)).await;
    assert_eq!(signing(&keys, Algorithm::ES256), Some(first));
    maintained_until(&world, &keys, now.plus(DAY)).await;
    assert_eq!(signing(&keys, Algorithm::ES256), Some(second));
    let third = only(&keys, KeyState::Pending);
    assert_eq!(third.sign_from, now.plus(31 * DAY), "the period begins again");
}

#[tokio::test]
async fn rotate_makes_nothing_later_than_it_was() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let now = world.advance(30 * DAY - HOUR);
    let report = keys.rotate(RotateWhen::Scheduled).await.unwrap();
    assert_eq!(report.signs_from, now.plus(HOUR));
    assert_eq!(only(&keys, KeyState::Pending).sign_from, now.plus(HOUR));
    assert_eq!(report.old_accepted_until, now.plus(HOUR + 2 * DAY));
}

#[tokio::test]
async fn rotate_now_waits_until_every_verifier_knows_the_successor() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let now = RotateWhen::Now { force: false };
    let too_young = |wait_seconds| RingRefusal::TooYoung { alg: Algorithm::ES256, wait_seconds };
    // 900 s in caches, 60 s until the last process publishes the key, and 60 s for each of two clocks.
    assert_eq!(refusal(keys.rotate(now).await), too_young(1080));
    world.advance(899 * SECOND);
    assert_eq!(refusal(keys.rotate(now).await), too_young(181));
    world.advance(181 * SECOND - MILLISECOND);
    assert_eq!(refusal(keys.rotate(now).await), too_young(1));
    assert_eq!(world.stored().await.0, 1, "nothing was written");
    let (first, second) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    let at = world.advance(MILLISECOND);
    let report = keys.rotate(now).await.unwrap();
    assert_eq!((report.signs_from, report.in_force_by), (at, at.plus(MINUTE)));
    assert_eq!(report.old_accepted_until, at.plus(2 * DAY));
    assert_eq!(signing(&keys, Algorithm::ES256), Some(second));
    assert_eq!(only(&keys, KeyState::Retiring).kid, first);
    assert_eq!(only(&keys, KeyState::Pending).sign_from, at.plus(30 * DAY));
    assert_eq!(refusal(keys.rotate(now).await), too_young(1080), "its successor is new");
}

#[tokio::test]
async fn rotate_now_is_not_refused_by_force_or_on_loopback() {
    for (policy, force) in [(policy(ES256), true), (loopback(ES256), false)] {
        let world = World::new();
        let keys = world.open(&policy).await;
        let second = only(&keys, KeyState::Pending).kid;
        keys.rotate(RotateWhen::Now { force }).await.unwrap();
        assert_eq!(signing(&keys, Algorithm::ES256), Some(second));
    }
}

#[tokio::test]
async fn rotate_now_rotates_all_algorithms_or_none() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    world.advance(HOUR);
    let pending = listed(&keys, world.now())
        .into_iter()
        .find(|key| key.alg == TWO[1] && key.state == KeyState::Pending);
    keys.revoke(&pending.unwrap().kid, false).await.unwrap();
    let before = TWO.iter().map(|alg| signing(&keys, *alg)).collect::<Vec<_>>();
    let refused = RingRefusal::TooYoung { alg: TWO[1], wait_seconds: 1080 };
    assert_eq!(refusal(keys.rotate(RotateWhen::Now { force: false }).await), refused);
    assert_eq!(TWO.iter().map(|alg| signing(&keys, *alg)).collect::<Vec<_>>(), before);
}

#[tokio::test]
async fn a_successor_that_does_not_unwrap_is_stood_in_for_while_what_it_signs_stays_verifiable() {
    let world = World::new();
    let custodian = Arc::new(Custodian::new(&world));
    let custody = custodian.custody();
    let keys = world.try_open(custody, &policy(ES256), true).await.unwrap();
    let (first, second) = (only(&keys, KeyState::Active), only(&keys, KeyState::Pending));
    custodian.lock(&second.kid);
    world.clock.set(second.sign_from);
    keys.refresh().await.unwrap();
    assert_eq!(signing(&keys, Algorithm::ES256), Some(first.kid.clone()));
    assert_eq!(accepts(&keys, &token(&keys).await), (true, true));
    // Half of its retirement of two days, by any clock: a token of a day is over when the key is removed.
    world.advance(DAY - 2 * CLOCK_SKEW - MILLISECOND);
    keys.refresh().await.unwrap();
    assert_eq!(signing(&keys, Algorithm::ES256), Some(first.kid));
    world.advance(MILLISECOND);
    keys.refresh().await.unwrap();
    assert_eq!(signing(&keys, Algorithm::ES256), None);
    assert!(published(&keys).contains(&second.kid), "verifiers see it all the same");
    custodian.unlock();
    keys.refresh().await.unwrap();
    assert_eq!(signing(&keys, Algorithm::ES256), Some(second.kid));
}

#[tokio::test]
async fn what_was_issued_before_can_be_voided_and_never_revived() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let mut seen = vec![keys.current().generation()];
    for _ in 0..3 {
        keys.end_all().await.unwrap();
        let now = keys.current().generation();
        assert!(!seen.contains(&now), "what ended does not come back");
        assert_eq!(world.open(&policy(ES256)).await.current().generation(), now);
        seen.push(now);
    }
}

#[tokio::test]
async fn a_clock_that_ran_ahead_and_came_back_leaves_a_key_that_signs_and_one_that_follows() {
    for ahead in [31 * DAY, 33 * DAY, 4000 * DAY] {
        let world = World::new();
        let keys = world.open(&policy(TWO)).await;
        let now = world.advance(2 * DAY);
        world.clock.set(now.plus(ahead));
        for _ in 0..2 {
            keys.tick().await.unwrap();
            world.advance(MINUTE);
        }
        world.clock.set(now);
        for _ in 0..2 {
            keys.tick().await.unwrap();
            world.advance(MINUTE);
        }
        for alg in TWO {
            assert!(published(&keys).contains(&signing(&keys, *alg).unwrap()));
        }
        // From here on it rotates like a ring that never saw such a clock, at most one lead later.
        let mut since = TWO.iter().map(|alg| (signing(&keys, *alg), world.now())).collect::<Vec<_>>();
        for _ in 0..100 {
            let now = world.advance(DAY);
            assert!(!keys.tick().await.unwrap().overdue);
            for (alg, (last, at)) in TWO.iter().zip(&mut since) {
                let kid = signing(&keys, *alg);
                assert!(published(&keys).contains(kid.as_ref().unwrap()));
                assert!(keys.current().ring().pending(*alg, now).is_some());
                if kid != *last {
                    (*last, *at) = (kid, now);
                }
                assert!(now.since(*at) <= 32 * DAY, "{alg} signed for too long, {ahead:?}");
            }
        }
    }
}
