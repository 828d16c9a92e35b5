//! Users, and the identifiers that lead to them.

use super::attempt;
use super::column::{At, Columns, FORMAT, Format, Json};
use super::group;
use super::guarded::outcome;
use crate::stored::{self, Stored};
use crate::{Commit, Found, Stamp};
use protocol::attempts::AttemptKey;
use protocol::generation::Generation;
use protocol::group::GroupName;
use protocol::id::{Realm, RequestId, Subject, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

pub(super) fn user(db: &Connection, realm: &Realm, id: &UserId) -> Result<Option<User>> {
    Ok(get(db, realm, id)?.map(|stored| stored.record))
}

fn get(db: &Connection, realm: &Realm, id: &UserId) -> Result<Option<Stored<User>>> {
    db.prepare_cached("SELECT * FROM users WHERE realm = :realm AND id = :id")?
        .query_row(named_params! { ":realm": realm.as_str(), ":id": id.as_bytes() }, from_row)
        .optional()
}

pub(super) fn user_ids(db: &Connection, realm: &Realm) -> Result<Vec<UserId>> {
    db.prepare_cached("SELECT id FROM users WHERE realm = :realm")?
        .query_map(named_params! { ":realm": realm.as_str() }, |row| row.get(0).map(UserId::from_bytes))?
        .collect()
}

pub(super) fn users(db: &Connection, realm: &Realm) -> Result<Vec<User>> {
    db.prepare_cached("SELECT * FROM users WHERE realm = :realm ORDER BY created_at, id")?
        .query_map(named_params! { ":realm": realm.as_str() }, |row| Ok(from_row(row)?.record))?
        .collect()
}

pub(super) fn find_user(
    db: &Connection,
    realm: &Realm,
    identifier: &Identifier,
    attempts: &[AttemptKey],
) -> Result<Found> {
    Ok(Found { user: owner(db, realm, identifier)?, debts: attempt::debts(db, realm, attempts)? })
}

fn owner(db: &Connection, realm: &Realm, identifier: &Identifier) -> Result<Option<UserId>> {
    let key = named_params! {
        ":realm": realm.as_str(),
        ":kind": identifier.kind(),
        ":name": identifier.as_str(),
    };
    db.prepare_cached(
        "SELECT user_id FROM identifiers WHERE realm = :realm AND kind = :kind AND name = :name",
    )?
    .query_row(key, |row| row.get(0).map(UserId::from_bytes))
    .optional()
}

pub(super) fn create_user(
    db: &Connection,
    realm: &Realm,
    user: &User,
    identifiers: &[Identifier],
    stamp: &Stamp,
) -> Result<Commit<User>> {
    // Read and written under the one write lock, so nothing is written in between.
    for identifier in identifiers {
        if let Some(owner) = owner(db, realm, identifier)? {
            return Ok(Stored::outcome(get(db, realm, &owner)?, *stamp, |there| there == user));
        }
    }
    let changed = insert(db, realm, user, stamp)?;
    if changed > 0 {
        for identifier in identifiers {
            lead(db, realm.as_str(), identifier, &user.id)?;
        }
    }
    outcome(changed, stamp, || get(db, realm, &user.id), |there| there == user)
}

pub(super) fn add_identifier(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    identifier: &Identifier,
    _: &Stamp,
) -> Result<Commit<UserId>> {
    if user(db, realm, id)?.is_none() {
        return Ok(Commit::Lost(None));
    }
    if lead(db, realm.as_str(), identifier, id)? {
        return Ok(Commit::Done);
    }
    Ok(match owner(db, realm, identifier)? {
        Some(owner) if owner == *id => Commit::Done,
        owner => Commit::Lost(owner.map(Box::new)),
    })
}

/// Adds an identifier of an existing user unless it is taken; whether it was added.
pub(super) fn lead(db: &Connection, realm: &str, identifier: &Identifier, user: &UserId) -> Result<bool> {
    let changed = db
        .prepare_cached(
            "INSERT INTO identifiers (realm, kind, name, user_id)
             SELECT :realm, :kind, :name, :user FROM users WHERE realm = :realm AND id = :user
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":realm": realm,
            ":kind": identifier.kind(),
            ":name": identifier.as_str(),
            ":user": user.as_bytes(),
        })?;
    Ok(changed > 0)
}

fn insert(db: &Connection, realm: &Realm, user: &User, stamp: &Stamp) -> Result<usize> {
    db.prepare_cached(
        "INSERT INTO users (realm, id, subject, username, email, email_verified, claims, password, disabled,
           not_before, created_at, updated_at, last_request, v, generation, member_of)
         VALUES (:realm, :id, :subject, :username, :email, :email_verified, :claims, :password, :disabled,
           :not_before, :created_at, :updated_at, :last_request, :v, :generation, :groups)
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! {
        ":realm": realm.as_str(),
        ":id": user.id.as_bytes(),
        ":subject": user.subject.as_str(),
        ":username": user.username,
        ":email": user.email,
        ":email_verified": user.email_verified,
        ":claims": Json(&user.claims),
        ":password": user.password.as_ref().map(|hash| &hash.0),
        ":disabled": user.disabled,
        ":not_before": At(user.generation.not_before),
        ":created_at": At(user.created_at),
        ":updated_at": At(user.updated_at),
        ":last_request": stamp.request.as_bytes(),
        ":v": FORMAT,
        ":generation": user.generation.id.as_ref().map(RequestId::as_bytes),
        ":groups": Json(&user.groups),
    })
}

pub(super) fn set_user_disabled(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    disabled: &bool,
    stamp: &Stamp,
) -> Result<Commit<User>> {
    if *disabled {
        next_generation(db, realm, id, stamp)?;
    }
    let changed = db
        .prepare_cached(
            "UPDATE users SET disabled = :disabled, last_request = :last_request
             WHERE realm = :realm AND id = :id AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":id": id.as_bytes(),
            ":disabled": disabled,
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, id), |_| false)
}

pub(super) fn set_password(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    seen: &Option<Generation>,
    password: &PasswordHash,
    stamp: &Stamp,
) -> Result<Commit<User>> {
    let changed = db
        .prepare_cached(
            "UPDATE users SET password = :password, last_request = :last_request
             WHERE realm = :realm AND id = :id AND v = :v
               AND (:seen_not_before IS NULL OR (not_before = :seen_not_before AND generation IS :seen_generation))",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":id": id.as_bytes(),
            ":password": password.0,
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
            ":seen_not_before": seen.map(|seen| At(seen.not_before)),
            ":seen_generation": seen.and_then(|seen| seen.id).as_ref().map(RequestId::as_bytes),
        })?;
    if changed > 0 {
        next_generation(db, realm, id, stamp)?;
    }
    outcome(
        changed,
        stamp,
        || get(db, realm, id),
        |there| stored::has_new_password(there, *seen, password, *stamp),
    )
}

pub(super) fn void_user(db: &Connection, realm: &Realm, id: &UserId, stamp: &Stamp) -> Result<Commit<User>> {
    let changed = next_generation(db, realm, id, stamp)?;
    outcome(changed, stamp, || get(db, realm, id), |_| false)
}

/// Begins the next generation, in the transaction of the step.
fn next_generation(db: &Connection, realm: &Realm, id: &UserId, stamp: &Stamp) -> Result<usize> {
    let Some(there) = get(db, realm, id)? else { return Ok(0) };
    let next = there.record.generation.next(stamp.request, stamp.at);
    db.prepare_cached(
        "UPDATE users SET generation = :generation, not_before = :not_before, last_request = :last_request
         WHERE realm = :realm AND id = :id AND v = :v",
    )?
    .execute(named_params! {
        ":realm": realm.as_str(),
        ":id": id.as_bytes(),
        ":generation": next.id.as_ref().map(RequestId::as_bytes),
        ":not_before": At(next.not_before),
        ":last_request": stamp.request.as_bytes(),
        ":v": FORMAT,
    })
}

pub(super) fn set_profile(
    db: &Connection,
    realm: &Realm,
    user: &User,
    seen: &Timestamp,
    stamp: &Stamp,
) -> Result<Commit<User>> {
    let changed = db
        .prepare_cached(
            "UPDATE users SET email = :email, claims = :claims, updated_at = :updated_at, last_request = :last_request
             WHERE realm = :realm AND id = :id AND v = :v AND updated_at = :seen AND :updated_at > :seen
               AND (email_verified = 0 OR email IS :email)",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":id": user.id.as_bytes(),
            ":email": user.email,
            ":claims": Json(&user.claims),
            ":updated_at": At(user.updated_at),
            ":last_request": stamp.request.as_bytes(),
            ":seen": At(*seen),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, &user.id), |there| stored::is_same_profile(there, user))
}

pub(super) fn replace_user(
    db: &Connection,
    realm: &Realm,
    user: &User,
    identifiers: &[Identifier],
    joins: &[GroupName],
    seen: &Timestamp,
    stamp: &Stamp,
) -> Result<Commit<User>> {
    let Some(there) = get(db, realm, &user.id)? else { return Ok(Commit::Lost(None)) };
    for identifier in identifiers {
        if let Some(other) = owner(db, realm, identifier)?.filter(|owner| *owner != user.id) {
            return Ok(Stored::outcome(get(db, realm, &other)?, *stamp, |_| false));
        }
    }
    for joined in joins {
        if !group::is_open(db, realm, joined)? {
            return Ok(Stored::outcome(Some(there), *stamp, |there| stored::is_replaced(there, user)));
        }
    }
    let changed = db
        .prepare_cached(
            "UPDATE users SET username = :username, email = :email, email_verified = :email_verified,
               claims = :claims, member_of = :groups, updated_at = :updated_at, last_request = :last_request
             WHERE realm = :realm AND id = :id AND v = :v AND updated_at = :seen AND :updated_at > :seen",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":id": user.id.as_bytes(),
            ":username": user.username,
            ":email": user.email,
            ":email_verified": user.email_verified,
            ":claims": Json(&user.claims),
            ":groups": Json(&user.groups),
            ":updated_at": At(user.updated_at),
            ":last_request": stamp.request.as_bytes(),
            ":seen": At(*seen),
            ":v": FORMAT,
        })?;
    if changed > 0 {
        db.prepare_cached("DELETE FROM identifiers WHERE realm = :realm AND user_id = :id")?
            .execute(named_params! { ":realm": realm.as_str(), ":id": user.id.as_bytes() })?;
        for identifier in identifiers {
            lead(db, realm.as_str(), identifier, &user.id)?;
        }
    }
    outcome(changed, stamp, || Ok(Some(there)), |there| stored::is_replaced(there, user))
}

/// The foreign key deletes the identifiers with the user.
pub(super) fn delete_user(db: &Connection, realm: &Realm, id: &UserId, _: &Stamp) -> Result<Commit<User>> {
    let changed = db
        .prepare_cached("DELETE FROM users WHERE realm = :realm AND id = :id")?
        .execute(named_params! { ":realm": realm.as_str(), ":id": id.as_bytes() })?;
    Ok(if changed > 0 { Commit::Done } else { Commit::Lost(None) })
}

fn from_row(row: &Row<'_>) -> Result<Stored<User>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = User {
        id: UserId::from_bytes(row.get("id")?),
        subject: Subject::from_text(row.get_ref("subject")?.as_str()?),
        username: row.get("username")?,
        email: row.get("email")?,
        email_verified: row.get("email_verified")?,
        claims: row.get::<Json<_>>("claims")?.0,
        password: row.get::<Option<String>>("password")?.map(PasswordHash),
        disabled: row.get("disabled")?,
        generation: Generation {
            not_before: row.get::<At>("not_before")?.0,
            id: row.get::<Option<_>>("generation")?.map(RequestId::from_bytes),
        },
        created_at: row.get::<At>("created_at")?.0,
        updated_at: row.get::<At>("updated_at")?.0,
        groups: row.get::<Json<_>>("member_of")?.0,
    };
    Ok(Stored { record, last_request: RequestId::from_bytes(row.get("last_request")?) })
}
