//! Moves between a master key file and KMS: servers with the former setting and with the new one run side by side, and
//! each accepts what the other signs and seals. Every step can be repeated.

use super::kms_world::{Cloud, Place};
use super::*;
use crate::kms::Mode;
use crate::moving::Moved;

async fn step(world: &World, from: &Place, to: &Place, restarted: bool) -> Result<Moved, KeysError> {
    let (from, to) = (from.custody(), to.custody());
    world.rotator(to.clone()).step_move(&*from.opener, &*to.opener, restarted).await
}

/// Whether each of two servers accepts what the other signs and seals.
async fn agree(world: &World, one: &Keys, other: &Keys, what: &str) {
    for keys in [one, other] {
        keys.refresh().await.unwrap();
    }
    for (signs, reads) in [(one, other), (other, one)] {
        assert_eq!(accepts(reads, &token(signs).await), (true, true), "{what}");
        let text = signs.current().seals().seal(SealKind::Session, b"x", &*world.entropy(), world.now());
        assert!(reads.current().seals().open(SealKind::Session, &text).is_some(), "{what}");
    }
}

async fn moves(world: &World, from: &Place, to: &Place, what: &str) {
    let (policy, before) = (policy(TWO), world.open_at(from, true).await);
    let old = token(&before).await;
    let sealed = before.current().seals().seal(SealKind::Session, b"x", &*world.entropy(), world.now());
    let mut wait = None;
    // Each step twice, as after a command that was killed before it could say what it did.
    for _ in 0..2 {
        match step(world, from, to, false).await.unwrap() {
            Moved::Begun { restart_from } => wait = restart_from,
            // The same wrapping key in another mode: no server has to know.
            Moved::Ended(_) | Moved::Nothing => {}
            other => panic!("{what}: {other:?}"),
        }
    }
    if let Some(at) = wait {
        world.clock.set(at.plus(MINUTE));
    }
    let after = world.open_at(to, false).await;
    agree(world, &before, &after, what).await;
    let moving = world.stored().await.1.moving_to.is_some();
    if moving {
        let refused = refusal(world.rotator(from.custody()).rotate(RotateWhen::Scheduled).await);
        assert!(matches!(refused, RingRefusal::Moving(_)), "{what}: {refused:?}");
        assert!(matches!(step(world, to, to, true).await.unwrap(), Moved::Ended(_)), "{what}");
    }
    assert_eq!(step(world, to, to, true).await.unwrap(), Moved::Nothing, "{what}");
    after.refresh().await.unwrap();
    assert_eq!(accepts(&after, &old), (true, true), "{what}");
    assert!(after.current().seals().open(SealKind::Session, &sealed).is_some(), "{what}");
    // After a lead the new custody's own keys sign, by which no copy of the former is needed.
    for _ in 0..26 {
        world.advance(HOUR);
        after.tick().await.unwrap();
        assert_eq!(accepts(&after, &token(&after).await), (true, true), "{what}");
    }
    let (_, ring) = world.stored().await;
    for alg in TWO {
        let signs = ring.active(*alg, world.now()).unwrap();
        assert_eq!(Form::of(&signs.wrapped), to.custody().maker.unwrap().form(), "{what}");
    }
    assert!(ring.keys.iter().all(|key| key.moved.is_none()) && ring.moving_to.is_none(), "{what}");
    world.try_open(to.custody(), &policy, false).await.unwrap();
}

impl World {
    async fn open_at(&self, place: &Place, create: bool) -> Arc<Keys> {
        self.try_open(place.custody(), &policy(TWO), create).await.unwrap()
    }
}

#[tokio::test]
async fn between_any_two_custodies_every_token_stays_verifiable() {
    let cloud = Cloud::local();
    let (one, other) = (cloud.key().await, cloud.key().await);
    let folder = TempDir::new().unwrap();
    let file = |name: &str| Place::File(folder.path().join(name));
    let kms = |mode, key: &str| Place::Kms(cloud.clone(), mode, key.to_owned());
    for (what, from, to) in [
        ("file to envelope", file("a"), kms(Mode::Envelope, &one)),
        ("file to sign", file("b"), kms(Mode::Sign, &one)),
        ("envelope to file", kms(Mode::Envelope, &one), file("c")),
        ("sign to file", kms(Mode::Sign, &one), file("d")),
        ("envelope to sign", kms(Mode::Envelope, &one), kms(Mode::Sign, &one)),
        ("sign to envelope", kms(Mode::Sign, &one), kms(Mode::Envelope, &one)),
        ("envelope to another key", kms(Mode::Envelope, &one), kms(Mode::Envelope, &other)),
        ("sign to another key", kms(Mode::Sign, &one), kms(Mode::Sign, &other)),
    ] {
        moves(&World::new(), &from, &to, what).await;
    }
}

#[tokio::test]
async fn a_move_that_was_begun_can_be_given_up() {
    let cloud = Cloud::local();
    let key = cloud.key().await;
    let folder = TempDir::new().unwrap();
    let file = Place::File(folder.path().join("a"));
    for to in [Place::Kms(cloud.clone(), Mode::Envelope, key.clone()), Place::File(folder.path().join("b"))] {
        let world = World::new();
        let keys = world.open_at(&file, true).await;
        let before = world.stored().await.1;
        assert!(matches!(step(&world, &file, &to, false).await.unwrap(), Moved::Begun { .. }));
        assert_eq!(step(&world, &file, &file, true).await.unwrap(), Moved::GivenUp);
        assert_eq!(world.stored().await.1, before);
        keys.refresh().await.unwrap();
        assert_eq!(step(&world, &file, &file, true).await.unwrap(), Moved::Nothing);
    }
}

#[tokio::test]
async fn an_end_before_the_new_custody_has_everything_is_refused() {
    let cloud = Cloud::local();
    let key = cloud.key().await;
    let folder = TempDir::new().unwrap();
    let (file, kms) = (Place::File(folder.path().join("a")), Place::Kms(cloud.clone(), Mode::Sign, key));
    let world = World::new();
    world.open_at(&kms, true).await;
    assert!(matches!(
        step(&world, &kms, &file, false).await.unwrap(),
        Moved::Begun { restart_from: Some(_) }
    ));
    let before = world.stored().await.1;
    assert!(matches!(step(&world, &file, &file, true).await, Err(KeysError::Sign(_))), "a key in KMS signs");
    assert_eq!(world.stored().await.1, before);
}
