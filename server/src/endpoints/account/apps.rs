//! Taking back what clients were given: every grant, and the consent, of one or all.

use super::list::Lists;
use super::{done, submitted};
use crate::app::App;
use crate::at_once::at_once;
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::http::form::Form;
use crate::interaction::Stop;
use crate::telemetry;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use protocol::Refusal;
use protocol::consent::Consent;
use protocol::event::{Event, What};
use protocol::grant::{Grant, RevocationReason};
use protocol::id::ClientId;
use storage::{Belonging, Place};

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
    let lists = Lists::enter(app, &owner)?;
    let mut behind = None;
    loop {
        let page = lists.page(behind).await?;
        // Consents come first: whatever fails between, nothing is granted again without asking.
        let mut grants = Vec::new();
        for belonging in page.list {
            match belonging {
                Belonging::Consent(consent) if meant(&consent.client) => forget(app, call, &consent).await?,
                Belonging::Grant(grant) if meant(&grant.client) && grant.revoked.is_none() => {
                    grants.push(grant)
                }
                _ => {}
            }
        }
        let ends = grants.into_iter().map(|grant| {
            let app = app.clone();
            Ok(async move { revoke(&app, call, &grant).await })
        });
        at_once(ends, |()| ()).await?;
        behind = page.next;
        if matches!(behind, None | Some(Place::Sessions | Place::Session(_))) {
            return done(app, "apps");
        }
    }
}

async fn forget(app: &App, call: Call, consent: &Consent) -> Result<(), Failure> {
    app.store.forget_consent(&consent.user, &consent.client, call.stamp()).await?;
    telemetry::audit(call, &Event::new(What::ConsentRevoked).user(consent.user).client(&consent.client));
    Ok(())
}

async fn revoke(app: &App, call: Call, grant: &Grant) -> Result<(), Failure> {
    let (reason, stamp) = (RevocationReason::Revoked, call.stamp());
    if app.store.revoke_grant(grant.key(), reason, stamp).await?.is_done() {
        telemetry::audit(call, &Event::of_grant(What::GrantRevoked, grant));
    }
    Ok(())
}
