//! `keys rewrap`: replaces the master key file.
//!
//! The order of the steps keeps every key readable wherever the command is interrupted. The new file is durable before
//! anything needs it, and lies next to the old one, where servers look for it, before the ring names it. The ring changes
//! in one write. Only then does the new file take the place of the old one, which is kept because backups of the store
//! need it. Between any two steps the file that the ring names is one of the two. Running the same command again
//! continues from where it stopped.

use super::error::{KeysError, RingRefusal, SignError, SignErrorKind};
use super::master_file::{MasterKeyFile, successor, with_suffix};
use super::plan;
use super::process::{ATTEMPTS, Keys, complete, read_ring};
use crate::entropy::Entropy;
use std::io;
use std::path::Path;
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

/// The last step: the new file replaces the one at `path`.
///
/// # Errors
/// [`KeysError::Sign`] if a file can't be read or written.
pub fn finish(path: &Path, new: &MasterKeyFile, entropy: &dyn Entropy) -> Result<(), KeysError> {
    new.put_in_place(path, entropy).map_err(failed("putting the new master key file in place"))
}

impl Keys {
    /// The step in between: the master key file of this name wraps everything, and a sealing master is added, so that
    /// masters that leaked with the former file soon seal nothing new. False if that was done before.
    ///
    /// # Errors
    /// [`KeysError::Refused`] with [`RingRefusal::TooManyMasters`] or [`RingRefusal::Contended`], and failures of store or
    /// custody.
    pub async fn rewrap(&self, name: &str) -> Result<bool, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = read_ring(&*self.store).await?.ok_or(KeysError::NoRing)?;
            if ring.wrapping_key.as_deref() == Some(name) {
                return Ok(false);
            }
            let now = self.clock.now();
            let plan = plan::add_master(self.custody.rewrap(ring, name).await?, now)?;
            let ring = complete(plan, &*self.custody, &self.policy).await?;
            if self.replace(version, &ring, now).await? {
                self.refresh().await?;
                return Ok(true);
            }
        }
        Err(RingRefusal::Contended.into())
    }
}

/// Also if one is a link to the other.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn failed(step: &'static str) -> impl Fn(io::Error) -> KeysError {
    move |error| SignError::new(SignErrorKind::Unavailable, step, error).into()
}
