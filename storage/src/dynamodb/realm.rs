//! The realm's own records: its issuer and the documents of its key ring.

use super::attribute::{number, text};
use super::call::of_known_format;
use super::fault::Fault;
use super::item::{self, Key, Record};
use super::table::Table;
use crate::stored;
use crate::{Commit, Document, RingDocument, Stamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Issuer {
    issuer: String,
}

impl Record for Issuer {}

#[derive(Serialize, Deserialize)]
struct DocumentRecord {
    version: u64,
    body: String,
}

impl Record for DocumentRecord {}

impl From<DocumentRecord> for Document {
    fn from(record: DocumentRecord) -> Self {
        Self { version: record.version, body: record.body }
    }
}

impl Table {
    pub(super) async fn issuer(&self) -> Result<Option<String>, Fault> {
        let stored = self.record::<Issuer>(&self.issuer_key()).await?;
        Ok(stored.map(|stored| stored.record.issuer))
    }

    pub(super) async fn replace_issuer(
        &self,
        seen: Option<String>,
        issuer: &str,
        stamp: Stamp,
    ) -> Result<Commit<String>, Fault> {
        let item = item::encode(&self.issuer_key(), &Issuer { issuer: issuer.into() }, stamp)?;
        let written = match seen {
            None => self.put_new(item).await?,
            Some(seen) => {
                let seen = [("seen", text(seen)), of_known_format()];
                self.put(item, "#issuer = :seen AND #v = :v", seen).await?
            }
        };
        let mine = |there: &Issuer| there.issuer == issuer;
        Ok(written.outcome(stamp, mine)?.map(|there| there.issuer))
    }

    pub(super) async fn ring(&self, document: RingDocument) -> Result<Option<Document>, Fault> {
        let stored = self.record::<DocumentRecord>(&self.ring_key(document)).await?;
        Ok(stored.map(|stored| stored.record.into()))
    }

    pub(super) async fn replace_ring(
        &self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Result<Commit<Document>, Fault> {
        let version = seen.unwrap_or(0).saturating_add(1);
        let record = DocumentRecord { version, body: body.into() };
        let item = item::encode(&self.ring_key(document), &record, stamp)?;
        let written = match seen {
            None => self.put_new(item).await?,
            Some(seen) => {
                let seen = [("seen", number(seen)), of_known_format()];
                self.put(item, "#version = :seen AND #v = :v", seen).await?
            }
        };
        let mine = |there: &DocumentRecord| {
            let there = Document { version: there.version, body: there.body.clone() };
            stored::is_same_document(&there, version, body)
        };
        Ok(written.outcome(stamp, mine)?.map(Document::from))
    }

    /// Sends a write whose condition is never met. DynamoDB answers so if and only if the table exists and may be written.
    pub(super) async fn probe(&self) -> Result<(), Fault> {
        let nothing = Key::realm(&self.realm, "PROBE");
        self.put(nothing.item(), "attribute_exists(#pk)", []).await.map(drop)
    }

    fn issuer_key(&self) -> Key {
        Key::realm(&self.realm, "ISSUER")
    }

    fn ring_key(&self, document: RingDocument) -> Key {
        let which = match document {
            RingDocument::Ring => "RING",
            RingDocument::RetiredKeys => "RETIRED_KEYS",
        };
        Key::ring(&self.realm, which)
    }
}
