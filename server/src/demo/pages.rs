//! The pages below `/demo`: start a sign-in, and show its result.

use super::prepare::Demo;
use super::relying_party::{Pending, Problem, RelyingParty, SignedIn};
use crate::app::App;
use crate::interaction::see_other;
use crate::pages::{self, FormAction, MESSAGES};
use crate::routes;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use crate::web::route::Caller::Person;
use crate::web::route::route;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use keys::entropy;
use keys::seal::SealKind;
use protocol::base64url;
use protocol::params::Params;
use serde_json::{Map, Value};
use templates::{DemoHome, DemoProblem, DemoResult};

/// The cookie with what the application remembers, sealed.
const COOKIE_NAME: &str = "kw-demo";

/// The demo's routes. Its requests go to a router of their own, as those of a real application go to another server.
pub fn router(app: &App, demo: Demo) -> Router<App> {
    let server = routes::router(app.clone(), None);
    let party = RelyingParty { demo, issuer: app.settings.issuer.clone(), server };
    let (home_of, callback_of) = (party.clone(), party.clone());
    let home = move |State(app): State<App>| home(app, home_of.clone());
    let start = move |State(app): State<App>, info: RequestInfo| start(app, info, party.clone());
    let callback = move |State(app): State<App>, info: RequestInfo, headers: HeaderMap, query: RawQuery| {
        callback(app, info, callback_of.clone(), headers, query)
    };
    Router::new()
        .route("/demo", route(Person, "GET", get(home)))
        .route("/demo/start", route(Person, "GET", get(start)))
        .route("/demo/callback", route(Person, "GET", get(callback)))
}

async fn home(app: App, party: RelyingParty) -> Response {
    let nonce = pages::nonce(&app);
    let page = DemoHome {
        messages: MESSAGES,
        nonce: &nonce,
        sign_in_url: &party.issuer.url("/demo/start"),
        curl: Some(&party.demo.curl()),
    };
    shown(pages::render(StatusCode::OK, &nonce, FormAction::SelfOnly, &page))
}

async fn start(app: App, info: RequestInfo, party: RelyingParty) -> Response {
    let random = || base64url::encode(&entropy::bytes::<32>(&*app.entropy));
    let pending = Pending { state: random(), nonce: random(), verifier: random() };
    let text = [pending.state.as_str(), &pending.nonce, &pending.verifier].join(" ");
    let sealed = app.keys.current().seals().seal(SealKind::Demo, text.as_bytes(), &*app.entropy, info.at);
    let cookie =
        format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600", base64url::encode(&sealed));
    let mut response = shown(see_other(&party.authorization_url(&pending)));
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

async fn callback(
    app: App,
    info: RequestInfo,
    party: RelyingParty,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = match Params::parse(query.unwrap_or_default().as_bytes()) {
        Ok(answer) => answer,
        Err(malformed) => return pages::error(&app, info, malformed.refusal().into(), None),
    };
    let outcome = match pending(&app, &headers) {
        Some(pending) => party.finish(&answer, &pending, info.at).await,
        None => Err(Problem {
            code: "not_begun".into(),
            description: "This browser has not started a sign-in at the demo application.".into(),
        }),
    };
    shown(match outcome {
        Ok(signed_in) => result(&app, &party, &signed_in),
        Err(problem) => failed(&app, &party, &problem),
    })
}

fn pending(app: &App, headers: &HeaderMap) -> Option<Pending> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let sealed = base64url::decode(pairs.find(|(name, _)| *name == COOKIE_NAME)?.1)?;
    let opened = app.keys.current().open(SealKind::Demo, &sealed).ok()??;
    let mut parts = std::str::from_utf8(&opened.plaintext).ok()?.split(' ').map(str::to_owned);
    Some(Pending { state: parts.next()?, nonce: parts.next()?, verifier: parts.next()? })
}

fn result(app: &App, party: &RelyingParty, signed_in: &SignedIn) -> Result<Response, Failure> {
    let nonce = pages::nonce(app);
    let checks: Vec<(&str, &str)> =
        signed_in.checks.iter().map(|(what, value)| (*what, value.as_str())).collect();
    let page = DemoResult {
        messages: MESSAGES,
        nonce: &nonce,
        id_token_claims: &indented(&signed_in.id_token),
        userinfo: &indented(&signed_in.userinfo),
        access_token: &signed_in.access_token,
        access_token_claims: &indented(&signed_in.access_token_claims),
        checks: &checks,
        again_url: &party.demo.url(),
    };
    pages::render(StatusCode::OK, &nonce, FormAction::SelfOnly, &page)
}

fn failed(app: &App, party: &RelyingParty, problem: &Problem) -> Result<Response, Failure> {
    let nonce = pages::nonce(app);
    let page = DemoProblem {
        messages: MESSAGES,
        nonce: &nonce,
        code: &problem.code,
        description: &problem.description,
        again_url: &party.demo.url(),
    };
    pages::render(StatusCode::OK, &nonce, FormAction::SelfOnly, &page)
}

fn indented(claims: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(claims).unwrap_or_default()
}

fn shown(page: Result<Response, Failure>) -> Response {
    page.unwrap_or_else(|failure| failure.into_response())
}
