//! Clients.

use super::attribute::number;
use super::call::{Written, of_known_format};
use super::fault::Fault;
use super::item::{self, Key, record};
use super::table::Table;
use crate::{Commit, Stamp};
use aws_sdk_dynamodb::types::AttributeValue;
use protocol::client::Client;
use protocol::id::ClientId;

/// That a client is the one that was seen, at the revision that was seen.
const SEEN: &str = "#revision = :seen AND #created_at = :created_at AND #v = :v";

/// The values of [`SEEN`].
fn seen(client: &Client, revision: u64) -> [(&'static str, AttributeValue); 3] {
    let made = ("created_at", number(client.created_at.millis()));
    [("seen", number(revision)), made, of_known_format()]
}

impl Table {
    pub(super) async fn client(&self, id: &ClientId) -> Result<Option<Client>, Fault> {
        Ok(self.record(&self.client_key(id)).await?.map(|stored| stored.record))
    }

    pub(super) async fn clients(&self) -> Result<Vec<Client>, Fault> {
        let mut clients: Vec<Client> = self.scan("CLIENT", false, record).await?;
        clients.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(clients)
    }

    pub(super) async fn create_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, Fault> {
        let item = item::encode(&self.client_key(&client.id), client, stamp)?;
        self.put_new(item).await?.outcome(stamp, |there| there == client)
    }

    pub(super) async fn replace_client(
        &self,
        client: &Client,
        stamp: Stamp,
    ) -> Result<Commit<Client>, Fault> {
        let key = self.client_key(&client.id);
        let written = match client.revision.checked_sub(1) {
            Some(before) => self.put(item::encode(&key, client, stamp)?, SEEN, seen(client, before)).await?,
            // No revision comes before the first.
            None => Written::Refused(self.get(&key).await?),
        };
        written.outcome(stamp, |there| there == client)
    }

    pub(super) async fn delete_client(&self, client: &Client, stamp: Stamp) -> Result<Commit<Client>, Fault> {
        let seen = seen(client, client.revision);
        self.delete_if(&self.client_key(&client.id), SEEN, seen).await?.outcome(stamp, |_| false)
    }

    fn client_key(&self, id: &ClientId) -> Key {
        Key::client(&self.realm, id)
    }
}
