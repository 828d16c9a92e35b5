//! Why a form is shown again: a problem with what was chosen, with its status, and how long to wait. What operators are
//! told in their words, people are told in theirs.

use crate::admin::UserRefused;
use crate::password::BadPassword;
use crate::web::failure::{BUSY, retry_after};
use axum::response::Response;
use http::StatusCode;
use protocol::name::BadName;
use std::time::Duration;
use templates::ChoiceProblem;

/// Why a form is shown again.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// What the page says.
    pub shown: ChoiceProblem,
    /// How long to wait before the next attempt.
    pub wait: Option<Duration>,
}

impl Problem {
    /// Passwords can't be checked right now.
    pub const BUSY: Self = Self { shown: ChoiceProblem::Busy, wait: Some(BUSY) };

    /// Too many attempts lately.
    pub const fn too_many(wait: Duration) -> Self {
        Self { shown: ChoiceProblem::TooMany, wait: Some(wait) }
    }

    /// The status of the response.
    pub const fn status(self) -> StatusCode {
        match self.shown {
            ChoiceProblem::TooMany => StatusCode::TOO_MANY_REQUESTS,
            ChoiceProblem::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ChoiceProblem::PasswordWrong => StatusCode::FORBIDDEN,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Adds `Retry-After` if there is a time to wait.
    pub fn retry_after(self, response: Response) -> Response {
        match self.wait {
            Some(wait) => retry_after(response, wait),
            None => response,
        }
    }
}

impl From<ChoiceProblem> for Problem {
    fn from(shown: ChoiceProblem) -> Self {
        Self { shown, wait: None }
    }
}

impl From<&UserRefused> for Problem {
    fn from(refused: &UserRefused) -> Self {
        of(refused).into()
    }
}

const fn of(refused: &UserRefused) -> ChoiceProblem {
    match refused {
        // The same for both, so that it doesn't tell which of the two it is.
        UserRefused::Taken | UserRefused::LooksTaken => ChoiceProblem::UsernameTaken,
        UserRefused::Name(BadName::Length) => ChoiceProblem::UsernameLength,
        UserRefused::Name(BadName::Characters) => ChoiceProblem::UsernameCharacters,
        UserRefused::Name(BadName::AtSign) => ChoiceProblem::UsernameAtSign,
        UserRefused::Name(BadName::Reserved) => ChoiceProblem::UsernameReserved,
        UserRefused::Name(BadName::MixedScripts) => ChoiceProblem::UsernameMixedScripts,
        UserRefused::Name(BadName::Unusual) => ChoiceProblem::UsernameUnusual,
        UserRefused::Email | UserRefused::NothingVerified => ChoiceProblem::EmailInvalid,
        // Doesn't come from a page where a name or a password is chosen.
        UserRefused::Claims(_) | UserRefused::Group(..) => ChoiceProblem::ProfileInvalid(""),
        UserRefused::Password(BadPassword::TooShort) => ChoiceProblem::PasswordShort,
        UserRefused::Password(BadPassword::TooLong) => ChoiceProblem::PasswordLong,
        UserRefused::Password(BadPassword::IsUsername) => ChoiceProblem::PasswordIsUsername,
        UserRefused::Password(BadPassword::TooCommon) => ChoiceProblem::PasswordCommon,
        UserRefused::Password(BadPassword::Unusable) => ChoiceProblem::PasswordCharacters,
    }
}
