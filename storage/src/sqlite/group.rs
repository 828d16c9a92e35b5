//! Groups. Who is in them, the records of users say.

use super::column::{At, Columns, FORMAT, Format};
use super::guarded::outcome;
use crate::stored::Stored;
use crate::{Commit, Stamp};
use protocol::group::{Group, GroupName};
use protocol::id::{Realm, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, named_params};

pub(super) fn groups(db: &Connection, realm: &Realm) -> Result<Vec<Group>> {
    db.prepare_cached("SELECT * FROM user_groups WHERE realm = :realm ORDER BY name")?
        .query_map(named_params! { ":realm": realm.as_str() }, |row| Ok(from_row(row)?.record))?
        .collect()
}

fn get(db: &Connection, realm: &Realm, name: &GroupName) -> Result<Option<Stored<Group>>> {
    db.prepare_cached("SELECT * FROM user_groups WHERE realm = :realm AND name = :name")?
        .query_row(named_params! { ":realm": realm.as_str(), ":name": name.as_str() }, from_row)
        .optional()
}

/// Whether users can be added to a group.
pub(super) fn is_open(db: &Connection, realm: &Realm, name: &GroupName) -> Result<bool> {
    Ok(get(db, realm, name)?.is_some_and(|group| !group.record.deleting))
}

/// Whether this very group is being deleted, and not another one of its name.
pub(super) fn is_being_deleted(db: &Connection, realm: &Realm, group: &Group) -> Result<bool> {
    Ok(get(db, realm, &group.name)?.is_some_and(|there| there.record.is_deleted_as(group)))
}

pub(super) fn create_group(
    db: &Connection,
    realm: &Realm,
    group: &Group,
    stamp: &Stamp,
) -> Result<Commit<Group>> {
    let changed = db
        .prepare_cached(
            "INSERT INTO user_groups (realm, name, created_at, deleting, last_request, v)
             VALUES (:realm, :name, :created_at, :deleting, :last_request, :v)
             ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":name": group.name.as_str(),
            ":created_at": At(group.created_at),
            ":deleting": group.deleting,
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, &group.name), |there| there == group)
}

pub(super) fn close_group(
    db: &Connection,
    realm: &Realm,
    group: &Group,
    stamp: &Stamp,
) -> Result<Commit<Group>> {
    let changed = db
        .prepare_cached(
            "UPDATE user_groups SET deleting = 1, last_request = :last_request
             WHERE realm = :realm AND name = :name AND created_at = :created_at AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":name": group.name.as_str(),
            ":created_at": At(group.created_at),
            ":last_request": stamp.request.as_bytes(),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, &group.name), |_| false)
}

pub(super) fn delete_group(
    db: &Connection,
    realm: &Realm,
    group: &Group,
    stamp: &Stamp,
) -> Result<Commit<Group>> {
    let changed = db
        .prepare_cached(
            "DELETE FROM user_groups
             WHERE realm = :realm AND name = :name AND created_at = :created_at AND deleting AND v = :v",
        )?
        .execute(named_params! {
            ":realm": realm.as_str(),
            ":name": group.name.as_str(),
            ":created_at": At(group.created_at),
            ":v": FORMAT,
        })?;
    outcome(changed, stamp, || get(db, realm, &group.name), |_| false)
}

fn from_row(row: &Row<'_>) -> Result<Stored<Group>> {
    let row = &Columns::of(row);
    row.get::<Format>("v")?;
    let record = Group {
        name: GroupName::from_stored(row.get_ref("name")?.as_str()?),
        created_at: row.get::<At>("created_at")?.0,
        deleting: row.get("deleting")?,
    };
    Ok(Stored { record, last_request: RequestId::from_bytes(row.get("last_request")?) })
}
