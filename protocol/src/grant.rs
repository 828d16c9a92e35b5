//! The grant: what one user allowed one client in one authorization, and everything a token may be issued
//! from. One record, so that redeeming, rotating and revoking are one guarded write each.

use crate::authority::{Authority, Generations};
use crate::client::Client;
use crate::flow::{AuthorizationCode, Flow};
use crate::generation::Generation;
use crate::id::{ClientId, GrantId, RequestId, SessionId, UserId};
use crate::scope::Scope;
use crate::secret::Digest;
use crate::session::{Authentication, Session};
use crate::time::{CLOCK_SKEW, Timestamp};
use crate::user::User;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::Duration;

/// The key of a grant's record, which is stored next to its user's other records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantKey {
    /// The user who granted.
    pub user: UserId,
    /// The grant's own id.
    pub grant: GrantId,
}

/// A grant as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id, derived from the authorization request and the user.
    pub id: GrantId,
    /// The user who granted.
    pub user: UserId,
    /// The client it was granted to.
    pub client: ClientId,
    /// The session in which it was granted.
    pub session: SessionId,
    /// The scope requested.
    pub requested_scope: Scope,
    /// The scope granted: requested, consented to and allowed.
    pub scope: Scope,
    /// The resource requested (RFC 8707).
    pub resource: Option<String>,
    /// The flow by which it was granted, with the fields that only this flow has.
    #[serde(flatten)]
    pub flow: Flow,
    /// Claims requested by name (OIDC Core §5.5).
    pub claims: RequestedClaims,
    /// How and when the user authenticated.
    pub authentication: Authentication,
    /// The generations it was made under; `None`: written by a version without generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// Whether it survives its session (`offline_access`).
    pub offline: bool,
    /// The tip of its refresh tokens, if it has any.
    pub refresh: Option<Refresh>,
    /// When it was made: at the end of the authorization request.
    pub created_at: Timestamp,
    /// After this nothing issued from it is valid.
    pub expires_at: Timestamp,
    /// When and why it was revoked; never unset.
    pub revoked: Option<Revocation>,
    /// The call that wrote it last; a repeated write recognises its own work by it.
    pub last_request: RequestId,
}

/// The tip of a grant's chain of refresh tokens (RFC 6749 §6): the newest, and the only one that is valid on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Hash of the tip's secret.
    pub digest: Digest,
    /// How many times it was rotated.
    pub generation: u32,
    /// When it was rotated last; `None`: never.
    pub rotated_at: Option<Timestamp>,
    /// The number of the master key that seals it and derives its successors.
    pub master: u16,
    /// When it expires if it is not used.
    pub idle_expires_at: Timestamp,
    /// When it expires, used or not.
    pub expires_at: Timestamp,
}

/// When and why a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// A wrong verifier or redirect URI was presented with the code.
    CodeBurnt,
    /// The code was presented again after its redemption.
    CodeReplayed,
    /// A refresh token was presented again after its rotation.
    RefreshReused,
    /// Its session ended.
    SessionEnded,
    /// The user, an operator or the client revoked it.
    Revoked,
}

/// Claims requested by name (OIDC Core §5.5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedClaims {
    /// For `/userinfo`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// For the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
}

impl RequestedClaims {
    /// Whether no claim was requested.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
}

impl Grant {
    /// The key of its record.
    pub const fn key(&self) -> GrantKey {
        GrantKey { user: self.user, grant: self.id }
    }

    /// Its authorization code, if it was granted by one.
    pub const fn code(&self) -> Option<&AuthorizationCode> {
        match &self.flow {
            Flow::Code(code) => Some(code),
        }
    }

    /// Its code, if that is not redeemed yet.
    pub fn unredeemed_code(&self) -> Option<&AuthorizationCode> {
        self.code().filter(|code| code.redeemed_at.is_none())
    }

    /// When its code was redeemed.
    pub fn redeemed_at(&self) -> Option<Timestamp> {
        self.code().and_then(|code| code.redeemed_at)
    }

    /// When its record may be deleted. A grant whose code was never redeemed issued nothing that a logout or a
    /// revocation could end, so it is not kept as long as its session.
    pub fn kept_until(&self) -> Timestamp {
        self.unredeemed_code().map_or(self.expires_at, |code| self.expires_at.min(code.kept_until()))
    }

    /// How far the clock of `call` may differ from the clock that dated this grant's last write: zero if the same
    /// process made that write and serves the call. A repeated use within this span is not counted as theft.
    pub fn skew(&self, call: &RequestId) -> Duration {
        if self.last_request.is_beside(call) { Duration::ZERO } else { CLOCK_SKEW }
    }

    /// Whether it ends with its session: until its code is redeemed, and after that unless it is offline.
    pub fn needs_session(&self) -> bool {
        !self.offline || self.unredeemed_code().is_some()
    }

    /// Whether the grant is valid; checked at every use. It is not revoked and not expired, its user and client are
    /// enabled, no generation has changed since it was made, and its session is alive if it needs one.
    pub fn is_alive(&self, on: &DependsOn<'_>, now: Timestamp) -> bool {
        let DependsOn { user, session, client, realm } = *on;
        let of_ours = |session: &Session| session.id == self.session && session.is_alive(user, realm, now);
        let generations = Generations::of_grant(realm, user, client);
        self.revoked.is_none()
            && !self.expires_at.has_passed(now)
            && self.user == user.id
            && !user.disabled
            && self.client == client.id
            && !client.disabled
            && generations.honour(self.authority.as_ref(), self.created_at)
            && (!self.needs_session() || session.is_some_and(of_ours))
    }
}

/// The records that decide whether a grant is alive, loaded together with it.
#[derive(Clone, Copy, Debug)]
pub struct DependsOn<'a> {
    /// The user.
    pub user: &'a User,
    /// The session, if the record exists.
    pub session: Option<&'a Session>,
    /// The client.
    pub client: &'a Client,
    /// The realm's generation.
    pub realm: Generation,
}

/// The most unredeemed codes of one session for one client. One more removes the oldest.
pub const MOST_CODES: usize = 20;
/// The most grants of one user for one client. One more reduces them to [`KEPT_OF_A_CLIENT`], as
/// [`surplus`] chooses.
pub const MOST_OF_A_CLIENT: usize = 100;
/// How many grants are left after such a removal: fewer than the limit, so that the next grants need no removal.
pub const KEPT_OF_A_CLIENT: usize = 80;

/// Which of one user's grants for one client to remove to stay within these limits. `made` is the newest grant and is
/// kept. Removed are the oldest codes of its session; then grants that have ended; then those used longest ago. Offline
/// grants and others are removed in equal shares, so that neither kind displaces the other.
pub fn surplus(grants: &[Grant], made: &Grant, now: Timestamp) -> Vec<GrantId> {
    let by_age = |grant: &&Grant| (grant.id != made.id, Reverse(grant.created_at), grant.id);
    let ours = |grant: &&Grant| grant.user == made.user && grant.client == made.client;
    let unredeemed = |grant: &&Grant| grant.session == made.session && grant.unredeemed_code().is_some();
    let mut codes: Vec<&Grant> = grants.iter().filter(ours).filter(unredeemed).collect();
    codes.sort_by_key(by_age);
    let mut goes: Vec<GrantId> = codes.iter().skip(MOST_CODES).map(|grant| grant.id).collect();
    let mut left: Vec<&Grant> =
        grants.iter().filter(ours).filter(|grant| !goes.contains(&grant.id)).collect();
    if left.len() > MOST_OF_A_CLIENT {
        let has_ended = |grant: &Grant| grant.authority.is_some() && grant.authority != made.authority;
        let is_over =
            |grant: &Grant| grant.revoked.is_some() || grant.kept_until().has_passed(now) || has_ended(grant);
        let used_at = |grant: &Grant| {
            let refreshed = grant.refresh.as_ref().and_then(|refresh| refresh.rotated_at);
            refreshed.max(grant.redeemed_at()).unwrap_or(grant.created_at)
        };
        left.sort_by_key(|grant| (grant.id != made.id, is_over(grant), Reverse(used_at(grant)), grant.id));
        let (mut offline, mut others) = (0..left.len(), 0..left.len());
        let mut place = |grant: &Grant| if grant.offline { offline.next() } else { others.next() };
        let mut placed: Vec<_> = left.iter().map(|grant| (place(grant), *grant)).collect();
        placed.sort_by_key(|(place, grant)| (is_over(grant), *place));
        goes.extend(placed.iter().skip(KEPT_OF_A_CLIENT).map(|(_, grant)| grant.id));
    }
    goes
}
