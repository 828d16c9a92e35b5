//! Taking back what clients were given: every grant, and the consent, of one or all.

use super::list::Lists;
use super::owner::{done, submitted};
use crate::app::App;
use crate::interaction::Stop;
use crate::tasks::{at_once, to_the_end};
use crate::telemetry;
use crate::web::call::Call;
use crate::web::failure::Failure;
use crate::web::form::Form;
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
    // Grants are looked for when the consents are gone: one that is made by a consent in the meantime is found, or
    // doesn't find the consent ([`storage::Store::create_grant`]).
    let mut behind = None;
    loop {
        let page = lists.page(behind).await?;
        let is_last = !matches!(page.list.last(), Some(Belonging::Consent(_)));
        let consents = page.list.into_iter().filter_map(|belonging| match belonging {
            Belonging::Consent(consent) if meant(&consent.client) => Some(consent),
            _ => None,
        });
        at_once(consents.map(|consent| Ok(to_the_end(forget(app.clone(), call, consent)))), |()| ()).await?;
        behind = page.next.filter(|_| !is_last);
        if behind.is_none() {
            break;
        }
    }
    loop {
        let page = lists.page(behind).await?;
        let grants = page.list.into_iter().filter_map(|belonging| match belonging {
            Belonging::Grant(grant) if meant(&grant.client) && grant.revoked.is_none() => Some(grant),
            _ => None,
        });
        at_once(grants.map(|grant| Ok(revoke(app.clone(), call, grant))), |()| ()).await?;
        behind = page.next;
        if matches!(behind, None | Some(Place::Sessions | Place::Session(_))) {
            return done(app, "apps");
        }
    }
}

async fn forget(app: App, call: Call, consent: Consent) -> Result<(), Failure> {
    app.store.forget_consent(&consent.user, &consent.client, call.stamp()).await?;
    telemetry::audit(call, &Event::new(What::ConsentRevoked).user(consent.user).client(&consent.client));
    Ok(())
}

async fn revoke(app: App, call: Call, grant: Box<Grant>) -> Result<(), Failure> {
    let (event, key) = (Event::of_grant(What::GrantRevoked, &grant), grant.key());
    let write = async move { app.store.revoke_grant(key, RevocationReason::Revoked, call.stamp()).await };
    call.write_and_audit(event, write).await.map(drop)
}
