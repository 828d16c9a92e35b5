//! `/consent`: a signed-in user says what a client may have.

use crate::app::App;
use crate::cookies::Binding;
use crate::interaction::{Step, Stop, Visitor, proceed};
use crate::keys::Snapshot;
use crate::pages::{self, Forms, MESSAGES};
use crate::tasks::to_the_end;
use crate::telemetry;
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::failure::Failure;
use crate::web::form;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::Refusal;
use protocol::authorize::next::asked;
use protocol::authorize::{Next, SignedIn};
use protocol::event::{Event, What};
use protocol::generation::Generations;
use protocol::params::Params;
use protocol::scope::Scope;
use std::sync::Arc;
use templates::{Consent, ScopeLine};

/// The page.
pub async fn get(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    show(&app, call, &headers, query.as_deref().unwrap_or_default())
        .await
        .unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn show(app: &App, call: Call, headers: &HeaderMap, query: &str) -> Result<Response, Stop> {
    let query = Params::parse(query.as_bytes()).map_err(form::refusal_of)?;
    let ring = app.keys.fresh().await?;
    let step = Step::resume(app, call, &ring, query.get("r")).await?;
    let visitor = Visitor::load(app, call, &ring, headers, &step.client.id).await?;
    let response = match (step.next(call, &visitor, None), visitor.signed_in()) {
        (Next::Consent, Some(signed_in)) => {
            let (binding, cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
            let r = query.get("r").unwrap_or_default();
            let mut response = page(app, call, &ring, &step, signed_in, &binding, r)?;
            if let Some(cookie) = cookie {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        (next, _) => proceed(app, call, &ring, &step, &visitor, next).await?,
    };
    Ok(visitor.touch(app, call, &ring, response))
}

fn page(
    app: &App,
    call: Call,
    ring: &Snapshot,
    step: &Step,
    signed_in: SignedIn<'_>,
    binding: &Binding,
    r: &str,
) -> Result<Response, Stop> {
    let asked = asked(&step.request);
    let scopes: Vec<_> = asked.tokens().map(|name| ScopeLine::new(MESSAGES, name)).collect();
    let nonce = pages::nonce(app);
    let page = Consent {
        messages: MESSAGES,
        nonce: &nonce,
        action: &app.settings.issuer.url("/consent"),
        request: r,
        csrf: &csrf::token(protected(step, signed_in), binding, ring, call.at)?,
        client_name: &step.client.name,
        redirect_host: step.request.answer.redirect.host(),
        username: &signed_in.user.username,
        scopes: &scopes,
    };
    Ok(pages::render(StatusCode::OK, &nonce, Forms::MayLeave, &page)?)
}

/// The form.
pub async fn post(State(app): State<App>, call: Call, headers: HeaderMap, request: Request) -> Response {
    submit(&app, call, &headers, request).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn submit(app: &App, call: Call, headers: &HeaderMap, request: Request) -> Result<Response, Stop> {
    csrf::check_sender(&app.settings.issuer, headers)?;
    let (form, ring) = (form::read(request, form::SMALL).await?, app.keys.fresh().await?);
    let binding = app.cookies().binding(headers).ok_or(Refusal::FormForeign)?;
    let step = Step::resume(app, call, &ring, form.get("r")).await?;
    let visitor = Visitor::load(app, call, &ring, headers, &step.client.id).await?;
    let Some(signed_in) = visitor.signed_in() else {
        // The session ended while the page was open: nobody is there to agree.
        return proceed(app, call, &ring, &step, &visitor, Next::SignIn).await;
    };
    csrf::check(protected(&step, signed_in), form.get("csrf"), &binding, &ring)?;
    let agreed = match form.get("decision") {
        Some("approve") => form.all("scope").collect::<Scope>(),
        Some("deny") => Scope::empty(),
        _ => return Err(Refusal::FieldsMissing.into()),
    };
    let next = step.next(call, &visitor, Some(&agreed));
    match &next {
        Next::Issue(granted) => remember(app, call, &step, signed_in, &granted.agreed).await?,
        Next::Refuse(Refusal::ConsentDenied) => {
            telemetry::audit(call, &event(What::ConsentDenied, &step, signed_in));
        }
        _ => {}
    }
    proceed(app, call, &ring, &step, &visitor, next).await
}

async fn remember(
    app: &App,
    call: Call,
    step: &Step,
    signed_in: SignedIn<'_>,
    agreed: &Scope,
) -> Result<(), Stop> {
    let SignedIn { user, realm, .. } = signed_in;
    let consent = protocol::consent::Consent {
        user: user.id,
        client: step.client.id.clone(),
        scope: agreed.clone(),
        granted_at: call.at,
        authority: Some(Generations::of_grant(realm, user, &step.client).authority()),
    };
    let (store, event) = (Arc::clone(&app.store), event(What::Consented, step, signed_in));
    // Told though the caller has left: the application may ask again without a page.
    let done = to_the_end(async move {
        store.remember_consent(&consent, call.stamp()).await?;
        telemetry::audit(call, &event);
        Ok::<_, Failure>(())
    });
    Ok(done.await?)
}

fn event(what: What, step: &Step, signed_in: SignedIn<'_>) -> Event {
    Event::new(what).user(signed_in.user.id).session(signed_in.session.id).client(&step.client.id)
}

/// Bound to the user, too: what one agreed to is not what the next one at this browser did.
fn protected<'a>(step: &'a Step, signed_in: SignedIn<'a>) -> csrf::Form<'a> {
    csrf::Form { step: csrf::Step::Consent, request: &step.progress.id, user: signed_in.user.id.as_bytes() }
}
