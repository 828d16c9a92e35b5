//! Browser sessions.

use super::column::{At, Columns, FORMAT, Format, Json};
use super::guarded::outcome;
use super::{attempt, consent, user};
use crate::stored::Stored;
use crate::{Commit, SignInView, Stamp};
use protocol::attempts::AttemptKey;
use protocol::authority::Authority;
use protocol::id::{ClientId, Realm, RequestId, SessionId, UserId};
use protocol::secret::Digest;
use protocol::session::{MOST_OF_A_USER, Session, surplus};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

pub(super) const OF_USER: &str = "SELECT count(*) FROM
  (SELECT 1 FROM sessions WHERE realm = :realm AND user_id = :user LIMIT :limit)";
/// How many of a user's sessions are read to find the surplus at most.
const WINDOW: u32 = 300;

fn get(db: &Connection, realm: &Realm, user: &UserId, id: &SessionId) -> Result<Option<Stored<Session>>> {
    db.prepare_cached("SELECT * FROM sessions WHERE realm = :realm AND user_id = :user AND id = :id")?
        .query_row(
            named_params! { ":realm": realm.as_str(), ":user": user.as_bytes(), ":id": id.as_bytes() },
            from_row,
        )
        .optional()
}

pub(super) fn session(
    db: &Connection,
    realm: &Realm,
    user: &UserId,
    id: &SessionId,
) -> Result<Option<Session>> {
    Ok(get(db, realm, user, id)?.map(|stored| stored.record))
}

pub(super) fn load_sign_in(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    session: &Option<SessionId>,
    client: &ClientId,
    attempts: &[AttemptKey],
) -> Result<SignInView> {
    Ok(SignInView {
        user: user::user(db, realm, id)?,
        session: session.map(|session| self::session(db, realm, id, &session)).transpose()?.flatten(),
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
    let commit = restore_session(db, realm, session, stamp)?;
    if commit.is_done() && too_many(db, realm, &session.user)? {
        let text = "SELECT * FROM sessions WHERE realm = :realm AND user_id = :user LIMIT :limit";
        let own =
            named_params! { ":realm": realm.as_str(), ":user": session.user.as_bytes(), ":limit": WINDOW };
        // A record that this program can't read is left as it is.
        let read = |row: &Row<'_>| Ok(from_row(row).ok().map(|stored| stored.record));
        let all: Result<Vec<Option<Session>>> = db.prepare_cached(text)?.query_map(own, read)?.collect();
        for id in surplus(all?.into_iter().flatten().collect(), &session.id, stamp.at) {
            db.prepare_cached("DELETE FROM sessions WHERE realm = :realm AND user_id = :user AND id = :id")?
                .execute(named_params! {
                    ":realm": realm.as_str(),
                    ":user": session.user.as_bytes(),
                    ":id": id.as_bytes(),
                })?;
        }
    }
    Ok(commit)
}

fn too_many(db: &Connection, realm: &Realm, user: &UserId) -> Result<bool> {
    let most = MOST_OF_A_USER as i64;
    let own = named_params! { ":realm": realm.as_str(), ":user": user.as_bytes(), ":limit": most + 1 };
    Ok(db.prepare_cached(OF_USER)?.query_row::<i64, _, _>(own, |row| row.get(0))? > most)
}

pub(super) fn restore_session(
    db: &Connection,
    realm: &Realm,
    session: &Session,
    stamp: &Stamp,
) -> Result<Commit<Session>> {
    let changed = db
        .prepare_cached(
            "INSERT INTO sessions (realm, user_id, id, secret, authentication, created_at, expires_at, ended_at,
               last_request, v, authority)
             VALUES (:realm, :user, :id, :secret, :authentication, :created_at, :expires_at, :ended_at,
               :last_request, :v, :authority)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": session.user.as_bytes(),
            ":id": session.id.as_bytes(),
            ":secret": session.secret.as_bytes(),
            ":authentication": Json(&session.authentication),
            ":created_at": At(session.created_at),
            ":expires_at": At(session.expires_at),
            ":ended_at": session.ended_at.map(At),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
            ":authority": session.authority.as_ref().map(Authority::as_bytes),
        })?;
    let there = || get(db, realm, &session.user, &session.id);
    outcome(changed, stamp, there, |there| there == session)
}

pub(super) fn reauthenticate(
    db: &Connection,
    realm: &Realm,
    session: &Session,
    seen: &Digest,
    stamp: &Stamp,
) -> Result<Commit<Session>> {
    let changed = db
        .prepare_cached(
            "UPDATE sessions SET secret = :secret, authentication = :authentication, last_request = :last_request,
               authority = :authority
             WHERE realm = :realm AND user_id = :user AND id = :id AND secret = :seen AND ended_at IS NULL AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": session.user.as_bytes(),
            ":id": session.id.as_bytes(),
            ":seen": seen.as_bytes(),
            ":secret": session.secret.as_bytes(),
            ":authentication": Json(&session.authentication),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
            ":authority": session.authority.as_ref().map(Authority::as_bytes),
        })?;
    let mine = |there: &Session| there.secret == session.secret && there.ended_at.is_none();
    outcome(changed, stamp, || get(db, realm, &session.user, &session.id), mine)
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
            "UPDATE sessions SET ended_at = :ended_at, last_request = :last_request
             WHERE realm = :realm AND user_id = :user AND id = :id AND secret = :seen AND ended_at IS NULL AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":user": user.as_bytes(),
            ":id": id.as_bytes(),
            ":seen": seen.as_bytes(),
            ":ended_at": At(stamp.at),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, user, id), |there| there.ended_at == Some(stamp.at))
}

pub(super) fn from_row(row: &Row<'_>) -> Result<Stored<Session>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = Session {
        user: UserId::from_bytes(row.get("user_id")?),
        id: SessionId::from_bytes(row.get("id")?),
        secret: Digest::from_bytes(row.get("secret")?),
        authentication: row.get::<Json<_>>("authentication")?.0,
        authority: row.get::<Option<_>>("authority")?.map(Authority::from_bytes),
        created_at: row.get::<At>("created_at")?.0,
        expires_at: row.get::<At>("expires_at")?.0,
        ended_at: row.get::<Option<At>>("ended_at")?.map(|at| at.0),
    };
    Ok(Stored { record, last_request: RequestId::from_bytes(row.get("last_request")?) })
}
