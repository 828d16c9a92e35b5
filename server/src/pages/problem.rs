//! What operators are told in their words, people are told in theirs.

use crate::admin::UserRefused;
use crate::password::BadPassword;
use protocol::name::BadName;
use templates::ChoiceProblem;

/// For the page of whoever chose it.
pub const fn of(refused: &UserRefused) -> ChoiceProblem {
    match refused {
        // One answer, so that it tells no more than before of who has an account.
        UserRefused::Taken | UserRefused::LooksTaken => ChoiceProblem::UsernameTaken,
        UserRefused::Name(BadName::Length) => ChoiceProblem::UsernameLength,
        UserRefused::Name(BadName::Characters) => ChoiceProblem::UsernameCharacters,
        UserRefused::Name(BadName::AtSign) => ChoiceProblem::UsernameAtSign,
        UserRefused::Name(BadName::Reserved) => ChoiceProblem::UsernameReserved,
        UserRefused::Name(BadName::MixedScripts) => ChoiceProblem::UsernameMixedScripts,
        UserRefused::Name(BadName::Unusual) => ChoiceProblem::UsernameUnusual,
        UserRefused::Email | UserRefused::NothingVerified => ChoiceProblem::EmailInvalid,
        // Not from a page where people choose a name or a password.
        UserRefused::Claim(_) => ChoiceProblem::ProfileInvalid(""),
        UserRefused::Password(BadPassword::TooShort) => ChoiceProblem::PasswordShort,
        UserRefused::Password(BadPassword::TooLong) => ChoiceProblem::PasswordLong,
        UserRefused::Password(BadPassword::IsUsername) => ChoiceProblem::PasswordIsUsername,
        UserRefused::Password(BadPassword::TooCommon) => ChoiceProblem::PasswordCommon,
        UserRefused::Password(BadPassword::Unusable) => ChoiceProblem::PasswordCharacters,
    }
}
