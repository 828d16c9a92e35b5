//! Changing the password: the current one is asked for and counted like any sign-in. The new one ends every other
//! session and every grant; this browser stays signed in, by having just proved who it is.

use super::page::render;
use super::{Owner, done, submitted};
use crate::admin::AdminError;
use crate::app::App;
use crate::attempts::{self, AttemptGuard, TooMany};
use crate::http::call::Call;
use crate::http::failure::{BUSY, Failure, retry_after};
use crate::http::form::Form;
use crate::interaction::{Proven, Stop, sign_in};
use crate::pages::problem;
use crate::password::PasswordError;
use crate::telemetry;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use protocol::event::{Event, What};
use protocol::params::Params;
use std::time::Duration;
use storage::Commit;
use templates::{AccountNotice, ChoiceProblem};
use zeroize::Zeroizing;

/// The form.
pub async fn post(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    form: Result<Form, Failure>,
) -> Response {
    submit(&app, call, &headers, form).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

/// Why the password stays as it is: what to tell, with which status, and how long to wait.
type Refused = (ChoiceProblem, StatusCode, Option<Duration>);

async fn submit(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    form: Result<Form, Failure>,
) -> Result<Response, Stop> {
    let (owner, binding, form) = match submitted(app, call, headers, form).await? {
        Ok(submitted) => submitted,
        Err(away) => return Ok(away),
    };
    let refused = match prove(app, call, &owner, &form).await? {
        Ok(()) => change(app, call, &owner, &form).await?,
        Err(refused) => Err(refused),
    };
    if let Err((problem, status, wait)) = refused {
        let notice = Some(AccountNotice::Password(problem));
        let page = render(app, call, &owner, &binding, status, notice).await?;
        return Ok(match wait {
            Some(wait) => retry_after(page, wait),
            None => page,
        });
    }
    telemetry::audit(call, &Event::new(What::PasswordChanged).user(owner.user.id).session(owner.session.id));
    // What begins from the next millisecond on counts again.
    let after = Call { at: call.stamp().next_millisecond(), ..call };
    let proven = Proven { user: owner.user, session: Some(owner.session), consent: None };
    let visitor = sign_in(app, after, proven, Some(owner.cookie)).await?;
    Ok(visitor.mark(app, after, &owner.ring, done(app, "password")?))
}

/// N-184: who can't tell the current password changes nothing.
async fn prove(app: &App, call: Call, owner: &Owner, form: &Params) -> Result<Result<(), Refused>, Stop> {
    let (address, account) = (attempts::of_address(call), attempts::of_account(&owner.user.id));
    let debts = app.store.debts(&[address.0, account.0]).await?;
    let counters = [address, account].into_iter().zip(debts);
    let guard = match AttemptGuard::admit(app, counters, call.at) {
        Ok(guard) => guard,
        Err(TooMany(wait)) => {
            telemetry::audit(call, &Event::new(What::SignInThrottled).user(owner.user.id));
            return Ok(Err((ChoiceProblem::TooMany, StatusCode::TOO_MANY_REQUESTS, Some(wait))));
        }
    };
    let current = Zeroizing::new(form.get("current_password").unwrap_or_default().to_owned());
    match app.passwords.verify(&guard, current, owner.user.password.as_ref()).await {
        Ok(true) => Ok(Ok(())),
        Ok(false) => {
            guard.failed(app, call).await?;
            Ok(Err((ChoiceProblem::PasswordWrong, StatusCode::FORBIDDEN, None)))
        }
        Err(error) => busy(error),
    }
}

async fn change(app: &App, call: Call, owner: &Owner, form: &Params) -> Result<Result<(), Refused>, Stop> {
    let new = Zeroizing::new(form.get("new_password").unwrap_or_default().to_owned());
    let hash = match app.admin().hash(&app.passwords, new, &owner.user.username).await {
        Ok(hash) => hash,
        Err(AdminError::User(refused, _)) => {
            return Ok(Err((problem::of(&refused), StatusCode::UNPROCESSABLE_ENTITY, None)));
        }
        Err(AdminError::Password(error)) => return busy(error),
        Err(error) => return Err(error.into()),
    };
    let seen = owner.user.password.clone();
    match app.store.set_password(&owner.user.id, seen, &hash, call.stamp()).await? {
        Commit::Done => Ok(Ok(())),
        // Changed elsewhere meanwhile: what was proven is the current password no more.
        Commit::Lost(_) => Ok(Err((ChoiceProblem::PasswordWrong, StatusCode::FORBIDDEN, None))),
    }
}

fn busy(error: PasswordError) -> Result<Result<(), Refused>, Stop> {
    match error {
        PasswordError::Busy => Ok(Err((ChoiceProblem::Busy, StatusCode::SERVICE_UNAVAILABLE, Some(BUSY)))),
        error => Err(error.into()),
    }
}
