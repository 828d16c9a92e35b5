//! Beginning a session, or proving oneself again in one: the `sid` stays, secret and event change.

use super::browser::{Brought, Visitor};
use super::credentials::Proven;
use crate::app::App;
use crate::entropy;
use crate::keys::Snapshot;
use crate::telemetry;
use crate::web::call::Call;
use crate::web::failure::Failure;
use protocol::event::{Event, What};
use protocol::generation::Generations;
use protocol::id::{DeviceId, EventId, SessionId, UserId};
use protocol::secret::{Digest, Secret, SecretKind};
use protocol::session::{ACR_PASSWORD, AMR_PASSWORD, Authentication, Session, SessionCookie};
use std::sync::Arc;
use storage::SignInView;

/// Notes that somebody signed in by password just now: a session begins or goes on, and the browser is known to the
/// account from now on.
///
/// # Errors
/// What breaks.
pub async fn sign_in(
    app: &App,
    call: Call,
    ring: &Snapshot,
    proven: Proven,
    Brought { session: cookie, devices }: Brought,
) -> Result<Visitor, Failure> {
    let Proven { user, session: there, consent } = proven;
    let secret = Secret::from_bytes(entropy::bytes(&*app.entropy));
    let new = Session {
        id: SessionId::from_bytes(entropy::bytes(&*app.entropy)),
        user: user.id,
        secret: secret.digest(SecretKind::Session),
        authentication: Authentication {
            event: EventId::from_bytes(entropy::bytes(&*app.entropy)),
            at: call.at,
            acr: ACR_PASSWORD.into(),
            amr: vec![AMR_PASSWORD.into()],
        },
        // By the very record whose password was checked: a password that was changed meanwhile ends this, too.
        authority: Some(Generations::of_session(ring.generation(), &user).authority()),
        created_at: call.at,
        expires_at: call.at.plus(app.settings.lifetimes.session_absolute),
        ended_at: None,
    };
    let session = match renew(app, call, cookie.as_ref(), there.as_ref(), &new).await? {
        Some(session) => session,
        None => begin(app, call, new).await?,
    };
    if let Some(other) = cookie.filter(|cookie| cookie.user != user.id) {
        // Somebody else sits at this browser now.
        end(app, call, &other.user, &other.session, &other.digest()).await?;
    }
    telemetry::audit(call, &Event::new(What::SignedIn).user(user.id).session(session.id));
    let cookie = SessionCookie { user: user.id, session: session.id, secret, last_used_at: call.at };
    let devices = devices.with(&user, DeviceId::from_bytes(entropy::bytes(&*app.entropy)), call.at);
    Ok(Visitor::new(
        cookie,
        devices,
        SignInView { user: Some(user), session: Some(session), consent, debts: Vec::new() },
        ring.generation(),
    ))
}

/// The session that is there goes on, if it is alive and this browser's.
async fn renew(
    app: &App,
    call: Call,
    cookie: Option<&SessionCookie>,
    there: Option<&Session>,
    new: &Session,
) -> Result<Option<Session>, Failure> {
    let (Some(cookie), Some(there)) = (cookie, there) else { return Ok(None) };
    if there.ended_at.is_some() || there.expires_at.has_passed(call.at) {
        return Ok(None);
    }
    let (created_at, expires_at) = (there.created_at, there.expires_at);
    let renewed = Session { id: there.id, created_at, expires_at, ..new.clone() };
    let done = app.store.reauthenticate(&renewed, &cookie.digest(), call.stamp()).await?;
    Ok(done.is_done().then_some(renewed))
}

async fn begin(app: &App, call: Call, session: Session) -> Result<Session, Failure> {
    let done = app.store.start_session(&session, call.stamp()).await?.is_done();
    if done { Ok(session) } else { Err(Failure::internal("a session id was drawn twice")) }
}

/// Ends a session, and with it what it carried. That somebody ended it before is fine.
///
/// # Errors
/// What breaks.
pub async fn end(
    app: &App,
    call: Call,
    user: &UserId,
    session: &SessionId,
    secret: &Digest,
) -> Result<(), Failure> {
    let (store, user, session, secret) = (Arc::clone(&app.store), *user, *session, *secret);
    let event = Event::new(What::SessionEnded).user(user).session(session);
    let write = async move { store.end_session(&user, &session, &secret, call.stamp()).await };
    call.write_and_audit(event, write).await.map(drop)
}
