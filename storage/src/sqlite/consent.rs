//! What users agreed to.

use super::column::{At, Columns, FORMAT, Format, Word};
use crate::Stamp;
use protocol::consent::Consent;
use protocol::id::{ClientId, Realm, UserId};
use protocol::scope::Scope;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

pub(super) fn get(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<Consent>> {
    db.prepare_cached("SELECT * FROM consents WHERE realm = ?1 AND user_id = ?2 AND client_id = ?3")?
        .query_row(params![realm.as_str(), user.as_bytes(), client.as_str()], from_row)
        .optional()
}

pub(super) fn of_user(db: &Connection, realm: &Realm, user: &UserId) -> Result<Vec<Consent>> {
    db.prepare_cached("SELECT * FROM consents WHERE realm = ?1 AND user_id = ?2 ORDER BY client_id")?
        .query_map(params![realm.as_str(), user.as_bytes()], from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> Result<Consent> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    Ok(Consent {
        user: UserId::from_bytes(row.get("user_id")?),
        client: row.get::<Word<_>>("client_id")?.0,
        scope: row.get::<Word<_>>("scope")?.0,
        granted_at: row.get::<At>("granted_at")?.0,
    })
}

pub(super) fn remember_consent(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    client: &ClientId,
    scope: &Scope,
    stamp: &Stamp,
) -> Result<()> {
    // Read and written under the one write lock.
    let scope = match get(db, realm, user, client)? {
        Some(known) if known.scope.covers(scope) => return Ok(()),
        Some(known) => known.scope.union(scope),
        None => scope.clone(),
    };
    db.prepare_cached(
        "INSERT INTO consents (realm, user_id, client_id, scope, granted_at, v) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET scope = ?4, granted_at = ?5",
    )?
    .execute(params![
        realm.as_str(),
        user.as_bytes(),
        client.as_str(),
        scope.as_str(),
        At(stamp.at),
        FORMAT
    ])
    .map(drop)
}

pub(super) fn forget_consent(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    client: &ClientId,
    _: &Stamp,
) -> Result<()> {
    db.prepare_cached("DELETE FROM consents WHERE realm = ?1 AND user_id = ?2 AND client_id = ?3")?
        .execute(params![realm.as_str(), user.as_bytes(), client.as_str()])
        .map(drop)
}
