//! The fixed texts of all pages, as data: a language is one [`Messages`] constant.
//!
//! Absent on purpose: choosing a language (the caller does), and the sentences of refusals, which are with the rules.

mod english;

/// A sentence around a value, so that every language can put the value where its grammar wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The text before the value, with the space between them.
    pub before: &'static str,
    /// The text after it.
    pub after: &'static str,
}

/// All texts in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// The language as a BCP 47 tag, for the `lang` attribute.
    pub lang: &'static str,
    /// Its direction, `ltr` or `rtl`, for the `dir` attribute.
    pub dir: &'static str,
    /// The sign-in page.
    pub login: LoginTexts,
    /// The sign-up page.
    pub signup: SignUpTexts,
    /// The consent page.
    pub consent: ConsentTexts,
    /// The pages around signing out.
    pub logout: LogoutTexts,
    /// The account page.
    pub account: AccountTexts,
    /// Why something is refused.
    pub problems: ProblemTexts,
    /// What scopes mean: name and text.
    pub scopes: &'static [(&'static str, &'static str)],
    /// The error page.
    pub error: ErrorTexts,
    /// The page for a request to another host name.
    pub wrong_host: WrongHostTexts,
    /// The page that posts a response to the client.
    pub form_post: FormPostTexts,
    /// The demo relying party.
    pub demo: DemoTexts,
}

impl Messages {
    /// What a scope means to people; `None` for scopes that have no text in this language.
    #[must_use]
    pub fn scope_text(&self, name: &str) -> Option<&'static str> {
        self.scopes.iter().find(|(scope, _)| *scope == name).map(|(_, text)| *text)
    }
}

/// Texts of [`crate::Login`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTexts {
    /// Heading and title.
    pub title: &'static str,
    /// Before the title if something went wrong: a screen reader says the title first.
    pub problem_title: &'static str,
    /// Around the client's name.
    pub to_client: Around,
    /// Label of the user name.
    pub username: &'static str,
    /// Label of the password.
    pub password: &'static str,
    /// The button.
    pub submit: &'static str,
    /// User name and password don't match.
    pub wrong_credentials: &'static str,
    /// Passwords can't be checked right now.
    pub busy: &'static str,
    /// Before the link to sign-up.
    pub no_account: &'static str,
    /// The link to sign-up.
    pub sign_up: &'static str,
}

/// Texts of [`crate::SignUp`] that [`LoginTexts`] doesn't have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUpTexts {
    /// Heading and title.
    pub title: &'static str,
    /// Below the user name.
    pub username_hint: &'static str,
    /// Below a new password.
    pub password_hint: &'static str,
    /// Label of the e-mail address.
    pub email: &'static str,
    /// The button.
    pub submit: &'static str,
    /// Before the link to the sign-in page.
    pub has_account: &'static str,
}

/// Texts of [`crate::Logout`] and [`crate::LoggedOut`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutTexts {
    /// Heading and title of the question.
    pub title: &'static str,
    /// What signing out does.
    pub explanation: &'static str,
    /// The button.
    pub submit: &'static str,
    /// The link back to the account.
    pub stay: &'static str,
    /// Heading and title afterwards.
    pub done: &'static str,
    /// What to do now.
    pub done_note: &'static str,
    /// The way back to the application, its name in between.
    pub back_to: Around,
}

/// Texts of [`crate::Account`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTexts {
    /// Heading and title; also the name of what people sign in to when they open it.
    pub title: &'static str,
    /// Heading of the profile.
    pub profile: &'static str,
    /// Who can see the profile.
    pub profile_note: &'static str,
    /// Labels of its fields.
    pub fields: ProfileTexts,
    /// Below a verified address.
    pub verified: &'static str,
    /// The button of the profile.
    pub save: &'static str,
    /// The profile was saved.
    pub profile_saved: &'static str,
    /// Heading of the password.
    pub password: &'static str,
    /// What changing it does.
    pub password_note: &'static str,
    /// Label of the current password.
    pub current_password: &'static str,
    /// Label of the new password.
    pub new_password: &'static str,
    /// The button of the password.
    pub change_password: &'static str,
    /// The password was changed.
    pub password_changed: &'static str,
    /// Heading of the sessions.
    pub sessions: &'static str,
    /// What they are.
    pub sessions_note: &'static str,
    /// The session of this browser.
    pub this_browser: &'static str,
    /// Another session.
    pub a_browser: &'static str,
    /// Before the time when a session began.
    pub began: &'static str,
    /// Before the time when the password was last entered.
    pub signed_in: &'static str,
    /// The button that ends a session.
    pub end: &'static str,
    /// The button that ends all others.
    pub end_others: &'static str,
    /// Sessions ended.
    pub sessions_ended: &'static str,
    /// Heading of the connected applications.
    pub apps: &'static str,
    /// What they are.
    pub apps_note: &'static str,
    /// There are none.
    pub no_apps: &'static str,
    /// Before the time since when they have access.
    pub since: &'static str,
    /// It keeps its access while the user is away.
    pub offline: &'static str,
    /// The button that removes one's access.
    pub end_app: &'static str,
    /// The button that removes all access.
    pub end_apps: &'static str,
    /// The link to the next page of them.
    pub more_apps: &'static str,
    /// Access was removed.
    pub apps_ended: &'static str,
}

/// Labels of the profile's fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileTexts {
    /// `name`.
    pub name: &'static str,
    /// `given_name`.
    pub given_name: &'static str,
    /// `family_name`.
    pub family_name: &'static str,
    /// `nickname`.
    pub nickname: &'static str,
    /// `birthdate`.
    pub birthdate: &'static str,
    /// `phone_number`.
    pub phone_number: &'static str,
    /// `website`.
    pub website: &'static str,
    /// `email`.
    pub email: &'static str,
}

/// Sentences of [`crate::ChoiceProblem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemTexts {
    /// The user name is another user's, or looks like it.
    pub username_taken: &'static str,
    /// No user name, or one that is too long.
    pub username_length: &'static str,
    /// Characters that a user name can't have.
    pub username_characters: &'static str,
    /// An `@` in the user name.
    pub username_at_sign: &'static str,
    /// A reserved user name, or one that looks like it.
    pub username_reserved: &'static str,
    /// Letters of several alphabets.
    pub username_mixed_scripts: &'static str,
    /// Rarely used letters, or many marks on one letter.
    pub username_unusual: &'static str,
    /// Not an e-mail address.
    pub email_invalid: &'static str,
    /// The password is too short.
    pub password_short: &'static str,
    /// The password is too long.
    pub password_long: &'static str,
    /// The password is the user name.
    pub password_is_username: &'static str,
    /// A common password.
    pub password_common: &'static str,
    /// Characters that a password can't have.
    pub password_characters: &'static str,
    /// A profile field has a value that it can't have.
    pub profile_invalid: &'static str,
    /// It is not the current password.
    pub password_wrong: &'static str,
    /// Passwords can't be checked right now.
    pub busy: &'static str,
    /// Too many attempts lately.
    pub too_many: &'static str,
}

/// Texts of [`crate::Consent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentTexts {
    /// Heading and title, around the client's name.
    pub title: Around,
    /// Around the user name.
    pub signed_in_as: Around,
    /// Above the list of scopes.
    pub allows: &'static str,
    /// After a scope that can't be left out.
    pub required: &'static str,
    /// Around the host the answer is sent to.
    pub sent_to: Around,
    /// The button that grants.
    pub approve: &'static str,
    /// The button that refuses.
    pub deny: &'static str,
}

/// Texts of [`crate::ErrorPage`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorTexts {
    /// Heading and title.
    pub title: &'static str,
    /// What the person can do now.
    pub advice: &'static str,
    /// The same if the application is known; around its name.
    pub back_to: Around,
    /// Label of the error code.
    pub code: &'static str,
    /// Label of the request id.
    pub request: &'static str,
}

/// Texts of [`crate::WrongHost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongHostTexts {
    /// Label of the host that the request named.
    pub came: &'static str,
    /// Label of the server's own URL.
    pub ours: &'static str,
    /// What to do.
    pub remedies: &'static [&'static str],
}

/// Texts of [`crate::FormPost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPostTexts {
    /// Heading and title.
    pub title: &'static str,
    /// What to do if nothing happens.
    pub explanation: &'static str,
    /// The button.
    pub submit: &'static str,
}

/// Texts of the demo relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoTexts {
    /// Heading and title of the first page.
    pub title: &'static str,
    /// What this is.
    pub welcome: &'static str,
    /// What will happen, in order.
    pub steps: &'static [&'static str],
    /// The button that begins.
    pub sign_in: &'static str,
    /// Above the command that gets a token for a program.
    pub machine: &'static str,
    /// Heading and title of the result.
    pub signed_in: &'static str,
    /// What has happened since the button was pressed.
    pub what_happened: &'static str,
    /// Above what was verified.
    pub checks: &'static str,
    /// Above the ID token.
    pub id_token: &'static str,
    /// What an ID token is.
    pub id_token_note: &'static str,
    /// Above the answer of /userinfo.
    pub userinfo: &'static str,
    /// What /userinfo is.
    pub userinfo_note: &'static str,
    /// Above the access token.
    pub access_token: &'static str,
    /// What an access token is.
    pub access_token_note: &'static str,
    /// Above the access token's claims.
    pub access_token_claims: &'static str,
    /// Heading and title when the sign-in failed.
    pub problem: &'static str,
    /// Back to the beginning.
    pub again: &'static str,
}
