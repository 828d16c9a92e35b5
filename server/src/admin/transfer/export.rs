//! Exports a store to a file.

use super::format::{Counts, Entry, first_line, last_line};
use super::walk::walk;
use crate::admin::call::Admin;
use crate::admin::error::{AdminError, refused};
use crate::admin::patience::patiently;
use aws_lc_rs::digest::{Context as Hash, SHA256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write};
use std::path::Path;

/// The lines of one kind, collected in a temporary file, since users come one by one with records of several kinds.
struct Part {
    lines: BufWriter<File>,
    count: u64,
}

/// Writes everything that has not expired, and returns what was written. It is no snapshot if others write at the same
/// time: stop the servers first. `room` is a folder for unnamed temporary files that need as much space as the export.
/// `progress` gets the number of users done and of all users.
///
/// # Errors
/// [`AdminError::Store`]; [`AdminError::Refused`] if a file can't be written, or if no server has been started on the
/// store yet.
pub async fn export(
    admin: &Admin,
    room: &Path,
    out: &mut impl Write,
    progress: impl FnMut(u64, u64),
) -> Result<Counts, AdminError> {
    if patiently(|| admin.store.issuer()).await?.is_none() {
        return Err(refused(
            "the store has no issuer yet: start `keyward serve` on it once, and export again",
        ));
    }
    let mut parts = BTreeMap::<&'static str, Part>::new();
    let each = |entry: Entry| {
        let line = entry.to_line()?;
        let part = match parts.entry(entry.kind()) {
            Occupied(part) => part.into_mut(),
            Vacant(place) => {
                let lines = BufWriter::new(tempfile::tempfile_in(room).map_err(unwritten)?);
                place.insert(Part { lines, count: 0 })
            }
        };
        part.count += 1;
        writeln!(part.lines, "{line}").map_err(unwritten)
    };
    walk(&admin.store, admin.call.at, each, progress).await?;
    join(parts, out).map_err(unwritten)
}

fn join(parts: BTreeMap<&'static str, Part>, out: &mut impl Write) -> io::Result<Counts> {
    let mut counts = Counts::new();
    let mut hashed = Hashed { out, hash: Hash::new(&SHA256) };
    writeln!(hashed, "{}", first_line()?)?;
    for (kind, part) in parts {
        let mut lines = part.lines.into_inner()?;
        lines.rewind()?;
        io::copy(&mut lines, &mut hashed)?;
        counts.insert(kind.to_owned(), part.count);
    }
    let Hashed { out, hash } = hashed;
    writeln!(out, "{}", last_line(&counts, hash)?)?;
    out.flush()?;
    Ok(counts)
}

/// Hashes what is written through it.
struct Hashed<'a, W> {
    out: &'a mut W,
    hash: Hash,
}

impl<W: Write> Write for Hashed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn unwritten(error: io::Error) -> AdminError {
    refused(format!("the export can't be written: {error}"))
}
