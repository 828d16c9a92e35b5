//! What users agreed to.

use super::Table;
use super::again::step_aside;
use super::attribute::attribute;
use super::call::{Written, of_known_format};
use super::fault::Fault;
use super::item::{self, Key};
use crate::Stamp;
use protocol::consent::Consent;
use protocol::id::{ClientId, UserId};
use protocol::scope::Scope;

/// How often a consent is read again because another call made it grow meanwhile.
const ROUNDS: u32 = 100;

impl Table {
    pub(super) async fn remember_consent(
        &self,
        user: &UserId,
        client: &ClientId,
        scope: &Scope,
        stamp: Stamp,
    ) -> Result<(), Fault> {
        let key = Key::consent(&self.realm, user, client);
        // Most agree for the first time: the first write finds out whether so.
        let mut there = None;
        for round in 0..ROUNDS {
            let known = there.map(item::decode::<Consent>).transpose()?.map(|kept| kept.record.scope);
            let grown = match &known {
                Some(known) if known.covers(scope) => return Ok(()),
                Some(known) => known.union(scope),
                None => scope.clone(),
            };
            let consent = Consent { user: *user, client: client.clone(), scope: grown, granted_at: stamp.at };
            let item = item::encode(&key, &consent, stamp)?;
            let written = match &known {
                Some(known) => {
                    let seen = [("seen", attribute(known)?), of_known_format()];
                    self.put(item, "#scope = :seen AND #v = :v", seen).await?
                }
                None => self.put_new(item).await?,
            };
            match written {
                Written::Done => return Ok(()),
                Written::Refused(found) if round == 0 => there = found,
                // What the refusal told is old by then.
                Written::Refused(_) => {
                    step_aside(stamp, round).await;
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
