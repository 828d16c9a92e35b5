//! N-253: the master key file is replaced. Wherever the command is interrupted, the file that the ring names unwraps
//! everything, and the same command continues from there.

use super::master_file::{MasterKeyFile, successor, with_suffix};
use super::rewrap::{finish, prepare};
use super::*;
use std::fs;
use std::path::Path;

/// Whether every key and seal of the ring opens with this file.
async fn opens_all(world: &World, path: &Path) -> bool {
    let ring = world.stored().await.1;
    let custody = LocalCustody::new(path, Realm::main(), world.entropy());
    // By the file alone, whatever the ring says.
    let name = MasterKeyFile::read(path).ok().map(|file| file.name);
    let mut opened = Vec::new();
    for key in &ring.keys {
        opened.push(custody.signer(name.as_deref(), key).await.is_ok());
    }
    for master in &ring.masters {
        opened.push(custody.masters(name.as_deref(), &[master]).await[0].is_ok());
    }
    assert!(opened.iter().all(|one| *one == opened[0]), "some do and some don't: {opened:?}");
    opened[0]
}

/// The files in the folder, besides drafts.
async fn assert_opens_with_one(world: &World, files: [&Path; 2], sealed: &[u8]) {
    let named = world.stored().await.1.wrapping_key;
    let mut opening = Vec::new();
    for file in files.into_iter().filter(|file| file.exists()) {
        let opens = opens_all(world, file).await;
        assert_eq!(
            opens,
            MasterKeyFile::read(file).unwrap().name == *named.as_ref().unwrap(),
            "{}",
            file.display()
        );
        opening.push(opens);
    }
    assert_eq!(opening.iter().filter(|opens| **opens).count(), 1, "exactly one of the two");
    // A server that starts now, by the setting alone.
    let keys = world.try_open(world.custody(), &policy(TWO), false).await.unwrap();
    assert!(keys.current().seals().open(SealKind::Session, sealed).is_some());
    for alg in TWO {
        assert!(signing(&keys, *alg).is_some());
    }
}

struct Stage {
    world: World,
    new: PathBuf,
    sealed: Vec<u8>,
    /// A server that runs throughout.
    server: Arc<Keys>,
}

async fn stage() -> Stage {
    let world = World::new();
    let server = world.open(&policy(TWO)).await;
    world.advance(31 * DAY);
    server.tick().await.unwrap();
    world.advance(HOUR);
    server.fresh().await.unwrap();
    let new = world.folder.path().join("elsewhere").join("new.key");
    let sealed = server.current().seals().seal(SealKind::Session, b"x", &*world.entropy(), START);
    Stage { world, new, sealed, server }
}

/// Runs the command up to a step and drops it there, as if the process were killed.
async fn command(stage: &Stage, steps: usize) -> Result<(), KeysError> {
    let Stage { world, new, .. } = stage;
    let (path, entropy) = (world.master_key(), world.entropy());
    if steps == 0 {
        MasterKeyFile::read_or_make(new, &*entropy).unwrap();
        return Ok(());
    }
    let wrapping_key = prepare(&*world.store, &path, new, &*entropy).await?;
    if steps == 1 {
        return Ok(());
    }
    world.rotator(world.custody()).rewrap(&world.local(), &wrapping_key.name).await?;
    if (3..=4).contains(&steps) {
        // Half of the last step: the former file is kept, and then the new one is in its place, too.
        let former = MasterKeyFile::read(&path).unwrap().name;
        fs::hard_link(&path, with_suffix(&path, &former)).unwrap();
        if steps == 4 {
            fs::rename(successor(&path), &path).unwrap();
        }
    }
    if steps < 5 {
        return Ok(());
    }
    finish(&path, &wrapping_key, &*entropy).map(drop)
}

#[tokio::test]
async fn n253_stopped_after_any_step_every_key_opens_and_the_command_goes_on() {
    for steps in 0..=5 {
        let stage = stage().await;
        let (world, path) = (&stage.world, stage.world.master_key());
        let (old_bytes, old_ring) = (fs::read_to_string(&path).unwrap(), world.stored().await.1);
        command(&stage, steps).await.unwrap();
        let next = successor(&path);
        let former = with_suffix(&path, old_ring.wrapping_key.as_ref().unwrap());
        let other = [&next, &former].into_iter().find(|file| file.exists()).unwrap_or(&stage.new);
        assert_opens_with_one(world, [&path, other], &stage.sealed).await;
        // The server continues, and what it makes in between is wrapped like the rest.
        world.advance(MINUTE);
        stage.server.fresh().await.unwrap();
        stage.server.rotate(RotateWhen::Now { force: true }).await.unwrap();
        assert_opens_with_one(world, [&path, other], &stage.sealed).await;
        command(&stage, 9).await.unwrap();
        assert!(opens_all(world, &path).await && !next.exists());
        assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(&stage.new).unwrap());
        let ring = world.stored().await.1;
        for key in &old_ring.keys {
            assert!(ring.keys.iter().any(|kept| kept.public == key.public && kept.wrapped != key.wrapped));
        }
        // What leaked with the former file seals nothing new.
        world.advance(MASTER_LEAD);
        stage.server.fresh().await.unwrap();
        let sealing = stage.server.current().seals().current_master(world.now());
        assert!(old_ring.masters.iter().all(|master| master.id != sealing), "{steps}");
        // It is kept, as older backups need it.
        let kept: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(kept.len(), 2, "{kept:?}");
        let former = kept.iter().find(|file| **file != path).unwrap();
        assert_eq!(fs::read_to_string(former).unwrap(), old_bytes);
        assert!(!opens_all(world, former).await);
        // Another run changes nothing.
        let before = world.stored().await;
        command(&stage, 9).await.unwrap();
        assert_eq!(world.stored().await, before);
    }
}

#[tokio::test]
async fn n253_another_new_file_after_a_stop_loses_neither() {
    for steps in 0..=5 {
        let stage = stage().await;
        command(&stage, steps).await.unwrap();
        let other = Stage { new: stage.world.folder.path().join("third.key"), ..stage };
        command(&other, 9).await.unwrap();
        let (world, path) = (&other.world, other.world.master_key());
        assert_eq!(fs::read_to_string(&path).unwrap(), fs::read_to_string(&other.new).unwrap());
        assert_opens_with_one(world, [&path, &world.folder.path().join("none")], &other.sealed).await;
    }
}

#[tokio::test]
async fn n253_a_ring_from_before_files_had_names_is_taken_as_it_is() {
    let stage = stage().await;
    let (world, path) = (&stage.world, stage.world.master_key());
    let mut ring = world.stored().await.1;
    ring.wrapping_key = None;
    let unnamed = ring.to_text().unwrap();
    // The name in the record, as older programs write it.
    assert!(!unnamed.contains("\"root\""));
    world.put(RingDocument::Ring, &unnamed).await;
    world.try_open(world.custody(), &policy(TWO), false).await.unwrap();
    command(&stage, 2).await.unwrap();
    assert_opens_with_one(world, [&path, &successor(&path)], &stage.sealed).await;
    command(&stage, 9).await.unwrap();
    assert!(opens_all(world, &path).await);
}

#[tokio::test]
async fn n253_a_server_without_the_new_file_says_so_and_recovers_when_it_gets_it() {
    let stage = stage().await;
    let (world, path) = (&stage.world, stage.world.master_key());
    // Another host, which has the old file only.
    let there = world.folder.path().join("there").join("master.key");
    fs::create_dir(there.parent().unwrap()).unwrap();
    fs::copy(&path, &there).unwrap();
    let custody = Custody::of(LocalCustody::new(&there, Realm::main(), world.entropy()));
    let server = world.try_open(custody, &policy(TWO), false).await.unwrap();
    command(&stage, 9).await.unwrap();
    world.advance(MINUTE);
    assert!(server.fresh().await.is_ok(), "until the new master is in use");
    world.advance(MASTER_LEAD);
    let error = server.fresh().await.err().unwrap().to_string();
    assert!(error.contains("master.key.next"), "{error}");
    fs::copy(&path, successor(&there)).unwrap();
    world.advance(MINUTE);
    assert_eq!(server.fresh().await.unwrap().version(), world.stored().await.0);
    assert!(signing(&server, TWO[0]).is_some());
}

#[tokio::test]
async fn n253_the_old_key_a_damaged_file_and_a_missing_one_change_nothing() {
    let stage = stage().await;
    let (world, path) = (&stage.world, stage.world.master_key());
    let before = world.stored().await;
    fs::create_dir(stage.new.parent().unwrap()).unwrap();
    fs::copy(&path, &stage.new).unwrap();
    command(&stage, 9).await.unwrap();
    assert_eq!(world.stored().await, before, "it is sealed by that already");
    fs::write(&stage.new, "no key").unwrap();
    assert!(command(&stage, 9).await.is_err());
    fs::remove_file(&stage.new).unwrap();
    fs::rename(&path, world.folder.path().join("away")).unwrap();
    assert!(matches!(command(&stage, 9).await, Err(KeysError::MissingMasterKey(_))));
    assert_eq!(world.stored().await, before);
}
