//! Who is in a group: the records of users say so.

use super::column::{At, Json};
use super::{group, user};
use crate::{Commit, MEMBERS_LIMIT, Stamp};
use protocol::group::{Group, GroupName};
use protocol::id::{Realm, UserId};
use protocol::user::User;
use rusqlite::{Connection, Result, named_params};
use std::collections::BTreeSet;

pub(super) fn members(
    db: &Connection,
    realm: &Realm,
    group: &GroupName,
    behind: &Option<UserId>,
) -> Result<Vec<UserId>> {
    db.prepare_cached(
        "SELECT id FROM users WHERE realm = :realm AND id > :behind
           AND EXISTS (SELECT 1 FROM json_each(users.member_of) WHERE value = :group)
         ORDER BY id LIMIT :limit",
    )?
    .query_map(
        named_params! {
            ":realm": realm.as_str(),
            ":behind": behind.as_ref().map_or(&[][..], |id| id.as_bytes()),
            ":group": group.as_str(),
            ":limit": MEMBERS_LIMIT,
        },
        |row| row.get(0).map(UserId::from_bytes),
    )?
    .collect()
}

pub(super) fn leave_group(
    db: &Connection,
    realm: &Realm,
    id: &UserId,
    of: &Group,
    stamp: &Stamp,
) -> Result<Commit<User>> {
    let Some(user) = user::user(db, realm, id)? else { return Ok(Commit::Lost(None)) };
    if !user.groups.contains(&of.name) {
        return Ok(Commit::Done);
    }
    if !group::is_being_deleted(db, realm, of)? {
        return Ok(Commit::Lost(Some(Box::new(user))));
    }
    let left: BTreeSet<_> = user.groups.iter().filter(|name| **name != of.name).collect();
    db.prepare_cached(
        "UPDATE users SET member_of = :groups, updated_at = :updated_at, last_request = :last_request
         WHERE realm = :realm AND id = :id",
    )?
    .execute(named_params! {
        ":realm": realm.as_str(),
        ":id": id.as_bytes(),
        ":groups": Json(&left),
        ":updated_at": At(user.next_update(stamp.at)),
        ":last_request": stamp.request.as_bytes(),
    })?;
    Ok(Commit::Done)
}
