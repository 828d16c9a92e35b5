//! A fingerprint of all records of each kind, which doesn't depend on their order.

use super::format::Entry;
use crate::admin::error::AdminError;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;

/// Counts and sums of everything but the issuer and the key ring, which an import changes.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<&'static str, OfKind>);

#[derive(Default, PartialEq, Eq)]
struct OfKind {
    count: u64,
    /// The XOR of the hashes of all lines, of which none occurs twice.
    sum: [u8; 32],
}

impl Tally {
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), AdminError> {
        if matches!(entry, Entry::Issuer(_) | Entry::Ring(_)) {
            return Ok(());
        }
        let hash = digest(&SHA256, entry.to_line()?.as_bytes());
        let of_kind = self.0.entry(entry.kind()).or_default();
        of_kind.count += 1;
        of_kind.sum.iter_mut().zip(hash.as_ref()).for_each(|(sum, byte)| *sum ^= byte);
        Ok(())
    }

    /// A kind whose records differ, and how many there are here.
    pub(super) fn other_than(&self, file: &Self) -> Option<(&'static str, u64)> {
        let kinds = self.0.keys().chain(file.0.keys());
        let other = kinds.copied().find(|kind| self.0.get(kind) != file.0.get(kind))?;
        Some((other, self.0.get(other).map_or(0, |of_kind| of_kind.count)))
    }
}
