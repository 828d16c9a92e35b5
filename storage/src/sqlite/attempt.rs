//! Counters of failed attempts.

use super::column::{At, FORMAT, Format};
use crate::Stamp;
use protocol::attempts::{AttemptKey, Limit};
use protocol::id::Realm;
use protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, named_params};

pub(super) fn debts(db: &Connection, realm: &Realm, attempts: &[AttemptKey]) -> Result<Vec<Timestamp>> {
    attempts.iter().map(|key| debt(db, realm, key)).collect()
}

fn debt(db: &Connection, realm: &Realm, key: &AttemptKey) -> Result<Timestamp> {
    let debt = db
        .prepare_cached(
            "SELECT debt, v FROM attempts WHERE realm = :realm AND kind = :kind AND subject = :subject",
        )?
        .query_row(
            named_params! { ":realm": realm.as_str(), ":kind": key.kind, ":subject": key.digest },
            |row| {
                row.get::<_, Format>("v")?;
                row.get::<_, At>("debt")
            },
        )
        .optional()?;
    Ok(debt.map_or(Timestamp::EPOCH, |debt| debt.0))
}

pub(super) fn note_attempt(
    db: &Connection,
    realm: &Realm,
    attempt: &AttemptKey,
    limit: &Limit,
    stamp: &Stamp,
) -> Result<Timestamp> {
    // Read and written under the one write lock.
    let debt = limit.after(debt(db, realm, attempt)?, stamp.at);
    db.prepare_cached(
        "INSERT INTO attempts (realm, kind, subject, debt, v) VALUES (:realm, :kind, :subject, :debt, :v)
         ON CONFLICT DO UPDATE SET debt = :debt",
    )?
    .execute(named_params! {
        ":realm": realm.as_str(),
        ":kind": attempt.kind,
        ":subject": attempt.digest,
        ":debt": At(debt),
        ":v": FORMAT,
    })?;
    Ok(debt)
}
