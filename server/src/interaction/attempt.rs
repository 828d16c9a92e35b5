//! Checking a password that an attempt was admitted for.

use crate::attempts::AttemptGuard;
use crate::tasks::to_the_end;
use crate::web::context::RequestContext;
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
    cx: &RequestContext,
    guard: AttemptGuard,
    password: Zeroizing<String>,
    user: Option<&User>,
    failed: Event,
) -> Result<Checked, Failure> {
    let Ok(place) = cx.app.passwords.queued_by(guard.queue_key()).place().await else {
        cx.audit_failure(&Event::new(What::PasswordsBusy));
        return Ok(Checked::Busy);
    };
    let (app, info, hash) = (cx.app.clone(), cx.info, user.and_then(|user| user.password.clone()));
    let enabled = user.is_some_and(|user| !user.disabled);
    to_the_end(async move {
        if place.verify(&guard, password, hash.as_ref()).await? && enabled {
            return Ok(Checked::Right);
        }
        info.audit_failure(&app, &failed);
        guard.count(&*app.store, info.stamp()).await?;
        Ok(Checked::Wrong)
    })
    .await
}
