//! Who may change a ring: only the custody whose ring it is, and not while another process makes keys, except in an
//! emergency.

use super::kms_world::{Cloud, Place};
use super::*;
use crate::kms::Mode;
use protocol::jwk::Jwk;

const NOW: RotateWhen = RotateWhen::Now { force: false };
const FORCED: RotateWhen = RotateWhen::Now { force: true };

async fn started(place: &Place) -> (World, Arc<Keys>) {
    let world = World::new();
    let keys = world.try_open(place.custody(), &policy(TWO), true).await.unwrap();
    world.advance(HOUR);
    (world, keys)
}

#[tokio::test]
async fn without_its_setting_keys_in_kms_are_not_taken_for_those_of_a_lost_file() {
    let cloud = Cloud::local();
    for mode in [Mode::Envelope, Mode::Sign] {
        let key = cloud.key().await;
        let (world, _) = started(&Place::Kms(cloud.clone(), mode, key.clone())).await;
        let error = world.try_open(world.custody(), &policy(TWO), true).await.err().unwrap();
        assert!(matches!(&error, KeysError::InKms { ring, .. } if ring.ends_with(&key)), "{error}");
        assert!(!world.master_key().exists());
    }
}

#[tokio::test]
async fn no_key_is_made_by_another_custody_than_the_rings() {
    let cloud = Cloud::local();
    let (one, other) = (cloud.key().await, cloud.key().await);
    let folder = TempDir::new().unwrap();
    let file = |name: &str| Place::File(folder.path().join(name));
    let kms = |mode, key: &str| Place::Kms(cloud.clone(), mode, key.to_owned());
    for name in ["a", "b"] {
        file(name).custody().maker.unwrap().first_wrapping_key().await.unwrap();
    }
    for (of_ring, wrong) in [
        (kms(Mode::Envelope, &one), kms(Mode::Envelope, &other)),
        (kms(Mode::Sign, &one), kms(Mode::Sign, &other)),
        (kms(Mode::Envelope, &one), kms(Mode::Sign, &one)),
        (kms(Mode::Sign, &one), kms(Mode::Envelope, &one)),
        (kms(Mode::Envelope, &one), file("a")),
        (file("a"), kms(Mode::Envelope, &one)),
        (file("a"), kms(Mode::Sign, &one)),
        (file("a"), file("b")),
        (file("a"), file("missing")),
    ] {
        let (world, keys) = started(&of_ring).await;
        let before = world.stored().await;
        let rotator = world.rotator(wrong.custody());
        for when in [NOW, FORCED] {
            let refused = refusal(rotator.rotate(when).await);
            assert!(matches!(refused, RingRefusal::OtherCustody { .. }), "{refused:?}");
        }
        world.advance(31 * DAY);
        assert!(matches!(refusal(rotator.run().await), RingRefusal::OtherCustody { .. }));
        let process = world.rotator(wrong.custody());
        assert_eq!(process.rotate_if_due(before.0, &before.1).await.unwrap(), None, "a server goes on");
        assert_eq!(world.stored().await, before);
        // Nothing is in the way of the right one.
        assert_eq!(world.rotator(of_ring.custody()).run().await.unwrap(), Run::Rotated);
        keys.refresh().await.unwrap();
        assert_eq!(accepts(&keys, &token(&keys).await), (true, true));
    }
}

/// The alias led to another key after the check: the ring's key wraps all the same.
#[tokio::test]
async fn what_is_made_for_a_ring_is_wrapped_by_the_rings_key() {
    let cloud = Cloud::local();
    let (one, other) = (cloud.key().await, cloud.key().await);
    for mode in [Mode::Envelope, Mode::Sign] {
        let made_by = cloud.custody(mode, &other, Realm::main()).maker.unwrap();
        let opens = cloud.custody(mode, &one, Realm::main()).opener;
        let master = |id, wrapped| RingMaster { id, wrapped, moved: None, seal_from: START, remove_at: None };
        let new = master(1, made_by.new_master(Some(&one), 1, None).await.unwrap());
        let moved = made_by.wrap_masters(&one, &[(2, Zeroizing::new([7; 32]))]).await.unwrap();
        let moved = master(2, moved[0].clone());
        assert!(opens.masters(Some(&one), &[&new, &moved]).await.iter().all(Result::is_ok), "{mode:?}");
        let made = made_by.new_signing_key(Some(&one), Algorithm::ES256).await.unwrap();
        let public = Jwk::new(Algorithm::ES256, made.material);
        let mut key = RingKey {
            kid: public.kid.clone(),
            alg: Algorithm::ES256,
            public,
            wrapped: made.wrapped,
            moved: None,
            publish_at: START,
            sign_from: START,
            retire_at: None,
            remove_at: None,
        };
        assert!(opens.signer(Some(&one), &key).await.is_ok(), "{mode:?}");
        if let Some(pkcs8) = opens.export(Some(&one), &key).await.unwrap() {
            key.wrapped = made_by.wrap_signing_key(&one, &key.kid, &pkcs8).await.unwrap();
            assert!(opens.signer(Some(&one), &key).await.is_ok(), "{mode:?}");
        }
    }
}

#[tokio::test]
async fn a_rotation_that_failed_is_in_nobodys_way() {
    let cloud = Cloud::local();
    let key = cloud.caller().key().await;
    let (world, keys) = started(&Place::Kms(cloud.clone(), Mode::Sign, key)).await;
    for fault in ["CreateKey", "GetPublicKey"] {
        cloud.fault(fault, "denied", None).await;
        assert!(matches!(keys.rotate(NOW).await, Err(KeysError::Sign(_))), "{fault}");
        assert_eq!(world.stored().await.1.claimed_at, None, "{fault}");
        cloud.well().await;
    }
    keys.rotate(NOW).await.unwrap();
}

#[tokio::test]
async fn a_claim_is_named_and_holds_up_no_emergency() {
    let cloud = Cloud::local();
    let key = cloud.caller().key().await;
    let (world, keys) = started(&Place::Kms(cloud, Mode::Sign, key)).await;
    let claim = async || {
        let (_, mut ring) = world.stored().await;
        ring.claimed_at = Some(world.now().minus(MINUTE));
        world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
    };
    claim().await;
    assert_eq!(refusal(keys.rotate(NOW).await), RingRefusal::Claimed { seconds: 60 });
    let leaked = signing(&keys, TWO[0]).unwrap();
    assert_eq!(keys.revoke(&leaked, false).await.unwrap().missing, None);
    assert_ne!(signing(&keys, TWO[0]), Some(leaked));
    world.advance(HOUR);
    claim().await;
    keys.rotate(FORCED).await.unwrap();
}

#[tokio::test]
async fn a_rotation_that_others_overtake_does_not_wait_for_its_own_claim() {
    let cloud = Cloud::local();
    let key = cloud.caller().key().await;
    let (world, keys) = started(&Place::Kms(cloud.clone(), Mode::Sign, key)).await;
    cloud.fault("CreateKey", "slow", Some(1)).await;
    let overtake = async {
        let mut ring = world.stored().await.1;
        while ring.claimed_at.is_none() {
            tokio::task::yield_now().await;
            ring = world.stored().await.1;
        }
        world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
    };
    let (rotated, ()) = tokio::join!(keys.rotate(NOW), overtake);
    rotated.unwrap();
    assert_eq!(world.stored().await.1.claimed_at, None);
}

#[tokio::test]
async fn without_any_key_a_rotation_makes_those_of_the_settings() {
    for when in [FORCED, RotateWhen::Scheduled] {
        let world = World::new();
        let keys = world.open(&policy(TWO)).await;
        let (_, mut ring) = world.stored().await;
        ring.keys.clear();
        world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
        keys.rotate(when).await.unwrap();
        let made: Vec<_> = listed(&keys, world.now()).iter().map(|key| key.alg).collect();
        assert!(TWO.iter().all(|alg| made.contains(alg)), "{when:?}: {made:?}");
    }
}

#[tokio::test]
async fn a_leaked_key_is_removed_while_kms_is_away() {
    for mode in [Mode::Envelope, Mode::Sign] {
        let cloud = Cloud::local();
        let key = cloud.caller().key().await;
        let (world, keys) = started(&Place::Kms(cloud.clone(), mode, key)).await;
        let rotator = world.rotator(keys_custody(&cloud, mode, &keys));
        let leaked = signing(&keys, TWO[0]).unwrap();
        cloud.fault("*", "denied", None).await;
        let report = rotator.revoke(&leaked, false).await.unwrap();
        assert!(report.missing.is_some(), "{mode:?}");
        assert!(world.stored().await.1.keys.iter().all(|key| key.kid != leaked), "{mode:?}");
        cloud.well().await;
        assert_eq!(rotator.run().await.unwrap(), Run::Rotated, "{mode:?}");
        keys.refresh().await.unwrap();
        assert_eq!(accepts(&keys, &token(&keys).await), (true, true), "{mode:?}");
    }
}

fn keys_custody(cloud: &Cloud, mode: Mode, keys: &Keys) -> Custody {
    let arn = keys.current().ring().wrapping_key.clone().unwrap();
    cloud.custody(mode, &arn, Realm::main())
}

#[tokio::test]
async fn a_leaked_key_is_removed_during_a_move() {
    let cloud = Cloud::local();
    let folder = TempDir::new().unwrap();
    let file = Place::File(folder.path().join("a"));
    let to = Place::Kms(cloud.clone(), Mode::Envelope, cloud.key().await);
    let (world, before) = started(&file).await;
    let step = async |from: &Place, restarted| {
        let (from, to) = (from.custody(), to.custody());
        world.rotator(to.clone()).step_move(&*from.opener, &*to.opener, restarted).await.unwrap()
    };
    assert!(matches!(step(&file, false).await, Moved::Begun { .. }));
    let leaked = signing(&before, TWO[0]).unwrap();
    assert_eq!(world.rotator(file.custody()).revoke(&leaked, false).await.unwrap().missing, None);
    let after = world.try_open(to.custody(), &policy(TWO), false).await.unwrap();
    before.refresh().await.unwrap();
    for (signs, reads) in [(&before, &after), (&after, &before)] {
        assert_ne!(signing(signs, TWO[0]), Some(leaked.clone()));
        assert_eq!(accepts(reads, &token(signs).await), (true, true));
    }
    assert!(matches!(step(&to, true).await, Moved::Ended(_)));
    let (_, ring) = world.stored().await;
    assert!(TWO.iter().all(|alg| ring.pending(*alg, world.now()).is_some()), "the end makes what is missing");
}

#[tokio::test]
async fn a_rotation_during_a_move_says_that_it_waits() {
    let cloud = Cloud::local();
    let place = |key| Place::Kms(cloud.clone(), Mode::Envelope, key);
    let (from, to) = (place(cloud.key().await), place(cloud.key().await));
    let (world, _) = started(&from).await;
    let (opens, new) = (from.custody().opener, to.custody());
    world.rotator(new.clone()).step_move(&*opens, &*new.opener, false).await.unwrap();
    let rotator = world.rotator(from.custody());
    assert!(matches!(rotator.run().await.unwrap(), Run::Moving { is_due: false, .. }));
    world.advance(31 * DAY);
    assert!(matches!(rotator.run().await.unwrap(), Run::Moving { is_due: true, .. }));
}

#[tokio::test]
async fn keys_that_came_from_kms_are_rewrapped_moved_and_kept_by_a_move_that_is_given_up() {
    let cloud = Cloud::local();
    let folder = TempDir::new().unwrap();
    let kms = Place::Kms(cloud.clone(), Mode::Sign, cloud.key().await);
    let file = Place::File(folder.path().join("master.key"));
    let (world, keys) = started(&kms).await;
    let old = token(&keys).await;
    let step = async |from: &Place, to: &Place, restarted| {
        let (from, to) = (from.custody(), to.custody());
        world.rotator(to.clone()).step_move(&*from.opener, &*to.opener, restarted).await.unwrap()
    };
    let Moved::Begun { restart_from: Some(at) } = step(&kms, &file, false).await else { panic!("not begun") };
    world.clock.set(at.plus(MINUTE));
    assert!(matches!(step(&file, &file, true).await, Moved::Ended(_)));
    // The keys of KMS still verify tokens.
    let path = folder.path().join("master.key");
    let new = rewrap::prepare(&*world.store, &path, &folder.path().join("new.key"), &*world.entropy()).await;
    let local = LocalCustody::new(&path, Realm::main(), world.entropy());
    let new = new.unwrap();
    assert!(world.rotator(file.custody()).rewrap(&local, &new.name).await.unwrap());
    rewrap::finish(&path, &new, &*world.entropy()).unwrap();
    assert!(matches!(step(&file, &kms, false).await, Moved::Begun { restart_from: None }));
    assert_eq!(step(&file, &file, true).await, Moved::GivenUp);
    let now = world.try_open(file.custody(), &policy(TWO), false).await.unwrap();
    assert_eq!(accepts(&now, &old), (true, true));
}

#[tokio::test]
async fn a_server_that_kms_does_not_let_make_keys_tries_less_and_less_often() {
    let cloud = Cloud::local();
    let key = cloud.caller().key().await;
    let (world, keys) = started(&Place::Kms(cloud.clone(), Mode::Sign, key)).await;
    world.advance(31 * DAY);
    cloud.fault("CreateKey", "denied", None).await;
    world.counts.take();
    cloud.calls().await;
    let mut failed = Vec::new();
    for minute in 0..300 {
        if keys.maintain().await.is_err() {
            failed.push(minute);
        }
        world.advance(MINUTE);
    }
    assert_eq!(failed, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    let (_, writes) = world.counts.take();
    assert_eq!((cloud.calls().await["CreateKey"], writes), (10, 20));
    cloud.well().await;
    let mut waited = 0;
    while !keys.maintain().await.unwrap().rotated {
        world.advance(MINUTE);
        waited += 1;
    }
    assert!(waited <= 60, "{waited}");
    // Of a store that fails, nothing is left behind.
    world.advance(31 * DAY);
    for _ in 0..3 {
        world.faults.fail("replace_ring", 1, When::Before, StoreErrorKind::Unavailable);
        assert!(matches!(keys.maintain().await, Err(KeysError::Store(_))));
        world.advance(MINUTE);
    }
    assert!(keys.maintain().await.unwrap().rotated);
}
