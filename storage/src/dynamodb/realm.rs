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
struct Text {
    version: u64,
    body: String,
}

impl Record for Text {}

impl From<Text> for Document {
    fn from(text: Text) -> Self {
        Self { version: text.version, body: text.body }
    }
}

impl Table {
    pub(super) async fn issuer(&self) -> Result<Option<String>, Fault> {
        let kept = self.record::<Issuer>(&self.issuer_key()).await?;
        Ok(kept.map(|kept| kept.record.issuer))
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
        Ok(written.settle(stamp, mine)?.map(|there| there.issuer))
    }

    pub(super) async fn ring(&self, document: RingDocument) -> Result<Option<Document>, Fault> {
        let kept = self.record::<Text>(&self.ring_key(document)).await?;
        Ok(kept.map(|kept| kept.record.into()))
    }

    pub(super) async fn replace_ring(
        &self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Result<Commit<Document>, Fault> {
        let version = seen.unwrap_or(0).saturating_add(1);
        let text = Text { version, body: body.into() };
        let item = item::encode(&self.ring_key(document), &text, stamp)?;
        let written = match seen {
            None => self.put_new(item).await?,
            Some(seen) => {
                let seen = [("seen", number(seen)), of_known_format()];
                self.put(item, "#version = :seen AND #v = :v", seen).await?
            }
        };
        let mine = |there: &Text| {
            let there = Document { version: there.version, body: there.body.clone() };
            stored::is_same_document(&there, version, body)
        };
        Ok(written.settle(stamp, mine)?.map(Document::from))
    }

    /// A write whose condition never holds: it is refused if and only if the table is there and may be written.
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
