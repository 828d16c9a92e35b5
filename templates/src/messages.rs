//! The fixed texts of all pages, as data: a language is one [`Messages`] constant.
//!
//! Absent on purpose: choosing a language (the caller does), and the sentences of refusals, which belong to the rules
//! that refuse.

mod english;

/// A sentence around a value, so that every language can put the value where its grammar wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// What stands before the value, with the space between them.
    pub before: &'static str,
    /// What stands after it.
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
    /// The consent page.
    pub consent: ConsentTexts,
    /// What scopes mean: name and text.
    pub scopes: &'static [(&'static str, &'static str)],
    /// The error page.
    pub error: ErrorTexts,
    /// The page that posts a response to the client.
    pub form_post: FormPostTexts,
    /// The demo relying party.
    pub demo: DemoTexts,
}

impl Messages {
    /// What a scope means to a person; `None` for scopes this language knows nothing about.
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
    /// Put before the title when something went wrong: a screen reader says the title first.
    pub problem_title: &'static str,
    /// Around the client's name.
    pub to_client: Around,
    /// Label of the user name.
    pub username: &'static str,
    /// Label of the password.
    pub password: &'static str,
    /// The button.
    pub submit: &'static str,
    /// User name and password do not belong together.
    pub wrong_credentials: &'static str,
    /// Passwords cannot be checked right now.
    pub busy: &'static str,
    /// Before the link to sign-up.
    pub no_account: &'static str,
    /// The link to sign-up.
    pub sign_up: &'static str,
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
    /// Beside a scope that cannot be left out.
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
    /// Label of the error code.
    pub code: &'static str,
    /// Label of the request id.
    pub request: &'static str,
}

/// Texts of [`crate::FormPost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPostTexts {
    /// Heading and title.
    pub title: &'static str,
    /// What to do if the page stays.
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
    /// Above the command line for machines.
    pub machine: &'static str,
    /// Heading and title of the result.
    pub signed_in: &'static str,
    /// What happened since the button was pressed.
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
