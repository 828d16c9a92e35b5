//! `/login`: a user name and a password for a request in progress.

use crate::app::App;
use crate::attempts::TooMany;
use crate::cookies::Binding;
use crate::interaction::{Brought, Credentials, Errand, ErrandForm, Stop, Verdict, sign_in, verify};
use crate::keys::Snapshot;
use crate::pages::{self, Forms, MESSAGES};
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::failure::{BUSY, Failure, retry_after};
use crate::web::form::{self, Form};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::event::{Event, What};
use protocol::params::Params;
use std::time::Duration;
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
    let errand = Errand::open(app, call, &ring, query.get("r")).await?;
    let (binding, cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
    let (r, username) = (query.get("r").unwrap_or_default(), errand.login_hint());
    let page = Page { errand: &errand, r, binding: &binding, username };
    let mut response = page.render(app, call, &ring, None)?;
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
    let form = ErrandForm::open(app, call, headers, form, csrf::Step::Login).await?;
    let (errand, ring) = (&form.errand, &form.ring);
    let (username, password) = form.credentials()?;
    let brought = Brought::read(app, headers, ring);
    let typed = Credentials { username, password };
    let problem = match verify(app, call, &typed, &brought, &errand.client()).await? {
        Verdict::Right(proven) => {
            let visitor = sign_in(app, call, ring, *proven, brought).await?;
            return Ok(form.errand.proceed(app, call, ring, &visitor).await);
        }
        Verdict::Busy => Problem::Busy,
        Verdict::TooMany(TooMany(wait)) => {
            call.audit_failure(app, &Event::new(What::SignInThrottled).client(&errand.client()));
            Problem::TooMany(wait)
        }
        Verdict::Wrong => Problem::Wrong,
    };
    Page { errand, r: form.r(), binding: &form.binding, username }.render(app, call, ring, Some(problem))
}

/// Why the page is shown again.
#[derive(Clone, Copy)]
enum Problem {
    Wrong,
    Busy,
    TooMany(Duration),
}

/// What goes into the page, shown for the first time or again.
struct Page<'a> {
    errand: &'a Errand,
    r: &'a str,
    binding: &'a Binding,
    username: &'a str,
}

impl Page<'_> {
    fn render(
        &self,
        app: &App,
        call: Call,
        ring: &Snapshot,
        problem: Option<Problem>,
    ) -> Result<Response, Stop> {
        let (status, shown, wait) = match problem {
            None => (StatusCode::OK, None, None),
            Some(Problem::Wrong) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Some(LoginProblem::WrongCredentials), None)
            }
            Some(Problem::Busy) => (StatusCode::SERVICE_UNAVAILABLE, Some(LoginProblem::Busy), Some(BUSY)),
            Some(Problem::TooMany(wait)) => {
                (StatusCode::TOO_MANY_REQUESTS, Some(LoginProblem::TooMany), Some(wait))
            }
        };
        let nonce = pages::nonce(app);
        let signup_url = format!("{}?r={}", app.settings.issuer.url("/signup"), self.r);
        let page = Login {
            messages: MESSAGES,
            nonce: &nonce,
            action: &app.settings.issuer.url("/login"),
            request: self.r,
            csrf: &csrf::token(self.errand.protects(csrf::Step::Login), self.binding, ring, call.at)?,
            client_name: self.errand.name(),
            username: self.username,
            problem: shown,
            signup_url: app.settings.signup.then_some(&signup_url),
        };
        let response = pages::render(status, &nonce, Forms::MayLeave, &page)?;
        Ok(match wait {
            Some(wait) => retry_after(response, wait),
            None => response,
        })
    }
}
