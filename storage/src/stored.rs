//! A record as it is stored, with the request that wrote it last, and the outcome of a guarded write that changed
//! nothing: either the request's own earlier write took effect, or it lost a race. All backends share this.

use crate::commit::{Commit, Stamp};
use crate::ring::Document;
use protocol::generation::Generation;
use protocol::grant::{Grant, Refresh, RevocationReason};
use protocol::id::RequestId;
use protocol::secret::Digest;
use protocol::user::{PasswordHash, User};

/// A record with the request that wrote it last.
#[derive(Clone, Debug)]
pub(crate) struct Stored<T> {
    /// The record.
    pub(crate) record: T,
    /// The request that wrote it last.
    pub(crate) last_request: RequestId,
}

impl<T> Stored<T> {
    /// How a write ended whose condition was not met, by the record it found. `mine` recognises the write's own
    /// effect: the request id alone doesn't suffice, because one request may write a record twice.
    pub(crate) fn outcome(found: Option<Self>, stamp: Stamp, mine: impl FnOnce(&T) -> bool) -> Commit<T> {
        match found {
            Some(stored) if stored.last_request == stamp.request && mine(&stored.record) => Commit::Done,
            found => Commit::Lost(found.map(|stored| Box::new(stored.record))),
        }
    }
}

/// The effect of `redeem_code`.
pub(crate) fn is_redeemed(grant: &Grant, code: &Digest, refresh: Option<&Refresh>, stamp: Stamp) -> bool {
    grant.code().is_some_and(|own| own.digest == *code && own.redeemed_at == Some(stamp.at))
        && grant.refresh.as_ref() == refresh
        && grant.revoked.is_none()
}

/// The effect of `rotate_refresh`.
pub(crate) fn is_rotated(grant: &Grant, next: &Refresh) -> bool {
    grant.refresh.as_ref() == Some(next) && grant.revoked.is_none()
}

/// The effect of `burn_code` and `revoke_grant`.
pub(crate) fn is_revoked(grant: &Grant, reason: RevocationReason, stamp: Stamp) -> bool {
    grant.revoked.is_some_and(|revoked| revoked.at == stamp.at && revoked.reason == reason)
}

/// The effect of `create_grant`.
pub(crate) fn is_same_grant(there: &Grant, grant: &Grant) -> bool {
    let digest = grant.code().map(|code| code.digest);
    there.client == grant.client
        && there.unredeemed_code().map(|code| code.digest) == digest
        && there.revoked.is_none()
}

/// The effect of `set_password`. The hash alone doesn't suffice, because the user may have been created with it; a
/// generation belongs to one request.
pub(crate) fn has_new_password(
    there: &User,
    seen: Option<Generation>,
    password: &PasswordHash,
    stamp: Stamp,
) -> bool {
    let next = seen.map(|seen| seen.next(stamp.request, stamp.at));
    there.password.as_ref() == Some(password) && next == Some(there.generation)
}

/// The effect of `set_profile`.
pub(crate) fn is_same_profile(there: &User, user: &User) -> bool {
    there.updated_at == user.updated_at && there.email == user.email && there.claims == user.claims
}

/// The effect of `replace_user`.
pub(crate) fn is_replaced(there: &User, user: &User) -> bool {
    is_same_profile(there, user)
        && there.username == user.username
        && there.email_verified == user.email_verified
        && there.groups == user.groups
}

/// The effect of `replace_ring`.
pub(crate) fn is_same_document(there: &Document, version: u64, body: &str) -> bool {
    there.version == version && there.body == body
}
