//! Counters of failed attempts.

use super::attribute::attribute;
use super::call::{Read, Written, of_known_format};
use super::fault::Fault;
use super::item::{self, Key, Record};
use super::retry::back_off;
use super::table::Table;
use crate::Stamp;
use protocol::attempts::{AttemptKey, Limit};
use protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How often a counter is written again because another request counted meanwhile.
const ROUNDS: u32 = 100;

#[derive(Serialize, Deserialize)]
struct Counter {
    debt: Timestamp,
}

impl Record for Counter {
    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.debt)
    }
}

impl Table {
    pub(super) fn attempt_keys(&self, attempts: &[AttemptKey]) -> impl Iterator<Item = Key> {
        attempts.iter().map(|attempt| Key::attempts(&self.realm, attempt))
    }

    /// The debts among the items that were read, in the order of `attempts`.
    pub(super) fn debts_in(&self, read: &Read, attempts: &[AttemptKey]) -> Result<Vec<Timestamp>, Fault> {
        let debt = |key| Ok(read.record(&key)?.map_or(Timestamp::EPOCH, |counter: Counter| counter.debt));
        self.attempt_keys(attempts).map(debt).collect()
    }

    pub(super) async fn debts(&self, attempts: &[AttemptKey]) -> Result<Vec<Timestamp>, Fault> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        self.debts_in(&self.get_all(self.attempt_keys(attempts)).await?, attempts)
    }

    pub(super) async fn note_attempt(
        &self,
        attempt: AttemptKey,
        limit: Limit,
        stamp: Stamp,
    ) -> Result<Timestamp, Fault> {
        let key = Key::attempts(&self.realm, &attempt);
        let mut there = self.get(&key).await?;
        for round in 0..ROUNDS {
            let seen = there.map(item::decode::<Counter>).transpose()?.map(|stored| stored.record.debt);
            let debt = limit.after(seen.unwrap_or(Timestamp::EPOCH), stamp.at);
            let item = item::encode(&key, &Counter { debt }, stamp)?;
            let written = match &seen {
                Some(seen) => {
                    let seen = [("seen", attribute(seen)?), of_known_format()];
                    self.put(item, "#debt = :seen AND #v = :v", seen).await?
                }
                None => self.put_new(item).await?,
            };
            if matches!(written, Written::Done) {
                return Ok(debt);
            }
            back_off(stamp, round).await;
            there = self.get(&key).await?;
        }
        Err(Fault::busy("the counter keeps changing"))
    }
}
