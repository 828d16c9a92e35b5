//! The outermost layer of every request.

use crate::app::App;
use crate::config::ClientIp;
use crate::headers;
use crate::metrics::Ended;
use crate::pages;
use crate::server_error::ServerError;
use crate::telemetry::{self, REQUEST_FAILED, RequestIds, TraceParent, within};
use crate::web::caller::{self, Caller};
use crate::web::cors::Readers;
use crate::web::failure::Failure;
use crate::web::front::{self, TurnedAway};
use crate::web::request_info::RequestInfo;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::attempts::Network;
use protocol::evidence::Evidence;
use protocol::id::RequestId;

/// Finds a request in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs the route within its caller's share. Callers who are known without a header are limited by the transport.
async fn route(app: &App, info: RequestInfo, mut request: Request, next: Next) -> Response {
    if !matches!(app.settings.client_ip, ClientIp::Header(_)) {
        return next.run(request).await;
    }
    let Some(_share) = app.shares().enter(info.from, &mut request) else {
        return pages::busy(app, info, request.headers());
    };
    next.run(request).await
}

/// Gives the request its id, time and address, turns away what is not for us, and afterwards hardens the response and logs
/// what was refused or failed. This is the one place that logs the reason of a refusal and the cause of a failure. The path
/// is logged without its query, which contains codes and states.
pub async fn run(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = app.request_id();
    let (trace, xray) = (TraceParent::of(request.headers()), request.extensions().get().copied());
    within(RequestIds { request: id, trace, xray }, answer(app, id, request, next)).await
}

async fn answer(app: App, id: RequestId, mut request: Request, next: Next) -> Response {
    let at = app.clock.now();
    let away = front::turn_away(&app.settings, &request);
    let caller = match &away {
        Some(TurnedAway::Bypassed) => Caller::connected(&request),
        _ => Caller::of(&app.settings, &request),
    };
    let requests = &app.metrics.requests;
    let path = front::route_of(&app.settings.issuer, request.uri().path());
    let (counted, readers) = (requests.begin(path), Readers::of(path, request.headers()));
    let for_doctor = caller.for_doctor(&app.settings, request.headers());
    let info = RequestInfo { id, at, from: caller.counts_as(&id) };
    request.extensions_mut().insert(info);
    let line = tracing::enabled!(target: "keyward::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let mut response = match away {
        Some(away) => turned_away(&app, info, &request, away),
        None => {
            caller.complain(&app, &request, at);
            let mut response = route(&app, info, request, next).await;
            for_doctor.map(|address| response.headers_mut().insert(caller::CALLER, address));
            response
        }
    };
    readers.complete(&mut response);
    let id = info.id.to_string();
    let ended = report(&app, info, counted.endpoint(), &mut response);
    counted.end(response.status(), ended);
    if let Some((method, path)) = line {
        let status = response.status().as_u16();
        tracing::debug!(target: "keyward::access", request = id, %method, path, status);
    }
    headers::harden(response.headers_mut(), app.settings.issuer.is_https());
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Answers a request that is not for us.
fn turned_away(app: &App, info: RequestInfo, request: &Request, away: TurnedAway) -> Response {
    match away {
        TurnedAway::Unfit(refusal) => Failure::from(refusal).bare(),
        TurnedAway::Bypassed => Failure::from(Refusal::FrontBypassed).bare(),
        TurnedAway::Moved(url) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        TurnedAway::WrongHost(host) => pages::wrong_host(app, info, request, &host),
    }
}

/// Takes out of the response what is for the log and the counts only, and returns how the request ended.
fn report(app: &App, info: RequestInfo, endpoint: &str, response: &mut Response) -> Ended {
    let taken = response.extensions_mut();
    let (refusal, error) = (taken.remove::<Refusal>(), taken.remove::<ServerError>());
    let evidence = taken.remove::<Evidence>().unwrap_or_default();
    let admits = |kind| app.failure_log().admits(Network::of(info.from), kind, info.at);
    if let Some(refusal) = refusal {
        app.metrics.refused(refusal);
        if admits(refusal.name()) {
            telemetry::refused(info.id, endpoint, refusal, &evidence);
        }
    }
    if let Some(error) = &error
        && admits(REQUEST_FAILED)
    {
        tracing::error!(request = %info.id, %error, "a request failed");
    }
    match (error, refusal) {
        (Some(error), _) => Ended::Failed(error.is_transient()),
        (None, Some(refusal)) if refusal.is_sent() => Ended::Refused(refusal.code()),
        (None, _) => Ended::Plain,
    }
}
