//! Whether a user name and a password match. Existing and unknown users cost the same reads and the same work.

use super::attempt::{Checked, check};
use super::browser::Brought;
use crate::admission::QueueKey;
use crate::attempts::{self, Attempt, Standing, TooMany};
use crate::web::context::RequestContext;
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

/// What was typed.
pub struct Credentials<'a> {
    /// A user name or a verified e-mail address.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// How the check ended.
#[derive(Debug)]
pub enum Verdict {
    /// They match.
    Right(Box<Proven>),
    /// They don't, and this was counted and logged.
    Wrong,
    /// Too many are signing in to check this now.
    Busy,
    /// Too many wrong ones lately, for this name or from this network.
    TooMany(TooMany),
}

/// A user who proved their identity, with what was loaded along the way.
#[derive(Debug)]
pub struct Proven {
    /// The user.
    pub user: User,
    /// The session the browser's cookie names, if it is theirs.
    pub session: Option<Session>,
    /// What they agreed to with the client before.
    pub consent: Option<Consent>,
}

/// Checks a user name and a password. `browser` has what the browser's cookies say.
///
/// # Errors
/// [`Failure::Server`].
pub async fn verify(
    cx: &RequestContext,
    typed: &Credentials<'_>,
    browser: &Brought,
    client: &ClientId,
) -> Result<Verdict, Failure> {
    let LookedUp { attempt, key, found, view, debts } = look_up(cx, typed.username, browser, client).await?;
    let guard = match attempt.admit(key, debts) {
        Ok(guard) => guard,
        Err(too_many) => return Ok(Verdict::TooMany(too_many)),
    };
    let SignInView { user, session, consent, .. } = view;
    let failed = Event { user: found, ..Event::new(What::SignInFailed).client(client) };
    let password = Zeroizing::new(typed.password.to_owned());
    let checked = check(cx, guard, password, user.as_ref(), failed).await?;
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

/// Two reads for everybody: a user who doesn't exist is read, too.
async fn look_up(
    cx: &RequestContext,
    username: &str,
    browser: &Brought,
    client: &ClientId,
) -> Result<LookedUp, Failure> {
    let (identifier, attempt) = (Identifier::typed(username), cx.app.begin_attempt(cx.info.at));
    let stranger = attempt.enter_each(attempts::of_stranger(cx.info.from, identifier.as_ref()))?;
    let keys: Vec<_> = stranger.iter().map(Standing::key).collect();
    let Found { user: found, debts } = match &identifier {
        Some(identifier) => cx.app.store.find_user(identifier, &keys).await?,
        None => Found { user: None, debts: cx.app.store.debts(&keys).await? },
    };
    let id = found.unwrap_or(UserId::from_bytes([0; 16]));
    let session = browser.session.as_ref().filter(|cookie| cookie.user == id).map(|cookie| cookie.session);
    let device = browser.devices.of(&id);
    let own = device.map(|device| attempt.enter(attempts::of_device(&id, &device.id))).transpose()?;
    let keys: Vec<_> = own.iter().map(Standing::key).collect();
    let view = cx.app.store.load_sign_in(&id, session, client, &keys).await?;
    let known =
        device.filter(|device| view.user.as_ref().is_some_and(|user| device.is_known_to(user, cx.info.at)));
    let (key, debts) = match known.zip(own.zip(view.debts.first().copied())) {
        // Strangers' failures and queues don't concern a browser that the account knows.
        Some((device, own)) => (QueueKey::of_device(&id, &device.id), vec![own]),
        None => (cx.info.queue_key(&cx.app), stranger.into_iter().zip(debts).collect()),
    };
    Ok(LookedUp { attempt, key, found, view, debts })
}
