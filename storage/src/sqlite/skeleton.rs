//! Users from before skeletons. Each gets that of their name, so that nobody takes a name that looks the same; of
//! several whose names look alike the one made first.
//!
//! Done at every start, not by a migration: a program of before may go on making users beside this one.

use super::user::lead;
use protocol::id::UserId;
use protocol::name::Identifier;
use rusqlite::{Connection, Result, TransactionBehavior, params};

/// Users of one write, so that others get their turn.
const AT_ONCE: u32 = 500;

struct Unclaimed {
    row: i64,
    realm: String,
    user: UserId,
    skeleton: Identifier,
}

/// Gives the users who have none their skeletons, as far as they lead to nobody. What was given before it stops
/// half-way stays.
pub(super) fn claim(db: &mut Connection) -> Result<()> {
    let mut after = 0;
    loop {
        let users = unclaimed(db, after)?;
        let Some(last) = users.last() else { return Ok(()) };
        after = last.row;
        let step = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Unclaimed { realm, user, skeleton, .. } in &users {
            lead(&step, realm, skeleton, user)?;
        }
        step.commit()?;
    }
}

/// Rows have the order in which users were made.
fn unclaimed(db: &Connection, after: i64) -> Result<Vec<Unclaimed>> {
    let kind = Identifier::skeleton("").kind();
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Unclaimed {
            row: row.get(0)?,
            realm: row.get(1)?,
            user: UserId::from_bytes(row.get(2)?),
            skeleton: Identifier::skeleton(row.get_ref(3)?.as_str()?),
        })
    };
    db.prepare(
        "SELECT rowid, realm, id, username FROM users WHERE rowid > ?1 AND NOT EXISTS
           (SELECT 1 FROM identifiers WHERE realm = users.realm AND user_id = users.id AND kind = ?2)
         ORDER BY rowid LIMIT ?3",
    )?
    .query_map(params![after, kind, AT_ONCE], read)?
    .collect()
}
