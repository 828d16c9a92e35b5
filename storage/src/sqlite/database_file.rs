//! The database file as it was opened, checked before every transaction. A file that was deleted or replaced can still
//! be read and written, but its content never changes again, and what is written to it is lost.
//!
//! Absent on purpose: opening the file that is at the path now. It may have another schema, and what this process
//! has cached is not of it; only a restart is safe. The refusal ends when the old file is back at its path.

use super::fault::Outage;
use crate::{StoreError, StoreErrorKind};
use std::fs::Metadata;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How much room the disk must have: what a few requests write.
static ROOM: [u8; 64 * 1024] = [0; 64 * 1024];

/// The file that was opened; none for a store in memory.
pub(super) struct DatabaseFile(Option<Opened>);

struct Opened {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl DatabaseFile {
    /// That of a store in memory, which nobody can replace.
    pub(super) const MEMORY: Self = Self(None);

    /// The file that is at `path` now.
    pub(super) fn at(path: PathBuf) -> Result<Self, StoreError> {
        let file = std::fs::metadata(&path)
            .map_err(|error| StoreError::new(StoreErrorKind::Unavailable, "open", error))?;
        Ok(Self(Some(Opened { identity: identity(&file), path })))
    }

    /// Fails unless the file is still at its path.
    pub(super) fn check(&self) -> Result<(), Outage> {
        let lost = |text: String| Outage::new(StoreErrorKind::Unavailable, text);
        let Some(opened) = &self.0 else { return Ok(()) };
        let now =
            std::fs::metadata(&opened.path).map_err(|error| lost(format!("the file is gone: {error}")))?;
        if identity(&now) == opened.identity {
            return Ok(());
        }
        Err(lost(format!("{} was replaced while it was open: restart the server", opened.path.display())))
    }

    /// Fails if its disk is full. SQLite notices that only when a file has to grow: until then it writes into the space that
    /// its log occupies, which may be enough for minutes. So a file without a name is written next to it.
    ///
    /// # Errors
    /// That of the system.
    pub(super) fn check_room(&self) -> io::Result<()> {
        let Some(opened) = &self.0 else { return Ok(()) };
        let folder = opened.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        tempfile::tempfile_in(folder)?.write_all(&ROOM)
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
