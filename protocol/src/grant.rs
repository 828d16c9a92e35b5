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

/// Where a grant is: beside its user's other records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantKey {
    /// Whose it is.
    pub user: UserId,
    /// Which.
    pub grant: GrantId,
}

/// A grant as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its key, derived from the authorization request and the user.
    pub id: GrantId,
    /// Who granted.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// In which session.
    pub session: SessionId,
    /// What was asked for.
    pub requested_scope: Scope,
    /// What was given: requested, consented to and allowed.
    pub scope: Scope,
    /// The resource asked for (RFC 8707).
    pub resource: Option<String>,
    /// How it was given, with what only that flow has.
    #[serde(flatten)]
    pub flow: Flow,
    /// Single claims asked for (OIDC Core §5.5).
    pub claims: RequestedClaims,
    /// How and when the user proved who they are.
    pub authentication: Authentication,
    /// What it was decided by; `None`: a program before generations wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// Whether it survives its session (`offline_access`).
    pub offline: bool,
    /// The refresh token, if there is one.
    pub refresh: Option<Refresh>,
    /// When it was made: at the end of the authorization request.
    pub created_at: Timestamp,
    /// After this nothing issued from it counts.
    pub expires_at: Timestamp,
    /// Set once, for good.
    pub revoked: Option<Revocation>,
    /// The call that wrote it last; a repeated write recognises itself by it.
    pub last_request: RequestId,
}

/// The one refresh token of a grant that is good for anything (RFC 6749 §6): the tip of its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Hash of the tip's secret.
    pub digest: Digest,
    /// How often it was rotated.
    pub generation: u32,
    /// When it was rotated last; `None`: never.
    pub rotated_at: Option<Timestamp>,
    /// The master it is sealed with and its successors are derived by.
    pub master: u16,
    /// Unused until then, it is over.
    pub idle_expires_at: Timestamp,
    /// Used or not, it is over.
    pub expires_at: Timestamp,
}

/// That a grant ended, when and why.
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
    /// A refresh token was presented again that had been rotated away.
    RefreshReused,
    /// Its session ended.
    SessionEnded,
    /// The user, an operator or the client took it back.
    Revoked,
}

/// Claims asked for one by one (OIDC Core §5.5), names only.
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
    /// Whether none was asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
}

impl Grant {
    /// Where it is.
    pub const fn key(&self) -> GrantKey {
        GrantKey { user: self.user, grant: self.id }
    }

    /// Its authorization code, if it was given by one.
    pub const fn code(&self) -> Option<&AuthorizationCode> {
        match &self.flow {
            Flow::Code(code) => Some(code),
        }
    }

    /// Its code, until that is redeemed.
    pub fn unredeemed_code(&self) -> Option<&AuthorizationCode> {
        self.code().filter(|code| code.redeemed_at.is_none())
    }

    /// When its code was redeemed.
    pub fn redeemed_at(&self) -> Option<Timestamp> {
        self.code().and_then(|code| code.redeemed_at)
    }

    /// Until when it is of use; after that it may be deleted. A grant whose code nobody redeemed has nothing to be
    /// logged out of or revoked, however long its session lasts.
    pub fn kept_until(&self) -> Timestamp {
        self.unredeemed_code().map_or(self.expires_at, |code| self.expires_at.min(code.kept_until()))
    }

    /// How far the clock of `call` may be from the clock that dated the last step of this grant: nothing, if one process
    /// took that step and serves the call. Within it an instant of another process accuses nobody.
    pub fn skew(&self, call: &RequestId) -> Duration {
        if self.last_request.is_beside(call) { Duration::ZERO } else { CLOCK_SKEW }
    }

    /// Whether its life depends on its session's: until its code is redeemed, and after that unless it is offline.
    pub fn needs_session(&self) -> bool {
        !self.offline || self.unredeemed_code().is_some()
    }

    /// The one rule of a grant's life, asked at every use: not revoked, not expired, user and client enabled, no
    /// generation changed since it was made, and its session alive as long as it needs one.
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

/// What a grant's life depends on, as loaded together with it.
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

/// How many codes of one session for one client can be outstanding. With one more the oldest ends.
pub const MOST_CODES: usize = 20;
/// How many grants a user can have with one client. With one more the oldest end, down to [`KEPT_OF_A_CLIENT`].
pub const MOST_OF_A_CLIENT: usize = 100;
/// Some fewer, so that the next that are made find room without a search.
pub const KEPT_OF_A_CLIENT: usize = 80;

/// Which of one user's grants with one client go so that those bounds hold, `made` just now among them: codes of its
/// session beyond the newest; then those that are over, and then those that were used longest ago, offline ones and
/// others in equal shares: neither a phone's daily visits nor a browser's give way to the other kind.
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
