//! `/login`: a user name and a password for a request in progress.

use crate::app::App;
use crate::http::call::Call;
use crate::http::cookie::Binding;
use crate::http::csrf;
use crate::http::failure::Failure;
use crate::http::form::{self, Form};
use crate::interaction::{Credentials, Proven, Step, Stop, Verdict, sign_in, verify};
use crate::keys::Snapshot;
use crate::pages::{self, Forms, MESSAGES};
use crate::telemetry;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use protocol::Refusal;
use protocol::authorize::Next;
use protocol::event::{Event, What};
use protocol::params::Params;
use protocol::session::SessionCookie;
use templates::{Login, LoginProblem};

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
    let (binding, cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
    let username = step.request.login_hint.as_deref().unwrap_or_default();
    let r = query.get("r").unwrap_or_default();
    let mut response = Page { step: &step, r, binding: &binding, username }.render(app, &ring, None)?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The form.
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
    csrf::check_sender(&app.settings.issuer, headers)?;
    let (Form(form), ring) = (form?, app.keys.fresh().await?);
    let step = Step::resume(app, call, &ring, form.get("r")).await?;
    let binding = app.cookies().binding(headers).ok_or(Refusal::FormForeign)?;
    csrf::check(protected(&step), form.get("csrf"), &binding, &ring)?;
    let fields = form.get("username").zip(form.get("password"));
    let (username, password) = fields.ok_or(Refusal::FieldsMissing)?;
    let cookie = app.cookies().session(headers, &ring);
    let typed = Credentials { username, password };
    let problem = match verify(app, &typed, cookie.as_ref(), &step.client.id).await? {
        Verdict::Right(proven) => return welcome(app, call, &ring, &step, *proven, cookie).await,
        Verdict::Busy => LoginProblem::Busy,
        Verdict::Wrong(user) => {
            telemetry::audit(call, &Event { user, ..Event::new(What::SignInFailed).client(&step.client.id) });
            LoginProblem::WrongCredentials
        }
    };
    let r = form.get("r").unwrap_or_default();
    Page { step: &step, r, binding: &binding, username }.render(app, &ring, Some(problem))
}

/// The session begins, and the request goes on.
async fn welcome(
    app: &App,
    call: Call,
    ring: &Snapshot,
    step: &Step,
    proven: Proven,
    cookie: Option<SessionCookie>,
) -> Result<Response, Stop> {
    let visitor = sign_in(app, call, proven, cookie).await?;
    // Whoever just signed in and still won't do is another person than the client asked for.
    let next = match step.next(&visitor, None) {
        Next::SignIn => Next::Refuse(Refusal::LoginRequired),
        next => next,
    };
    let response = step.proceed(app, call, ring, &visitor, next).await;
    // Signed in is signed in, also where the request itself ends badly.
    let response = response.unwrap_or_else(|stop| stop.respond(app, call));
    Ok(visitor.mark(app, call, ring, response))
}

/// What goes into the page, shown for the first time or again.
struct Page<'a> {
    step: &'a Step,
    r: &'a str,
    binding: &'a Binding,
    username: &'a str,
}

impl Page<'_> {
    fn render(&self, app: &App, ring: &Snapshot, problem: Option<LoginProblem>) -> Result<Response, Stop> {
        let nonce = pages::nonce(app);
        let page = Login {
            messages: MESSAGES,
            nonce: &nonce,
            action: &app.settings.issuer.url("/login"),
            request: self.r,
            csrf: &csrf::token(protected(self.step), self.binding, ring)?,
            client_name: &self.step.client.name,
            username: self.username,
            problem,
            signup_url: None,
        };
        let status = match problem {
            None => StatusCode::OK,
            Some(LoginProblem::WrongCredentials) => StatusCode::UNPROCESSABLE_ENTITY,
            Some(LoginProblem::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = pages::render(status, &nonce, Forms::MayLeave, &page)?;
        if problem == Some(LoginProblem::Busy) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        Ok(response)
    }
}

fn protected(step: &Step) -> csrf::Form<'_> {
    let progress = &step.progress;
    csrf::Form { step: csrf::Step::Login, request: &progress.id, user: &[], master: progress.master }
}
