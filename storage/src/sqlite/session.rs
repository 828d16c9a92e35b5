//! Browser sessions.

use super::column::{At, Columns, FORMAT, Format, Json};
use super::{attempt, consent, grant, settle, user};
use crate::kept::Kept;
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::id::{ClientId, Realm, RequestId, SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::{Authentication, Session};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

fn get(db: &Connection, realm: &Realm, user: &UserId, id: &SessionId) -> Result<Option<Kept<Session>>> {
    db.prepare_cached("SELECT * FROM sessions WHERE realm = ?1 AND user_id = ?2 AND id = ?3")?
        .query_row(params![realm.as_str(), user.as_bytes(), id.as_bytes()], from_row)
        .optional()
}

pub(super) fn of_user(db: &Connection, realm: &Realm, user: &UserId) -> Result<Vec<Session>> {
    db.prepare_cached("SELECT * FROM sessions WHERE realm = ?1 AND user_id = ?2 ORDER BY created_at, id")?
        .query_map(params![realm.as_str(), user.as_bytes()], |row| Ok(from_row(row)?.record))?
        .collect()
}

pub(super) fn load_sign_in(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    session: &Option<SessionId>,
    client: &ClientId,
    attempts: &[AttemptKey],
) -> Result<SignInView> {
    let session = session.map(|session| get(db, realm, id, &session)).transpose()?.flatten();
    Ok(SignInView {
        user: user::user(db, realm, id)?,
        session: session.map(|kept| kept.record),
        consent: consent::get(db, realm, id, client)?,
        debts: attempt::debts(db, realm, attempts)?,
    })
}

pub(super) fn start_session(
    db: &Connection,
    realm: &Realm,
    session: &Session,
    stamp: &Stamp,
) -> Result<Commit<Session>> {
    let changed = db
        .prepare_cached(
            "INSERT INTO sessions (realm, user_id, id, secret, authentication, created_at, expires_at, ended_at,
               last_request, v)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            realm.as_str(),
            session.user.as_bytes(),
            session.id.as_bytes(),
            session.secret.as_bytes(),
            Json(&session.authentication),
            At(session.created_at),
            At(session.expires_at),
            session.ended_at.map(At),
            stamp.request.as_bytes(),
            FORMAT
        ])?;
    let there = || get(db, realm, &session.user, &session.id);
    settle(changed, stamp, there, |there| there == session)
}

#[expect(clippy::too_many_arguments, reason = "those of the step, and where it happens")]
pub(super) fn reauthenticate(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    id: &SessionId,
    seen: &Digest,
    secret: &Digest,
    authentication: &Authentication,
    stamp: &Stamp,
) -> Result<Commit<Session>> {
    let changed = db
        .prepare_cached(
            "UPDATE sessions SET secret = ?5, authentication = ?6, last_request = ?7
             WHERE realm = ?1 AND user_id = ?2 AND id = ?3 AND secret = ?4 AND ended_at IS NULL AND v = ?8",
        )?
        .execute(params![
            realm.as_str(),
            user.as_bytes(),
            id.as_bytes(),
            seen.as_bytes(),
            secret.as_bytes(),
            Json(authentication),
            stamp.request.as_bytes(),
            FORMAT
        ])?;
    let mine = |there: &Session| there.secret == *secret && there.ended_at.is_none();
    settle(changed, stamp, || get(db, realm, user, id), mine)
}

pub(super) fn end_session(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    id: &SessionId,
    seen: &Digest,
    stamp: &Stamp,
) -> Result<Commit<Session>> {
    let changed = db
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?5, last_request = ?6
             WHERE realm = ?1 AND user_id = ?2 AND id = ?3 AND secret = ?4 AND ended_at IS NULL AND v = ?7",
        )?
        .execute(params![
            realm.as_str(),
            user.as_bytes(),
            id.as_bytes(),
            seen.as_bytes(),
            At(stamp.at),
            stamp.request.as_bytes(),
            FORMAT
        ])?;
    if changed > 0 {
        grant::end_with_session(db, realm, user, id, stamp)?;
    }
    settle(changed, stamp, || get(db, realm, user, id), |there| there.ended_at == Some(stamp.at))
}

fn from_row(row: &Row<'_>) -> Result<Kept<Session>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = Session {
        user: UserId::from_bytes(row.get("user_id")?),
        id: SessionId::from_bytes(row.get("id")?),
        secret: Digest::from_bytes(row.get("secret")?),
        authentication: row.get::<Json<_>>("authentication")?.0,
        created_at: row.get::<At>("created_at")?.0,
        expires_at: row.get::<At>("expires_at")?.0,
        ended_at: row.get::<Option<At>>("ended_at")?.map(|at| at.0),
    };
    Ok(Kept { record, last_request: RequestId::from_bytes(row.get("last_request")?) })
}
