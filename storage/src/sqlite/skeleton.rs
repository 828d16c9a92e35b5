//! Skeletons for users of programs that didn't know them: each user gets the skeleton of their name, so that nobody
//! can take a name that looks the same. Of several users whose names look alike, the one created first gets it.
//!
//! Done at every start, not by a migration: during an update an older program may still create users.

use super::user::lead;
use protocol::id::UserId;
use protocol::name::Identifier;
use rusqlite::{Connection, Result, TransactionBehavior, named_params};

/// How many users one write covers, so that other writes get their turn.
const AT_ONCE: u32 = 500;

struct Unclaimed {
    row: i64,
    realm: String,
    user: UserId,
    skeleton: Identifier,
}

/// Adds the missing skeletons that lead to nobody yet. After an interruption, those already added stay.
pub(super) fn claim(db: &mut Connection) -> Result<()> {
    let mut after = 0;
    loop {
        let users = unclaimed(db, after)?;
        let Some(last) = users.last() else { return Ok(()) };
        after = last.row;
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Unclaimed { realm, user, skeleton, .. } in &users {
            lead(&transaction, realm, skeleton, user)?;
        }
        transaction.commit()?;
    }
}

/// The next users without a skeleton, in the order of `rowid`, in which they were created.
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
        "SELECT rowid, realm, id, username FROM users WHERE rowid > :after AND NOT EXISTS
           (SELECT 1 FROM identifiers WHERE realm = users.realm AND user_id = users.id AND kind = :kind)
         ORDER BY rowid LIMIT :limit",
    )?
    .query_map(named_params! { ":after": after, ":kind": kind, ":limit": AT_ONCE }, read)?
    .collect()
}
