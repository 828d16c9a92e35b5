//! A ring that somebody changed in the store: no process signs what nobody can verify, and each says that something is
//! wrong.

use super::*;

async fn put(world: &World, ring: &Ring, change: impl FnOnce(&mut Ring)) {
    let mut ring = ring.clone();
    change(&mut ring);
    world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
}

#[tokio::test]
async fn a_key_that_is_not_the_one_its_id_names_makes_the_ring_damaged() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let (version, good) = world.stored().await;
    type Change = fn(&mut Ring);
    let changes: [(&str, Change); 7] = [
        ("another public half", |ring| ring.keys[0].public.material = ring.keys[1].public.material.clone()),
        ("two public halves swapped", |ring| {
            let [one, other, ..] = ring.keys.as_mut_slice() else { panic!() };
            std::mem::swap(&mut one.public, &mut other.public);
        }),
        ("another id in the ring", |ring| ring.keys[0].kid.replace_range(..4, "AAAA")),
        ("another id in the JWKS", |ring| ring.keys[0].public.kid.replace_range(..4, "AAAA")),
        ("another algorithm", |ring| ring.keys[0].alg = Algorithm::RS256),
        ("a key twice", |ring| ring.keys.push(ring.keys[0].clone())),
        ("a master twice", |ring| ring.masters.push(ring.masters[0].clone())),
    ];
    for (what, change) in changes {
        put(&world, &good, change).await;
        let snapshot = keys.refresh().await.unwrap();
        assert_eq!(snapshot.version(), version, "{what}: the last good one is used");
        assert_eq!(accepts(&keys, &token(&keys).await), (true, true), "{what}");
        let cold = world.try_open(world.custody(), &policy(TWO), false).await;
        assert!(matches!(cold, Err(KeysError::Corrupt(_))), "{what}");
    }
}

#[tokio::test]
async fn what_the_ring_has_wrapped_otherwise_is_unwrapped_again() {
    let world = World::new();
    let custodian = Arc::new(Custodian::new(&world));
    let keys = world.try_open(custodian.custody(), &policy(ES256), true).await.unwrap();
    let (_, good) = world.stored().await;
    let before = custodian.unwrapped_masters();
    // By the same key and with another nonce, as after a rewrap.
    let custody = world.local();
    let (name, master) = (good.wrapping_key.as_deref(), &good.masters[0]);
    let secret = custody.masters(name, &[master]).await.remove(0).unwrap();
    let wrapped = custody.wrap_masters(name.unwrap(), &[(master.id, secret)]).await.unwrap().remove(0);
    put(&world, &good, |ring| ring.masters[0].wrapped = wrapped).await;
    keys.refresh().await.unwrap();
    assert_eq!(custodian.unwrapped_masters(), before + 1);
    keys.refresh().await.unwrap();
    assert_eq!(custodian.unwrapped_masters(), before + 1, "once");
    // Another key under the id of a master, as after a restored backup: what the store says counts.
    let other = zeroize::Zeroizing::new([7; 32]);
    let wrapped = custody.wrap_masters(name.unwrap(), &[(master.id, other)]).await.unwrap().remove(0);
    put(&world, &good, |ring| ring.masters[0].wrapped = wrapped).await;
    let cold = world.open(&policy(ES256)).await;
    let sealed = cold.current().seals().seal(SealKind::Session, b"text", &*world.entropy(), START);
    assert!(keys.current().open(SealKind::Session, &sealed).unwrap().is_none());
    assert!(keys.refresh().await.unwrap().open(SealKind::Session, &sealed).unwrap().is_some());
}

#[tokio::test]
async fn a_damaged_private_half_is_noticed_and_the_one_in_memory_signs_on() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let (_, good) = world.stored().await;
    put(&world, &good, |ring| {
        ring.keys[0].wrapped = ring.keys[1].wrapped.clone();
    })
    .await;
    let snapshot = keys.refresh().await.unwrap();
    assert_eq!(accepts(&keys, &token(&keys).await), (true, true));
    let why = snapshot.unwrapped().why_unsigned(&snapshot.ring().keys[0]).unwrap();
    assert_eq!(why.kind(), SignErrorKind::Corrupt, "it is tried, and logged, again and again");
    world.put(RingDocument::Ring, &good.to_text().unwrap()).await;
    let snapshot = keys.refresh().await.unwrap();
    assert!(snapshot.unwrapped().why_unsigned(&snapshot.ring().keys[0]).is_none());
}
