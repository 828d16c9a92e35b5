//! The file as it was opened, asked for before every transaction. A file that was deleted or replaced can still be
//! read and written, but what is read there is yesterday's for ever, and what is written there is lost.
//!
//! Absent on purpose: opening what stands there now. It may be of another schema, and what callers remember is not
//! of it; only a new start begins well. Putting the old file back ends the refusal.

use super::fault::Outage;
use crate::{StoreError, StoreErrorKind};
use std::fs::Metadata;
use std::path::PathBuf;

/// Where the store's file is, and which one it is.
pub(super) struct Home(Option<Place>);

struct Place {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

impl Home {
    /// That of a store in memory, which nobody can take away.
    pub(super) const MEMORY: Self = Self(None);

    /// That of the file that is at `path` now.
    pub(super) fn of(path: PathBuf) -> Result<Self, StoreError> {
        let file = std::fs::metadata(&path)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, "open", error))?;
        Ok(Self(Some(Place { file: identity(&file), path })))
    }

    /// Whether the file is still where it was.
    pub(super) fn check(&self) -> Result<(), Outage> {
        let lost = |text: String| Outage::new(StoreErrorKind::Unavailable, text);
        let Some(Place { path, file }) = &self.0 else { return Ok(()) };
        let now = std::fs::metadata(path).map_err(|error| lost(format!("the file is gone: {error}")))?;
        if identity(&now) == *file {
            return Ok(());
        }
        Err(lost(format!("{} was replaced while it was open: start the server anew", path.display())))
    }
}

#[cfg(unix)]
fn identity(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
