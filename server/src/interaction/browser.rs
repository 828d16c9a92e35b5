//! Who is looking: the session a browser brings along, together with what the store knows about it.

use crate::app::App;
use crate::http::call::Call;
use crate::keys::Snapshot;
use axum::response::Response;
use http::HeaderMap;
use http::header::SET_COOKIE;
use protocol::authorize::SignedIn;
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::session::SessionCookie;
use std::time::Duration;
use storage::{SignInView, StoreError};

/// How old a cookie's last use may be before it is written anew: idling is measured to this.
const REISSUE_AFTER: Duration = Duration::from_secs(60);

/// A visitor, signed in or not.
#[derive(Debug, Default)]
pub struct Visitor {
    cookie: Option<SessionCookie>,
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
        Ok(Self { cookie: Some(cookie), view, realm: ring.generation(), live })
    }

    /// Somebody who signed in just now.
    pub(super) const fn new(cookie: SessionCookie, view: SignInView, realm: Generation) -> Self {
        Self { cookie: Some(cookie), view, realm, live: true }
    }

    /// Who is signed in.
    pub fn signed_in(&self) -> Option<SignedIn<'_>> {
        let (user, session) = (self.view.user.as_ref()?, self.view.session.as_ref()?);
        let consent = self.view.consent.as_ref();
        self.live.then_some(SignedIn { user, session, consent, realm: self.realm })
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

    /// Gives the browser the session.
    pub fn mark(&self, app: &App, call: Call, ring: &Snapshot, mut response: Response) -> Response {
        if let Some(cookie) = &self.cookie {
            let cookie = app.cookies().set_session(cookie, ring, &*app.entropy, call.at);
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}
