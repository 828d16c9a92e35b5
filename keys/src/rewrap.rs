//! `keys rewrap`: replaces the master key file.
//!
//! The order of the steps keeps every key readable wherever the command is interrupted. The new file is durable before
//! anything needs it, and lies next to the old one, where servers look for it, before the ring names it. The ring changes
//! in one write. Only then does the new file take the place of the old one, which is kept because backups of the store
//! need it. Between any two steps the file that the ring names is one of the two. Running the same command again
//! continues from where it stopped.

use super::custody::{Maker, Opener};
use super::error::{KeysError, RingRefusal, SignError, SignErrorKind};
use super::local::LocalCustody;
use super::master_file::{MasterKeyFile, successor, with_suffix};
use super::plan;
use super::ring::Ring;
use super::rotator::{ATTEMPTS, Rotator, read_ring};
use crate::entropy::Entropy;
use std::io;
use std::path::{Path, PathBuf};
use storage::Store;

/// The first steps: makes the new file if there is none, and puts it next to the one at `path`. A file that lies there
/// because a command stopped after the ring changed takes its place first.
///
/// # Errors
/// [`KeysError::MissingMasterKey`] if there is no file to replace, [`KeysError::NoRing`], [`KeysError::Refused`] with
/// [`RingRefusal::OldMasterFile`], and failures of files and store.
pub async fn prepare(
    store: &dyn Store,
    path: &Path,
    new: &Path,
    entropy: &dyn Entropy,
) -> Result<MasterKeyFile, KeysError> {
    let (_, ring) = read_ring(store).await?.ok_or(KeysError::NoRing)?;
    if is_same_file(new, path) {
        return Err(RingRefusal::OldMasterFile.into());
    }
    let new = MasterKeyFile::read_or_make(new, entropy)
        .map_err(failed("reading or making the file of --new-master"))?;
    if with_suffix(path, &new.name).exists() {
        return Err(RingRefusal::OldMasterFile.into());
    }
    if !path.exists() && !successor(path).exists() {
        return Err(KeysError::MissingMasterKey(path.to_owned()));
    }
    let in_place = failed("putting a master key file in place");
    match MasterKeyFile::read(&successor(path)) {
        Ok(next) if ring.wrapping_key.as_deref() == Some(&next.name) => {
            next.put_in_place(path, entropy).map_err(&in_place)?;
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(in_place(error)),
        _ => {}
    }
    let current = MasterKeyFile::read(path).map_err(failed("reading the master key file"))?;
    // If they are the same, the replacement was complete.
    if current.name != new.name {
        new.place_beside(path, entropy).map_err(in_place)?;
    }
    Ok(new)
}

/// The last step: the new file replaces the one at `path`. Returns where the former file is kept; `None` if the file was
/// replaced before.
///
/// # Errors
/// [`KeysError::Sign`] if a file can't be read or written.
pub fn finish(path: &Path, new: &MasterKeyFile, entropy: &dyn Entropy) -> Result<Option<PathBuf>, KeysError> {
    new.put_in_place(path, entropy).map_err(failed("putting the new master key file in place"))
}

impl Rotator {
    /// The step in between: the master key file of this name wraps everything, and a sealing master is added, so that
    /// masters that leaked with the former file soon seal nothing new. False if that was done before.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::TooManyMasters`], [`RingRefusal::Moving`] or [`RingRefusal::Contended`],
    /// and failures of store or custody.
    pub async fn rewrap(&self, custody: &LocalCustody, name: &str) -> Result<bool, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = self.ring().await?;
            if ring.wrapping_key.as_deref() == Some(name) {
                return Ok(false);
            }
            if let Some(to) = ring.moving_to {
                return Err(RingRefusal::Moving(to).into());
            }
            let now = self.clock.now();
            let mut rewrapped = wrapped_by(&ring, custody, custody, name).await?;
            rewrapped.wrapping_key = Some(name.to_owned());
            let next = self.complete(plan::add_master(rewrapped, now)?).await?;
            if self.replace(version, &ring, &next, now).await? {
                return Ok(true);
            }
        }
        Err(RingRefusal::Contended.into())
    }
}

/// The ring with the private halves as `maker` wraps them with the key `to`. What can't leave its custody stays as it is.
pub(super) async fn wrapped_by(
    ring: &Ring,
    opener: &dyn Opener,
    maker: &dyn Maker,
    to: &str,
) -> Result<Ring, KeysError> {
    let (mut next, from) = (ring.clone(), ring.wrapping_key.as_deref());
    for key in &mut next.keys {
        if let Some(pkcs8) = opener.export(from, key).await? {
            key.wrapped = maker.wrap_signing_key(to, &key.kid, &pkcs8).await?;
        }
    }
    let masters: Vec<_> = ring.masters.iter().collect();
    let mut unwrapped = Vec::with_capacity(masters.len());
    for (master, key) in masters.iter().zip(opener.masters(from, &masters).await) {
        unwrapped.push((master.id, key?));
    }
    let wrapped = maker.wrap_masters(to, &unwrapped).await?;
    for (master, wrapped) in next.masters.iter_mut().zip(wrapped) {
        master.wrapped = wrapped;
    }
    Ok(next)
}

/// Also if one is a link to the other.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn failed(step: &'static str) -> impl Fn(io::Error) -> KeysError {
    move |error| SignError::new(SignErrorKind::Unavailable, step, error).into()
}
