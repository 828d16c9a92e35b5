//! `keys rewrap`: another master key file in the place of the one there is.
//!
//! The order keeps every key openable whatever breaks off. The new file lasts before anything needs it; it lies beside
//! the old one, where servers look for it, before the ring names it; the ring changes in one write; only then does the
//! new file take the old one's place, and the old one is kept, as backups of the store need it. Between any two steps
//! the file that the ring names is one of the two. The same command goes on from wherever it was stopped.

use super::error::{KeysError, RingRefusal, SignError, SignErrorKind};
use super::root::{Root, successor, with_suffix};
use super::{ATTEMPTS, Keys, complete, plan, read_ring};
use crate::entropy::Entropy;
use std::io;
use std::path::Path;
use storage::Store;

/// The first steps: makes the new file if it isn't there, and puts it beside the one at `path`. One that lies there
/// from a command that was stopped after the ring changed takes its place first.
///
/// # Errors
/// What files and store say; [`KeysError::MissingMasterKey`] for the one to be replaced.
pub async fn prepare(
    store: &dyn Store,
    path: &Path,
    new: &Path,
    entropy: &dyn Entropy,
) -> Result<Root, KeysError> {
    let (_, ring) = read_ring(store).await?.ok_or(KeysError::NoRing)?;
    if is_same_file(new, path) {
        return Err(RingRefusal::OldMasterFile.into());
    }
    let new =
        Root::read_or_make(new, entropy).map_err(failed("reading or making the file of --new-master"))?;
    if with_suffix(path, &new.name).exists() {
        return Err(RingRefusal::OldMasterFile.into());
    }
    if !path.exists() && !successor(path).exists() {
        return Err(KeysError::MissingMasterKey(path.to_owned()));
    }
    let in_place = failed("putting a master key file in place");
    match Root::read(&successor(path)) {
        Ok(next) if ring.root.as_deref() == Some(&next.name) => {
            next.put_in_place(path, entropy).map_err(&in_place)?;
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(in_place(error)),
        _ => {}
    }
    let current = Root::read(path).map_err(failed("reading the master key file"))?;
    // Where they are the same, all is done.
    if current.name != new.name {
        new.place_beside(path, entropy).map_err(in_place)?;
    }
    Ok(new)
}

/// The last step.
///
/// # Errors
/// What files say.
pub fn finish(path: &Path, new: &Root, entropy: &dyn Entropy) -> Result<(), KeysError> {
    new.put_in_place(path, entropy).map_err(failed("putting the new master key file in place"))
}

impl Keys {
    /// The step between: everything is wrapped by the root key of this name, and a new sealing master is added, so
    /// that what leaked with the former file seals nothing new before long. False if that was done before.
    ///
    /// # Errors
    /// What unwrapping, storage and other processes say; [`RingRefusal::TooManyMasters`].
    pub async fn rewrap(&self, root: &str) -> Result<bool, KeysError> {
        for _ in 0..ATTEMPTS {
            let (version, ring) = read_ring(&*self.store).await?.ok_or(KeysError::NoRing)?;
            if ring.root.as_deref() == Some(root) {
                return Ok(false);
            }
            let now = self.clock.now();
            let plan = plan::add_master(self.custody.rewrap(ring, root).await?, now)?;
            let ring = complete(plan, &*self.custody, &self.policy).await?;
            if self.replace(version, &ring, now).await? {
                self.refresh().await?;
                return Ok(true);
            }
        }
        Err(RingRefusal::Contended.into())
    }
}

/// Also by another name.
fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

fn failed(step: &'static str) -> impl Fn(io::Error) -> KeysError {
    move |error| SignError::new(SignErrorKind::Unavailable, step, error).into()
}
