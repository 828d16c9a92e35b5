//! Grants and the tokens issued from them.

use super::tables::{Tables, change, put_new};
use crate::stored::{self, Stored};
use crate::{Commit, DeniedToken, GrantLocator, GrantView, Stamp, TokenView};
use protocol::flow::{AuthorizationCode, Flow};
use protocol::grant::{self, Grant, GrantKey, Refresh, Revocation, RevocationReason};
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::time::Timestamp;

impl Tables {
    /// Changes one grant; its own `last_request` follows.
    fn change_grant(
        &mut self,
        key: GrantKey,
        stamp: Stamp,
        condition: impl FnOnce(&Grant) -> bool,
        effect: impl FnOnce(&mut Grant),
        mine: impl FnOnce(&Grant) -> bool,
    ) -> Commit<Grant> {
        let stamped = |grant: &mut Grant| {
            effect(grant);
            grant.last_request = stamp.request;
        };
        change(&mut self.grants, &key, stamp, condition, stamped, mine)
    }

    pub(super) fn create_grant(
        &mut self,
        grant: &Grant,
        agreed: Option<Scope>,
        stamp: Stamp,
    ) -> Commit<Grant> {
        let consent = self.consents.get(&(grant.user, grant.client.clone()));
        if agreed.is_some_and(|agreed| !consent.is_some_and(|consent| consent.scope.covers(&agreed))) {
            return Commit::Lost(None);
        }
        let commit = self.restore_grant(grant, stamp);
        if commit.is_done() {
            let own = self.grants.values().map(|stored| stored.record.clone());
            let own: Vec<Grant> = own.filter(|there| there.user == grant.user).collect();
            for id in grant::surplus(&own, grant, stamp.at) {
                self.grants.remove(&GrantKey { user: grant.user, grant: id });
            }
        }
        commit
    }

    pub(super) fn restore_grant(&mut self, grant: &Grant, stamp: Stamp) -> Commit<Grant> {
        let record = Grant { last_request: stamp.request, ..grant.clone() };
        let mine = |there: &Grant| stored::is_same_grant(there, grant);
        put_new(&mut self.grants, grant.key(), record, stamp, mine)
    }

    pub(super) fn load_grant(&self, GrantLocator { key, .. }: GrantLocator) -> GrantView {
        let grant = self.grants.get(&key).map(|stored| stored.record.clone());
        let needed = grant.as_ref().filter(|grant| grant.needs_session());
        let session = needed.and_then(|grant| self.sessions.get(&(key.user, grant.session)));
        GrantView { user: self.user(&key.user), session: session.map(|stored| stored.record.clone()), grant }
    }

    pub(super) fn redeem_code(
        &mut self,
        key: GrantKey,
        code: &Digest,
        refresh: Option<Refresh>,
        stamp: Stamp,
    ) -> Commit<Grant> {
        let condition = |there: &Grant| {
            let is_good =
                |own: &AuthorizationCode| own.digest == *code && !own.expires_at.has_passed(stamp.at);
            there.unredeemed_code().is_some_and(is_good) && there.revoked.is_none()
        };
        let effect = |there: &mut Grant| {
            let Flow::Code(own) = &mut there.flow;
            own.redeemed_at = Some(stamp.at);
            there.refresh.clone_from(&refresh);
        };
        let mine = |there: &Grant| stored::is_redeemed(there, code, refresh.as_ref(), stamp);
        self.change_grant(key, stamp, condition, effect, mine)
    }

    pub(super) fn rotate_refresh(
        &mut self,
        key: GrantKey,
        seen: &Refresh,
        next: &Refresh,
        stamp: Stamp,
    ) -> Commit<Grant> {
        let condition = |there: &Grant| {
            let tip = there.refresh.as_ref();
            there.revoked.is_none()
                && tip.is_some_and(|tip| tip.digest == seen.digest && tip.generation == seen.generation)
        };
        let effect = |there: &mut Grant| there.refresh = Some(next.clone());
        self.change_grant(key, stamp, condition, effect, |there| stored::is_rotated(there, next))
    }

    pub(super) fn burn_code(&mut self, key: GrantKey, stamp: Stamp) -> Commit<Grant> {
        let reason = RevocationReason::CodeBurnt;
        let condition = |there: &Grant| there.unredeemed_code().is_some() && there.revoked.is_none();
        let effect = |there: &mut Grant| there.revoked = Some(Revocation { at: stamp.at, reason });
        self.change_grant(key, stamp, condition, effect, |there| stored::is_revoked(there, reason, stamp))
    }

    pub(super) fn revoke_grant(
        &mut self,
        key: GrantKey,
        reason: RevocationReason,
        stamp: Stamp,
    ) -> Commit<Grant> {
        let condition = |there: &Grant| there.revoked.is_none();
        let effect = |there: &mut Grant| there.revoked = Some(Revocation { at: stamp.at, reason });
        self.change_grant(key, stamp, condition, effect, |there| stored::is_revoked(there, reason, stamp))
    }

    pub(super) fn load_token(&self, token: &Digest, grant: Option<GrantLocator>) -> TokenView {
        let GrantView { grant, user, session } = grant.map(|at| self.load_grant(at)).unwrap_or_default();
        TokenView { denied: self.denied.contains_key(token.as_bytes()), grant, user, session }
    }

    pub(super) fn denied_tokens(&self) -> Vec<DeniedToken> {
        let denied = |(token, stored): (&[u8; 32], &Stored<Timestamp>)| DeniedToken {
            token: Digest::from_bytes(*token),
            expires_at: stored.record,
        };
        self.denied.iter().map(denied).collect()
    }

    pub(super) fn deny_token(
        &mut self,
        token: &Digest,
        expires_at: Timestamp,
        stamp: Stamp,
    ) -> Commit<Timestamp> {
        put_new(&mut self.denied, *token.as_bytes(), expires_at, stamp, |there| *there == expires_at)
    }
}
