//! Consents: what users agreed to.

use super::attribute::attribute;
use super::call::{Written, of_known_format};
use super::fault::Fault;
use super::item::{self, Key, record};
use super::retry::back_off;
use super::table::Table;
use crate::Stamp;
use protocol::consent::Consent;
use protocol::id::{ClientId, UserId};

/// How often a consent is written again because another request added to it meanwhile.
const ROUNDS: u32 = 100;

impl Table {
    pub(super) async fn remember_consent(&self, consent: &Consent, stamp: Stamp) -> Result<(), Fault> {
        let key = Key::consent(&self.realm, &consent.user, &consent.client);
        // Most users agree for the first time, so the first write assumes it, and finds the record if there is one.
        let mut there = None;
        for round in 0..ROUNDS {
            let known: Option<Consent> = there.map(record).transpose()?;
            let Some(grown) = consent.added_to(known.as_ref()) else { return Ok(()) };
            let item = item::encode(&key, &grown, stamp)?;
            let written = match &known {
                Some(Consent { scope, authority, .. }) => {
                    let mut seen = vec![("scope", attribute(scope)?), of_known_format()];
                    let condition = match authority {
                        Some(authority) => {
                            seen.push(("authority", attribute(authority)?));
                            "#scope = :scope AND #authority = :authority AND #v = :v"
                        }
                        None => "#scope = :scope AND attribute_not_exists(#authority) AND #v = :v",
                    };
                    self.put(item, condition, seen).await?
                }
                None => self.put_new(item).await?,
            };
            match written {
                Written::Done => return Ok(()),
                Written::Refused(found) if round == 0 => there = found,
                // The record of the refusal is old by the time the next write is sent.
                Written::Refused(_) => {
                    back_off(stamp, round).await;
                    there = self.get(&key).await?;
                }
            }
        }
        Err(Fault::busy("the consent keeps changing"))
    }

    pub(super) async fn forget_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        _: Stamp,
    ) -> Result<(), Fault> {
        self.delete(&Key::consent(&self.realm, user, client)).await.map(drop)
    }
}
