//! The end of a request: the grant is written unless it is there already, and the client gets its code.

use super::browser::Visitor;
use super::pending::PendingRequest;
use super::stop::{Stop, deliver};
use crate::telemetry;
use crate::token::sealed::Code;
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use axum::response::Response;
use keys::Snapshot;
use keys::seal::Purpose;
use protocol::Refusal;
use protocol::authorize::Granted;
use protocol::authorize::issue::{Derived, answers_again, grant};
use protocol::consent;
use protocol::event::{Event, What};
use protocol::id::{GrantId, RequestId, UserId};
use protocol::secret::{Secret, SecretKind};
use storage::Commit;

/// Grants once: the second request of a double click finds the grant of the first and gets the same code.
pub(super) async fn issue(
    cx: &RequestContext,
    pending: &PendingRequest,
    visitor: &Visitor,
    granted: Granted,
) -> Result<Response, Stop> {
    let (app, ring, now) = (&cx.app, &*cx.ring, cx.info.at);
    let signed_in = visitor.signed_in().ok_or(Failure::internal("a code for nobody"))?;
    let user = &signed_in.user.id;
    // The master that sealed the request has been removed.
    let expired = || pending.stop(Refusal::RequestExpired);
    let secret = code_secret(ring, pending, user, &cx.info.id).ok_or_else(expired)?;
    let id = grant_id(ring, pending, user).ok_or_else(expired)?;
    let agreed = granted.agreed.clone();
    let derived = Derived { id, code: secret.digest(SecretKind::Code) };
    let lifetimes = &app.settings.lifetimes_of(&pending.client);
    let grant = grant(&pending.request, &pending.client, granted, signed_in, derived, lifetimes, now);
    let needs_consent = consent::is_required(&pending.client, &pending.request.answer.redirect);
    let secret =
        match app.store.create_grant(&grant, needs_consent.then_some(agreed), cx.info.stamp()).await? {
            Commit::Done => {
                telemetry::audit(cx.info, &Event::of_grant(What::CodeIssued, &grant));
                secret
            }
            Commit::Lost(Some(there)) if answers_again(&there, &grant, now) => {
                // Nothing was written since the request that made it.
                let secret = code_secret(ring, pending, user, &there.last_request);
                let digest = there.code().map(|code| code.digest);
                let same = secret.filter(|secret| Some(secret.digest(SecretKind::Code)) == digest);
                same.ok_or_else(|| pending.stop(Refusal::RequestSpent))?
            }
            Commit::Lost(Some(_)) => return Err(pending.stop(Refusal::RequestSpent)),
            // The consent was revoked since it was read.
            Commit::Lost(None) => return Err(pending.refuse(Refusal::ConsentRequired)),
        };
    let code = Code::seal(&grant, &secret, pending.progress.master, ring, &*app.entropy);
    let code = code.ok_or_else(expired)?;
    Ok(deliver(app, pending.request.answer.grant(&code, &app.settings.issuer))?)
}

/// Derived from request and user, so that a request that is answered twice finds its grant.
fn grant_id(ring: &Snapshot, pending: &PendingRequest, user: &UserId) -> Option<GrantId> {
    let parts = [pending.progress.id.as_slice(), user.as_bytes()];
    let unique = ring.seals().derive(pending.progress.master, Purpose::GrantId, &parts)?;
    Some(GrantId::for_client(&pending.client.id, unique.first_chunk()?))
}

/// Derived also from the request that made the grant, so that a code is never handed out again after its grant was
/// deleted.
fn code_secret(
    ring: &Snapshot,
    pending: &PendingRequest,
    user: &UserId,
    made_by: &RequestId,
) -> Option<Secret> {
    let parts = [pending.progress.id.as_slice(), user.as_bytes(), made_by.as_bytes()];
    let secret = ring.seals().derive(pending.progress.master, Purpose::CodeSecret, &parts)?;
    Some(Secret::from_bytes(secret))
}
