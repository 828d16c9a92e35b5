//! KMS as the custody: which calls each process makes, and what happens while KMS is away.

use super::kms_world::Cloud;
use super::*;
use crate::ceiling::Ceiling;
use crate::kms::Mode;
use crate::kms::meter::{CALLS, Meter, Outcome};
use std::collections::BTreeMap;

fn calls(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// A ring in which the keys have rotated often.
async fn rotated(world: &World, cloud: &Cloud, mode: Mode, key: &str) -> Arc<Keys> {
    let keys = world.try_open(cloud.custody(mode, key, Realm::main()), &policy(TWO), true).await.unwrap();
    for _ in 0..24 {
        world.advance(15 * DAY);
        keys.tick().await.unwrap();
        keys.refresh().await.unwrap();
    }
    keys
}

#[tokio::test]
async fn an_envelope_costs_one_call_for_each_algorithm_and_one_for_the_masters_and_none_for_a_token() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let old = rotated(&world, &cloud, Mode::Envelope, &key).await;
    assert!(world.stored().await.1.masters.len() > 3, "several masters are in use");
    let cold = cloud.caller();
    let keys =
        world.try_open(cold.custody(Mode::Envelope, &key, Realm::main()), &policy(TWO), false).await.unwrap();
    assert_eq!(cold.calls().await, calls(&[("Decrypt", TWO.len() as u64 + 1)]));
    for _ in 0..50 {
        assert_eq!(accepts(&old, &token(&keys).await), (true, true));
    }
    world.advance(MINUTE);
    keys.refresh().await.unwrap();
    assert_eq!(cold.calls().await, calls(&[]));
}

#[tokio::test]
async fn keys_that_stay_in_kms_cost_a_cold_start_one_signature_each_and_one_call_for_the_masters() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    rotated(&world, &cloud, Mode::Sign, &key).await;
    let cold = cloud.caller();
    let custody = cold.custody(Mode::Sign, &key, Realm::main());
    world.try_open(custody, &policy(TWO), false).await.unwrap();
    assert_eq!(cold.calls().await, calls(&[("Decrypt", 1), ("Sign", TWO.len() as u64)]));
}

#[tokio::test]
async fn a_rotation_decrypts_nothing_and_a_process_that_signs_makes_nothing() {
    for (mode, made) in [(Mode::Envelope, "GenerateDataKeyPairWithoutPlaintext"), (Mode::Sign, "CreateKey")] {
        let (world, cloud) = (World::new(), Cloud::local());
        let key = cloud.key().await;
        let (rotates, signs) = (cloud.caller(), cloud.caller());
        let rotator = world.rotator(rotates.custody(mode, &key, Realm::main()));
        assert_eq!(rotator.run().await.unwrap(), Run::First);
        let first = rotates.calls().await;
        assert_eq!(first.get(made), Some(&4), "{first:?}");
        world.advance(31 * DAY);
        assert_eq!(rotator.run().await.unwrap(), Run::Rotated);
        assert_eq!(rotator.run().await.unwrap(), Run::Nothing);
        let made_now = rotates.calls().await;
        assert!(
            made_now.keys().chain(first.keys()).all(|call| call != "Decrypt" && call != "Sign"),
            "{made_now:?}"
        );
        assert_eq!(made_now.get("GenerateDataKeyWithoutPlaintext"), None, "the new master shares its source");
        let custody = Custody { maker: None, ..signs.custody(mode, &key, Realm::main()) };
        let keys = world.try_open(custody, &policy(TWO), true).await.unwrap();
        world.advance(HOUR);
        keys.tick().await.unwrap();
        token(&keys).await;
        let made = signs.calls().await;
        assert!(made.keys().all(|call| call == "Decrypt" || call == "Sign"), "{made:?}");
    }
}

#[tokio::test]
async fn a_key_that_stays_in_kms_signs_by_one_call_for_a_token() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let keys =
        world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy(TWO), true).await.unwrap();
    cloud.calls().await;
    for _ in 0..20 {
        token(&keys).await;
    }
    assert_eq!(cloud.calls().await, calls(&[("Sign", 20)]));
}

#[tokio::test]
async fn fifty_rotations_at_once_make_one_and_no_key_too_many() {
    for mode in [Mode::Envelope, Mode::Sign] {
        let (world, cloud) = (World::new(), Cloud::local());
        let key = cloud.key().await;
        world.rotator(cloud.custody(mode, &key, Realm::main())).run().await.unwrap();
        let before = world.stored().await.1.keys.len();
        world.advance(31 * DAY);
        cloud.calls().await;
        let rotators: Vec<_> =
            (0..50).map(|_| world.rotator(cloud.custody(mode, &key, Realm::main()))).collect();
        let runs: Vec<_> =
            rotators.into_iter().map(|one| tokio::spawn(async move { one.run().await.unwrap() })).collect();
        let mut won = 0;
        for run in runs {
            won += u32::from(run.await.unwrap() == Run::Rotated);
        }
        assert_eq!(won, 1, "{mode:?}");
        assert_eq!(world.stored().await.1.keys.len(), before + TWO.len(), "{mode:?}");
        if mode == Mode::Sign {
            assert_eq!(cloud.calls().await.get("CreateKey"), Some(&(TWO.len() as u64)));
        }
    }
}

#[tokio::test]
async fn n230_while_kms_is_away_warm_processes_sign_and_cold_ones_serve_the_public_keys() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let warm = rotated(&world, &cloud, Mode::Envelope, &key).await;
    for kind in ["throttled", "internal", "unavailable", "dropped", "lost"] {
        let cold = cloud.caller();
        cold.fault("*", kind, None).await;
        let custody = cold.custody(Mode::Envelope, &key, Realm::main());
        let keys = world.try_open(custody, &policy(TWO), false).await.unwrap();
        assert!(matches!(keys.fresh().await, Err(KeysError::Locked(_))), "{kind}");
        assert_eq!(
            keys.published().await.unwrap().jwks(world.now()),
            warm.current().jwks(world.now()),
            "{kind}"
        );
        cold.well().await;
        world.advance(RETRY_SOON);
        let snapshot = keys.fresh().await.unwrap();
        assert!(snapshot.can_sign(world.now()).is_ok(), "{kind}");
        assert_eq!(accepts(&warm, &token(&keys).await), (true, true));
    }
    cloud.fault("*", "unavailable", None).await;
    for _ in 0..60 {
        world.advance(HOUR);
        let _ = warm.tick().await;
        warm.fresh().await.unwrap();
        assert_eq!(accepts(&warm, &token(&warm).await), (true, true));
    }
}

#[tokio::test]
async fn a_throttled_kms_is_busy_and_the_check_of_a_key_takes_nothing_from_the_ceiling() {
    let (world, cloud) = (World::new(), Cloud::local());
    let (key, clock) = (cloud.key().await, Arc::<FakeClock>::clone(&world.clock));
    let custody = cloud.custody_with(Mode::Sign, &key, Realm::main(), Ceiling::new(2, clock));
    let keys = world.try_open(custody, &policy(ES256), true).await.unwrap();
    let signer = keys.current().signer(None, START).cloned().unwrap();
    assert_eq!(signer.ceiling().unwrap().take(2), Ok(()));
    assert!(signer.ceiling().unwrap().take(1).is_err());
    cloud.fault("Sign", "throttled", None).await;
    assert_eq!(signer.sign(b"x.y").await.err().map(|error| error.kind()), Some(SignErrorKind::Busy));
}

#[tokio::test]
async fn a_key_whose_last_signature_failed_is_checked_again_before_it_counts_as_ready() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let keys =
        world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy(ES256), true).await.unwrap();
    let signer = keys.current().signer(None, START).cloned().unwrap();
    cloud.calls().await;
    assert!(signer.check().await.is_ok());
    assert_eq!(cloud.calls().await, calls(&[]), "while all is well, no call");
    cloud.fault("Sign", "denied", None).await;
    assert!(signer.sign(b"x.y").await.is_err());
    assert_eq!(signer.check().await.err().map(|error| error.kind()), Some(SignErrorKind::Denied));
    cloud.well().await;
    assert!(signer.check().await.is_ok());
    cloud.calls().await;
    assert!(signer.check().await.is_ok());
    assert_eq!(cloud.calls().await, calls(&[]));
}

#[tokio::test]
async fn a_process_is_made_without_a_call_and_without_what_calls_need() {
    // No region and no credentials are known to this test, and none is looked for.
    let environment = storage::aws::Environment::default();
    let entropy = Arc::new(entropy::SystemEntropy);
    let made =
        crate::kms::KmsMaker::new(environment.clone(), "alias/k", Mode::Envelope, Realm::main(), entropy);
    let ceiling = Ceiling::new(2, Arc::new(FakeClock::new(START)));
    crate::kms::KmsOpener::new(environment, "alias/k", Realm::main(), ceiling);
    assert_eq!(made.form(), Form::Encrypted);
}

#[tokio::test]
async fn a_message_too_long_for_eddsa_by_kms_is_refused_before_it_is_sent() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let algs = &[Algorithm::EdDSA];
    let keys =
        world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy(algs), true).await.unwrap();
    let signer = keys.current().signer(None, START).cloned().unwrap();
    cloud.calls().await;
    assert!(signer.sign(&[b'a'; 4096]).await.is_ok());
    let error = signer.sign(&[b'a'; 4097]).await.err().unwrap();
    assert!(error.to_string().contains("4096"), "{error}");
    assert_eq!(cloud.calls().await, calls(&[("Sign", 1)]));
}

#[tokio::test]
async fn n230_a_key_that_kms_stops_using_gives_no_signature_until_it_is_back() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let keys =
        world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy(ES256), true).await.unwrap();
    let signer = keys.current().signer(None, START).cloned().unwrap();
    for (fault, kind) in [
        ("denied", SignErrorKind::Denied),
        ("throttled", SignErrorKind::Busy),
        ("internal", SignErrorKind::Unavailable),
        ("dropped", SignErrorKind::Unavailable),
    ] {
        cloud.fault("Sign", fault, None).await;
        assert_eq!(signer.sign(b"x.y").await.err().map(|error| error.kind()), Some(kind), "{fault}");
        assert_eq!(published(&keys).len(), 2, "{fault}");
        cloud.well().await;
        assert!(signer.sign(b"x.y").await.is_ok(), "{fault}");
    }
}

/// What was noted: call and outcome.
#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<(&'static str, Outcome)>>);

impl Meter for Notes {
    fn note(&self, call: &'static str, _: Duration, outcome: Outcome) {
        assert!(CALLS.contains(&call), "{call}");
        self.0.lock().unwrap().push((call, outcome));
    }
}

#[tokio::test]
async fn every_call_is_noted_once_with_how_it_ended() {
    let (world, cloud, notes) = (World::new(), Cloud::local(), Arc::new(Notes::default()));
    let key = cloud.key().await;
    let noted = || std::mem::take(&mut *notes.0.lock().unwrap());
    let custody = |mode| cloud.measured(mode, &key, notes.clone());
    world.rotator(custody(Mode::Envelope)).run().await.unwrap();
    let made: BTreeMap<_, _> = noted().into_iter().collect();
    let expected = ["GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext"];
    assert_eq!(made, expected.into_iter().map(|call| (call, Outcome::Ok)).collect());
    for (kind, times, outcome) in [
        ("throttled", None, Outcome::Throttled),
        // The second try succeeds.
        ("throttled", Some(1), Outcome::Ok),
        ("internal", None, Outcome::Unavailable),
        ("slow", None, Outcome::TimedOut),
    ] {
        cloud.fault("Decrypt", kind, times).await;
        let _opened = world.try_open(custody(Mode::Envelope), &policy(TWO), false).await;
        cloud.well().await;
        let noted = noted();
        assert!(noted.contains(&("Decrypt", outcome)), "{kind}: {noted:?}");
        assert!(noted.iter().all(|(call, _)| *call == "Decrypt"), "{noted:?}");
    }
    cloud.disable(&key).await;
    let _refused = world.try_open(custody(Mode::Envelope), &policy(TWO), false).await;
    assert!(noted().contains(&("Decrypt", Outcome::Refused)));
}
