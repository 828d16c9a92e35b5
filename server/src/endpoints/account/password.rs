//! Changing the password: the current one is asked for, and wrong ones are counted for this session alone, so that
//! nobody's failed sign-ins keep the owner from it. The new one ends every other
//! session and every grant; this browser stays signed in, by having just proved who it is.

use super::owner::{Owner, done, submitted};
use super::page::render;
use crate::admin::{Admin, AdminError};
use crate::admission::QueueKey;
use crate::app::App;
use crate::attempts::{self, TooMany};
use crate::interaction::{Brought, Checked, Proven, Stop, check, sign_in};
use crate::pages::problem;
use crate::password::PasswordError;
use crate::web::call::Call;
use crate::web::failure::{BUSY, Failure, retry_after};
use crate::web::form::Form;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use protocol::event::{Event, What};
use protocol::params::Params;
use protocol::user::{PasswordHash, User};
use std::iter;
use std::sync::Arc;
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

const BUSY_NOW: Refused = (ChoiceProblem::Busy, StatusCode::SERVICE_UNAVAILABLE, Some(BUSY));

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
    let changed = match prove(app, call, &owner, &form).await? {
        Ok(()) => change(app, call, &owner, &form).await?,
        Err(refused) => Err(refused),
    };
    let new = match changed {
        Ok(new) => new,
        Err((problem, status, wait)) => {
            let notice = AccountNotice::Password(problem).into();
            let page = render(app, call, &owner, &binding, status, notice).await?;
            return Ok(match wait {
                Some(wait) => retry_after(page, wait),
                None => page,
            });
        }
    };
    // Of all that was signed in, this browser's session alone goes over to the generation that the change began.
    let generation = owner.user.generation.next(call.id, call.at);
    let user = User { generation, password: Some(new), ..owner.user };
    let proven = Proven { user, session: Some(owner.session), consent: None };
    let devices = app.cookies().devices(headers, &owner.ring);
    let brought = Brought { session: Some(owner.cookie), devices };
    let visitor = sign_in(app, call, &owner.ring, proven, brought).await?;
    Ok(visitor.mark(app, call, &owner.ring, done(app, "password")?))
}

/// N-184: who can't tell the current password changes nothing.
async fn prove(app: &App, call: Call, owner: &Owner, form: &Params) -> Result<Result<(), Refused>, Stop> {
    let attempt = app.begin_attempt(call.at);
    let own = attempt.enter(attempts::of_session(&owner.session.id))?;
    let debts = app.store.debts(&[own.key()]).await?;
    let guard = match attempt.admit(QueueKey::of_session(&owner.session), iter::once(own).zip(debts)) {
        Ok(guard) => guard,
        Err(TooMany(wait)) => {
            call.audit_failure(app, &Event::new(What::SignInThrottled).user(owner.user.id));
            return Ok(Err((ChoiceProblem::TooMany, StatusCode::TOO_MANY_REQUESTS, Some(wait))));
        }
    };
    let current = Zeroizing::new(form.get("current_password").unwrap_or_default().to_owned());
    let failed = Event::new(What::SignInFailed).user(owner.user.id).session(owner.session.id);
    Ok(match check(app, call, guard, current, Some(&owner.user), failed).await? {
        Checked::Right => Ok(()),
        Checked::Wrong => Err((ChoiceProblem::PasswordWrong, StatusCode::FORBIDDEN, None)),
        Checked::Busy => Err(BUSY_NOW),
    })
}

async fn change(
    app: &App,
    call: Call,
    owner: &Owner,
    form: &Params,
) -> Result<Result<PasswordHash, Refused>, Stop> {
    let new = Zeroizing::new(form.get("new_password").unwrap_or_default().to_owned());
    let pool = app.passwords.queued_by(QueueKey::of_session(&owner.session));
    let hash = match Admin::of_server(app, call).hash(&pool, new, &owner.user.username).await {
        Ok(hash) => hash,
        Err(AdminError::User(refused, _)) => {
            return Ok(Err((problem::of(&refused), StatusCode::UNPROCESSABLE_ENTITY, None)));
        }
        Err(AdminError::Password(PasswordError::Busy)) => {
            call.audit_failure(app, &Event::new(What::PasswordsBusy));
            return Ok(Err(BUSY_NOW));
        }
        Err(error) => return Err(error.into()),
    };
    let (store, user, seen) = (Arc::clone(&app.store), owner.user.id, owner.user.generation);
    let (new, event) = (hash.clone(), Event::new(What::PasswordChanged).user(user).session(owner.session.id));
    let write = async move { store.set_password(&user, Some(seen), &new, call.stamp()).await };
    match call.write_and_audit(event, write).await? {
        Commit::Done => Ok(Ok(hash)),
        // Another password, a sign-out everywhere or a disabled account since: what was proven is no longer so.
        Commit::Lost(_) => Ok(Err((ChoiceProblem::PasswordWrong, StatusCode::FORBIDDEN, None))),
    }
}
