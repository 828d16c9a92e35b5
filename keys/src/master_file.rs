//! The master key file: 32 random bytes that wrap every key of the ring, and a name by which the ring refers to them.
//!
//! While a file is replaced there are two: the one at the path of the setting, and its successor next to it, whose file
//! name ends in `.next`. Every file is complete before it gets its name, so no process sees half a key.

use crate::entropy::{self, Entropy};
use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use protocol::base64url;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use zeroize::Zeroizing;

/// How many bytes of the hash make the name.
const NAME_BYTES: usize = 12;

/// The content of a master key file.
pub struct MasterKeyFile {
    /// A hash of the key, which reveals nothing about it.
    pub name: String,
    pub(super) key: LessSafeKey,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidData`] for a file of another kind, and the system's errors.
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

    /// The same; makes the file if there is none. Two processes that do so at once get the same file.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_or_make(path: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        if !path.exists() {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                make_folder(parent)?;
            }
            let key = Zeroizing::new(entropy::bytes(entropy));
            // A link fails if the name is taken.
            draft(path, &key, entropy, |draft| match fs::hard_link(draft, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            })?;
        }
        Self::read(path)
    }

    /// Writes it next to the file at `path`, as its successor.
    ///
    /// # Errors
    /// The system's.
    pub fn place_beside(&self, path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
        draft(path, &self.bytes, entropy, |draft| fs::rename(draft, successor(path)))
    }

    /// Replaces the file at `path`, which is kept next to it with its name as the suffix, and removes the successor, which
    /// this was. Returns the path of the former file; `None` if it was replaced before.
    ///
    /// # Errors
    /// The system's.
    pub fn put_in_place(&self, path: &Path, entropy: &dyn Entropy) -> io::Result<Option<PathBuf>> {
        let former = Self::read(path)?;
        let kept = (former.name != self.name).then(|| with_suffix(path, &former.name));
        if let Some(kept) = &kept {
            match fs::hard_link(path, kept) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => sync_folder(path)?,
            }
            draft(path, &self.bytes, entropy, |draft| fs::rename(draft, path))?;
        }
        match fs::remove_file(successor(path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(kept),
        }
    }
}

/// The path of a file's successor, while it is replaced.
pub fn successor(path: &Path) -> PathBuf {
    with_suffix(path, "next")
}

/// The path of a former file, whose name is the suffix.
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

/// Writes a file under a temporary name and lets `place` give it its own. It is durable when this returns.
fn draft(
    path: &Path,
    key: &[u8; 32],
    entropy: &dyn Entropy,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    // Random, so that an unfinished file of another process is never in the way.
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

/// Makes a folder that only its owner can use, like that of a SQLite store.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// Makes the file's name durable. The ring that needs the file is written next: a crash must not keep the ring and lose
/// the file.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) { fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}

/// Warns of a file that others can read, once in a process. It is used all the same: mounted secrets are often readable by a
/// group.
fn warn_if_open(path: &Path) {
    static WARNED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        let is_open = metadata.permissions().mode() & 0o077 != 0;
        if is_open && WARNED.lock().is_ok_and(|mut warned| warned.insert(path.to_owned())) {
            tracing::warn!(path = %path.display(), "the master key file is readable by others; chmod 600 it");
        }
    }
}
