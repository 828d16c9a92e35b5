//! Who is looking: the session a browser brings along, together with what the store knows about it.

use crate::app::App;
use crate::keys::Snapshot;
use crate::web::call::Call;
use axum::response::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;
use protocol::authorize::SignedIn;
use protocol::device::Devices;
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::session::{Session, SessionCookie};
use protocol::user::User;
use std::time::Duration;
use storage::{SignInView, StoreError};

/// How old a cookie's last use may be before it is written anew: idling is measured to this.
const REISSUE_AFTER: Duration = Duration::from_secs(60);

/// What a browser brings along to a form with a password.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// Its session, of whoever signed in last.
    pub session: Option<SessionCookie>,
    /// The accounts it is known to.
    pub devices: Devices,
}

impl Brought {
    /// Reads its cookies.
    pub fn read(app: &App, headers: &HeaderMap, ring: &Snapshot) -> Self {
        let cookies = app.cookies();
        Self { session: cookies.session(headers, ring), devices: cookies.devices(headers, ring) }
    }
}

/// A visitor, signed in or not.
#[derive(Debug, Default)]
pub struct Visitor {
    cookie: Option<SessionCookie>,
    /// Changed by a sign-in only.
    devices: Option<Devices>,
    view: SignInView,
    realm: Generation,
    live: bool,
}

impl Visitor {
    /// Loads who the browser's cookie speaks for, if it has one: one read, or none.
    pub async fn load(
        app: &App,
        call: Call,
        ring: &Snapshot,
        headers: &HeaderMap,
        client: &ClientId,
    ) -> Result<Self, StoreError> {
        let Some(cookie) = app.cookies().session(headers, ring) else { return Ok(Self::default()) };
        let view = app.store.load_sign_in(&cookie.user, Some(cookie.session), client, &[]).await?;
        let idle = app.settings.lifetimes.session_idle;
        let live = match (&view.user, &view.session) {
            (Some(user), Some(session)) => session.is_live(&cookie, user, idle, ring.generation(), call.at),
            _ => false,
        };
        Ok(Self { cookie: Some(cookie), devices: None, view, realm: ring.generation(), live })
    }

    /// Somebody who signed in just now.
    pub(super) const fn new(
        cookie: SessionCookie,
        devices: Devices,
        view: SignInView,
        realm: Generation,
    ) -> Self {
        Self { cookie: Some(cookie), devices: Some(devices), view, realm, live: true }
    }

    /// Who is signed in.
    pub fn signed_in(&self) -> Option<SignedIn<'_>> {
        let (user, session) = (self.view.user.as_ref()?, self.view.session.as_ref()?);
        let consent = self.view.consent.as_ref();
        self.live.then_some(SignedIn { user, session, consent, realm: self.realm })
    }

    /// The session of who is signed in, with what it takes to change it.
    pub fn into_session(self) -> Option<(SessionCookie, User, Session)> {
        let parts = (self.cookie?, self.view.user?, self.view.session?);
        self.live.then_some(parts)
    }

    /// Notes in the browser that the session was used, now and then: this is how idling costs no write.
    pub fn touch(&self, app: &App, call: Call, ring: &Snapshot, response: Response) -> Response {
        let often = REISSUE_AFTER.min(app.settings.lifetimes.session_idle / 10);
        let due = |cookie: &SessionCookie| call.at.since(cookie.last_used_at) >= often;
        if self.live && self.cookie.as_ref().is_some_and(due) {
            self.mark(app, call, ring, response)
        } else {
            response
        }
    }

    /// Gives the browser the session, and after a sign-in what makes it known.
    pub fn mark(&self, app: &App, call: Call, ring: &Snapshot, mut response: Response) -> Response {
        let (cookies, entropy) = (app.cookies(), &*app.entropy);
        let session = self.cookie.iter().map(|cookie| cookies.set_session(cookie, ring, entropy, call.at));
        let devices = self.devices.iter().map(|devices| cookies.set_devices(devices, ring, entropy, call.at));
        for cookie in session.chain(devices) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}
