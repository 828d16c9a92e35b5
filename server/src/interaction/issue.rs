//! The end of a request: the grant is written, if it isn't there yet, and the client gets its code.

use super::browser::Visitor;
use super::step::Step;
use super::stop::{Stop, deliver};
use crate::app::App;
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::keys::Snapshot;
use crate::seal::Purpose;
use crate::telemetry;
use crate::token::sealed::Code;
use axum::response::Response;
use protocol::Refusal;
use protocol::authorize::Granted;
use protocol::authorize::issue::{Derived, answers_again, grant};
use protocol::event::{Event, What};
use protocol::id::{GrantId, UserId};
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
    let (id, secret) = derive(ring, step, &signed_in.user.id).ok_or(Refusal::RequestExpired)?;
    let derived = Derived { id, code: secret.digest(SecretKind::Code) };
    let lifetimes = &app.settings.lifetimes;
    let grant =
        grant(&step.request, &step.client.id, granted, signed_in.session, derived, lifetimes, call.at);
    match app.store.create_grant(&grant, call.stamp()).await? {
        Commit::Done => telemetry::audit(call, &Event::of_grant(What::CodeIssued, &grant)),
        Commit::Lost(Some(there)) if answers_again(&there, &grant, call.at) => {}
        Commit::Lost(_) => return Err(Refusal::RequestSpent.into()),
    }
    let code = Code::seal(grant.key(), &secret, step.progress.master, ring, &*app.entropy);
    let code = code.ok_or(Refusal::RequestExpired)?;
    Ok(deliver(app, step.request.answer.grant(&code, &app.settings.issuer))?)
}

/// Grant id and code secret follow from request and user, so that nothing has to be remembered to repeat them.
fn derive(ring: &Snapshot, step: &Step, user: &UserId) -> Option<(GrantId, Secret)> {
    let parts = [step.progress.id.as_slice(), user.as_bytes()];
    let id = ring.seals().derive(step.progress.master, Purpose::GrantId, &parts)?;
    let secret = ring.seals().derive(step.progress.master, Purpose::CodeSecret, &parts)?;
    Some((GrantId::from_bytes(*id.first_chunk()?), Secret::from_bytes(secret)))
}
