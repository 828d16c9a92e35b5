//! `/consent`: a signed-in user decides what a client may have.

use crate::interaction::{PageRequest, PendingRequest, Stop, Visitor, proceed};
use crate::pages::{self, FormAction, MESSAGES};
use crate::tasks::to_the_end;
use crate::telemetry;
use crate::web::context::RequestContext;
use crate::web::csrf::{self, FormKind, Protected};
use crate::web::failure::Failure;
use crate::web::form;
use axum::response::Response;
use http::StatusCode;
use protocol::Refusal;
use protocol::authority::Generations;
use protocol::authorize::next::asked;
use protocol::authorize::{NextStep, SignedIn};
use protocol::event::{Event, What};
use protocol::params::Params;
use protocol::scope::Scope;
use std::sync::Arc;
use templates::{Consent, ScopeItem};

/// The page.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    let query = request.query()?;
    let cx = request.context().await?;
    let pending = PendingRequest::resume(&cx, query.get("r")).await?;
    let visitor = Visitor::load(&cx, &pending.client.id).await?;
    let response = match (pending.decide(&cx, &visitor, None), visitor.signed_in()) {
        (NextStep::Consent, Some(signed_in)) => {
            show(&cx, &pending, signed_in, query.get("r").unwrap_or_default())?
        }
        (next, _) => proceed(&cx, &pending, &visitor, next).await?,
    };
    Ok(visitor.touch(&cx, response))
}

fn show(
    cx: &RequestContext,
    pending: &PendingRequest,
    signed_in: SignedIn<'_>,
    r: &str,
) -> Result<Response, Failure> {
    let asked = asked(&pending.request);
    let scopes: Vec<_> = asked.tokens().map(|name| ScopeItem::new(MESSAGES, name)).collect();
    pages::render_form(cx, protected(pending, signed_in), |nonce, csrf| {
        let page = Consent {
            messages: MESSAGES,
            nonce,
            action: &cx.url("/consent"),
            request: r,
            csrf,
            client_name: &pending.client.name,
            redirect_host: pending.request.answer.redirect.host(),
            username: &signed_in.user.username,
            scopes: &scopes,
        };
        pages::render(StatusCode::OK, nonce, FormAction::Anywhere, &page)
    })
}

/// The form.
pub async fn post(mut request: PageRequest) -> Result<Response, Stop> {
    csrf::check_sender(&request.app.settings.issuer, &request.head().headers)?;
    let form = request.form(form::SMALL).await?;
    let cx = request.context().await?;
    let pending = PendingRequest::resume(&cx, form.get("r")).await?;
    let binding = cx.binding().map_err(|refusal| pending.stop(refusal))?;
    let visitor = Visitor::load(&cx, &pending.client.id).await?;
    let Some(signed_in) = visitor.signed_in() else {
        // The session ended while the page was open: nobody is there to agree.
        return proceed(&cx, &pending, &visitor, NextStep::SignIn).await;
    };
    csrf::check(protected(&pending, signed_in), form.get("csrf"), &binding, &cx.ring)
        .map_err(|failure| pending.stop(failure))?;
    let agreed = agreed(&form)?;
    let next = pending.decide(&cx, &visitor, Some(&agreed));
    match &next {
        NextStep::Issue(granted) => remember(&cx, &pending, signed_in, &granted.agreed).await?,
        NextStep::Refuse(Refusal::ConsentDenied) => {
            telemetry::audit(cx.info, &event(What::ConsentDenied, &pending, signed_in));
        }
        _ => {}
    }
    proceed(&cx, &pending, &visitor, next).await
}

fn agreed(form: &Params) -> Result<Scope, Refusal> {
    match form.get("decision") {
        Some("approve") => Ok(form.all("scope").collect()),
        Some("deny") => Ok(Scope::empty()),
        _ => Err(Refusal::FieldsMissing),
    }
}

async fn remember(
    cx: &RequestContext,
    pending: &PendingRequest,
    signed_in: SignedIn<'_>,
    agreed: &Scope,
) -> Result<(), Failure> {
    let SignedIn { user, realm, .. } = signed_in;
    let (store, info) = (Arc::clone(&cx.app.store), cx.info);
    let consent = protocol::consent::Consent {
        user: user.id,
        client: pending.client.id.clone(),
        scope: agreed.clone(),
        granted_at: info.at,
        authority: Some(Generations::of_grant(realm, user, &pending.client).authority()),
    };
    let event = event(What::Consented, pending, signed_in);
    // Logged even if the caller has left: the application may ask again without a page.
    to_the_end(async move {
        store.remember_consent(&consent, info.stamp()).await?;
        telemetry::audit(info, &event);
        Ok(())
    })
    .await
}

fn event(what: What, pending: &PendingRequest, signed_in: SignedIn<'_>) -> Event {
    Event::new(what).user(signed_in.user.id).session(signed_in.session.id).client(&pending.client.id)
}

/// Bound to the user, too: what one user agreed to is not what the next one at this browser did.
fn protected<'a>(pending: &'a PendingRequest, signed_in: SignedIn<'a>) -> Protected<'a> {
    Protected { form: FormKind::Consent, request: &pending.progress.id, user: signed_in.user.id.as_bytes() }
}
