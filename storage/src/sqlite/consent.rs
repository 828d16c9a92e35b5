//! Consents: what users agreed to.

use super::column::{At, Columns, FORMAT, Format, Word};
use crate::Stamp;
use protocol::authority::Authority;
use protocol::consent::Consent;
use protocol::id::{ClientId, Realm, UserId};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

pub(super) fn get(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    client: &ClientId,
) -> Result<Option<Consent>> {
    db.prepare_cached(
        "SELECT * FROM consents WHERE realm = :realm AND user_id = :user AND client_id = :client",
    )?
    .query_row(
        named_params! { ":realm": realm.as_str(), ":user": user.as_bytes(), ":client": client.as_str() },
        from_row,
    )
    .optional()
}

pub(super) fn from_row(row: &Row<'_>) -> Result<Consent> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    Ok(Consent {
        user: UserId::from_bytes(row.get("user_id")?),
        client: row.get::<Word<_>>("client_id")?.0,
        scope: row.get::<Word<_>>("scope")?.0,
        granted_at: row.get::<At>("granted_at")?.0,
        authority: row.get::<Option<_>>("authority")?.map(Authority::from_bytes),
    })
}

pub(super) fn remember_consent(db: &Connection, realm: &Realm, consent: &Consent, _: &Stamp) -> Result<()> {
    // Read and written under the one write lock.
    let known = get(db, realm, &consent.user, &consent.client)?;
    let Some(consent) = consent.added_to(known.as_ref()) else { return Ok(()) };
    db.prepare_cached(
        "INSERT INTO consents (realm, user_id, client_id, scope, granted_at, v, authority)
         VALUES (:realm, :user, :client, :scope, :granted_at, :v, :authority)
         ON CONFLICT DO UPDATE SET scope = :scope, granted_at = :granted_at, authority = :authority",
    )?
    .execute(named_params! {
        ":realm": realm.as_str(),
        ":user": consent.user.as_bytes(),
        ":client": consent.client.as_str(),
        ":scope": consent.scope.as_str(),
        ":granted_at": At(consent.granted_at),
        ":v": FORMAT,
        ":authority": consent.authority.as_ref().map(Authority::as_bytes),
    })
    .map(drop)
}

pub(super) fn forget_consent(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    client: &ClientId,
    _: &Stamp,
) -> Result<()> {
    db.prepare_cached(
        "DELETE FROM consents WHERE realm = :realm AND user_id = :user AND client_id = :client",
    )?
    .execute(named_params! { ":realm": realm.as_str(), ":user": user.as_bytes(), ":client": client.as_str() })
    .map(drop)
}
