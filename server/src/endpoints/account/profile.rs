//! Changing the profile. N-174: what isn't on the page can't be set by it, `email_verified` above all.

use super::owner::{AccountForm, done};
use super::page::{PROFILE, Showing, render};
use crate::interaction::{PageRequest, Stop};
use axum::response::Response;
use http::StatusCode;
use protocol::event::{Event, What};
use protocol::name::is_email;
use protocol::params::Params;
use protocol::time::Timestamp;
use protocol::user::{User, check_claims};
use std::sync::Arc;
use storage::Commit;
use templates::{AccountNotice, ChoiceProblem};

/// The form.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    let AccountForm { cx, mut owner, fields } = AccountForm::open(request).await?;
    let changed = changed(&owner.user, &fields, cx.info.at);
    if let Some(problem) = problem(&changed) {
        // Shown again as it was typed.
        owner.user = changed;
        let showing = Showing::notice(AccountNotice::Profile(problem));
        return Ok(render(&cx, &owner, StatusCode::UNPROCESSABLE_ENTITY, showing).await?);
    }
    let (store, stamp, seen) = (Arc::clone(&cx.app.store), cx.info.stamp(), owner.user.updated_at);
    let event = Event::new(What::ProfileChanged).user(changed.id);
    let write = async move { store.set_profile(&changed, seen, stamp).await };
    match cx.info.write_and_audit(event, write).await? {
        Commit::Done => done(&cx, "profile"),
        // Changed in another tab meanwhile: the page shows what is there now.
        Commit::Lost(_) => done(&cx, "nothing"),
    }
}

/// The user as the form would have it.
fn changed(now: &User, form: &Params, at: Timestamp) -> User {
    let mut user = User { updated_at: now.next_update(at), ..now.clone() };
    for name in PROFILE {
        match form.get(name).map(str::trim).filter(|value| !value.is_empty()) {
            Some(value) => drop(user.claims.insert(name.into(), value.into())),
            None => drop(user.claims.remove(name)),
        }
    }
    if user.claims.get("phone_number") != now.claims.get("phone_number") {
        // It was verified for another number.
        user.claims.remove("phone_number_verified");
    }
    if !user.email_verified {
        user.email = form.get("email").map(|email| email.trim().to_owned()).filter(|email| !email.is_empty());
    }
    user
}

fn problem(user: &User) -> Option<ChoiceProblem> {
    if user.email.as_deref().is_some_and(|email| !is_email(email)) {
        return Some(ChoiceProblem::EmailInvalid);
    }
    // Only these: what an operator has set besides may be of a claim that is no longer declared.
    let shown =
        PROFILE.into_iter().filter_map(|name| Some((name.to_owned(), user.claims.get(name)?.clone())));
    let wrong = check_claims(&shown.collect()).err()?;
    PROFILE.into_iter().find(|name| *name == wrong).map(ChoiceProblem::ProfileInvalid)
}
