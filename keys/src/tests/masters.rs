//! Sealing masters: each rotation adds one; it seals when every process knows it, and opens for as long as
//! anything it sealed can live.

use super::*;

/// Seals something now, and says with which master.
fn sealed(world: &World, keys: &Keys) -> (u16, Vec<u8>) {
    let (snapshot, now) = (keys.current(), world.now());
    let text = snapshot.seals().seal(SealKind::RefreshToken, b"text", &*world.entropy(), now);
    (snapshot.seals().current_master(now), text)
}

fn opens(keys: &Keys, text: &[u8]) -> bool {
    keys.current()
        .seals()
        .open(SealKind::RefreshToken, text)
        .is_some_and(|opened| *opened.plaintext == b"text")
}

#[tokio::test]
async fn the_first_master_seals_at_once_and_a_later_one_when_every_process_knows_it() {
    let world = World::new();
    let (here, there) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    let (id, first) = sealed(&world, &here);
    assert_eq!(id, 1);
    world.advance(30 * DAY);
    here.tick().await.unwrap();
    world.advance(MASTER_LEAD - MILLISECOND);
    here.fresh().await.unwrap();
    assert_eq!(sealed(&world, &here).0, 1);
    world.advance(MILLISECOND);
    let (id, second) = sealed(&world, &here);
    assert_eq!(id, 2);
    there.fresh().await.unwrap();
    assert_eq!(sealed(&world, &there).0, 2);
    for keys in [&here, &there] {
        assert!(opens(keys, &first) && opens(keys, &second));
    }
}

#[tokio::test]
async fn a_process_knows_a_new_master_before_any_other_seals_with_it() {
    let world = World::new();
    let (here, there) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    world.advance(HOUR);
    there.fresh().await.unwrap();
    here.rotate(RotateWhen::Now { force: false }).await.unwrap();
    assert!(!there.current().seals().has(2));
    world.advance(MINUTE);
    assert!(there.fresh().await.unwrap().seals().has(2));
    assert_eq!(sealed(&world, &here).0, 1);
}

#[tokio::test]
async fn an_old_master_leaves_when_nothing_it_sealed_can_live() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    let second_seals = world.now().plus(MASTER_LEAD);
    world.clock.set(second_seals.minus(MILLISECOND));
    let (_, last) = sealed(&world, &keys);
    world.clock.set(second_seals.plus(90 * DAY - MILLISECOND));
    keys.tick().await.unwrap();
    assert!(opens(&keys, &last));
    world.advance(MILLISECOND);
    keys.tick().await.unwrap();
    assert!(!opens(&keys, &last));
    assert!(!keys.current().seals().has(1) && keys.current().seals().has(2));
    assert!(world.stored().await.1.masters.iter().all(|master| master.id != 1), "numbers are not used again");
}

#[tokio::test]
async fn the_longest_lifetime_there_ever_was_decides() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let shorter = KeyPolicy { seal_retention: DAY, ..policy(ES256) };
    let keys = world.open(&shorter).await;
    let (_, first) = sealed(&world, &keys);
    world.advance(30 * DAY);
    keys.tick().await.unwrap();
    world.advance(80 * DAY);
    keys.tick().await.unwrap();
    assert!(opens(&keys, &first));
}

#[tokio::test]
async fn a_scheduled_rotation_adds_its_master_when_it_happens() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    keys.rotate(RotateWhen::Scheduled).await.unwrap();
    assert_eq!(world.stored().await.1.masters.len(), 1);
    world.advance(DAY);
    keys.tick().await.unwrap();
    let ids: Vec<_> = world.stored().await.1.masters.iter().map(|master| master.id).collect();
    assert_eq!(ids, [1, 2]);
}

#[tokio::test]
async fn a_master_is_unwrapped_once_in_a_process_life() {
    let world = World::new();
    let custodian = Arc::new(Custodian::new(&world));
    let custody = custodian.custody();
    let keys = world.try_open(custody, &policy(ES256), true).await.unwrap();
    for _ in 0..3 {
        world.advance(30 * DAY);
        keys.tick().await.unwrap();
    }
    assert_eq!(world.stored().await.1.masters.len(), 4);
    assert_eq!(custodian.unwrapped_masters(), 4);
}
