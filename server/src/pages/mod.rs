//! Pages: a template of `templates`, rendered with the headers that every page has.
//!
//! One content security policy for all: nothing runs and nothing loads but what carries this response's nonce.

pub mod problem;

use crate::app::App;
use crate::entropy;
use crate::web::call::Call;
use crate::web::failure::Failure;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use protocol::Refusal;
use protocol::base64url;
use std::any::Any;
use templates::{ErrorPage, FormPost, Messages, Template};
use tower::{Layer as _, ServiceExt as _};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

/// Features no page of ours uses.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), \
                           gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), \
                           xr-spatial-tracking=()";

/// Where the forms of a page may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// To us only.
    Stay,
    /// To a client in the end. Chromium and WebKit apply `form-action` to every hop of the redirect chain, so any
    /// list would break some client.
    MayLeave,
}

/// The language of all pages, until there are others.
pub const MESSAGES: &Messages = &Messages::ENGLISH;

/// 128 random bits that mark what belongs to one response.
pub fn nonce(app: &App) -> String {
    base64url::encode(&entropy::bytes::<16>(&*app.entropy))
}

/// Renders a page.
///
/// # Errors
/// Internal ones only.
pub fn render(
    status: StatusCode,
    nonce: &str,
    forms: Forms,
    page: &impl Template,
) -> Result<Response, Failure> {
    let body = page.render().map_err(|_| Failure::internal("a page can't be rendered"))?;
    let mut response = (status, body).into_response();
    set_headers(response.headers_mut(), nonce, forms);
    Ok(response)
}

fn set_headers(headers: &mut HeaderMap, nonce: &str, forms: Forms) {
    let form_action = if forms == Forms::Stay { "form-action 'self'; " } else { "" };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; \
         {form_action}frame-ancestors 'none'; base-uri 'none'"
    );
    // A nonce is base64url, so this always is a header's value.
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        // `no-referrer` would make browsers send `Origin: null` with our own forms.
        (REFERRER_POLICY, "same-origin"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The page of a failure: our own words and what finds it in the log, nothing of the request.
pub fn error(app: &App, call: Call, failure: Failure) -> Response {
    let nonce = nonce(app);
    let page = ErrorPage {
        messages: MESSAGES,
        nonce: &nonce,
        code: failure.code(),
        sentence: failure.sentence(),
        request_id: &call.id.to_string(),
    };
    let response = render(failure.status(), &nonce, Forms::Stay, &page);
    failure.mark(response.unwrap_or_else(IntoResponse::into_response))
}

/// Around every page: what panics in one becomes the error page. What it said stays in the log of the panic.
pub async fn catch_panic(State(app): State<App>, call: Call, request: Request, next: Next) -> Response {
    match CatchPanicLayer::custom(Panicked(app, call)).layer(next).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

#[derive(Clone)]
struct Panicked(App, Call);

impl ResponseForPanic for Panicked {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _: Box<dyn Any + Send>) -> Response {
        error(&self.0, self.1, Failure::internal("the handler of a page panicked"))
    }
}

/// An address with nothing behind it. Browsers get a page, programs the bare status.
pub async fn nowhere(State(app): State<App>, call: Call, method: Method, headers: HeaderMap) -> Response {
    if method == Method::GET && wants_page(&headers) {
        error(&app, call, Refusal::NoSuchPage.into())
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// The caller has too much in work, whatever is behind the address.
pub fn busy(app: &App, call: Call, headers: &HeaderMap) -> Response {
    let failure = Failure::busy("one caller behind a front end has its share in work");
    if wants_page(headers) { error(app, call, failure) } else { failure.into_response() }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accepted.is_some_and(|accept| accept.contains("text/html"))
}

/// The page that posts an answer to the client (OAuth 2.0 Form Post Response Mode).
///
/// # Errors
/// Internal ones only.
pub fn form_post(app: &App, action: &str, fields: &[(&'static str, String)]) -> Result<Response, Failure> {
    let nonce = nonce(app);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = FormPost { messages: MESSAGES, nonce: &nonce, action, fields: &fields };
    render(StatusCode::OK, &nonce, Forms::MayLeave, &page)
}
