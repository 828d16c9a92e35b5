//! The first ring, and starting on an existing one.

use super::*;
use std::fs;

async fn open_local(world: &World, create: bool) -> Result<Arc<Keys>, KeysError> {
    world.try_open(world.custody(), &policy(ES256), create).await
}

#[tokio::test]
async fn the_first_ring_has_what_signs_and_its_successor_for_each_algorithm() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    for alg in TWO {
        let of_alg: Vec<_> = listed(&keys, START).into_iter().filter(|key| key.alg == *alg).collect();
        let [active, pending] = of_alg.as_slice() else { panic!("{of_alg:?}") };
        let states = (active.state, pending.state);
        assert_eq!(states, (KeyState::Active, KeyState::Pending));
        assert_eq!((active.publish_at, pending.publish_at), (START, START));
        assert_eq!((active.sign_from, pending.sign_from), (START, START.plus(30 * DAY)));
        let ends = (active.retire_at, active.remove_at);
        assert_eq!(ends, (Some(START.plus(30 * DAY)), Some(START.plus(32 * DAY))));
        assert_eq!((pending.retire_at, pending.remove_at), (None, None));
        assert_eq!(signing(&keys, *alg).as_ref(), Some(&active.kid));
    }
    let default = keys.current().signer(None, START).unwrap().alg();
    assert_eq!(default, TWO[0], "the first of the settings");
    assert_eq!(keys.current().generation(), protocol::generation::Generation::default());
    assert_eq!(keys.current().version(), 1);
}

#[tokio::test]
async fn a_second_process_opens_the_same_ring() {
    let world = World::new();
    let (first, second) = (world.open(&policy(TWO)).await, world.open(&policy(TWO)).await);
    assert_eq!(listed(&first, START), listed(&second, START));
    assert_eq!(accepts(&second, &token(&first).await), (true, true));
    let sealed = first.current().seals().seal(SealKind::Session, b"text", &*world.entropy(), START);
    assert_eq!(*second.current().seals().open(SealKind::Session, &sealed).unwrap().plaintext, b"text");
}

#[tokio::test]
async fn two_processes_that_start_at_once_make_one_ring() {
    let world = World::new();
    let (first, second) = tokio::join!(open_local(&world, true), open_local(&world, true));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(listed(&first, START), listed(&second, START));
    assert_eq!(accepts(&second, &token(&first).await), (true, true));
    assert_eq!(world.stored().await.0, 1);
    assert_eq!(fs::read_dir(world.folder.path().join("keys")).unwrap().count(), 1, "no draft is left");
}

#[tokio::test]
async fn no_ring_is_made_unasked() {
    let world = World::new();
    assert!(matches!(open_local(&world, false).await, Err(KeysError::NoRing)));
    let may_not = world.custody_without_maker();
    assert!(matches!(world.try_open(may_not, &policy(ES256), true).await, Err(KeysError::NoRing)));
    assert!(world.store.ring(RingDocument::Ring).await.unwrap().is_none());
    assert!(!world.master_key().exists());
}

#[cfg(unix)]
#[tokio::test]
async fn the_master_key_file_is_the_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.open(&policy(ES256)).await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.master_key()), 0o600);
    assert_eq!(
        mode(world.master_key().parent().unwrap()),
        0o700,
        "so is the folder, where it had to be made"
    );
    let text = fs::read_to_string(world.master_key()).unwrap();
    assert!(protocol::base64url::decode_array::<32>(text.trim_end()).is_some(), "32 bytes in one line");
}

#[tokio::test]
async fn a_master_key_file_that_is_there_is_used_and_stays_as_it_is() {
    let world = World::new();
    fs::create_dir(world.folder.path().join("keys")).unwrap();
    let text = format!("{}\n", "A".repeat(43));
    fs::write(world.master_key(), &text).unwrap();
    world.open(&policy(ES256)).await;
    assert_eq!(fs::read_to_string(world.master_key()).unwrap(), text);
}

#[tokio::test]
async fn a_missing_master_key_beside_a_ring_refuses_and_makes_none() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    fs::remove_file(world.master_key()).unwrap();
    let before = world.stored().await;
    let error = open_local(&world, true).await.err().unwrap();
    assert!(matches!(&error, KeysError::MissingMasterKey(path) if *path == world.master_key()), "{error}");
    assert!(error.to_string().contains("restore the file from its backup"), "{error}");
    assert!(!world.master_key().exists());
    assert_eq!(world.stored().await, before);
}

#[tokio::test]
async fn another_master_key_refuses() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    fs::write(world.master_key(), "A".repeat(43)).unwrap();
    let error = open_local(&world, true).await.err().unwrap();
    assert!(matches!(&error, KeysError::Sign(error) if error.kind() == SignErrorKind::Foreign), "{error}");
    assert!(error.to_string().contains("does not open with this master key file"), "{error}");
}

#[tokio::test]
async fn what_is_no_master_key_refuses_and_names_the_file() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let short = "A".repeat(42);
    for text in ["", "\n", &short, &format!("{short}="), &format!("{short}B"), &"A".repeat(44)] {
        fs::write(world.master_key(), text).unwrap();
        let error = open_local(&world, true).await.err().unwrap();
        let kind = matches!(&error, KeysError::Sign(error) if error.kind() == SignErrorKind::Denied);
        assert!(kind && error.to_string().contains("master.key"), "{text:?}: {error}");
    }
}

#[tokio::test]
async fn a_damaged_ring_is_corrupt_and_never_replaced() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let good = world.stored().await.1.to_text().unwrap();
    let newer = "{\"format\":2,\"segments\":[]}";
    let damaged_key = good.replacen("\"crv\":\"P-256\"", "\"crv\":\"P-384\"", 1);
    let no_masters = {
        let mut ring = Ring::parse(&good).unwrap();
        ring.masters.clear();
        ring.to_text().unwrap()
    };
    for (text, what) in [
        ("", "no version"),
        ("{}", "no version"),
        ("[]", "no version"),
        (&good[..good.len() / 2], "no version"),
        ("{\"format\":1}", "damaged"),
        (&good.replace("\"ES256\"", "\"ES999\""), "damaged"),
        (&damaged_key, "a public key is damaged"),
        (&no_masters, "no sealing master"),
        (newer, "newer version"),
        (&good.replace("\"format\":1", "\"format\":2"), "newer version"),
    ] {
        world.put(RingDocument::Ring, text).await;
        let error = open_local(&world, true).await.err().unwrap();
        assert!(
            matches!(error, KeysError::Corrupt(_) | KeysError::Newer) && error.to_string().contains(what),
            "{text}: {error}"
        );
        assert_eq!(world.store.ring(RingDocument::Ring).await.unwrap().unwrap().body, text);
    }
    world.put(RingDocument::Ring, &good).await;
    // Public keys of the past, which verify hints only: damaged, they are in nobody's way, and not replaced either.
    for text in ["", "{\"format\":1}"] {
        world.put(RingDocument::RetiredKeys, text).await;
        open_local(&world, true).await.unwrap().maintain().await.unwrap();
        assert_eq!(world.store.ring(RingDocument::RetiredKeys).await.unwrap().unwrap().body, text);
    }
    world.put(RingDocument::RetiredKeys, "{\"format\":2,\"keys\":[]}").await;
    assert!(matches!(open_local(&world, true).await, Err(KeysError::Newer)));
    world.put(RingDocument::RetiredKeys, "{\"format\":1,\"keys\":[]}").await;
    assert!(open_local(&world, true).await.is_ok());
}

#[tokio::test]
async fn what_is_wrapped_for_one_purpose_unwraps_for_no_other() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let (_, ring) = world.stored().await;
    let (custody, wrapping_key) = (world.local(), ring.wrapping_key.as_deref());
    let corrupt = |error: SignError| error.kind() == SignErrorKind::Corrupt;
    let renumbered = RingMaster { id: 2, ..ring.masters[0].clone() };
    assert!(custody.masters(wrapping_key, &[&renumbered]).await.remove(0).is_err_and(corrupt));
    let key_as_master = RingMaster { wrapped: ring.keys[0].wrapped.clone(), ..ring.masters[0].clone() };
    assert!(custody.masters(wrapping_key, &[&key_as_master]).await.remove(0).is_err_and(corrupt));
    // Even where the names agree.
    let master_as_key =
        RingKey { kid: "1".into(), wrapped: ring.masters[0].wrapped.clone(), ..ring.keys[0].clone() };
    let error = custody.signer(wrapping_key, &master_as_key).await.err().unwrap();
    assert!(error.to_string().contains("does not open"), "{error}");
    let other_key = RingKey { wrapped: ring.keys[1].wrapped.clone(), ..ring.keys[0].clone() };
    assert!(custody.signer(wrapping_key, &other_key).await.is_err_and(corrupt));
    for cut in [0, 1, 16, ring.keys[0].wrapped.len() - 1] {
        let cut = RingKey { wrapped: ring.keys[0].wrapped[..cut].to_owned(), ..ring.keys[0].clone() };
        assert!(custody.signer(wrapping_key, &cut).await.is_err_and(corrupt));
    }
    let private = world.stored().await.1.to_text().unwrap();
    assert!(!format!("{keys:?}", keys = keys.current()).contains(&ring.keys[0].wrapped));
    assert!(!private.contains("\"d\""));
}
