//! The master key file: 32 random bytes that wrap every key of the ring, and a name by which the ring says which
//! file that is.
//!
//! While a file is replaced there are two: the one that the setting names, and its successor beside it, whose name
//! ends in `.next`. Every write is complete before it is in place, so no process sees half a key.

use crate::entropy::{self, Entropy};
use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use protocol::base64url;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How much of the hash is the name.
const NAME_BYTES: usize = 12;

/// What a master key file holds.
pub struct Root {
    /// A hash of its key, which tells nothing of it.
    pub name: String,
    pub(super) key: LessSafeKey,
    bytes: Zeroizing<[u8; 32]>,
}

impl Root {
    /// Reads a file.
    ///
    /// # Errors
    /// What the system says, and [`ErrorKind::InvalidData`] for what is no such file.
    pub fn read(path: &Path) -> io::Result<Self> {
        warn_if_open(path);
        let text = Zeroizing::new(fs::read_to_string(path)?);
        let malformed = || {
            let what = format!("{} must hold 32 bytes as 43 base64url characters", path.display());
            io::Error::new(ErrorKind::InvalidData, what)
        };
        let bytes = Zeroizing::new(base64url::decode_array::<32>(text.trim_end()).ok_or_else(malformed)?);
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes.as_ref()).map_err(|_| malformed())?;
        Ok(Self { name: name(&bytes), key: LessSafeKey::new(key), bytes })
    }

    /// The same; makes the file if it isn't there. Of two processes that do at once both get the winner's.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_or_make(path: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        if !path.exists() {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                make_folder(parent)?;
            }
            let key = Zeroizing::new(entropy::bytes(entropy));
            // Linked, which fails if the name is taken.
            draft(path, &key, entropy, |draft| match fs::hard_link(draft, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            })?;
        }
        Self::read(path)
    }

    /// Puts it where the file at `path` has its successor.
    ///
    /// # Errors
    /// What the system says.
    pub fn place_beside(&self, path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
        draft(path, &self.bytes, entropy, |draft| fs::rename(draft, successor(path)))
    }

    /// Puts it in the place of the file at `path`, which is kept beside it under its name. Its successor, which this
    /// is, goes.
    ///
    /// # Errors
    /// What the system says.
    pub fn put_in_place(&self, path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
        let former = Self::read(path)?;
        if former.name != self.name {
            match fs::hard_link(path, with_suffix(path, &former.name)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(path)?,
            }
            draft(path, &self.bytes, entropy, |draft| fs::rename(draft, path))?;
        }
        match fs::remove_file(successor(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Where a file's successor is, while it is replaced.
pub fn successor(path: &Path) -> PathBuf {
    with_suffix(path, "next")
}

/// Where a former file of this name is kept.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix}"));
    path.with_file_name(name)
}

fn name(key: &[u8; 32]) -> String {
    let mut hash = Context::new(&SHA256);
    hash.update(b"keyward master key file\0");
    hash.update(key);
    base64url::encode(hash.finish().as_ref().get(..NAME_BYTES).unwrap_or_default())
}

/// Writes a whole file under a name of its own and lets `place` give it its own; lasting when this returns.
fn draft(
    path: &Path,
    key: &[u8; 32],
    entropy: &dyn Entropy,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    // Random, so that another's unfinished file is never in the way.
    let draft = with_suffix(path, &format!("{}.new", base64url::encode(&entropy::bytes::<12>(entropy))));
    let placed = write(&draft, key).and_then(|()| place(&draft)).and_then(|()| sync_folder(path));
    let _ = fs::remove_file(&draft);
    placed
}

fn write(draft: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let text = Zeroizing::new(base64url::encode(key));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Nobody else's business, as the folder of a SQLite store.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// The ring that the key opens is about to be written: a crash must not keep that and lose this.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) { fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// Others' eyes on the file are worth a warning, not a refusal: mounted secrets are often readable by a group.
fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "the master key file is readable by others; chmod 600 it");
        }
    }
}
