//! The page where people see and change what is theirs.

use askama::Template;

use crate::messages::{AccountTexts, ProfileTexts};
use crate::{ChoiceProblem, Messages, ScopeItem};

/// A time on a page, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The value of the attribute `datetime`.
    pub machine: String,
    /// The text that people read.
    pub text: String,
}

/// A field of the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfileField<'a> {
    /// The claim, and the name of the input.
    pub name: &'a str,
    /// Its value.
    pub value: &'a str,
}

impl ProfileField<'_> {
    fn label(&self, texts: &ProfileTexts) -> &'static str {
        match self.name {
            "name" => texts.name,
            "given_name" => texts.given_name,
            "family_name" => texts.family_name,
            "nickname" => texts.nickname,
            "birthdate" => texts.birthdate,
            "phone_number" => texts.phone_number,
            "website" => texts.website,
            _ => texts.email,
        }
    }

    /// What browsers may fill in (HTML, autofill).
    fn autocomplete(&self) -> &'static str {
        match self.name {
            "name" => "name",
            "given_name" => "given-name",
            "family_name" => "family-name",
            "nickname" => "nickname",
            "birthdate" => "bday",
            "phone_number" => "tel",
            "website" => "url",
            _ => "email",
        }
    }

    fn kind(&self) -> &'static str {
        match self.name {
            "phone_number" => "tel",
            "website" => "url",
            "email" => "email",
            _ => "text",
        }
    }
}

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct SessionItem<'a> {
    /// The session's id, sent back to end it.
    pub id: &'a str,
    /// When it began.
    pub began: Moment,
    /// When the password was last entered in it.
    pub signed_in: Moment,
    /// Whether it is the browser that the page is for.
    pub is_current: bool,
}

/// A client that has access.
#[derive(Debug, Clone)]
pub struct AppItem<'a> {
    /// The client's id, sent back to end it.
    pub id: &'a str,
    /// Its name as it is registered.
    pub name: &'a str,
    /// What it may do.
    pub scopes: Vec<ScopeItem<'a>>,
    /// Since when.
    pub since: Moment,
    /// Whether it keeps its access while the user is away.
    pub is_offline: bool,
}

/// What was just done, or what was wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountNotice {
    /// The profile is saved.
    ProfileSaved,
    /// The password is changed.
    PasswordChanged,
    /// One or more sessions have ended.
    SessionsEnded,
    /// One or more clients have lost their access.
    AppsEnded,
    /// What was entered in the profile was refused.
    Profile(ChoiceProblem),
    /// What was entered for the password was refused.
    Password(ChoiceProblem),
}

/// The account page. Every form posts `csrf`; their actions are `action` followed by `/profile`, `/password`, `/sessions` or
/// `/apps`.
#[derive(Debug, Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    /// The language of the page.
    pub messages: &'a Messages,
    /// The nonce of this response's content security policy.
    pub nonce: &'a str,
    /// The page's own path or URL: forms go below it.
    pub action: &'a str,
    /// The page that asks before signing out.
    pub logout_url: &'a str,
    /// The CSRF token of all forms.
    pub csrf: &'a str,
    /// The name of the user who is signed in.
    pub username: &'a str,
    /// The verified address, which can't be changed here.
    pub verified_email: Option<&'a str>,
    /// The profile.
    pub profile: &'a [ProfileField<'a>],
    /// Where the user is signed in, this browser first.
    pub sessions: &'a [SessionItem<'a>],
    /// The clients that have access.
    pub apps: &'a [AppItem<'a>],
    /// Whether other clients are on the pages before this one.
    pub is_continued: bool,
    /// The next page of clients, if there are more.
    pub more_apps_url: Option<&'a str>,
    /// What to say about the last action.
    pub notice: Option<AccountNotice>,
}

impl Account<'_> {
    const fn texts(&self) -> &AccountTexts {
        &self.messages.account
    }

    fn good_news(&self) -> Option<&'static str> {
        match self.notice? {
            AccountNotice::ProfileSaved => Some(self.texts().profile_saved),
            AccountNotice::PasswordChanged => Some(self.texts().password_changed),
            AccountNotice::SessionsEnded => Some(self.texts().sessions_ended),
            AccountNotice::AppsEnded => Some(self.texts().apps_ended),
            AccountNotice::Profile(_) | AccountNotice::Password(_) => None,
        }
    }

    fn profile_problem(&self) -> Option<&'static str> {
        match self.notice {
            Some(AccountNotice::Profile(problem)) => Some(problem.text(&self.messages.problems)),
            _ => None,
        }
    }

    fn password_problem(&self) -> Option<&'static str> {
        match self.notice {
            Some(AccountNotice::Password(problem)) => Some(problem.text(&self.messages.problems)),
            _ => None,
        }
    }

    fn is_at_fault(&self, field: &str) -> bool {
        match self.notice {
            Some(AccountNotice::Profile(problem) | AccountNotice::Password(problem)) => {
                problem.field() == field
            }
            _ => false,
        }
    }

    /// Whether the focus is on the current password, to try again.
    fn begins_with_current_password(&self) -> bool {
        self.password_problem().is_some() && !self.is_at_fault("password")
    }

    fn has_problem(&self) -> bool {
        self.notice.is_some() && self.good_news().is_none()
    }
}
