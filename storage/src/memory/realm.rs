//! The realm's own records, clients, counters, and housekeeping.

use super::tables::{Tables, change, put_new};
use crate::stored::{self, Stored};
use crate::{Commit, Document, RingDocument, SWEEP_LIMIT, Stamp};
use protocol::attempts::{AttemptKey, Limit};
use protocol::client::Client;
use protocol::id::ClientId;
use protocol::time::Timestamp;

impl Tables {
    pub(super) fn issuer(&self) -> Option<String> {
        self.issuer.as_ref().map(|stored| stored.record.clone())
    }

    pub(super) fn replace_issuer(
        &mut self,
        seen: Option<String>,
        issuer: &str,
        stamp: Stamp,
    ) -> Commit<String> {
        if self.issuer() != seen {
            return Stored::outcome(self.issuer.clone(), stamp, |there| there == issuer);
        }
        self.issuer = Some(Stored { record: issuer.to_owned(), last_request: stamp.request });
        Commit::Done
    }

    pub(super) fn ring(&self, document: RingDocument) -> Option<Document> {
        self.ring.get(&document).map(|stored| stored.record.clone())
    }

    pub(super) fn replace_ring(
        &mut self,
        document: RingDocument,
        seen: Option<u64>,
        body: &str,
        stamp: Stamp,
    ) -> Commit<Document> {
        let there = self.ring.get(&document).cloned();
        let version = seen.unwrap_or(0).saturating_add(1);
        if there.as_ref().map(|stored| stored.record.version) != seen {
            return Stored::outcome(there, stamp, |there| stored::is_same_document(there, version, body));
        }
        let record = Document { version, body: body.to_owned() };
        self.ring.insert(document, Stored { record, last_request: stamp.request });
        Commit::Done
    }

    pub(super) fn client(&self, id: &ClientId) -> Option<Client> {
        self.clients.get(id).map(|stored| stored.record.clone())
    }

    pub(super) fn clients(&self) -> Vec<Client> {
        self.clients.values().map(|stored| stored.record.clone()).collect()
    }

    pub(super) fn create_client(&mut self, client: &Client, stamp: Stamp) -> Commit<Client> {
        put_new(&mut self.clients, client.id.clone(), client.clone(), stamp, |there| there == client)
    }

    pub(super) fn replace_client(&mut self, client: &Client, stamp: Stamp) -> Commit<Client> {
        let condition = |there: &Client| {
            there.revision.checked_add(1) == Some(client.revision) && there.created_at == client.created_at
        };
        let effect = |there: &mut Client| *there = client.clone();
        change(&mut self.clients, &client.id, stamp, condition, effect, |there| there == client)
    }

    pub(super) fn delete_client(&mut self, client: &Client, _: Stamp) -> Commit<Client> {
        match self.clients.get(&client.id).map(|stored| &stored.record) {
            Some(there) if there.revision == client.revision && there.created_at == client.created_at => {
                self.clients.remove(&client.id);
                self.consents.retain(|(_, id), _| *id != client.id);
                Commit::Done
            }
            there => Commit::Lost(there.cloned().map(Box::new)),
        }
    }

    pub(super) fn debts(&self, attempts: &[AttemptKey]) -> Vec<Timestamp> {
        attempts.iter().map(|key| self.debts.get(key).copied().unwrap_or(Timestamp::EPOCH)).collect()
    }

    pub(super) fn note_attempt(&mut self, attempt: AttemptKey, limit: Limit, stamp: Stamp) -> Timestamp {
        let debt = self.debts.entry(attempt).or_default();
        *debt = limit.after(*debt, stamp.at);
        *debt
    }

    pub(super) fn probe(&self) {}

    pub(super) fn change_mark(&self) -> u64 {
        0
    }

    pub(super) fn sweep(&mut self, before: Timestamp) -> u64 {
        let mut room = SWEEP_LIMIT;
        let mut keep = |expires_at: Timestamp| {
            let goes = expires_at < before && room > 0;
            room -= u64::from(goes);
            !goes
        };
        self.grants.retain(|_, grant| keep(grant.record.kept_until()));
        self.sessions.retain(|_, session| keep(session.record.expires_at));
        self.denied.retain(|_, denied| keep(denied.record));
        self.debts.retain(|_, debt| keep(*debt));
        SWEEP_LIMIT - room
    }
}
