//! Who is at the browser: the session that its cookie names, with what the store knows about it.

use crate::web::context::RequestContext;
use axum::response::Response;
use http::header::SET_COOKIE;
use protocol::authorize::SignedIn;
use protocol::device::Devices;
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::session::{Session, SessionCookie};
use protocol::user::User;
use std::time::Duration;
use storage::{SignInView, StoreError};

/// How old the last use in a cookie may be before the cookie is set again: idle time is measured to this precision.
const REISSUE_AFTER: Duration = Duration::from_secs(60);

/// What the cookies of a browser say when it sends a password.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    /// The session of whoever signed in last.
    pub session: Option<SessionCookie>,
    /// The accounts it is known to.
    pub devices: Devices,
}

impl Brought {
    /// Reads the cookies.
    pub fn read(cx: &RequestContext) -> Self {
        let devices = cx.app.cookies().devices(&cx.headers, &cx.ring);
        Self { session: cx.session_cookie(), devices }
    }
}

/// A visitor, signed in or not.
#[derive(Debug, Default)]
pub struct Visitor {
    cookie: Option<SessionCookie>,
    /// To be set; only a sign-in changes it.
    devices: Option<Devices>,
    view: SignInView,
    realm: Generation,
    live: bool,
}

impl Visitor {
    /// Loads the session and user that the browser's cookie names: one read, or none without a cookie.
    pub async fn load(cx: &RequestContext, client: &ClientId) -> Result<Self, StoreError> {
        let Some(cookie) = cx.session_cookie() else { return Ok(Self::default()) };
        let realm = cx.ring.generation();
        let view = cx.app.store.load_sign_in(&cookie.user, Some(cookie.session), client, &[]).await?;
        let idle = cx.app.settings.lifetimes.session_idle;
        let live = match (&view.user, &view.session) {
            (Some(user), Some(session)) => session.is_live(&cookie, user, idle, realm, cx.info.at),
            _ => false,
        };
        Ok(Self { cookie: Some(cookie), devices: None, view, realm, live })
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

    /// The user who is signed in, if one is.
    pub fn signed_in(&self) -> Option<SignedIn<'_>> {
        let (user, session) = (self.view.user.as_ref()?, self.view.session.as_ref()?);
        let consent = self.view.consent.as_ref();
        self.live.then_some(SignedIn { user, session, consent, realm: self.realm })
    }

    /// The same by value, with the cookie that proved it.
    pub fn into_session(self) -> Option<(SessionCookie, User, Session)> {
        let parts = (self.cookie?, self.view.user?, self.view.session?);
        self.live.then_some(parts)
    }

    /// Sets the session cookie again if its last use is not recent: idle time is kept in the cookie, so it costs no
    /// write.
    pub fn touch(&self, cx: &RequestContext, response: Response) -> Response {
        let often = REISSUE_AFTER.min(cx.app.settings.lifetimes.session_idle / 10);
        let due = |cookie: &SessionCookie| cx.info.at.since(cookie.last_used_at) >= often;
        if self.live && self.cookie.as_ref().is_some_and(due) { self.mark(cx, response) } else { response }
    }

    /// Sets the session cookie and, after a sign-in, the cookie by which the account knows this browser.
    pub fn mark(&self, cx: &RequestContext, mut response: Response) -> Response {
        let (cookies, ring, entropy, now) = (cx.app.cookies(), &cx.ring, &*cx.app.entropy, cx.info.at);
        let session = self.cookie.iter().map(|cookie| cookies.set_session(cookie, ring, entropy, now));
        let devices = self.devices.iter().map(|devices| cookies.set_devices(devices, ring, entropy, now));
        for cookie in session.chain(devices) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}
