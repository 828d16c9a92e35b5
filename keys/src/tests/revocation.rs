//! N-231: a leaked key is removed everywhere within a minute and never comes back; and the hints that removed keys still
//! verify.

use super::*;

/// A process, an hour after the first ring.
async fn an_hour_in(world: &World) -> Arc<Keys> {
    let keys = world.open(&policy(ES256)).await;
    world.advance(HOUR);
    keys.tick().await.unwrap();
    keys
}

/// Rotates, and advances until the first key is removed. Returns it and a token that it signed.
async fn with_a_removed_key(world: &World) -> (Arc<Keys>, KeyInfo, String) {
    let keys = an_hour_in(world).await;
    let (first, old) = (only(&keys, KeyState::Active).kid, token(&keys).await);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    let first = listed(&keys, world.now()).into_iter().find(|key| key.kid == first).unwrap();
    world.clock.set(first.remove_at.unwrap());
    (keys, first, old)
}

#[tokio::test]
async fn n231_a_revoked_signing_key_is_gone_and_its_successor_signs() {
    let world = World::new();
    let keys = an_hour_in(&world).await;
    let (leaked, next) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    let old = token(&keys).await;
    let now = world.now();
    let report = keys.revoke(&leaked, false).await.unwrap();
    assert_eq!(report.keys, listed(&keys, now));
    assert_eq!((report.signs_from, report.in_force_by), (now, now.plus(MINUTE)));
    assert_eq!(report.old_accepted_until, now.plus(960 * SECOND), "copies of the JWKS that gateways hold");
    assert_eq!(accepts(&keys, &old), (false, false));
    assert!(!published(&keys).contains(&leaked));
    assert_eq!(signing(&keys, Algorithm::ES256), Some(next));
    assert_eq!(only(&keys, KeyState::Pending).sign_from, now.plus(30 * DAY));
    assert_eq!(count(&keys, KeyState::Retiring), 0);
}

#[tokio::test]
async fn commands_act_on_the_keys_there_are_whatever_their_own_settings_say() {
    let world = World::new();
    let servers = an_hour_in(&world).await;
    let next = only(&servers, KeyState::Pending).kid;
    let command = world.try_open(world.custody(), &policy(&[Algorithm::EdDSA]), false).await.unwrap();
    let report = command.revoke(&only(&servers, KeyState::Active).kid, false).await.unwrap();
    assert_eq!(report.signs_from, world.now());
    servers.refresh().await.unwrap();
    assert_eq!(signing(&servers, Algorithm::ES256), Some(next));
    command.rotate(RotateWhen::Scheduled).await.unwrap();
    let algs: Vec<_> = listed(&servers, world.now()).iter().map(|key| key.alg).collect();
    assert_eq!(algs, [Algorithm::ES256, Algorithm::ES256], "and make none of their own");
}

#[tokio::test]
async fn n231_a_damaged_record_of_removed_keys_holds_up_no_revocation() {
    let world = World::new();
    let (here, there) = (an_hour_in(&world).await, world.open(&policy(ES256)).await);
    world.put(RingDocument::RetiredKeys, "{").await;
    let leaked = only(&here, KeyState::Active).kid;
    here.revoke(&leaked, false).await.unwrap();
    there.refresh().await.unwrap();
    assert!(!published(&there).contains(&leaked));
    let started = world.open(&policy(ES256)).await;
    assert!(!published(&started).contains(&leaked));
}

#[tokio::test]
async fn n231_a_revocation_reaches_every_process_within_a_minute() {
    let world = World::new();
    let (here, there) = (an_hour_in(&world).await, world.open(&policy(ES256)).await);
    let (leaked, old) = (only(&here, KeyState::Active).kid, token(&here).await);
    here.revoke(&leaked, false).await.unwrap();
    world.advance(MINUTE - MILLISECOND);
    there.fresh().await.unwrap();
    assert_eq!(accepts(&there, &old), (true, true), "it has not heard yet");
    world.advance(MILLISECOND);
    there.fresh().await.unwrap();
    assert_eq!(accepts(&there, &old), (false, false));
    assert!(!published(&there).contains(&leaked));
    assert_ne!(signing(&there, Algorithm::ES256), Some(leaked));
}

#[tokio::test]
async fn a_token_that_was_verified_before_is_not_once_its_key_is_removed() {
    let world = World::new();
    let keys = an_hour_in(&world).await;
    let (first, old) = (only(&keys, KeyState::Active).kid, token(&keys).await);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    assert!(accepts(&keys, &old).0);
    let removed = listed(&keys, world.now()).into_iter().find(|key| key.kid == first).unwrap().remove_at;
    // The process still has the same ring: only time has passed.
    world.clock.set(removed.unwrap());
    assert!(!accepts(&keys, &old).0);
}

#[tokio::test]
async fn n231_a_successor_that_verifiers_cannot_know_needs_force() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let leaked = only(&keys, KeyState::Active).kid;
    let refused = RingRefusal::TooYoung { alg: Algorithm::ES256, wait_seconds: 1080 };
    assert_eq!(refusal(keys.revoke(&leaked, false).await), refused);
    assert_eq!(signing(&keys, Algorithm::ES256), Some(leaked.clone()));
    keys.revoke(&leaked, true).await.unwrap();
    assert!(!published(&keys).contains(&leaked));
    assert!(signing(&keys, Algorithm::ES256).is_some());
}

#[tokio::test]
async fn n231_on_a_ring_without_successor_revoking_makes_one_that_signs_at_once() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(40 * DAY);
    keys.refresh().await.unwrap();
    let leaked = only(&keys, KeyState::Active).kid;
    assert_eq!(count(&keys, KeyState::Pending), 0);
    let unknown = RingRefusal::TooYoung { alg: Algorithm::ES256, wait_seconds: 1080 };
    assert_eq!(refusal(keys.revoke(&leaked, false).await), unknown);
    keys.revoke(&leaked, true).await.unwrap();
    assert_eq!((count(&keys, KeyState::Active), count(&keys, KeyState::Pending)), (1, 1));
    assert_ne!(signing(&keys, Algorithm::ES256), Some(leaked));
}

#[tokio::test]
async fn a_revoked_pending_key_never_signs_and_the_active_one_waits_for_another() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let now = world.advance(30 * DAY - HOUR);
    let (active, leaked) = (only(&keys, KeyState::Active).kid, only(&keys, KeyState::Pending).kid);
    keys.revoke(&leaked, false).await.unwrap();
    let next = only(&keys, KeyState::Pending);
    assert_eq!(next.sign_from, now.plus(DAY), "published for the lead first");
    assert_eq!(only(&keys, KeyState::Active).retire_at, Some(next.sign_from));
    world.advance(DAY - MILLISECOND);
    keys.refresh().await.unwrap();
    assert_eq!(signing(&keys, Algorithm::ES256), Some(active));
    world.advance(MILLISECOND);
    assert_eq!(signing(&keys, Algorithm::ES256), Some(next.kid));
    assert!(!published(&keys).contains(&leaked));
}

#[tokio::test]
async fn a_revoked_retiring_key_is_gone_and_nothing_else_changes() {
    let world = World::new();
    let keys = an_hour_in(&world).await;
    let (leaked, old) = (only(&keys, KeyState::Active).kid, token(&keys).await);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    assert_eq!(accepts(&keys, &old), (true, true));
    let others =
        || listed(&keys, world.now()).into_iter().filter(|key| key.kid != leaked).collect::<Vec<_>>();
    let before = others();
    keys.revoke(&leaked, false).await.unwrap();
    assert_eq!(accepts(&keys, &old), (false, false));
    assert_eq!(others(), before);
    assert_eq!(listed(&keys, world.now()).len(), before.len());
}

#[tokio::test]
async fn a_key_is_revoked_once_and_an_unknown_one_never() {
    let world = World::new();
    let keys = an_hour_in(&world).await;
    let leaked = only(&keys, KeyState::Active).kid;
    keys.revoke(&leaked, false).await.unwrap();
    let before = world.stored().await;
    for kid in [leaked.as_str(), "", "x", "../ring"] {
        assert_eq!(refusal(keys.revoke(kid, true).await), RingRefusal::UnknownKey, "{kid}");
    }
    assert_eq!(world.stored().await, before);
}

#[tokio::test]
async fn n189_a_removed_key_verifies_hints_for_90_days_and_nothing_else() {
    let world = World::new();
    let (keys, first, old) = with_a_removed_key(&world).await;
    assert_eq!(accepts(&keys, &old), (false, true), "removed, and still in the ring");
    keys.tick().await.unwrap();
    assert!(world.stored().await.1.keys.iter().all(|key| key.kid != first.kid), "cleared away");
    assert_eq!(accepts(&keys, &old), (false, true));
    let removed_at = world.now();
    world.clock.set(removed_at.plus(KEEP_RETIRED - MILLISECOND));
    let (other, _) = (world.open(&policy(ES256)).await, keys.tick().await.unwrap());
    assert_eq!([accepts(&keys, &old), accepts(&other, &old)], [(false, true); 2]);
    world.advance(MILLISECOND);
    assert_eq!([accepts(&keys, &old), accepts(&other, &old)], [(false, false); 2]);
}

#[tokio::test]
async fn a_revoked_retired_key_verifies_no_hint() {
    let world = World::new();
    let (keys, first, old) = with_a_removed_key(&world).await;
    keys.tick().await.unwrap();
    assert_eq!(accepts(&keys, &old), (false, true));
    keys.revoke(&first.kid, false).await.unwrap();
    let other = world.open(&policy(ES256)).await;
    assert_eq!([accepts(&keys, &old), accepts(&other, &old)], [(false, false); 2]);
    assert!(retired::read(&*world.store).await.unwrap().1.keys.is_empty(), "forgotten, too");
    assert_eq!(refusal(keys.revoke(&first.kid, false).await), RingRefusal::UnknownKey);
}

#[tokio::test]
async fn a_revoked_key_does_not_come_back_from_a_copy() {
    // A process that prunes the ring at the same moment writes the copy after the revocation.
    let world = World::new();
    let (keys, first, old) = with_a_removed_key(&world).await;
    let copy = {
        let twin = World::new();
        let ring = world.stored().await.1.to_text().unwrap();
        twin.put(RingDocument::Ring, &ring).await;
        let (_, removed) = retired::prune(&Ring::parse(&ring).unwrap(), world.now()).unwrap();
        retired::merge(&*twin.store, &Ring::empty(), &removed, world.now(), twin.stamp()).await.unwrap();
        twin.store.ring(RingDocument::RetiredKeys).await.unwrap().unwrap().body
    };
    keys.revoke(&first.kid, false).await.unwrap();
    world.put(RingDocument::RetiredKeys, &copy).await;
    let other = world.open(&policy(ES256)).await;
    assert_eq!(accepts(&other, &old), (false, false));
}

#[tokio::test]
async fn a_key_that_never_signed_leaves_no_copy() {
    let world = World::new();
    let keys = world.open(&loopback(ES256)).await;
    let used = only(&keys, KeyState::Active).kid;
    world.advance(HOUR);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    world.advance(2 * DAY);
    keys.tick().await.unwrap();
    let copies: Vec<_> = retired::read(&*world.store).await.unwrap().1.keys;
    assert_eq!(copies.iter().map(|key| &key.public.kid).collect::<Vec<_>>(), [&used]);
}
