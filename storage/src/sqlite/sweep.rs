//! Housekeeping: expired records are deleted a bounded number of rows at a time, because the one writer does nothing
//! else meanwhile.

use super::column::At;
use crate::SWEEP_LIMIT;
use protocol::id::Realm;
use protocol::lifetimes;
use protocol::time::Timestamp;
use rusqlite::{Connection, Result, named_params};

// The indexes by expiry cover the inner queries, so only the rows that are deleted are read.
pub(super) const GRANTS: &str = "DELETE FROM grants WHERE rowid IN
  (SELECT rowid FROM grants WHERE realm = :realm AND expires_at < :before ORDER BY expires_at LIMIT :room)";
pub(super) const UNREDEEMED: &str = "DELETE FROM grants WHERE rowid IN
  (SELECT rowid FROM grants WHERE realm = :realm AND redeemed_at IS NULL AND code_expires_at < :before
   ORDER BY code_expires_at LIMIT :room)";
pub(super) const SESSIONS: &str = "DELETE FROM sessions WHERE rowid IN
  (SELECT rowid FROM sessions WHERE realm = :realm AND expires_at < :before ORDER BY expires_at LIMIT :room)";
pub(super) const DENIED_TOKENS: &str = "DELETE FROM denied_tokens WHERE rowid IN
  (SELECT rowid FROM denied_tokens WHERE realm = :realm AND expires_at < :before ORDER BY expires_at LIMIT :room)";
pub(super) const ATTEMPTS: &str = "DELETE FROM attempts WHERE rowid IN
  (SELECT rowid FROM attempts WHERE realm = :realm AND debt < :before ORDER BY debt LIMIT :room)";

pub(super) fn sweep(db: &Connection, realm: &Realm, before: Timestamp) -> Result<u64> {
    let code_before = before.minus(lifetimes::UNREDEEMED);
    let all = [
        (GRANTS, before),
        (UNREDEEMED, code_before),
        (SESSIONS, before),
        (DENIED_TOKENS, before),
        (ATTEMPTS, before),
    ];
    all.iter().try_fold(0, |deleted, &(text, before)| {
        let room = (SWEEP_LIMIT - deleted).cast_signed();
        let values = named_params! { ":realm": realm.as_str(), ":before": At(before), ":room": room };
        let changed = db.prepare_cached(text)?.execute(values)?;
        Ok(deleted + changed as u64)
    })
}
