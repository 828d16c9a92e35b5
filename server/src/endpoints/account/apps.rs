//! Taking back what clients were given: every grant, and the consent, of one or all.

use super::{done, submitted};
use crate::app::App;
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::http::form::Form;
use crate::interaction::Stop;
use crate::telemetry;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use protocol::Refusal;
use protocol::event::{Event, What};
use protocol::grant::{Grant, RevocationReason};
use protocol::id::ClientId;
use storage::{ACCOUNT_GRANTS, StoreError};

/// The form: `client` is an id, or `all` is there.
pub async fn post(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    form: Result<Form, Failure>,
) -> Response {
    submit(&app, call, &headers, form).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn submit(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    form: Result<Form, Failure>,
) -> Result<Response, Stop> {
    let (owner, _, form) = match submitted(app, call, headers, form).await? {
        Ok(submitted) => submitted,
        Err(away) => return Ok(away),
    };
    let one = form.get("client").and_then(ClientId::parse);
    if one.is_none() && form.get("all").is_none() {
        return Err(Refusal::FieldsMissing.into());
    }
    let meant = |client: &ClientId| one.as_ref().is_none_or(|one| one == client);
    // First what is remembered: whatever fails between, nothing is granted anew without asking.
    for consent in owner.view.consents.iter().filter(|consent| meant(&consent.client)) {
        app.store.forget_consent(&owner.user.id, &consent.client, call.stamp()).await?;
        let event = Event::new(What::ConsentRevoked).user(owner.user.id).client(&consent.client);
        telemetry::audit(call, &event);
    }
    let mut grants = owner.view.grants;
    while revoke(app, call, &grants, meant).await? >= ACCOUNT_GRANTS {
        // There may be more of them than are loaded at once.
        grants = app.store.load_account(&owner.user.id).await?.grants;
    }
    done(app, "apps")
}

/// Revokes those of `grants` that live and are `meant`; how many there were.
async fn revoke(
    app: &App,
    call: Call,
    grants: &[Grant],
    meant: impl Fn(&ClientId) -> bool,
) -> Result<u32, StoreError> {
    let (reason, mut revoked) = (RevocationReason::Revoked, 0);
    for grant in grants.iter().filter(|grant| grant.revoked.is_none() && meant(&grant.client)) {
        if app.store.revoke_grant(grant.key(), reason, call.stamp()).await?.is_done() {
            telemetry::audit(call, &Event::of_grant(What::GrantRevoked, grant));
        }
        revoked += 1;
    }
    Ok(revoked)
}
