//! Starting a session, or authenticating again in one: then its `sid` stays, and its secret and event change.

use super::browser::{Brought, Visitor};
use super::credentials::Proven;
use crate::app::App;
use crate::metrics::SignIn;
use crate::telemetry;
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use keys::entropy;
use protocol::authority::Generations;
use protocol::event::{Event, What};
use protocol::id::{DeviceId, EventId, SessionId, UserId};
use protocol::secret::{Digest, Secret, SecretKind};
use protocol::session::{ACR_PASSWORD, AMR_PASSWORD, Authentication, Session, SessionCookie};
use std::sync::Arc;
use storage::SignInView;

/// Signs in a user who proved their password just now: starts a session or renews it, and makes the browser known to the
/// account.
///
/// # Errors
/// [`Failure::Server`].
pub async fn sign_in(
    cx: &RequestContext,
    proven: Proven,
    Brought { session: cookie, devices }: Brought,
) -> Result<Visitor, Failure> {
    let RequestContext { app, info, ring, .. } = cx;
    let Proven { user, session: there, consent } = proven;
    let secret = Secret::from_bytes(entropy::bytes(&*app.entropy));
    let new = Session {
        id: SessionId::from_bytes(entropy::bytes(&*app.entropy)),
        user: user.id,
        secret: secret.digest(SecretKind::Session),
        authentication: Authentication {
            event: EventId::from_bytes(entropy::bytes(&*app.entropy)),
            at: info.at,
            acr: ACR_PASSWORD.into(),
            amr: vec![AMR_PASSWORD.into()],
        },
        // By the same record whose password was checked: if the password was changed meanwhile, this session is void.
        authority: Some(Generations::of_session(ring.generation(), &user).authority()),
        created_at: info.at,
        expires_at: info.at.plus(app.settings.lifetimes.session_absolute),
        ended_at: None,
    };
    let session = match renew(cx, cookie.as_ref(), there.as_ref(), &new).await? {
        Some(session) => session,
        None => begin(cx, new).await?,
    };
    if let Some(other) = cookie.filter(|cookie| cookie.user != user.id) {
        // Another user is at this browser now.
        end(app, *info, &other.user, &other.session, &other.digest()).await?;
    }
    app.metrics.sign_ins.count(SignIn::Success);
    telemetry::audit(*info, &Event::new(What::SignedIn).user(user.id).session(session.id));
    let cookie = SessionCookie { user: user.id, session: session.id, secret, last_used_at: info.at };
    let devices = devices.with(&user, DeviceId::from_bytes(entropy::bytes(&*app.entropy)), info.at);
    Ok(Visitor::new(
        cookie,
        devices,
        SignInView { user: Some(user), session: Some(session), consent, debts: Vec::new() },
        ring.generation(),
    ))
}

/// Renews the session that is there, if it is alive and this browser's.
async fn renew(
    cx: &RequestContext,
    cookie: Option<&SessionCookie>,
    there: Option<&Session>,
    new: &Session,
) -> Result<Option<Session>, Failure> {
    let (Some(cookie), Some(there)) = (cookie, there) else { return Ok(None) };
    if there.ended_at.is_some() || there.expires_at.has_passed(cx.info.at) {
        return Ok(None);
    }
    let (created_at, expires_at) = (there.created_at, there.expires_at);
    let renewed = Session { id: there.id, created_at, expires_at, ..new.clone() };
    let done = cx.app.store.reauthenticate(&renewed, &cookie.digest(), cx.info.stamp()).await?;
    Ok(done.is_done().then_some(renewed))
}

async fn begin(cx: &RequestContext, session: Session) -> Result<Session, Failure> {
    let done = cx.app.store.start_session(&session, cx.info.stamp()).await?.is_done();
    if done { Ok(session) } else { Err(Failure::internal("a session id was drawn twice")) }
}

/// Ends a session, and with it the grants that depend on it. One that has ended already is fine.
///
/// # Errors
/// [`Failure::Server`].
pub async fn end(
    app: &App,
    info: RequestInfo,
    user: &UserId,
    session: &SessionId,
    secret: &Digest,
) -> Result<(), Failure> {
    let (store, user, session, secret) = (Arc::clone(&app.store), *user, *session, *secret);
    let event = Event::new(What::SessionEnded).user(user).session(session);
    let write = async move { store.end_session(&user, &session, &secret, info.stamp()).await };
    info.write_and_audit(event, write).await.map(drop)
}
