//! How many keys and algorithms, and what a change of the settings does.

use super::*;

const NOW: RotateWhen = RotateWhen::Now { force: false };

#[tokio::test]
async fn a_tenth_key_is_refused_until_one_is_removed() {
    let world = World::new();
    let keys = world.open(&loopback(ES256)).await;
    for _ in 0..7 {
        world.advance(SECOND);
        keys.rotate(NOW).await.unwrap();
    }
    assert_eq!(published(&keys).len(), 9);
    let before = world.stored().await;
    assert_eq!(refusal(keys.rotate(NOW).await), RingRefusal::TooManyKeys);
    assert_eq!(refusal(keys.rotate(RotateWhen::Now { force: true }).await), RingRefusal::TooManyKeys);
    assert_eq!(world.stored().await, before);
    let first_removed = listed(&keys, world.now()).iter().filter_map(|key| key.remove_at).min().unwrap();
    world.clock.set(first_removed);
    keys.rotate(NOW).await.unwrap();
    assert_eq!(published(&keys).len(), 9);
}

#[tokio::test]
async fn a_leaked_key_can_be_revoked_when_there_are_nine() {
    let world = World::new();
    let keys = world.open(&loopback(ES256)).await;
    for _ in 0..7 {
        keys.rotate(NOW).await.unwrap();
    }
    let leaked = only(&keys, KeyState::Active).kid;
    keys.revoke(&leaked, false).await.unwrap();
    assert!(!published(&keys).contains(&leaked));
    assert_eq!(published(&keys).len(), 9);
}

#[tokio::test]
async fn one_to_three_algorithms_and_none_twice() {
    let all = Algorithm::ALL;
    let twice = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES256];
    let world = World::new();
    for algs in [&[], all.as_slice(), &twice] {
        let opened = world.try_open(world.custody(), &policy(algs), true).await;
        assert_eq!(refusal(opened), RingRefusal::BadAlgorithms);
    }
    assert!(world.store.ring(RingDocument::Ring).await.unwrap().is_none());
    world.open(&policy(ES256)).await;
    let keys = world.open(&policy(&all)).await;
    world.advance(HOUR);
    for how in [RotateWhen::Scheduled, NOW] {
        assert_eq!(refusal(keys.rotate(how).await), RingRefusal::BadAlgorithms);
    }
    assert!(!keys.tick().await.unwrap().rotated);
    assert_eq!(world.stored().await.0, 1, "nothing was made of a fourth algorithm");
}

#[tokio::test]
async fn an_algorithm_new_to_the_settings_is_published_for_the_lead_before_it_signs() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let now = world.advance(HOUR);
    let keys = world.open(&policy(TWO)).await;
    assert!(keys.tick().await.unwrap().rotated);
    let new: Vec<_> = listed(&keys, now).into_iter().filter(|key| key.alg == Algorithm::EdDSA).collect();
    assert_eq!(new.len(), 1);
    assert_eq!((new[0].publish_at, new[0].sign_from), (now, now.plus(DAY)));
    assert_eq!(signing(&keys, Algorithm::EdDSA), None);
    let default = |keys: &Keys| keys.current().signer(None, world.now()).unwrap().alg();
    assert_eq!(default(&keys), Algorithm::ES256, "which is first in the settings comes later");
    world.advance(DAY);
    keys.tick().await.unwrap();
    assert_eq!(default(&keys), Algorithm::EdDSA);
    assert_eq!(signing(&keys, Algorithm::EdDSA), Some(new[0].kid.clone()));
}

#[tokio::test]
async fn an_algorithm_new_to_the_settings_signs_at_once_on_loopback() {
    let world = World::new();
    world.open(&loopback(ES256)).await;
    let keys = world.open(&loopback(TWO)).await;
    assert!(keys.tick().await.unwrap().rotated);
    assert!(signing(&keys, Algorithm::EdDSA).is_some());
    assert!(keys.tick().await.unwrap().rotated, "and gets its successor");
    assert_eq!(count(&keys, KeyState::Pending), 2);
}

#[tokio::test]
async fn an_algorithm_that_left_the_settings_retires() {
    let world = World::new();
    let before = world.open(&policy(TWO)).await;
    let default = token(&before).await;
    let now = world.advance(HOUR);
    let keys = world.open(&policy(ES256)).await;
    keys.tick().await.unwrap();
    let left: Vec<_> = listed(&keys, now).into_iter().filter(|key| key.alg == Algorithm::EdDSA).collect();
    assert_eq!(left.len(), 1, "what never signed is gone");
    assert_eq!((left[0].state, left[0].remove_at), (KeyState::Retiring, Some(now.plus(2 * DAY))));
    assert!(keys.current().signer(Some(Algorithm::EdDSA), now).is_err(), "it signs nothing any more");
    assert_eq!(accepts(&keys, &default), (true, true));
    world.advance(2 * DAY);
    assert_eq!(accepts(&keys, &default), (false, true));
    keys.tick().await.unwrap();
    assert!(listed(&keys, world.now()).iter().all(|key| key.alg == Algorithm::ES256));
    assert_eq!(accepts(&keys, &default), (false, true), "its hints verify for 90 days");
}

#[tokio::test]
async fn a_longer_retirement_is_remembered_when_the_settings_shorten_it() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let shorter = KeyPolicy { retire_after: HOUR, ..policy(ES256) };
    let keys = world.open(&shorter).await;
    keys.tick().await.unwrap();
    let first = only(&keys, KeyState::Active).kid;
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    let first = listed(&keys, world.now()).into_iter().find(|key| key.kid == first).unwrap();
    assert_eq!(first.remove_at, Some(START.plus(32 * DAY)), "tokens of the longer time may still live");
}

#[tokio::test]
async fn a_longer_retirement_keeps_what_already_retires() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    let first = only(&keys, KeyState::Retiring);
    let longer = KeyPolicy { retire_after: 5 * DAY, ..policy(ES256) };
    let keys = world.open(&longer).await;
    world.advance(HOUR);
    keys.tick().await.unwrap();
    let later = only(&keys, KeyState::Retiring);
    assert_eq!((later.kid, later.retire_at), (first.kid, first.retire_at));
    assert_eq!(later.remove_at, Some(START.plus(35 * DAY)));
}

#[tokio::test]
async fn who_may_not_make_keys_still_moves_those_that_are_there() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let custodian = world.custody_without_maker();
    let keys = world.try_open(custodian, &policy(ES256), false).await.unwrap();
    let now = world.advance(HOUR);
    assert_eq!(refusal(keys.rotate(NOW).await), RingRefusal::MayNotGenerate);
    assert_eq!(keys.rotate(RotateWhen::Scheduled).await.unwrap().signs_from, now.plus(DAY));
    let active = only(&keys, KeyState::Active).kid;
    assert!(keys.revoke(&active, false).await.unwrap().missing.is_some(), "the next one is made elsewhere");
    assert_ne!(signing(&keys, Algorithm::ES256), Some(active));
}
