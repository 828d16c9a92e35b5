//! What every custody promises: a master key file, and KMS in both modes on two emulators. A key that it made signs for its
//! algorithm and for nothing else, survives a restart, and nobody else's is taken for its own.

use super::kms_world::{Cloud, clouds};
use super::*;
use crate::kms::Mode;
use protocol::jwk::Jwk;

/// A kind of custody: each call of `restart` gives one that knows only what is stored.
struct House {
    name: String,
    restart: Box<dyn Fn() -> Custody>,
    /// One of the same kind that has other keys.
    foreign: Custody,
    /// One of another realm.
    realm: Custody,
    /// ministack decrypts with whichever key is named and doesn't authenticate the blob, so another key or a damaged blob
    /// gives garbage there, which only the check of a key's signature notices.
    authenticates: bool,
    /// Our emulator, whose calls can be made to fail.
    faults: Option<Cloud>,
}

async fn houses(world: &World, elsewhere: &World) -> Vec<House> {
    let local =
        |world: &World, realm| Custody::of(LocalCustody::new(world.master_key(), realm, world.entropy()));
    let path = world.master_key();
    let mut houses = vec![House {
        name: "local".to_owned(),
        restart: Box::new(move || {
            let entropy = Arc::new(SeededEntropy::new(77));
            Custody::of(LocalCustody::new(path.clone(), Realm::main(), entropy))
        }),
        foreign: local(elsewhere, Realm::main()),
        realm: local(world, Realm::another()),
        authenticates: true,
        faults: None,
    }];
    for cloud in clouds() {
        for mode in [Mode::Envelope, Mode::Sign] {
            let (cloud, key, other) = (cloud.clone(), cloud.key().await, cloud.key().await);
            houses.push(House {
                name: format!("{mode:?} on {}", cloud.name),
                foreign: cloud.custody(mode, &other, Realm::main()),
                realm: cloud.custody(mode, &key, Realm::another()),
                authenticates: cloud.name != "ministack",
                faults: (cloud.name != "ministack").then(|| cloud.clone()),
                restart: Box::new(move || cloud.custody(mode, &key, Realm::main())),
            });
        }
    }
    houses
}

fn ring_key(alg: Algorithm, new: NewKey) -> RingKey {
    let public = Jwk::new(alg, new.material);
    RingKey {
        kid: public.kid.clone(),
        alg,
        public,
        wrapped: new.wrapped,
        moved: None,
        publish_at: START,
        sign_from: START,
        retire_at: None,
        remove_at: None,
    }
}

fn master(id: u16, wrapped: &str) -> RingMaster {
    RingMaster { id, wrapped: wrapped.to_owned(), moved: None, seal_from: START, remove_at: None }
}

async fn unwrapped(custody: &Custody, name: &str, masters: &[&RingMaster]) -> Vec<Option<[u8; 32]>> {
    let keys = custody.opener.masters(Some(name), masters).await;
    keys.into_iter().map(|key| key.ok().map(|key| *key)).collect()
}

#[tokio::test]
async fn each_makes_keys_that_sign_after_a_restart_and_verify_elsewhere() {
    let (world, elsewhere) = (World::new(), World::new());
    for house in houses(&world, &elsewhere).await {
        let first = (house.restart)();
        let maker = first.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        for alg in Algorithm::ALL {
            let key = ring_key(alg, maker.new_signing_key(Some(&name), alg).await.unwrap());
            assert_eq!(Form::of(&key.wrapped), maker.form(), "{}", house.name);
            for custody in [&first, &(house.restart)()] {
                let signer = custody.opener.signer(Some(&name), &key).await.unwrap();
                assert_eq!((signer.alg(), signer.kid()), (alg, key.kid.as_str()));
                for _ in 0..4 {
                    let token = signed_by(&*signer, &serde_json::json!({ "sub": "someone" })).await;
                    let what = format!("{alg} by {}", house.name);
                    assert!(signatures::decoded(&token, &key.public).is_some(), "{what}");
                    let ours = guard::PublicKey::parse(&key.public).unwrap();
                    assert!(ours.verify(&Compact::parse(&token).unwrap()), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn masters_are_the_same_after_a_restart_and_differ_from_each_other() {
    let (world, elsewhere) = (World::new(), World::new());
    for house in houses(&world, &elsewhere).await {
        let first = (house.restart)();
        let maker = first.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        let one = master(1, &maker.new_master(Some(&name), 1, None).await.unwrap());
        let two = master(2, &maker.new_master(Some(&name), 2, Some(&one)).await.unwrap());
        let three = master(3, &maker.new_master(Some(&name), 3, None).await.unwrap());
        let all = [&one, &two, &three];
        let before = unwrapped(&first, &name, &all).await;
        let distinct: std::collections::BTreeSet<_> = before.iter().map(|key| key.unwrap()).collect();
        assert_eq!(distinct.len(), 3, "{}", house.name);
        assert_eq!(unwrapped(&(house.restart)(), &name, &all).await, before, "{}", house.name);
        // One by one, too, and as another custody's that were moved here.
        let alone = (house.restart)();
        assert_eq!(unwrapped(&alone, &name, &[&two]).await, [before[1]]);
        let moved: Vec<_> =
            [4, 5].into_iter().zip([[4; 32], [5; 32]]).map(|(id, key)| (id, Zeroizing::new(key))).collect();
        let wrapped = maker.wrap_masters(&name, &moved).await.unwrap();
        let [four, five] = [master(4, &wrapped[0]), master(5, &wrapped[1])];
        let keys = unwrapped(&(house.restart)(), &name, &[&four, &five]).await;
        assert_eq!(keys, [Some([4; 32]), Some([5; 32])], "{}", house.name);
    }
}

#[tokio::test]
async fn none_takes_what_is_of_another_key_realm_or_kind() {
    let (world, elsewhere) = (World::new(), World::new());
    elsewhere.open(&policy(ES256)).await;
    for house in houses(&world, &elsewhere).await {
        let custody = (house.restart)();
        let maker = custody.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        let es256 = async || {
            ring_key(Algorithm::ES256, maker.new_signing_key(Some(&name), Algorithm::ES256).await.unwrap())
        };
        let (key, other) = (es256().await, es256().await);
        let wrapped = maker.new_master(Some(&name), 1, None).await.unwrap();
        let refused = async |custody: &Custody, key: &RingKey| {
            let refused = custody.opener.signer(Some(&name), key).await.err();
            let refused = refused.unwrap_or_else(|| panic!("{} signs", house.name));
            assert!(matches!(refused.kind(), SignErrorKind::Corrupt | SignErrorKind::Foreign), "{refused}");
        };
        // The private half of another key of the same ring, and a master in its place.
        refused(&custody, &RingKey { wrapped: other.wrapped.clone(), ..key.clone() }).await;
        refused(&custody, &RingKey { wrapped: wrapped.clone(), ..key.clone() }).await;
        // What stays in KMS is protected by the role's permissions, not by a wrapping.
        if maker.form() != Form::Kept {
            refused(&house.realm, &key).await;
            refused(&house.foreign, &key).await;
            let swapped = unwrapped(&custody, &name, &[&master(1, &key.wrapped)]).await;
            assert_eq!(swapped, [None], "{}: a key is no master", house.name);
        }
        let master = master(1, &wrapped);
        assert_eq!(unwrapped(&house.realm, &name, &[&master]).await, [None], "{}", house.name);
        if !house.authenticates {
            continue;
        }
        assert_eq!(unwrapped(&house.foreign, &name, &[&master]).await, [None], "{}", house.name);
        for at in [wrapped.len() / 2, wrapped.len() - 5] {
            let mut damaged = wrapped.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = self::master(1, &String::from_utf8(damaged).unwrap());
            let kind = custody.opener.masters(Some(&name), &[&damaged]).await.remove(0).err().unwrap().kind();
            assert_eq!(kind, SignErrorKind::Corrupt, "{}", house.name);
        }
    }
}

#[tokio::test]
async fn each_says_whether_it_is_busy_or_unavailable_and_recovers() {
    let (world, elsewhere) = (World::new(), World::new());
    for house in houses(&world, &elsewhere).await {
        let Some(cloud) = &house.faults else { continue };
        let custody = (house.restart)();
        let maker = custody.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        let key =
            ring_key(Algorithm::ES256, maker.new_signing_key(Some(&name), Algorithm::ES256).await.unwrap());
        let master = master(1, &maker.new_master(Some(&name), 1, None).await.unwrap());
        let signer = custody.opener.signer(Some(&name), &key).await.unwrap();
        for (fault, kind) in [
            ("throttled", SignErrorKind::Busy),
            ("internal", SignErrorKind::Unavailable),
            ("unavailable", SignErrorKind::Unavailable),
            ("dropped", SignErrorKind::Unavailable),
            ("lost", SignErrorKind::Unavailable),
        ] {
            cloud.fault("*", fault, None).await;
            let cold = (house.restart)();
            let mut failed = vec![
                ("a name", maker.first_wrapping_key().await.err()),
                ("a key", maker.new_signing_key(Some(&name), Algorithm::ES256).await.err()),
                ("a master", maker.new_master(Some(&name), 2, None).await.err()),
                ("wrapping", maker.wrap_masters(&name, &[(3, Zeroizing::new([3; 32]))]).await.err()),
                ("a signer", cold.opener.signer(Some(&name), &key).await.err()),
                ("masters", cold.opener.masters(Some(&name), &[&master]).await.remove(0).err()),
            ];
            let signed = signer.sign(b"x.y").await;
            if maker.form() == Form::Kept {
                failed.push(("a signature", signed.err()));
            } else {
                assert!(signed.is_ok(), "what is unwrapped signs without KMS");
                failed.push(("an export", cold.opener.export(Some(&name), &key).await.err()));
            }
            for (what, error) in failed {
                let kind_of = error.map(|error| error.kind());
                assert_eq!(kind_of, Some(kind), "{what} while {fault}, by {}", house.name);
            }
            cloud.well().await;
            assert!(cold.opener.signer(Some(&name), &key).await.is_ok(), "{} recovers", house.name);
            assert!(unwrapped(&cold, &name, &[&master]).await[0].is_some(), "{} recovers", house.name);
            assert!(signer.sign(b"x.y").await.is_ok(), "{} recovers", house.name);
        }
    }
}

#[tokio::test]
async fn each_says_that_a_damaged_signing_key_is_corrupt() {
    let (world, elsewhere) = (World::new(), World::new());
    for house in houses(&world, &elsewhere).await {
        let custody = (house.restart)();
        let maker = custody.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        let mut key =
            ring_key(Algorithm::ES256, maker.new_signing_key(Some(&name), Algorithm::ES256).await.unwrap());
        let kind = async |key: &RingKey| {
            custody.opener.signer(Some(&name), key).await.err().map(|error| error.kind())
        };
        if maker.form() == Form::Kept {
            // The name of another key of KMS; one that no key has is refused by KMS.
            let other = maker.new_signing_key(Some(&name), Algorithm::ES256).await.unwrap();
            assert_eq!(
                kind(&RingKey { wrapped: other.wrapped, ..key.clone() }).await,
                Some(SignErrorKind::Corrupt)
            );
            key.wrapped.replace_range(key.wrapped.len() - 4.., "0000");
            assert_eq!(kind(&key).await, Some(SignErrorKind::Denied), "{}", house.name);
            continue;
        }
        let at = key.wrapped.len() / 2;
        let other = if &key.wrapped[at..=at] == "A" { "B" } else { "A" };
        let mut damaged = key.clone();
        damaged.wrapped.replace_range(at..=at, other);
        let cut = RingKey { wrapped: key.wrapped[..at].to_owned(), ..key.clone() };
        assert_eq!(kind(&damaged).await, Some(SignErrorKind::Corrupt), "{}", house.name);
        if house.authenticates {
            assert_eq!(kind(&cut).await, Some(SignErrorKind::Corrupt), "{}", house.name);
        }
    }
}

#[tokio::test]
async fn what_leaves_one_custody_signs_in_another() {
    let (world, elsewhere) = (World::new(), World::new());
    let houses = houses(&world, &elsewhere).await;
    for from in &houses {
        let custody = (from.restart)();
        let maker = custody.maker.as_ref().unwrap();
        let name = maker.first_wrapping_key().await.unwrap();
        let key =
            ring_key(Algorithm::ES256, maker.new_signing_key(Some(&name), Algorithm::ES256).await.unwrap());
        let Some(pkcs8) = custody.opener.export(Some(&name), &key).await.unwrap() else {
            assert_eq!(maker.form(), Form::Kept, "{}", from.name);
            continue;
        };
        for to in &houses {
            let custody = (to.restart)();
            let maker = custody.maker.as_ref().unwrap();
            let name = maker.first_wrapping_key().await.unwrap();
            let wrapped = maker.wrap_signing_key(&name, &key.kid, &pkcs8).await.unwrap();
            let moved = RingKey { wrapped, ..key.clone() };
            let signer = (to.restart)().opener.signer(Some(&name), &moved).await;
            assert!(signer.is_ok(), "from {} to {}", from.name, to.name);
        }
    }
}

#[tokio::test]
async fn a_whole_ring_is_made_rotated_and_read_with_each() {
    let (world, elsewhere) = (World::new(), World::new());
    for house in houses(&world, &elsewhere).await {
        let world = World::new();
        let policy = policy(TWO);
        let keys = world.try_open((house.restart)(), &policy, true).await.unwrap();
        let first = token(&keys).await;
        keys.rotate(RotateWhen::Now { force: true }).await.unwrap();
        assert_ne!(only_active(&keys), None);
        let again = world.try_open((house.restart)(), &policy, false).await.unwrap();
        assert_eq!(accepts(&again, &first), (true, true), "{}", house.name);
        assert_eq!(accepts(&keys, &token(&again).await), (true, true), "{}", house.name);
        let sealed = keys.current().seals().seal(SealKind::Session, b"x", &*world.entropy(), world.now());
        assert!(again.current().seals().open(SealKind::Session, &sealed).is_some(), "{}", house.name);
    }
}

fn only_active(keys: &Keys) -> Option<String> {
    signing(keys, TWO[0])
}

/// KMS answers with each of its refusals; the message names the key, the answer and what to do.
#[tokio::test]
async fn what_kms_refuses_is_named_with_key_answer_and_advice() {
    let cloud = Cloud::local();
    let world = World::new();
    let key = cloud.key().await;
    let open = async |key: &str| {
        world.try_open(cloud.custody(Mode::Envelope, key, Realm::main()), &policy(ES256), true).await
    };
    for (key, answer, advice) in [
        ("alias/nowhere", "NotFoundException", "fix `keys`"),
        ("11111111-2222-3333-4444-555555555555", "NotFoundException", "AWS_REGION"),
    ] {
        let error = open(key).await.err().unwrap();
        assert!(matches!(&error, KeysError::Sign(error) if error.kind() == SignErrorKind::Denied), "{error}");
        let text = error.to_string();
        assert!(text.contains(key) && text.contains(answer) && text.contains(advice), "{text}");
    }
    open(&key).await.unwrap();
    let other = cloud.key().await;
    let text = open(&other).await.err().unwrap().to_string();
    assert!(text.contains("IncorrectKeyException") && text.contains(&format!("wrapped by {key}")), "{text}");
    for (fault, answer, advice) in [("denied", "AccessDeniedException", "kms:Decrypt")] {
        let strict = cloud.caller();
        strict.fault("Decrypt", fault, None).await;
        let custody = strict.custody(Mode::Envelope, &key, Realm::main());
        let text = world.try_open(custody, &policy(ES256), true).await.err().unwrap().to_string();
        assert!(text.contains(answer) && text.contains(advice) && text.contains(&key), "{text}");
    }
    cloud.disable(&key).await;
    let text = open(&key).await.err().unwrap().to_string();
    assert!(text.contains("DisabledException") && text.contains("enable-key"), "{text}");
    cloud.schedule_deletion(&key).await;
    let text = open(&key).await.err().unwrap().to_string();
    assert!(text.contains("KMSInvalidStateException") && text.contains("cancel-key-deletion"), "{text}");
}
