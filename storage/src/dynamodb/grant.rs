//! Grants: each step of a code's or token's life is one guarded update of one item.

use super::Table;
use super::attribute::attribute;
use super::call::{Partition, Update};
use super::fault::Fault;
use super::item::{self, Key, TTL, TTL_REDEEMED};
use crate::kept;
use crate::{Commit, GrantView, Stamp};
use aws_sdk_dynamodb::types::AttributeValue;
use protocol::grant::{Grant, GrantKey, Refresh, Revocation, RevocationReason};
use protocol::id::{SessionId, UserId};
use protocol::secret::Digest;

impl Table {
    fn grant_key(&self, key: &GrantKey) -> Key {
        Key::grant(&self.realm, key)
    }

    pub(super) async fn load_grant(&self, key: GrantKey) -> Result<GrantView, Fault> {
        let (grant, user) = (self.grant_key(&key), Key::user(&self.realm, &key.user));
        let read = self.get_all([grant.clone(), user.clone()]).await?;
        Ok(GrantView { grant: read.record(&grant)?, user: read.record(&user)? })
    }

    pub(super) async fn create_grant(&self, grant: &Grant, stamp: Stamp) -> Result<Commit<Grant>, Fault> {
        let mut item = item::encode(&self.grant_key(&grant.key()), grant, stamp)?;
        if grant.redeemed_at.is_none() {
            item.insert(TTL_REDEEMED.to_owned(), item::ttl(grant.expires_at));
        }
        self.put_new(item).await?.settle(stamp, |there| kept::is_same_grant(there, grant))
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
        let mine = |there: &Grant| kept::is_redeemed(there, code, refresh.as_ref(), stamp);
        self.update(update).await?.settle(stamp, mine)
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
        self.update(update).await?.settle(stamp, |there| kept::is_rotated(there, next))
    }

    pub(super) async fn burn_code(&self, key: GrantKey, stamp: Stamp) -> Result<Commit<Grant>, Fault> {
        let reason = RevocationReason::CodeBurnt;
        let update = end(Update::new(self.grant_key(&key), stamp), reason, stamp);
        let update = update.when("attribute_not_exists(#redeemed_at)");
        self.update(update).await?.settle(stamp, |there| kept::is_revoked(there, reason, stamp))
    }

    pub(super) async fn revoke_grant(
        &self,
        key: GrantKey,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Result<Commit<Grant>, Fault> {
        let update = end(Update::new(self.grant_key(&key), stamp), reason, stamp);
        self.update(update).await?.settle(stamp, |there| kept::is_revoked(there, reason, stamp))
    }

    /// What a session carries: its grants that end with it and have not ended.
    pub(super) async fn carried(&self, user: &UserId, session: &SessionId) -> Result<Vec<Key>, Fault> {
        let filter = "#session = :session AND #offline = :offline AND attribute_not_exists(#revoked)";
        let values = [("session", attribute(session)?), ("offline", AttributeValue::Bool(false))];
        let partition = Key::user(&self.realm, user).pk;
        let own = Partition { pk: &partition, sk_begins: "GRANT#", filter: Some(filter), only_keys: true };
        self.query(own, values, |item| Key::of(&item)).await
    }
}

/// The end of a grant with its session. Records of a newer format, too: whatever they mean, leaving them would
/// keep clients signed in.
pub(super) fn end_with_session(grant: Key, stamp: Stamp) -> Update {
    end(Update::of_any_format(grant, stamp), RevocationReason::SessionEnded, stamp)
}

fn end(update: Update, reason: RevocationReason, stamp: Stamp) -> Update {
    update.set("revoked", &Revocation { at: stamp.at, reason }).when("attribute_not_exists(#revoked)")
}
