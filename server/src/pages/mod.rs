//! Pages: a template of `templates`, rendered with the headers that every page has.
//!
//! One content security policy for all: nothing runs and nothing loads but what carries this response's nonce.

pub mod problem;

use crate::app::App;
use crate::web::context::RequestContext;
use crate::web::csrf::{self, Protected};
use crate::web::failure::{Failure, explain};
use crate::web::front;
use crate::web::parameterized::accepts;
use crate::web::request_info::RequestInfo;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use keys::entropy;
use protocol::Refusal;
use protocol::base64url;
use protocol::client::Client;
use protocol::evidence::Evidence;
use protocol::shown::plain;
use std::any::Any;
use templates::{Application, ErrorPage, FormPost, Messages, Template, WrongHost};
use tower::{Layer as _, ServiceExt as _};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

/// Features no page of ours uses.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), \
                           gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=(), \
                           xr-spatial-tracking=()";

/// Where the forms of a page may lead: the directive `form-action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormAction {
    /// To us only.
    SelfOnly,
    /// Eventually to a client. Chromium and WebKit apply `form-action` to every hop of a redirect chain, so any list
    /// would break some client.
    Anywhere,
}

/// The language of all pages; there is no other yet.
pub const MESSAGES: &Messages = &Messages::ENGLISH;

/// 128 random bits that mark the styles and scripts of one response.
pub fn nonce(app: &App) -> String {
    base64url::encode(&entropy::bytes::<16>(&*app.entropy))
}

/// Renders a page.
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only.
pub fn render(
    status: StatusCode,
    nonce: &str,
    forms: FormAction,
    page: &impl Template,
) -> Result<Response, Failure> {
    let body = page.render().map_err(|_| Failure::internal("a page can't be rendered"))?;
    let mut response = (status, body).into_response();
    set_headers(response.headers_mut(), nonce, forms);
    Ok(response)
}

/// Renders a page with a form: `render` is given the nonce and the form's token. A browser that has no binding cookie gets
/// one.
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only.
pub fn render_form(
    cx: &RequestContext,
    form: Protected<'_>,
    render: impl FnOnce(&str, &str) -> Result<Response, Failure>,
) -> Result<Response, Failure> {
    let (binding, new) = cx.app.cookies().binding_or_new(&cx.headers, &*cx.app.entropy);
    let token = csrf::token(form, &binding, &cx.ring, cx.info.at)?;
    let mut response = render(&nonce(&cx.app), &token)?;
    if let Some(cookie) = new {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn set_headers(headers: &mut HeaderMap, nonce: &str, forms: FormAction) {
    let form_action = if forms == FormAction::SelfOnly { "form-action 'self'; " } else { "" };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; \
         {form_action}frame-ancestors 'none'; base-uri 'none'"
    );
    // A nonce is base64url, so this is always a valid header value.
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

/// The error page: our own words, the id that finds the request in the log, and the application to go back to if the request
/// is proven to be its; nothing of the request itself.
pub fn error(app: &App, info: RequestInfo, failure: Failure, application: Option<&Client>) -> Response {
    let nonce = nonce(app);
    let page = ErrorPage {
        messages: MESSAGES,
        nonce: &nonce,
        code: failure.code(),
        sentence: failure.sentence(),
        application: application.map(application_of),
        request_id: &info.id.to_string(),
    };
    let response = render(failure.status(), &nonce, FormAction::SelfOnly, &page);
    failure.mark(response.unwrap_or_else(IntoResponse::into_response))
}

/// A client, as pages offer the way back to it.
pub fn application_of(client: &Client) -> Application<'_> {
    Application { name: &client.name, start_url: client.start_url.as_deref() }
}

/// Answers a request for a host that is not ours: with a page that says what came and what to set, or as JSON.
pub fn wrong_host(app: &App, info: RequestInfo, request: &Request, host: &str) -> Response {
    let (failure, issuer) = (Failure::from(Refusal::WrongHost), &app.settings.issuer);
    let page = |failure: Failure| {
        let nonce = nonce(app);
        let page = WrongHost {
            messages: MESSAGES,
            nonce: &nonce,
            code: failure.code(),
            sentence: failure.sentence(),
            came: &plain(host),
            ours: issuer.as_str(),
            request_id: &info.id.to_string(),
        };
        let response = render(failure.status(), &nonce, FormAction::SelfOnly, &page);
        failure.mark(response.unwrap_or_else(IntoResponse::into_response))
    };
    let for_people = wants_page(request.headers()) || front::is_for_people(issuer, request.uri().path());
    let mut response = if for_people { page(failure) } else { failure.into_response() };
    explain(&mut response, |_| Evidence {
        registered: Some(issuer.as_str().to_owned()),
        ..Evidence::of_header("host", host.as_bytes())
    });
    response
}

/// The layer around every page: a panic becomes the error page. Its message is only in the log.
pub async fn catch_panic(
    State(app): State<App>,
    info: RequestInfo,
    request: Request,
    next: Next,
) -> Response {
    match CatchPanicLayer::custom(Panicked(app, info)).layer(next).oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

#[derive(Clone)]
struct Panicked(App, RequestInfo);

impl ResponseForPanic for Panicked {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, _: Box<dyn Any + Send>) -> Response {
        error(&self.0, self.1, Failure::internal("the handler of a page panicked"), None)
    }
}

/// Answers for paths that don't exist: browsers get a page, programs the bare status.
pub async fn nowhere(
    State(app): State<App>,
    info: RequestInfo,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if method == Method::GET && wants_page(&headers) {
        error(&app, info, Refusal::NoSuchPage.into(), None)
    } else {
        Failure::from(Refusal::NoSuchPath).mark(StatusCode::NOT_FOUND.into_response())
    }
}

/// Answers a caller who has too many requests in progress, whatever the path.
pub fn busy(app: &App, info: RequestInfo, headers: &HeaderMap) -> Response {
    let failure = Failure::busy("a caller behind a front end has its share of requests in progress");
    if wants_page(headers) { error(app, info, failure, None) } else { failure.into_response() }
}

fn wants_page(headers: &HeaderMap) -> bool {
    accepts(headers, "text/html")
}

/// The page that posts an answer to the client (OAuth 2.0 Form Post Response Mode).
///
/// # Errors
/// [`Failure::Server`], by a mistake of ours only.
pub fn form_post(app: &App, action: &str, fields: &[(&'static str, String)]) -> Result<Response, Failure> {
    let nonce = nonce(app);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = FormPost { messages: MESSAGES, nonce: &nonce, action, fields: &fields };
    render(StatusCode::OK, &nonce, FormAction::Anywhere, &page)
}
