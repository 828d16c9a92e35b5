//! Changing the profile. What isn't on the page can't be set by it (N-174): `email_verified` above all.

use super::owner::{done, submitted};
use super::page::{PROFILE, render};
use crate::app::App;
use crate::interaction::Stop;
use crate::web::call::Call;
use crate::web::failure::Failure;
use crate::web::form::Form;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use protocol::event::{Event, What};
use protocol::name::is_email;
use protocol::params::Params;
use protocol::user::{User, check_claims};
use std::sync::Arc;
use std::time::Duration;
use storage::Commit;
use templates::{AccountNotice, ChoiceProblem};

/// The form.
pub async fn post(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    form: Result<Form, Failure>,
) -> Response {
    save(&app, call, &headers, form).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn save(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    form: Result<Form, Failure>,
) -> Result<Response, Stop> {
    let (mut owner, binding, form) = match submitted(app, call, headers, form).await? {
        Ok(submitted) => submitted,
        Err(away) => return Ok(away),
    };
    let changed = changed(&owner.user, &form, call);
    if let Some(problem) = problem(&changed) {
        // Shown again as it was typed.
        owner.user = changed;
        let notice = AccountNotice::Profile(problem).into();
        return render(app, call, &owner, &binding, StatusCode::UNPROCESSABLE_ENTITY, notice).await;
    }
    let (store, seen) = (Arc::clone(&app.store), owner.user.updated_at);
    let event = Event::new(What::ProfileChanged).user(changed.id);
    let write = async move { store.set_profile(&changed, seen, call.stamp()).await };
    match call.write_and_audit(event, write).await? {
        Commit::Done => done(app, "profile"),
        // Changed in another tab meanwhile: the page shows what is there now.
        Commit::Lost(_) => done(app, "nothing"),
    }
}

/// The user as the form would have it.
fn changed(now: &User, form: &Params, call: Call) -> User {
    // It moves on even where clocks don't: of two changes to what both saw, one wins.
    let updated_at = call.at.max(now.updated_at.plus(Duration::from_millis(1)));
    let mut user = User { updated_at, ..now.clone() };
    for name in PROFILE {
        match form.get(name).map(str::trim).filter(|value| !value.is_empty()) {
            Some(value) => drop(user.claims.insert(name.into(), value.into())),
            None => drop(user.claims.remove(name)),
        }
    }
    if user.claims.get("phone_number") != now.claims.get("phone_number") {
        // It was said about another number.
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
    let wrong = check_claims(&user.claims).err()?;
    let field = PROFILE.into_iter().find(|name| *name == wrong).unwrap_or_default();
    Some(ChoiceProblem::ProfileInvalid(field))
}
