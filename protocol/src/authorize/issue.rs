//! From a granted request to the record of the grant.

use super::next::{Granted, SignedIn};
use super::request::AuthorizationRequest;
use crate::authority::Generations;
use crate::client::Client;
use crate::flow::{AuthorizationCode, Flow};
use crate::grant::Grant;
use crate::id::{GrantId, RequestId};
use crate::lifetimes::{self, Lifetimes};
use crate::secret::{Digest, SecretKind};
use crate::session::Session;
use crate::time::Timestamp;

/// Values derived from the request's random id, so that answering it twice gives the same grant and code.
#[derive(Clone, Copy, Debug)]
pub struct Derived {
    /// The grant's id.
    pub id: GrantId,
    /// Hash of the code's secret.
    pub code: Digest,
}

/// The grant that answers a request; its code is not redeemed yet.
pub fn grant(
    request: &AuthorizationRequest,
    client: &Client,
    granted: Granted,
    signed_in: SignedIn<'_>,
    derived: Derived,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Grant {
    let offline = granted.scope.contains("offline_access");
    let SignedIn { user, session, realm, .. } = signed_in;
    let code = AuthorizationCode {
        digest: derived.code,
        expires_at: now.plus(lifetimes.code),
        redirect_uri: Digest::of(SecretKind::RedirectUri, request.answer.redirect.as_str().as_bytes()),
        pkce: request.pkce.clone(),
        nonce: request.nonce.clone(),
        redeemed_at: None,
    };
    Grant {
        id: derived.id,
        user: session.user,
        client: client.id.clone(),
        session: session.id,
        requested_scope: request.scope.clone(),
        scope: granted.scope,
        resource: request.resource.clone(),
        flow: Flow::Code(code),
        claims: granted.claims,
        authentication: session.authentication.clone(),
        authority: Some(Generations::of_grant(realm, user, client).authority()),
        offline,
        refresh: None,
        created_at: now,
        expires_at: expiry(offline, session, lifetimes, now),
        revoked: None,
        last_request: RequestId::from_bytes([0; 16]),
    }
}

/// A grant must last as long as every token issued from it; as long as its session, so that a logout reaches every
/// client; and as long as the request can be answered again, so that the same code is not issued twice.
fn expiry(offline: bool, session: &Session, lifetimes: &Lifetimes, now: Timestamp) -> Timestamp {
    let tokens = now.plus(lifetimes.code).plus(lifetimes.access_token);
    let least = tokens.max(session.expires_at).max(now.plus(lifetimes::REQUEST));
    if offline { least.max(now.plus(lifetimes.refresh_token_absolute)) } else { least }
}

/// Whether the existing grant `there` answers the request again: a double click gets the same code, while that is
/// valid. RFC 6749 §4.1.2: a used code is never sent again.
pub fn answers_again(there: &Grant, wanted: &Grant, now: Timestamp) -> bool {
    there.client == wanted.client
        && there.revoked.is_none()
        && there.unredeemed_code().is_some_and(|code| !code.expires_at.has_passed(now))
}
