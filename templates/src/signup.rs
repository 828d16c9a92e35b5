//! The page where people create an account.

use askama::Template;

use crate::Messages;
use crate::messages::ProblemTexts;

/// Why something that was chosen is refused. Each has its own sentence in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceProblem {
    /// The user name is another user's or a client's id, or looks like another user's.
    UsernameTaken,
    /// No user name, or one that is too long.
    UsernameLength,
    /// Characters that a user name can't have.
    UsernameCharacters,
    /// An `@` in the user name.
    UsernameAtSign,
    /// A user name that looks like the operator's.
    UsernameReserved,
    /// Letters of several alphabets in the user name.
    UsernameMixedScripts,
    /// Rarely used letters in the user name, or many marks on one letter.
    UsernameUnusual,
    /// Not an e-mail address.
    EmailInvalid,
    /// Fewer than eight characters.
    PasswordShort,
    /// More bytes than a password may have.
    PasswordLong,
    /// The password is the user name.
    PasswordIsUsername,
    /// One of the most common passwords.
    PasswordCommon,
    /// Characters that can't be typed the same way everywhere.
    PasswordCharacters,
    /// This field of the profile has a value that it can't have.
    ProfileInvalid(&'static str),
    /// It is not the current password.
    PasswordWrong,
    /// Passwords can't be checked right now.
    Busy,
    /// Too many attempts lately.
    TooMany,
}

impl ChoiceProblem {
    pub(crate) const fn text(self, texts: &ProblemTexts) -> &'static str {
        match self {
            Self::UsernameTaken => texts.username_taken,
            Self::UsernameLength => texts.username_length,
            Self::UsernameCharacters => texts.username_characters,
            Self::UsernameAtSign => texts.username_at_sign,
            Self::UsernameReserved => texts.username_reserved,
            Self::UsernameMixedScripts => texts.username_mixed_scripts,
            Self::UsernameUnusual => texts.username_unusual,
            Self::EmailInvalid => texts.email_invalid,
            Self::PasswordShort => texts.password_short,
            Self::PasswordLong => texts.password_long,
            Self::PasswordIsUsername => texts.password_is_username,
            Self::PasswordCommon => texts.password_common,
            Self::PasswordCharacters => texts.password_characters,
            Self::ProfileInvalid(_) => texts.profile_invalid,
            Self::PasswordWrong => texts.password_wrong,
            Self::Busy => texts.busy,
            Self::TooMany => texts.too_many,
        }
    }

    /// Which field is at fault, if one is.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::UsernameTaken
            | Self::UsernameLength
            | Self::UsernameCharacters
            | Self::UsernameAtSign
            | Self::UsernameReserved
            | Self::UsernameMixedScripts
            | Self::UsernameUnusual => "username",
            Self::EmailInvalid => "email",
            Self::PasswordShort
            | Self::PasswordLong
            | Self::PasswordIsUsername
            | Self::PasswordCommon
            | Self::PasswordCharacters => "password",
            Self::ProfileInvalid(field) => field,
            Self::PasswordWrong => "current_password",
            Self::Busy | Self::TooMany => "",
        }
    }
}

/// The sign-up page.
#[derive(Debug, Template)]
#[template(path = "signup.html")]
pub struct SignUp<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// Where the form is posted: a path or URL of ours.
    pub action: &'a str,
    /// The sealed errand, sent back in the hidden field `r`.
    pub request: &'a str,
    /// The CSRF token, sent back in the hidden field `csrf`.
    pub csrf: &'a str,
    /// The name of what the user signs up for: the client's, or the account page's.
    pub client_name: &'a str,
    /// The initial value of the user name field.
    pub username: &'a str,
    /// The initial value of the e-mail field.
    pub email: &'a str,
    /// What went wrong with the last attempt.
    pub problem: Option<ChoiceProblem>,
    /// Where to sign in instead.
    pub login_url: &'a str,
}

impl SignUp<'_> {
    fn problem_text(&self) -> Option<&'static str> {
        self.problem.map(|problem| problem.text(&self.messages.problems))
    }

    fn is_at_fault(&self, field: &str) -> bool {
        self.problem.is_some_and(|problem| problem.field() == field)
    }

    /// Whether this field has the focus: the one at fault, else the first.
    fn begins_with(&self, field: &str) -> bool {
        let at_fault = self.problem.map_or("", ChoiceProblem::field);
        if at_fault.is_empty() { field == "username" } else { field == at_fault }
    }
}
