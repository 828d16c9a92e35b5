//! Grants: each step in the life of a code or token is one guarded update of one item.

use super::call::{Read, Update, Written};
use super::fault::Fault;
use super::item::{self, Key, TTL, TTL_REDEEMED, record};
use super::table::Table;
use crate::stored;
use crate::{Commit, GrantLocator, GrantView, Stamp};
use protocol::consent::Consent;
use protocol::grant::{self, Grant, GrantKey, Refresh, Revocation, RevocationReason};
use protocol::id::GrantId;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::Session;

/// How many grants of one user for one client are read to find the surplus at most.
const WINDOW: i32 = 200;

impl Table {
    fn grant_key(&self, key: &GrantKey) -> Key {
        Key::grant(&self.realm, key)
    }

    pub(super) async fn load_grant(&self, at: GrantLocator) -> Result<GrantView, Fault> {
        let read = self.get_all(self.keys_of(&at)).await?;
        self.grant_in(&read, &at).await
    }

    /// The keys that [`Table::grant_in`] looks up.
    pub(super) fn keys_of(&self, at: &GrantLocator) -> impl Iterator<Item = Key> {
        let session = at.session.map(|id| Key::session(&self.realm, &at.key.user, &id));
        [self.grant_key(&at.key), Key::user(&self.realm, &at.key.user)].into_iter().chain(session)
    }

    /// The grant with its user and session, from the items that were read. A token that doesn't name the grant's session,
    /// as those of older programs don't, costs a second read.
    pub(super) async fn grant_in(&self, read: &Read, at: &GrantLocator) -> Result<GrantView, Fault> {
        let user = &at.key.user;
        let grant: Option<Grant> = read.record(&self.grant_key(&at.key))?;
        let needed = grant.as_ref().filter(|grant| grant.needs_session()).map(|grant| grant.session);
        let session = match needed {
            None => None,
            Some(id) => {
                let key = Key::session(&self.realm, user, &id);
                let is_read = at.session == Some(id);
                if is_read {
                    read.record(&key)?
                } else {
                    self.record::<Session>(&key).await?.map(|stored| stored.record)
                }
            }
        };
        Ok(GrantView { grant, user: read.record(&Key::user(&self.realm, user))?, session })
    }

    pub(super) async fn create_grant(
        &self,
        grant: &Grant,
        agreed: Option<Scope>,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, Fault> {
        let prefix = format!("GRANT#{}", GrantId::prefix_of(&grant.client));
        let partition = Key::user(&self.realm, &grant.user).pk;
        let others = self.first(&partition, &prefix, WINDOW);
        let (written, others) = tokio::join!(self.put_grant(grant, stamp), others);
        let commit = written?.outcome(stamp, |there| stored::is_same_grant(there, grant))?;
        if let Some(agreed) = agreed
            && !self.is_agreed(grant, &agreed).await?
        {
            if commit.is_done() {
                self.delete(&self.grant_key(&grant.key())).await?;
            }
            return Ok(Commit::Lost(None));
        }
        if commit.is_done() {
            // A record that this program can't read is left as it is.
            let others = others.unwrap_or_default().into_iter().filter_map(|item| record::<Grant>(item).ok());
            let all: Vec<Grant> =
                others.filter(|there| there.id != grant.id).chain([grant.clone()]).collect();
            let surplus = grant::surplus(&all, grant, stamp.at).into_iter();
            let keys = surplus.map(|id| self.grant_key(&GrantKey { user: grant.user, grant: id }));
            self.delete_surplus(keys).await;
        }
        Ok(commit)
    }

    /// Read after the grant was put: whoever forgets the consent later finds the grant.
    async fn is_agreed(&self, grant: &Grant, agreed: &Scope) -> Result<bool, Fault> {
        let key = Key::consent(&self.realm, &grant.user, &grant.client);
        let consent = self.record::<Consent>(&key).await?;
        Ok(consent.is_some_and(|consent| consent.record.scope.covers(agreed)))
    }

    pub(super) async fn restore_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Commit<Grant>, Fault> {
        self.put_grant(grant, stamp).await?.outcome(stamp, |there| stored::is_same_grant(there, grant))
    }

    async fn put_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Written, Fault> {
        let mut item = item::encode(&self.grant_key(&grant.key()), grant, stamp)?;
        if grant.unredeemed_code().is_some() {
            item.insert(TTL_REDEEMED.to_owned(), item::ttl(grant.expires_at));
        }
        self.put_new(item).await
    }

    pub(super) async fn redeem_code(
        &self,
        key: GrantKey,
        code: &Digest,
        refresh: Option<Refresh>,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, Fault> {
        // RFC 6749 §4.1.2: a code works once and not after its expiry, and "after" begins at the instant itself.
        let update = Update::new(self.grant_key(&key), stamp)
            .set("redeemed_at", &stamp.at)
            .replace("refresh", refresh.as_ref())
            .move_over(TTL_REDEEMED, TTL)
            .when("#code = :code AND #code_expires_at > :redeemed_at")
            .when("attribute_not_exists(#redeemed_at) AND attribute_not_exists(#revoked)")
            .value("code", code);
        let mine = |there: &Grant| stored::is_redeemed(there, code, refresh.as_ref(), stamp);
        self.update(update).await?.outcome(stamp, mine)
    }

    pub(super) async fn rotate_refresh(
        &self,
        key: GrantKey,
        seen: &Refresh,
        next: &Refresh,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, Fault> {
        let update = Update::new(self.grant_key(&key), stamp)
            .set("refresh", next)
            .when("#refresh.#digest = :digest AND #refresh.#generation = :generation")
            .when("attribute_not_exists(#revoked)")
            .value("digest", &seen.digest)
            .value("generation", &seen.generation);
        self.update(update).await?.outcome(stamp, |there| stored::is_rotated(there, next))
    }

    pub(super) async fn burn_code(&self, key: GrantKey, stamp: Stamp) -> Result<Commit<Grant>, Fault> {
        let reason = RevocationReason::CodeBurnt;
        let update = end(Update::new(self.grant_key(&key), stamp), reason, stamp);
        let update = update.when("attribute_not_exists(#redeemed_at)");
        self.update(update).await?.outcome(stamp, |there| stored::is_revoked(there, reason, stamp))
    }

    pub(super) async fn revoke_grant(
        &self,
        key: GrantKey,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, Fault> {
        let update = end(Update::new(self.grant_key(&key), stamp), reason, stamp);
        self.update(update).await?.outcome(stamp, |there| stored::is_revoked(there, reason, stamp))
    }
}

fn end(update: Update, reason: RevocationReason, stamp: Stamp) -> Update {
    update.set("revoked", &Revocation { at: stamp.at, reason }).when("attribute_not_exists(#revoked)")
}
