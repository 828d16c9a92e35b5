//! `/signup`: people make accounts by themselves, where the operator lets them.

use crate::admin::users::{Draft, NewUser};
use crate::admin::{Admin, AdminError, UserRefused};
use crate::app::App;
use crate::attempts::{self, TooMany};
use crate::cookies::Binding;
use crate::interaction::{Brought, Errand, ErrandForm, Proven, Stop, sign_in};
use crate::keys::Snapshot;
use crate::pages::{self, Forms, MESSAGES, problem};
use crate::tasks::to_the_end;
use crate::telemetry;
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::failure::{BUSY, Failure, retry_after};
use crate::web::form::{self, Form};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use protocol::Refusal;
use protocol::event::{Event, What};
use protocol::params::Params;
use std::time::Duration;
use templates::{ChoiceProblem, SignUp};
use zeroize::Zeroizing;

/// The page. Without an errand it leads to the account.
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
    require_open(app)?;
    let query = Params::parse(query.as_bytes()).map_err(form::refusal_of)?;
    let ring = app.keys.fresh().await?;
    let r = query.get("r").map_or_else(|| Errand::to_account(app, call, &ring), str::to_owned);
    let errand = Errand::open(app, call, &ring, Some(&r)).await?;
    let (binding, cookie) = app.cookies().binding_or_new(headers, &*app.entropy);
    let page = Page { errand: &errand, r: &r, binding: &binding, username: errand.login_hint(), email: "" };
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
    require_open(app)?;
    let form = ErrandForm::open(app, call, headers, form, csrf::Step::SignUp).await?;
    let (errand, ring) = (&form.errand, &form.ring);
    let (username, password) = form.credentials()?;
    let email = form.fields.get("email");
    let new = NewUser { username: username.into(), email: email.map(str::to_owned), ..NewUser::default() };
    let (problem, wait) = match make(app, call, new, password).await? {
        Ok(proven) => {
            let visitor = sign_in(app, call, ring, proven, Brought::read(app, headers, ring)).await?;
            return Ok(form.errand.proceed(app, call, ring, &visitor).await);
        }
        Err(refused) => refused,
    };
    let email = email.unwrap_or_default();
    let page = Page { errand, r: form.r(), binding: &form.binding, username, email };
    page.render(app, call, ring, Some((problem, wait)))
}

/// The account, or what to tell and how long to wait.
async fn make(
    app: &App,
    call: Call,
    new: NewUser,
    password: &str,
) -> Result<Result<Proven, (ChoiceProblem, Option<Duration>)>, Stop> {
    let attempt = app.begin_attempt(call.at);
    let standing = attempt.enter(attempts::of_sign_up(call.from))?;
    let debts = app.store.debts(&[standing.key()]).await?;
    let guard = match attempt.admit(call.queue_key(app), [standing].into_iter().zip(debts)) {
        Ok(guard) => guard,
        Err(TooMany(wait)) => {
            call.audit_failure(app, &Event::new(What::SignUpThrottled));
            return Ok(Err((ChoiceProblem::TooMany, Some(wait))));
        }
    };
    let (server, password) = (app.clone(), Zeroizing::new(password.to_owned()));
    let (admin, chosen) = (Admin::of_server(app, call), password.clone());
    let drafted = to_the_end(async move {
        let drafted = admin.draft(new, Some(&chosen)).await;
        if counts(&drafted) {
            guard.count(&*server.store, call.stamp()).await?;
        }
        Ok::<_, Failure>(drafted)
    });
    let draft = match drafted.await? {
        Ok(draft) => draft,
        Err(AdminError::User(refused, _)) => return Ok(Err((problem::of(&refused), None))),
        Err(error) => return Err(error.into()),
    };
    // Whoever hangs up here has left the line; from here on the account is made.
    let Ok(place) = app.passwords.queued_by(call.queue_key(app)).place().await else {
        call.audit_failure(app, &Event::new(What::PasswordsBusy));
        return Ok(Err((ChoiceProblem::Busy, Some(BUSY))));
    };
    let admin = Admin::of_server(app, call);
    let made = to_the_end(async move {
        let made = admin.make_user(draft, Some((place, password))).await;
        if let Ok(user) = &made {
            telemetry::audit(call, &Event::new(What::SignedUp).user(user.id));
        }
        Ok::<_, Failure>(made)
    });
    match made.await? {
        Ok(user) => Ok(Ok(Proven { user, session: None, consent: None })),
        Err(AdminError::User(refused, _)) => Ok(Err((problem::of(&refused), None))),
        Err(error) => Err(error.into()),
    }
}

/// What got as far as asking for the name counts, whatever comes of it: that told whether it is free. A slip of the
/// pen doesn't.
fn counts(drafted: &Result<Draft, AdminError>) -> bool {
    match drafted {
        Err(AdminError::User(refused, _)) => matches!(refused, UserRefused::Taken | UserRefused::LooksTaken),
        _ => true,
    }
}

fn require_open(app: &App) -> Result<(), Stop> {
    if app.settings.signup { Ok(()) } else { Err(Refusal::SignUpClosed.into()) }
}

/// What goes into the page, shown for the first time or again.
struct Page<'a> {
    errand: &'a Errand,
    r: &'a str,
    binding: &'a Binding,
    username: &'a str,
    email: &'a str,
}

impl Page<'_> {
    fn render(
        &self,
        app: &App,
        call: Call,
        ring: &Snapshot,
        refused: Option<(ChoiceProblem, Option<Duration>)>,
    ) -> Result<Response, Stop> {
        let status = match refused {
            None => StatusCode::OK,
            Some((ChoiceProblem::TooMany, _)) => StatusCode::TOO_MANY_REQUESTS,
            Some((ChoiceProblem::Busy, _)) => StatusCode::SERVICE_UNAVAILABLE,
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let nonce = pages::nonce(app);
        let page = SignUp {
            messages: MESSAGES,
            nonce: &nonce,
            action: &app.settings.issuer.url("/signup"),
            request: self.r,
            csrf: &csrf::token(self.errand.protects(csrf::Step::SignUp), self.binding, ring, call.at)?,
            client_name: self.errand.name(),
            username: self.username,
            email: self.email,
            problem: refused.map(|(problem, _)| problem),
            login_url: &format!("{}?r={}", app.settings.issuer.url("/login"), self.r),
        };
        let response = pages::render(status, &nonce, Forms::MayLeave, &page)?;
        Ok(match refused {
            Some((_, Some(wait))) => retry_after(response, wait),
            _ => response,
        })
    }
}
