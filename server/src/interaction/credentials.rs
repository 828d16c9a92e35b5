//! Whether a user name and a password belong together. The same reads and the same work for everybody, existing
//! or not (D-18).

use crate::app::App;
use crate::attempts::{self, AttemptGuard, Counter, TooMany};
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::password::PasswordError;
use protocol::consent::Consent;
use protocol::id::{ClientId, UserId};
use protocol::name::Identifier;
use protocol::session::{Session, SessionCookie};
use protocol::time::Timestamp;
use protocol::user::User;
use storage::{Found, SignInView};
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
    /// Too many wrong ones lately, for this account or from this address.
    TooMany(TooMany),
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
    call: Call,
    typed: &Credentials<'_>,
    browser: Option<&SessionCookie>,
    client: &ClientId,
) -> Result<Verdict, Failure> {
    let LookedUp { found, view, counters } = look_up(app, call, typed.username, browser, client).await?;
    let guard = match AttemptGuard::admit(app, counters, call.at) {
        Ok(guard) => guard,
        Err(too_many) => return Ok(Verdict::TooMany(too_many)),
    };
    let SignInView { user, session, consent, .. } = view;
    let hash = user.as_ref().and_then(|user| user.password.as_ref());
    let fits = match app.passwords.verify(&guard, Zeroizing::new(typed.password.to_owned()), hash).await {
        Ok(fits) => fits,
        Err(PasswordError::Busy) => return Ok(Verdict::Busy),
        Err(error) => return Err(error.into()),
    };
    match user.filter(|user| fits && !user.disabled) {
        Some(user) => Ok(Verdict::Right(Box::new(Proven { user, session, consent }))),
        None => {
            guard.failed(app, call).await?;
            Ok(Verdict::Wrong(found))
        }
    }
}

struct LookedUp {
    found: Option<UserId>,
    view: SignInView,
    counters: Vec<(Counter, Timestamp)>,
}

/// Two reads for everybody: who isn't there is read as well.
async fn look_up(
    app: &App,
    call: Call,
    username: &str,
    browser: Option<&SessionCookie>,
    client: &ClientId,
) -> Result<LookedUp, Failure> {
    let (identifier, address) = (Identifier::typed(username), attempts::of_address(call));
    let name = identifier.as_ref().map(attempts::of_name);
    let keys: Vec<_> = [Some(address), name].into_iter().flatten().map(|(key, _)| key).collect();
    let found = match &identifier {
        Some(identifier) => app.store.find_user(identifier, &keys).await?,
        None => Found { user: None, debts: app.store.debts(&keys).await? },
    };
    let id = found.user.unwrap_or(UserId::from_bytes([0; 16]));
    let session = browser.filter(|cookie| cookie.user == id).map(|cookie| cookie.session);
    let account = attempts::of_account(&id);
    let view = app.store.load_sign_in(&id, session, client, &[account.0]).await?;
    // One counter an account, whatever name led to it (N-148).
    let own = match found.user {
        Some(_) => view.debts.first().map(|debt| (account, *debt)),
        None => name.zip(found.debts.get(1).copied()),
    };
    let from = found.debts.first().map(|debt| (address, *debt));
    Ok(LookedUp { found: found.user, view, counters: from.into_iter().chain(own).collect() })
}
