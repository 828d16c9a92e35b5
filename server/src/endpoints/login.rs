//! `/login`: a user name and a password for an errand.

use crate::attempts::TooMany;
use crate::interaction::{
    Brought, Credentials, Errand, ErrandForm, PageRequest, Stop, Verdict, sign_in, verify,
};
use crate::pages::{self, FormAction, MESSAGES};
use crate::web::context::RequestContext;
use crate::web::csrf::FormKind;
use crate::web::failure::{BUSY, Failure, retry_after};
use axum::response::Response;
use http::StatusCode;
use protocol::event::{Event, What};
use std::time::Duration;
use templates::{Login, LoginProblem};

/// The page.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    let query = request.query()?;
    let cx = request.context().await?;
    let errand = Errand::open(&cx, query.get("r")).await?;
    let (r, username) = (query.get("r").unwrap_or_default(), errand.login_hint());
    Ok(Page { errand: &errand, r, username }.render(&cx, None)?)
}

/// The form.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    let (cx, form) = ErrandForm::open(request, FormKind::Login).await?;
    let (username, password) = form.credentials()?;
    let (client, brought) = (form.errand.client(), Brought::read(&cx));
    let typed = Credentials { username, password };
    let problem = match verify(&cx, &typed, &brought, &client).await? {
        Verdict::Right(proven) => {
            let visitor = sign_in(&cx, *proven, brought).await?;
            return Ok(form.errand.proceed(&cx, &visitor).await);
        }
        Verdict::Busy => Problem::Busy,
        Verdict::TooMany(TooMany(wait)) => {
            cx.audit_failure(&Event::new(What::SignInThrottled).client(&client));
            Problem::TooMany(wait)
        }
        Verdict::Wrong => Problem::Wrong,
    };
    Ok(Page { errand: &form.errand, r: form.r(), username }.render(&cx, Some(problem))?)
}

/// Why the page is shown again.
#[derive(Clone, Copy)]
enum Problem {
    Wrong,
    Busy,
    TooMany(Duration),
}

impl Problem {
    const fn status(self) -> StatusCode {
        match self {
            Self::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    const fn shown(self) -> LoginProblem {
        match self {
            Self::Wrong => LoginProblem::WrongCredentials,
            Self::Busy => LoginProblem::Busy,
            Self::TooMany(_) => LoginProblem::TooMany,
        }
    }

    const fn wait(self) -> Option<Duration> {
        match self {
            Self::Wrong => None,
            Self::Busy => Some(BUSY),
            Self::TooMany(wait) => Some(wait),
        }
    }
}

/// What is on the page, the first time and again.
struct Page<'a> {
    errand: &'a Errand,
    r: &'a str,
    username: &'a str,
}

impl Page<'_> {
    fn render(&self, cx: &RequestContext, problem: Option<Problem>) -> Result<Response, Failure> {
        let status = problem.map_or(StatusCode::OK, Problem::status);
        let signup_url = format!("{}?r={}", cx.url("/signup"), self.r);
        let response = pages::render_form(cx, self.errand.protects(FormKind::Login), |nonce, csrf| {
            let page = Login {
                messages: MESSAGES,
                nonce,
                action: &cx.url("/login"),
                request: self.r,
                csrf,
                client_name: self.errand.name(),
                username: self.username,
                problem: problem.map(Problem::shown),
                signup_url: cx.app.settings.signup.then_some(&signup_url),
            };
            pages::render(status, nonce, FormAction::Anywhere, &page)
        })?;
        Ok(match problem.and_then(Problem::wait) {
            Some(wait) => retry_after(response, wait),
            None => response,
        })
    }
}
