//! KMS keys that nothing uses any more cost a dollar a month each: every change that leaves some names them in the log.

use super::kms_world::{Cloud, Place, clouds};
use super::*;
use crate::kms::Mode;
use crate::ring::RetiredKeys;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;

/// What was logged on this thread since it was made.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // Without a subscriber for all threads, a test on another thread that has none could be the first to log something,
        // and `tracing` would take it that nobody wants it.
        let everywhere = tracing_subscriber::fmt().with_writer(std::io::sink).finish();
        let _set_before = tracing::subscriber::set_global_default(everywhere);
        let log = Self::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    /// The keys that it says nothing uses; none is named twice.
    fn unused(&self) -> BTreeSet<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains("nothing uses this KMS key any more"));
        let named: Vec<_> =
            lines.filter_map(|line| line.split(" key=\"").nth(1)?.split('"').next()).collect();
        let distinct: BTreeSet<_> = named.iter().map(|arn| (*arn).to_owned()).collect();
        assert_eq!(distinct.len(), named.len(), "{text}");
        distinct
    }

    fn says(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.0.lock().unwrap()).contains(words)
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The KMS keys that sign for a ring, or will.
async fn used(world: &World) -> BTreeSet<String> {
    let (_, ring) = world.stored().await;
    ring.keys.iter().filter_map(|key| kept_key(&key.wrapped)).map(str::to_owned).collect()
}

async fn started() -> (World, Place, Arc<Keys>) {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let place = Place::Kms(cloud, Mode::Sign, key);
    let keys = world.try_open(place.custody(), &policy(TWO), true).await.unwrap();
    (world, place, keys)
}

#[tokio::test]
async fn a_key_that_leaves_the_ring_after_its_retirement_is_named() {
    let (world, _, keys) = started().await;
    let first = used(&world).await;
    let (log, _guard) = Log::start();
    let mut reported = 0;
    for _ in 0..100 {
        world.advance(DAY);
        keys.tick().await.unwrap();
        let now_used = used(&world).await;
        assert!(log.unused().is_disjoint(&now_used), "each is in use");
        reported = reported.max(log.unused().len());
    }
    let left: BTreeSet<_> = first.difference(&used(&world).await).cloned().collect();
    assert!(reported >= 4 && left.is_subset(&log.unused()), "{left:?}");
}

#[tokio::test]
async fn a_revoked_key_is_named() {
    let (world, _, keys) = started().await;
    world.advance(HOUR);
    let before = used(&world).await;
    let (log, _guard) = Log::start();
    keys.revoke(&signing(&keys, TWO[0]).unwrap(), false).await.unwrap();
    let gone: BTreeSet<_> = before.difference(&used(&world).await).cloned().collect();
    assert_eq!((log.unused(), gone.len()), (gone, 1));
}

#[tokio::test]
async fn a_pending_key_of_an_algorithm_that_left_the_settings_is_named() {
    let (world, place, _) = started().await;
    let before = used(&world).await;
    let fewer = world.try_open(place.custody(), &policy(ES256), true).await.unwrap();
    world.advance(HOUR);
    let (log, _guard) = Log::start();
    fewer.tick().await.unwrap();
    let gone: BTreeSet<_> = before.difference(&used(&world).await).cloned().collect();
    assert_eq!((log.unused(), gone.len()), (gone, 1));
}

#[tokio::test]
async fn of_two_processes_that_make_the_first_keys_one_makes_no_key_in_kms() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.caller().key().await;
    let (log, _guard) = Log::start();
    let policy = policy(TWO);
    let open = || world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy, true);
    let (one, other) = tokio::join!(open(), open());
    one.and(other).unwrap();
    let made = cloud.calls().await["CreateKey"] as usize;
    let (used, unused) = (used(&world).await, log.unused());
    assert_eq!((used.len(), unused), (made, BTreeSet::new()));
}

#[tokio::test]
async fn keys_of_a_change_that_failed_half_way_are_named() {
    for (what, made) in [("GetPublicKey", 1), ("GenerateDataKeyWithoutPlaintext", TWO.len())] {
        let (world, cloud) = (World::new(), Cloud::local());
        let key = cloud.caller().key().await;
        let keys = world.try_open(cloud.custody(Mode::Sign, &key, Realm::main()), &policy(TWO), true).await;
        world.advance(HOUR);
        let (before, (log, _guard)) = (used(&world).await, Log::start());
        cloud.calls().await;
        cloud.fault(what, "denied", None).await;
        assert!(keys.unwrap().rotate(RotateWhen::Now { force: false }).await.is_err());
        assert_eq!(cloud.calls().await["CreateKey"] as usize, made);
        assert_eq!((log.unused().len(), used(&world).await), (made, before), "{what}");
        assert!(log.unused().is_disjoint(&used(&world).await));
    }
}

#[tokio::test]
async fn of_a_creation_whose_answer_is_lost_there_is_no_second_one_and_the_log_says_how_to_find_the_key() {
    let (world, place, keys) = started().await;
    let Place::Kms(cloud, ..) = &place else { panic!("not in KMS") };
    world.advance(HOUR);
    let rotate = || keys.rotate(RotateWhen::Now { force: false });
    for (fault, is_made) in [("lost", true), ("internal", true), ("denied", false), ("dropped", true)] {
        let (log, _guard) = Log::start();
        cloud.calls().await;
        cloud.fault("CreateKey", fault, None).await;
        assert!(rotate().await.is_err(), "{fault}");
        cloud.well().await;
        assert_eq!(cloud.calls().await["CreateKey"], 1, "{fault}");
        assert_eq!(log.says("only those that `keyward keys list` shows are in use"), is_made, "{fault}");
    }
    // KMS makes nothing of what it throttles.
    let (log, _guard) = Log::start();
    cloud.fault("CreateKey", "throttled", Some(2)).await;
    rotate().await.unwrap();
    assert_eq!(cloud.calls().await["CreateKey"] as usize, 2 + TWO.len());
    assert!(!log.says("keys list"));
}

#[tokio::test]
async fn a_new_key_that_kms_does_not_find_at_once_is_looked_for_again() {
    let (world, place, keys) = started().await;
    let Place::Kms(cloud, ..) = &place else { panic!("not in KMS") };
    world.advance(HOUR);
    cloud.calls().await;
    cloud.fault("GetPublicKey", "missing", Some(4)).await;
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    let calls = cloud.calls().await;
    assert_eq!((calls["CreateKey"], calls["GetPublicKey"]), (2, 4 + 2));
}

#[tokio::test]
async fn keys_that_a_move_leaves_behind_are_named() {
    let (world, kms, keys) = started().await;
    let folder = TempDir::new().unwrap();
    let file = Place::File(folder.path().join("master.key"));
    let (log, _guard) = Log::start();
    let mut ever = used(&world).await;
    let step = async |from: &Place, to: &Place, restarted| {
        let (from, to) = (from.custody(), to.custody());
        world.rotator(to.clone()).step_move(&*from.opener, &*to.opener, restarted).await.unwrap()
    };
    let Moved::Begun { restart_from: Some(at) } = step(&kms, &file, false).await else { panic!("not begun") };
    ever.extend(used(&world).await);
    world.clock.set(at.plus(MINUTE));
    keys.refresh().await.unwrap();
    assert!(matches!(step(&file, &file, true).await, Moved::Ended(_)));
    // What still verifies tokens stays until its removal.
    let moved = world.try_open(file.custody(), &policy(TWO), false).await.unwrap();
    for _ in 0..4 {
        world.advance(DAY);
        moved.tick().await.unwrap();
        assert!(log.unused().is_disjoint(&used(&world).await));
    }
    assert_eq!((log.unused(), used(&world).await), (ever, BTreeSet::new()));
}

#[tokio::test]
async fn after_a_rotation_that_was_cut_off_the_next_one_says_how_to_find_its_keys() {
    let (world, place, keys) = started().await;
    let (_, mut ring) = world.stored().await;
    ring.claimed_at = Some(world.now());
    let text = ring.to_text().unwrap();
    world.put(RingDocument::Ring, &text).await;
    let (log, _guard) = Log::start();
    world.advance(31 * DAY);
    drop(keys);
    assert_eq!(world.rotator(place.custody()).run().await.unwrap(), Run::Rotated);
    let id = ring.wrapping_key.as_deref().unwrap().rsplit('/').next().unwrap();
    assert!(log.says(&format!("keyward-purpose=signing-key and keyward-wrapping-key={id}")));
    for arn in ring.keys.iter().filter_map(|key| kept_key(&key.wrapped)) {
        assert!(log.says(arn), "it is in use");
    }
}

#[tokio::test]
async fn after_first_keys_that_were_cut_off_the_next_process_says_how_to_find_theirs() {
    let (world, cloud) = (World::new(), Cloud::local());
    let key = cloud.key().await;
    let begun = RetiredKeys { claimed_at: Some(world.now().minus(HOUR)), ..RetiredKeys::empty() };
    world.put(RingDocument::RetiredKeys, &begun.to_text().unwrap()).await;
    let (log, _guard) = Log::start();
    let rotator = world.rotator(cloud.custody(Mode::Sign, &key, Realm::main()));
    assert_eq!(rotator.run().await.unwrap(), Run::First);
    assert!(log.says(&format!("keyward-wrapping-key={}, only", key.rsplit('/').next().unwrap())));
    for arn in used(&world).await {
        assert!(log.says(&arn), "it is in use");
    }
}

#[tokio::test]
async fn the_tags_of_a_key_name_its_ring_however_the_setting_names_the_wrapping_key() {
    for cloud in clouds() {
        let world = World::new();
        let (key, other) = (cloud.key().await, cloud.key().await);
        let alias = cloud.alias(&key).await;
        let rotator = world.rotator(cloud.custody(Mode::Sign, &alias, Realm::main()));
        rotator.run().await.unwrap();
        rotator.rotate(RotateWhen::Now { force: true }).await.unwrap();
        let tags = |key: &str| {
            let id = key.rsplit('/').next().unwrap();
            [("keyward-realm", "main"), ("keyward-purpose", "signing-key"), ("keyward-wrapping-key", id)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let arns = used(&world).await;
        assert_eq!(arns.len(), 3 * TWO.len());
        for arn in &arns {
            assert_eq!(cloud.tags(arn).await, tags(&key).into(), "{}", cloud.name);
        }
        // During a move a new key belongs to the new wrapping key.
        let custody = |key: &str| cloud.custody(Mode::Sign, key, Realm::main());
        let (from, to) = (custody(&key), custody(&other));
        let mover = world.rotator(to.clone());
        mover.step_move(&*from.opener, &*to.opener, false).await.unwrap();
        mover.step_move(&*to.opener, &*to.opener, true).await.unwrap();
        let new: Vec<_> = used(&world).await.difference(&arns).cloned().collect();
        for arn in &new {
            assert_eq!(cloud.tags(arn).await, tags(&other).into(), "{}", cloud.name);
        }
        assert_eq!(new.len(), TWO.len());
        // A maker that no ring has told the ARN.
        let maker = custody(&cloud.alias(&other).await).maker.unwrap();
        let made = maker.new_signing_key(None, Algorithm::ES256).await.unwrap();
        assert_eq!(cloud.tags(kept_key(&made.wrapped).unwrap()).await, tags(&other).into());
    }
}
