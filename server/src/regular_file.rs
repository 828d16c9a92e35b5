//! Reading a file that somebody may be replacing while the server runs.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The most bytes that are read: more than any settings and certificate chain have.
const MOST: u64 = 1024 * 1024;

/// Reads it. Unlike `std::fs::read` it doesn't wait for the writer of a pipe, nor read a device without end.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for anything but a regular file of at most 1 MiB, and the system's errors.
pub fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, why);
    let file = open(path)?;
    if !file.metadata()?.is_file() {
        return Err(invalid("it is not a regular file"));
    }
    let mut contents = Zeroizing::new(Vec::new());
    let size = file.take(MOST + 1).read_to_end(&mut contents)?;
    if u64::try_from(size).is_ok_and(|size| size <= MOST) {
        Ok(contents)
    } else {
        Err(invalid("it is larger than 1 MiB"))
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_that_is_not_huge_is_read() {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |name: &str| read(&path(name)).unwrap_err().kind();
        fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        assert_eq!(read(&path("link")).unwrap().as_slice(), b"text");
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        assert_eq!(refused("pipe"), io::ErrorKind::InvalidInput, "and nobody waits for its writer");
        std::os::unix::fs::symlink("/dev/zero", path("device")).unwrap();
        assert_eq!(refused("device"), io::ErrorKind::InvalidInput);
        fs::write(path("file"), vec![b' '; 1024 * 1024]).unwrap();
        assert!(read(&path("file")).is_ok());
        fs::write(path("file"), vec![b' '; 1024 * 1024 + 1]).unwrap();
        assert_eq!(refused("file"), io::ErrorKind::InvalidInput);
        assert_eq!(refused("missing"), io::ErrorKind::NotFound);
    }
}
