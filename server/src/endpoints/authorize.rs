//! `/authorize` (RFC 6749 §3.1, OIDC Core §3.1.2).

use crate::app::App;
use crate::interaction::{Step, Stop, Visitor, proceed, progress, see_other};
use crate::seal::SealKind;
use crate::web::call::Call;
use crate::web::form;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::HeaderMap;
use protocol::Refusal;
use protocol::authorize::request::PARAMETERS;
use protocol::params::Params;

/// The longest query, in bytes as it stands in the URL.
const MAX_QUERY_BYTES: usize = 7000;

/// A request by GET, or one that came by POST and goes on.
pub async fn get(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    start(&app, call, &headers, query.as_deref().unwrap_or_default())
        .await
        .unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn start(app: &App, call: Call, headers: &HeaderMap, query: &str) -> Result<Response, Stop> {
    let sent = Params::parse(query.as_bytes()).map_err(form::refusal_of)?;
    let ring = app.keys.fresh().await?;
    let params = match sent.get("r") {
        Some(posted) => progress::open_posted(SealKind::PostedRequest, posted, &ring, call.at)?,
        None => sent,
    };
    let step = Step::begin(app, call, &ring, params).await?;
    if query.len() > MAX_QUERY_BYTES {
        return Err(step.refuse(Refusal::RequestTooLong));
    }
    let visitor = Visitor::load(app, call, &ring, headers, &step.client.id).await?;
    let next = step.next(call, &visitor, None);
    let response = proceed(app, call, &ring, &step, &visitor, next).await?;
    Ok(visitor.touch(app, call, &ring, response))
}

/// A request by POST. From another site it carries no cookie of ours, so it becomes a GET, which does.
pub async fn post(State(app): State<App>, call: Call, request: Request) -> Response {
    turn(&app, call, request).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn turn(app: &App, call: Call, request: Request) -> Result<Response, Stop> {
    let params = form::read(request, form::LARGE).await?;
    let ring = app.keys.fresh().await?;
    let step = Step::begin(app, call, &ring, params).await?;
    let params = step.progress.params.only(&PARAMETERS);
    let sealed = progress::seal_posted(SealKind::PostedRequest, &params, &ring, &*app.entropy, call.at);
    let sealed = sealed.map_err(|refusal| step.refuse(refusal))?;
    let path = app.settings.issuer.path();
    Ok(see_other(&format!("{path}/authorize?r={sealed}"))?)
}
