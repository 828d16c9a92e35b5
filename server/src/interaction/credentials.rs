//! Whether a user name and a password belong together. The same reads and the same work for everybody, existing
//! or not (D-18).

use crate::app::App;
use crate::http::failure::Failure;
use crate::password::PasswordError;
use protocol::consent::Consent;
use protocol::id::{ClientId, UserId};
use protocol::name::Identifier;
use protocol::session::{Session, SessionCookie};
use protocol::user::User;
use storage::SignInView;
use zeroize::Zeroizing;

/// What a person typed.
pub struct Credentials<'a> {
    /// A user name, or an e-mail address that was verified.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// How the check ended.
#[derive(Debug)]
pub enum Verdict {
    /// They belong together.
    Right(Box<Proven>),
    /// They don't; the user the name leads to, for the log only.
    Wrong(Option<UserId>),
    /// Too many are signing in to check this one now.
    Busy,
}

/// Somebody who proved who they are, with what else was loaded.
#[derive(Debug)]
pub struct Proven {
    /// The user.
    pub user: User,
    /// The session the browser named, if it is theirs.
    pub session: Option<Session>,
    /// What they agreed to with the client before.
    pub consent: Option<Consent>,
}

/// Checks. `browser` is what the browser brought along.
///
/// # Errors
/// What breaks.
pub async fn verify(
    app: &App,
    typed: &Credentials<'_>,
    browser: Option<&SessionCookie>,
    client: &ClientId,
) -> Result<Verdict, Failure> {
    let found = match Identifier::typed(typed.username) {
        Some(identifier) => app.store.find_user(&identifier).await?,
        None => None,
    };
    // Who isn't there is read and computed for as well.
    let id = found.unwrap_or(UserId::from_bytes([0; 16]));
    let session = browser.filter(|cookie| cookie.user == id).map(|cookie| &cookie.session);
    let SignInView { user, session, consent } = app.store.load_sign_in(&id, session, client).await?;
    let hash = user.as_ref().and_then(|user| user.password.as_ref());
    let fits = match app.passwords.verify(Zeroizing::new(typed.password.to_owned()), hash).await {
        Ok(fits) => fits,
        Err(PasswordError::Busy) => return Ok(Verdict::Busy),
        Err(error) => return Err(error.into()),
    };
    Ok(match user.filter(|user| fits && !user.disabled) {
        Some(user) => Verdict::Right(Box::new(Proven { user, session, consent })),
        None => Verdict::Wrong(found),
    })
}
