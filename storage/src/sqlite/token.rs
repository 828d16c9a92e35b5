//! Access tokens: the denied ones, and the grants of the others.

use super::column::{At, FORMAT, Format};
use super::grant;
use super::guarded::outcome;
use crate::stored::Stored;
use crate::{Commit, DeniedToken, GrantLocator, GrantView, Stamp, TokenView};
use protocol::id::{Realm, RequestId};
use protocol::secret::Digest;
use protocol::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, named_params};

pub(super) fn load_token(
    db: &Connection,
    realm: &Realm,
    token: &Digest,
    at: &Option<GrantLocator>,
) -> Result<TokenView> {
    let denied = denied(db, realm, token)?.is_some();
    let view = at.map(|at| grant::load_grant(db, realm, &at)).transpose()?;
    let GrantView { grant, user, session } = view.unwrap_or_default();
    Ok(TokenView { denied, grant, user, session })
}

fn denied(db: &Connection, realm: &Realm, token: &Digest) -> Result<Option<Stored<Timestamp>>> {
    db.prepare_cached("SELECT * FROM denied_tokens WHERE realm = :realm AND token = :token")?
        .query_row(named_params! { ":realm": realm.as_str(), ":token": token.as_bytes() }, |row| {
            row.get::<_, Format>("v")?;
            let last_request = RequestId::from_bytes(row.get("last_request")?);
            Ok(Stored { record: row.get::<_, At>("expires_at")?.0, last_request })
        })
        .optional()
}

pub(super) fn denied_tokens(db: &Connection, realm: &Realm) -> Result<Vec<DeniedToken>> {
    db.prepare_cached("SELECT * FROM denied_tokens WHERE realm = :realm ORDER BY token")?
        .query_map(named_params! { ":realm": realm.as_str() }, |row| {
            row.get::<_, Format>("v")?;
            let token = Digest::from_bytes(row.get("token")?);
            Ok(DeniedToken { token, expires_at: row.get::<_, At>("expires_at")?.0 })
        })?
        .collect()
}

pub(super) fn deny_token(
    db: &Connection,
    realm: &Realm,
    token: &Digest,
    expires_at: &Timestamp,
    stamp: &Stamp,
) -> Result<Commit<Timestamp>> {
    let changed = db
        .prepare_cached(
            "INSERT INTO denied_tokens (realm, token, expires_at, last_request, v)
             VALUES (:realm, :token, :expires_at, :last_request, :v)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":token": token.as_bytes(),
            ":expires_at": At(*expires_at),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || denied(db, realm, token), |there| there == expires_at)
}
