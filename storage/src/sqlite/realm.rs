//! The realm's own records: its issuer and the documents of its key ring.

use super::column::{Count, FORMAT, Format};
use super::guarded::outcome;
use crate::stored::{self, Stored};
use crate::{Commit, Document, RingDocument, Stamp};
use protocol::id::{Realm, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Result, params};

pub(super) fn issuer(db: &Connection, realm: &Realm) -> Result<Option<String>> {
    Ok(get_issuer(db, realm)?.map(|stored| stored.record))
}

fn get_issuer(db: &Connection, realm: &Realm) -> Result<Option<Stored<String>>> {
    db.prepare_cached("SELECT * FROM realms WHERE realm = ?1")?
        .query_row([realm.as_str()], |row| {
            row.get::<_, Format>("v")?;
            let last_request = RequestId::from_bytes(row.get("last_request")?);
            Ok(Stored { record: row.get("issuer")?, last_request })
        })
        .optional()
}

pub(super) fn replace_issuer(
    db: &Connection,
    realm: &Realm,
    seen: &Option<String>,
    issuer: &str,
    stamp: &Stamp,
) -> Result<Commit<String>> {
    let text = match seen {
        None => {
            "INSERT INTO realms (realm, issuer, last_request, v)
             VALUES (?1, ?3, ?4, ?5) ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "UPDATE realms SET issuer = ?3, last_request = ?4
             WHERE realm = ?1 AND issuer = ?2 AND v = ?5"
        }
    };
    let values = params![realm.as_str(), seen, issuer, stamp.request.as_bytes(), FORMAT];
    let changed = db.prepare_cached(text)?.execute(values)?;
    outcome(changed, stamp, || get_issuer(db, realm), |there| there == issuer)
}

pub(super) fn ring(db: &Connection, realm: &Realm, document: &RingDocument) -> Result<Option<Document>> {
    Ok(get(db, realm, *document)?.map(|stored| stored.record))
}

fn get(db: &Connection, realm: &Realm, document: RingDocument) -> Result<Option<Stored<Document>>> {
    db.prepare_cached("SELECT * FROM ring WHERE realm = ?1 AND document = ?2")?
        .query_row([realm.as_str(), key(document)], |row| {
            row.get::<_, Format>("v")?;
            Ok(Stored {
                record: Document { version: row.get::<_, Count>("version")?.0, body: row.get("body")? },
                last_request: RequestId::from_bytes(row.get("last_request")?),
            })
        })
        .optional()
}

pub(super) fn replace_ring(
    db: &Connection,
    realm: &Realm,
    document: &RingDocument,
    seen: &Option<u64>,
    body: &str,
    stamp: &Stamp,
) -> Result<Commit<Document>> {
    let text = match seen {
        None => {
            "INSERT INTO ring (realm, document, version, body, last_request, v)
             VALUES (?1, ?2, ?3 + 1, ?4, ?5, ?6) ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "UPDATE ring SET version = ?3 + 1, body = ?4, last_request = ?5
             WHERE realm = ?1 AND document = ?2 AND version = ?3 AND v = ?6"
        }
    };
    let seen = seen.unwrap_or(0);
    let changed = db.prepare_cached(text)?.execute(params![
        realm.as_str(),
        key(*document),
        Count(seen),
        body,
        stamp.request.as_bytes(),
        FORMAT
    ])?;
    outcome(
        changed,
        stamp,
        || get(db, realm, *document),
        |there| stored::is_same_document(there, seen.saturating_add(1), body),
    )
}

const fn key(document: RingDocument) -> &'static str {
    match document {
        RingDocument::Ring => "ring",
        RingDocument::RetiredKeys => "retired_keys",
    }
}

/// Changes a number in the file's header that has no meaning.
pub(super) fn write_nothing(db: &Connection) -> Result<()> {
    let number: i32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    db.pragma_update(None, "user_version", number.wrapping_add(1))
}
