//! The realm's own records: its issuer and the documents of its key ring.

use super::column::{Count, FORMAT, Format};
use super::guarded::outcome;
use crate::stored::{self, Stored};
use crate::{Commit, Document, RingDocument, Stamp};
use protocol::id::{Realm, RequestId};
use rusqlite::{Connection, OptionalExtension as _, Result, named_params};

pub(super) fn issuer(db: &Connection, realm: &Realm) -> Result<Option<String>> {
    Ok(get_issuer(db, realm)?.map(|stored| stored.record))
}

fn get_issuer(db: &Connection, realm: &Realm) -> Result<Option<Stored<String>>> {
    db.prepare_cached("SELECT * FROM realms WHERE realm = :realm")?
        .query_row(named_params! { ":realm": realm.as_str() }, |row| {
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
    let changed = match seen {
        None => db
            .prepare_cached(
                "INSERT INTO realms (realm, issuer, last_request, v) VALUES (:realm, :issuer, :last_request, :v)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(named_params! {
                ":realm": realm.as_str(),
                ":issuer": issuer,
                ":last_request": stamp.request.as_bytes(),
                ":v": FORMAT,
            })?,
        Some(seen) => db
            .prepare_cached(
                "UPDATE realms SET issuer = :issuer, last_request = :last_request
                 WHERE realm = :realm AND issuer = :seen AND v = :v",
            )?
            .execute(named_params! {
                ":realm": realm.as_str(),
                ":seen": seen,
                ":issuer": issuer,
                ":last_request": stamp.request.as_bytes(),
                ":v": FORMAT,
            })?,
    };
    outcome(changed, stamp, || get_issuer(db, realm), |there| there == issuer)
}

pub(super) fn ring(db: &Connection, realm: &Realm, document: &RingDocument) -> Result<Option<Document>> {
    Ok(get(db, realm, *document)?.map(|stored| stored.record))
}

fn get(db: &Connection, realm: &Realm, document: RingDocument) -> Result<Option<Stored<Document>>> {
    db.prepare_cached("SELECT * FROM ring WHERE realm = :realm AND document = :document")?
        .query_row(named_params! { ":realm": realm.as_str(), ":document": key(document) }, |row| {
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
             VALUES (:realm, :document, :seen + 1, :body, :last_request, :v) ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "UPDATE ring SET version = :seen + 1, body = :body, last_request = :last_request
             WHERE realm = :realm AND document = :document AND version = :seen AND v = :v"
        }
    };
    let seen = seen.unwrap_or(0);
    let changed = db.prepare_cached(text)?.execute(named_params! {
        ":realm": realm.as_str(),
        ":document": key(*document),
        ":seen": Count(seen),
        ":body": body,
        ":last_request": stamp.request.as_bytes(),
        ":v": FORMAT,
    })?;
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
