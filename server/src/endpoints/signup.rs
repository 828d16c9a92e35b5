//! `/signup`: people make their own accounts, if the operator allows it.

use crate::admin::users::{Draft, NewUser};
use crate::admin::{Admin, AdminError, UserRefused};
use crate::app::App;
use crate::attempts::{self, AttemptGuard, TooMany};
use crate::interaction::{Brought, Errand, ErrandForm, PageRequest, Proven, Stop, sign_in};
use crate::pages::problem::Problem;
use crate::pages::{self, FormAction, MESSAGES};
use crate::tasks::to_the_end;
use crate::telemetry;
use crate::web::context::RequestContext;
use crate::web::csrf::FormKind;
use crate::web::failure::Failure;
use axum::response::Response;
use http::StatusCode;
use protocol::Refusal;
use protocol::event::{Event, What};
use protocol::user::User;
use templates::SignUp;
use zeroize::Zeroizing;

/// The page. Without an errand it leads to the account.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    require_open(&request.app)?;
    let query = request.query()?;
    let cx = request.context().await?;
    let r = query.get("r").map_or_else(|| Errand::to_account(&cx), str::to_owned);
    let errand = Errand::open(&cx, Some(&r)).await?;
    let page = Page { errand: &errand, r: &r, username: errand.login_hint(), email: "" };
    Ok(page.render(&cx, None)?)
}

/// The form.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    require_open(&request.app)?;
    let (cx, form) = ErrandForm::open(request, FormKind::SignUp).await?;
    let (username, password) = form.credentials()?;
    let email = form.fields.get("email");
    let new = NewUser { username: username.into(), email: email.map(str::to_owned), ..NewUser::default() };
    let password = Zeroizing::new(password.to_owned());
    let page = Page { errand: &form.errand, r: form.r(), username, email: email.unwrap_or_default() };
    let guard = admit(&cx, &page).await?;
    let draft = draft(&cx, &page, guard, new, password.clone()).await?;
    let user = make(&cx, &page, draft, password).await?;
    let proven = Proven { user, session: None, consent: None };
    let visitor = sign_in(&cx, proven, Brought::read(&cx)).await?;
    Ok(form.errand.proceed(&cx, &visitor).await)
}

fn require_open(app: &App) -> Result<(), Refusal> {
    if app.settings.signup { Ok(()) } else { Err(Refusal::SignUpClosed) }
}

/// Admits the attempt, unless there were too many from this network lately.
async fn admit(cx: &RequestContext, page: &Page<'_>) -> Result<AttemptGuard, Stop> {
    let attempt = cx.app.begin_attempt(cx.info.at);
    let standing = attempt.enter(attempts::of_sign_up(cx.info.from))?;
    let debts = cx.app.store.debts(&[standing.key()]).await?;
    let debts = [standing].into_iter().zip(debts);
    attempt.admit(cx.info.queue_key(&cx.app), debts).map_err(|TooMany(wait)| {
        cx.audit_failure(&Event::new(What::SignUpThrottled));
        page.again(cx, Problem::too_many(wait))
    })
}

/// Checks what was chosen.
async fn draft(
    cx: &RequestContext,
    page: &Page<'_>,
    guard: AttemptGuard,
    new: NewUser,
    password: Zeroizing<String>,
) -> Result<Draft, Stop> {
    let (app, admin, stamp) = (cx.app.clone(), Admin::of_server(&cx.app, cx.info), cx.info.stamp());
    let drafted = to_the_end(async move {
        let drafted = admin.draft(new, Some(&password)).await;
        if counts(&drafted) {
            guard.count(&*app.store, stamp).await?;
        }
        Ok::<_, Failure>(drafted)
    });
    drafted.await?.map_err(|error| page.refused(cx, error))
}

/// Whatever got as far as looking up the name counts, whatever comes of it, because the answer tells whether the name is
/// free. A mistake in typing doesn't.
fn counts(drafted: &Result<Draft, AdminError>) -> bool {
    match drafted {
        Err(AdminError::User(refused, _)) => matches!(refused, UserRefused::Taken | UserRefused::LooksTaken),
        _ => true,
    }
}

/// Makes the account when it is its turn. Dropping the future before that leaves the queue; from then on the account is
/// made.
async fn make(
    cx: &RequestContext,
    page: &Page<'_>,
    draft: Draft,
    password: Zeroizing<String>,
) -> Result<User, Stop> {
    let Ok(place) = cx.app.passwords.queued_by(cx.info.queue_key(&cx.app)).place().await else {
        cx.audit_failure(&Event::new(What::PasswordsBusy));
        return Err(page.again(cx, Problem::BUSY));
    };
    let (admin, info) = (Admin::of_server(&cx.app, cx.info), cx.info);
    let made = to_the_end(async move {
        let made = admin.make_user(draft, Some((place, password))).await;
        if let Ok(user) = &made {
            telemetry::audit(info, &Event::new(What::SignedUp).user(user.id));
        }
        Ok::<_, Failure>(made)
    });
    made.await?.map_err(|error| page.refused(cx, error))
}

/// What is on the page, the first time and again.
struct Page<'a> {
    errand: &'a Errand,
    r: &'a str,
    username: &'a str,
    email: &'a str,
}

impl Page<'_> {
    fn render(&self, cx: &RequestContext, problem: Option<Problem>) -> Result<Response, Failure> {
        let status = problem.map_or(StatusCode::OK, Problem::status);
        let response = pages::render_form(cx, self.errand.protects(FormKind::SignUp), |nonce, csrf| {
            let page = SignUp {
                messages: MESSAGES,
                nonce,
                action: &cx.url("/signup"),
                request: self.r,
                csrf,
                client_name: self.errand.name(),
                username: self.username,
                email: self.email,
                problem: problem.map(|problem| problem.shown),
                login_url: &format!("{}?r={}", cx.url("/login"), self.r),
            };
            pages::render(status, nonce, FormAction::Anywhere, &page)
        })?;
        Ok(match problem {
            Some(problem) => problem.retry_after(response),
            None => response,
        })
    }

    /// Ends with the page shown again.
    fn again(&self, cx: &RequestContext, problem: Problem) -> Stop {
        Stop::with(self.render(cx, Some(problem)))
    }

    fn refused(&self, cx: &RequestContext, error: AdminError) -> Stop {
        match error {
            AdminError::User(refused, _) => self.again(cx, Problem::from(&refused)),
            error => error.into(),
        }
    }
}
