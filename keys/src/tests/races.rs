//! Every change is compare-and-set: one process wins, and the others read again.

use super::*;

#[tokio::test]
async fn of_two_processes_that_rotate_at_once_one_wins() {
    let world = World::new();
    let (one, other) = (world.open(&policy(TWO)).await, world.open(&policy(TWO)).await);
    for _ in 0..5 {
        let (version, _) = world.stored().await;
        world.advance(30 * DAY);
        // Both have read the ring before either has made its keys.
        let (first, second) = tokio::join!(one.tick(), other.tick());
        let rotated = [first.unwrap().rotated, second.unwrap().rotated];
        assert_eq!(rotated.iter().filter(|won| **won).count(), 1);
        one.refresh().await.unwrap();
        other.refresh().await.unwrap();
        assert_eq!(listed(&one, world.now()), listed(&other, world.now()));
        assert_eq!(count(&one, KeyState::Pending), 2, "the loser's keys are dropped");
        assert!(world.stored().await.0 > version);
        assert_eq!(accepts(&one, &token(&other).await), (true, true));
        world.advance(3 * DAY);
        one.tick().await.unwrap();
    }
}

#[tokio::test]
async fn a_command_that_lost_decides_again_on_the_new_ring() {
    let now = RotateWhen::Now { force: false };
    let world = World::new();
    let (one, other) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    world.advance(HOUR);
    let (first, second) = tokio::join!(one.rotate(now), other.rotate(now));
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    won.unwrap();
    assert_eq!(refusal(lost), RingRefusal::TooYoung { alg: Algorithm::ES256, wait_seconds: 1080 });
    assert_eq!(world.stored().await.1.keys.len(), 3);
}

#[tokio::test]
async fn on_loopback_both_commands_take_effect_one_after_the_other() {
    let now = RotateWhen::Now { force: false };
    let world = World::new();
    let (one, other) = (world.open(&loopback(ES256)).await, world.open(&loopback(ES256)).await);
    let (first, second) = tokio::join!(one.rotate(now), other.rotate(now));
    first.unwrap();
    second.unwrap();
    let (version, ring) = world.stored().await;
    assert_eq!((version, ring.keys.len()), (3, 4));
}

#[tokio::test]
async fn a_command_gives_up_when_others_never_stop_writing() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let custodian = Arc::new(Custodian::meddling(&world));
    let keys = world.try_open(custodian.custody(), &policy(ES256), false).await.unwrap();
    world.advance(HOUR);
    let before = world.stored().await.1;
    assert_eq!(refusal(keys.rotate(RotateWhen::Now { force: false }).await), RingRefusal::Contended);
    assert_eq!(world.stored().await, (1 + ATTEMPTS as u64, before), "others wrote, it did not");
}

#[tokio::test]
async fn a_rotation_whose_answer_was_lost_is_not_made_twice() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(30 * DAY);
    world.faults.fail("replace_ring", 1, When::After, StoreErrorKind::Unavailable);
    assert!(matches!(keys.tick().await, Err(KeysError::Store(_))));
    assert_eq!(world.stored().await.1.keys.len(), 3, "it was made");
    assert_eq!(keys.tick().await.unwrap(), Maintained::default());
    assert_eq!(world.stored().await.1.keys.len(), 3);
    assert_eq!(count(&keys, KeyState::Pending), 1);
}

#[tokio::test]
async fn a_rotation_that_failed_is_made_by_the_next_tick() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(30 * DAY);
    world.faults.fail("replace_ring", 1, When::Before, StoreErrorKind::Busy);
    assert!(matches!(keys.tick().await, Err(KeysError::Store(_))));
    assert!(signing(&keys, Algorithm::ES256).is_some(), "the pending key signs all the same");
    assert!(keys.tick().await.unwrap().rotated);
}

#[tokio::test]
async fn clearing_away_that_breaks_off_leaves_a_key_in_both_records_and_not_in_neither() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let (first, old) = (only(&keys, KeyState::Active).kid, token(&keys).await);
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    world.advance(2 * DAY);
    // The first write puts the copy, the second takes the key out of the ring.
    world.faults.fail("replace_ring", 2, When::Before, StoreErrorKind::Unavailable);
    assert!(keys.tick().await.is_err());
    assert_eq!(accepts(&keys, &old), (false, true));
    let in_ring = world.stored().await.1.keys.iter().any(|key| key.kid == first);
    let copies = retired::read(&*world.store).await.unwrap().1.keys.len();
    assert_eq!((in_ring, copies), (true, 1));
    keys.tick().await.unwrap();
    assert_eq!(accepts(&keys, &old), (false, true));
    let in_ring = world.stored().await.1.keys.iter().any(|key| key.kid == first);
    let copies = retired::read(&*world.store).await.unwrap().1.keys.len();
    assert_eq!((in_ring, copies), (false, 1));
}
