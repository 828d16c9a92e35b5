//! The end of a request: the grant is written, if it isn't there yet, and the client gets its code.

use super::browser::Visitor;
use super::step::Step;
use super::stop::{Stop, deliver};
use crate::app::App;
use crate::keys::Snapshot;
use crate::seal::Purpose;
use crate::telemetry;
use crate::token::sealed::Code;
use crate::web::call::Call;
use crate::web::failure::Failure;
use axum::response::Response;
use protocol::Refusal;
use protocol::authorize::Granted;
use protocol::authorize::issue::{Derived, answers_again, grant};
use protocol::event::{Event, What};
use protocol::id::{GrantId, RequestId, UserId};
use protocol::secret::{Secret, SecretKind};
use storage::Commit;

/// Grants, once: a double click finds the grant of the first and gets the same code.
pub(super) async fn issue(
    app: &App,
    call: Call,
    ring: &Snapshot,
    step: &Step,
    visitor: &Visitor,
    granted: Granted,
) -> Result<Response, Stop> {
    let signed_in = visitor.signed_in().ok_or(Failure::internal("a code for nobody"))?;
    let user = &signed_in.user.id;
    let secret = code_secret(ring, step, user, &call.id).ok_or(Refusal::RequestExpired)?;
    let id = grant_id(ring, step, user).ok_or(Refusal::RequestExpired)?;
    let agreed = granted.agreed.clone();
    let derived = Derived { id, code: secret.digest(SecretKind::Code) };
    let lifetimes = &app.settings.lifetimes;
    let grant = grant(&step.request, &step.client, granted, signed_in, derived, lifetimes, call.at);
    let needs_consent = step.client.needs_consent(&step.request.answer.redirect);
    let secret = match app.store.create_grant(&grant, needs_consent.then_some(agreed), call.stamp()).await? {
        Commit::Done => {
            telemetry::audit(call, &Event::of_grant(What::CodeIssued, &grant));
            secret
        }
        Commit::Lost(Some(there)) if answers_again(&there, &grant, call.at) => {
            // Nothing was written since the call that made it.
            let secret = code_secret(ring, step, user, &there.last_request);
            let digest = there.code().map(|code| code.digest);
            let same = secret.filter(|secret| Some(secret.digest(SecretKind::Code)) == digest);
            same.ok_or(Refusal::RequestSpent)?
        }
        Commit::Lost(Some(_)) => return Err(Refusal::RequestSpent.into()),
        // Taken back since it was read.
        Commit::Lost(None) => return Err(step.refuse(Refusal::ConsentRequired)),
    };
    let code = Code::seal(&grant, &secret, step.progress.master, ring, &*app.entropy);
    let code = code.ok_or(Refusal::RequestExpired)?;
    Ok(deliver(app, step.request.answer.grant(&code, &app.settings.issuer))?)
}

/// It follows from request and user, so that a request that is answered twice finds its grant.
fn grant_id(ring: &Snapshot, step: &Step, user: &UserId) -> Option<GrantId> {
    let parts = [step.progress.id.as_slice(), user.as_bytes()];
    let unique = ring.seals().derive(step.progress.master, Purpose::GrantId, &parts)?;
    Some(GrantId::for_client(&step.client.id, unique.first_chunk()?))
}

/// It follows from the call that made the grant as well, so that a code is never handed out a second time after its
/// grant was deleted.
fn code_secret(ring: &Snapshot, step: &Step, user: &UserId, made_by: &RequestId) -> Option<Secret> {
    let parts = [step.progress.id.as_slice(), user.as_bytes(), made_by.as_bytes()];
    let secret = ring.seals().derive(step.progress.master, Purpose::CodeSecret, &parts)?;
    Some(Secret::from_bytes(secret))
}
