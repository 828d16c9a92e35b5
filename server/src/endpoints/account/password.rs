//! Changing the password. Wrong current passwords are counted for this session only, so that nobody's failed sign-ins
//! keep the owner from changing it. The new password ends every other session and every grant; this browser stays signed
//! in, because it has just proved who is there.

use super::owner::{AccountForm, done};
use super::page::{Showing, render};
use crate::admin::{Admin, AdminError};
use crate::admission::QueueKey;
use crate::attempts::{self, TooMany};
use crate::interaction::{Brought, Checked, PageRequest, Proven, Stop, check, sign_in};
use crate::pages::problem::Problem;
use crate::password::PasswordError;
use axum::response::Response;
use protocol::event::{Event, What};
use protocol::user::{PasswordHash, User};
use std::iter;
use std::sync::Arc;
use storage::Commit;
use templates::{AccountNotice, ChoiceProblem};
use zeroize::Zeroizing;

/// The form.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    let form = AccountForm::open(request).await?;
    prove(&form).await?;
    let new = change(&form).await?;
    let AccountForm { cx, owner, .. } = form;
    // Of all that was signed in, this browser's session alone moves to the generation that the change began.
    let generation = owner.user.generation.next(cx.info.id, cx.info.at);
    let user = User { generation, password: Some(new), ..owner.user };
    let proven = Proven { user, session: Some(owner.session), consent: None };
    let devices = cx.app.cookies().devices(&cx.headers, &cx.ring);
    let visitor = sign_in(&cx, proven, Brought { session: Some(owner.cookie), devices }).await?;
    Ok(visitor.mark(&cx, done(&cx, "password")?))
}

/// N-184: without the current password nothing is changed.
async fn prove(form: &AccountForm) -> Result<(), Stop> {
    let AccountForm { cx, owner, fields } = form;
    let attempt = cx.app.begin_attempt(cx.info.at);
    let own = attempt.enter(attempts::of_session(&owner.session.id))?;
    let debts = cx.app.store.debts(&[own.key()]).await?;
    let guard = match attempt.admit(QueueKey::of_session(&owner.session), iter::once(own).zip(debts)) {
        Ok(guard) => guard,
        Err(TooMany(wait)) => {
            cx.audit_failure(&Event::new(What::SignInThrottled).user(owner.user.id));
            return Err(again(form, Problem::too_many(wait)).await);
        }
    };
    let current = Zeroizing::new(fields.get("current_password").unwrap_or_default().to_owned());
    let failed = Event::new(What::SignInFailed).user(owner.user.id).session(owner.session.id);
    match check(cx, guard, current, Some(&owner.user), failed).await? {
        Checked::Right => Ok(()),
        Checked::Wrong => Err(again(form, ChoiceProblem::PasswordWrong.into()).await),
        Checked::Busy => Err(again(form, Problem::BUSY).await),
    }
}

/// Stores the new password.
async fn change(form: &AccountForm) -> Result<PasswordHash, Stop> {
    let AccountForm { cx, owner, .. } = form;
    let hash = hash(form).await?;
    let (store, user, seen) = (Arc::clone(&cx.app.store), owner.user.id, owner.user.generation);
    let (new, stamp) = (hash.clone(), cx.info.stamp());
    let event = Event::new(What::PasswordChanged).user(user).session(owner.session.id);
    let write = async move { store.set_password(&user, Some(seen), &new, stamp).await };
    match cx.info.write_and_audit(event, write).await? {
        Commit::Done => Ok(hash),
        // The password was changed, the user signed out everywhere or was disabled meanwhile: what was proven no longer
        // counts.
        Commit::Lost(_) => Err(again(form, ChoiceProblem::PasswordWrong.into()).await),
    }
}

/// Checks and hashes the new password.
async fn hash(form: &AccountForm) -> Result<PasswordHash, Stop> {
    let AccountForm { cx, owner, fields } = form;
    let new = Zeroizing::new(fields.get("new_password").unwrap_or_default().to_owned());
    let pool = cx.app.passwords.queued_by(QueueKey::of_session(&owner.session));
    match Admin::of_server(&cx.app, cx.info).hash(&pool, new, &owner.user.username).await {
        Ok(hash) => Ok(hash),
        Err(AdminError::User(refused, _)) => Err(again(form, Problem::from(&refused)).await),
        Err(AdminError::Password(PasswordError::Busy)) => {
            cx.audit_failure(&Event::new(What::PasswordsBusy));
            Err(again(form, Problem::BUSY).await)
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends with the page shown again.
async fn again(form: &AccountForm, problem: Problem) -> Stop {
    let showing = Showing::notice(AccountNotice::Password(problem.shown));
    let page = render(&form.cx, &form.owner, problem.status(), showing).await;
    Stop::with(page.map(|page| problem.retry_after(page)))
}
