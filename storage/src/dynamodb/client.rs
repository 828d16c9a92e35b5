//! Clients.

use super::attribute::number;
use super::call::{Written, of_known_format};
use super::fault::Fault;
use super::item::{self, Key, record};
use super::table::Table;
use crate::{Commit, Stamp};
use protocol::client::Client;
use protocol::id::ClientId;

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
            Some(seen) => {
                let made = ("created_at", number(client.created_at.millis()));
                let seen = [("seen", number(seen)), made, of_known_format()];
                let condition = "#revision = :seen AND #created_at = :created_at AND #v = :v";
                self.put(item::encode(&key, client, stamp)?, condition, seen).await?
            }
            // No revision comes before the first.
            None => Written::Refused(self.get(&key).await?),
        };
        written.outcome(stamp, |there| there == client)
    }

    pub(super) async fn delete_client(&self, id: &ClientId, _: Stamp) -> Result<Commit<Client>, Fault> {
        let was_there = self.delete(&self.client_key(id)).await?;
        Ok(if was_there { Commit::Done } else { Commit::Lost(None) })
    }

    fn client_key(&self, id: &ClientId) -> Key {
        Key::client(&self.realm, id)
    }
}
