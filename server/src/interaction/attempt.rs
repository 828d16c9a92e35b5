//! Checking a password that an attempt was admitted for.

use crate::app::App;
use crate::attempts::AttemptGuard;
use crate::tasks::to_the_end;
use crate::web::call::Call;
use crate::web::failure::Failure;
use protocol::event::{Event, What};
use protocol::user::User;
use zeroize::Zeroizing;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the user's password.
    Right,
    /// It isn't, or there is no such user, or they are disabled. Counted.
    Wrong,
    /// Too many at once to check this one now.
    Busy,
}

/// Checks a password when it is its turn. Dropping the future before that leaves the queue; from then on a wrong password
/// is counted and logged as `failed`, whether or not the caller stays.
///
/// # Errors
/// [`Failure::Server`].
pub async fn check(
    app: &App,
    call: Call,
    guard: AttemptGuard,
    password: Zeroizing<String>,
    user: Option<&User>,
    failed: Event,
) -> Result<Checked, Failure> {
    let Ok(place) = app.passwords.queued_by(guard.queue_key()).place().await else {
        call.audit_failure(app, &Event::new(What::PasswordsBusy));
        return Ok(Checked::Busy);
    };
    let (app, hash) = (app.clone(), user.and_then(|user| user.password.clone()));
    let enabled = user.is_some_and(|user| !user.disabled);
    to_the_end(async move {
        if place.verify(&guard, password, hash.as_ref()).await? && enabled {
            return Ok(Checked::Right);
        }
        call.audit_failure(&app, &failed);
        guard.count(&*app.store, call.stamp()).await?;
        Ok(Checked::Wrong)
    })
    .await
}
