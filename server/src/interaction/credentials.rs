//! Whether a user name and a password belong together. The same reads and the same work for everybody, existing
//! or not.

use super::attempt::{Checked, check};
use super::browser::Brought;
use crate::admission::QueueKey;
use crate::app::App;
use crate::attempts::{self, Attempt, Standing, TooMany};
use crate::web::call::Call;
use crate::web::failure::Failure;
use protocol::consent::Consent;
use protocol::event::{Event, What};
use protocol::id::{ClientId, UserId};
use protocol::name::Identifier;
use protocol::session::Session;
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
    /// They don't. Logged.
    Wrong,
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
    browser: &Brought,
    client: &ClientId,
) -> Result<Verdict, Failure> {
    let LookedUp { attempt, key, found, view, debts } =
        look_up(app, call, typed.username, browser, client).await?;
    let guard = match attempt.admit(key, debts) {
        Ok(guard) => guard,
        Err(too_many) => return Ok(Verdict::TooMany(too_many)),
    };
    let SignInView { user, session, consent, .. } = view;
    let failed = Event { user: found, ..Event::new(What::SignInFailed).client(client) };
    let password = Zeroizing::new(typed.password.to_owned());
    let checked = check(app, call, guard, password, user.as_ref(), failed).await?;
    Ok(match (checked, user) {
        (Checked::Right, Some(user)) => Verdict::Right(Box::new(Proven { user, session, consent })),
        (Checked::Busy, _) => Verdict::Busy,
        _ => Verdict::Wrong,
    })
}

struct LookedUp {
    attempt: Attempt,
    key: QueueKey,
    found: Option<UserId>,
    view: SignInView,
    debts: Vec<(Standing, Timestamp)>,
}

/// Two reads for everybody: who isn't there is read as well.
async fn look_up(
    app: &App,
    call: Call,
    username: &str,
    browser: &Brought,
    client: &ClientId,
) -> Result<LookedUp, Failure> {
    let (identifier, attempt) = (Identifier::typed(username), app.begin_attempt(call.at));
    let stranger = attempt.enter_each(attempts::of_stranger(call.from, identifier.as_ref()))?;
    let keys: Vec<_> = stranger.iter().map(Standing::key).collect();
    let Found { user: found, debts } = match &identifier {
        Some(identifier) => app.store.find_user(identifier, &keys).await?,
        None => Found { user: None, debts: app.store.debts(&keys).await? },
    };
    let id = found.unwrap_or(UserId::from_bytes([0; 16]));
    let session = browser.session.as_ref().filter(|cookie| cookie.user == id).map(|cookie| cookie.session);
    let device = browser.devices.of(&id);
    let own = device.map(|device| attempt.enter(attempts::of_device(&id, &device.id))).transpose()?;
    let keys: Vec<_> = own.iter().map(Standing::key).collect();
    let view = app.store.load_sign_in(&id, session, client, &keys).await?;
    let known =
        device.filter(|device| view.user.as_ref().is_some_and(|user| device.is_known_to(user, call.at)));
    let (key, debts) = match known.zip(own.zip(view.debts.first().copied())) {
        // What strangers fail at or wait for is nothing to a browser that the account knows.
        Some((device, own)) => (QueueKey::of_device(&id, &device.id), vec![own]),
        None => (call.queue_key(app), stranger.into_iter().zip(debts).collect()),
    };
    Ok(LookedUp { attempt, key, found, view, debts })
}
