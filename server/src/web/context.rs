//! The context of a request for a page: what every step of answering it works with.

use super::request_info::RequestInfo;
use crate::app::App;
use crate::cookies::Binding;
use http::HeaderMap;
use keys::{KeysError, Snapshot};
use protocol::Refusal;
use protocol::event::Event;
use protocol::session::SessionCookie;
use std::sync::Arc;

/// What a request for a page is answered with.
pub struct RequestContext {
    /// The application.
    pub app: App,
    /// Id, time and address of the request.
    pub info: RequestInfo,
    /// Its headers.
    pub headers: HeaderMap,
    /// The key ring; one version of it from the first check to the last seal.
    pub ring: Arc<Snapshot>,
}

impl RequestContext {
    /// Loads the key ring, with which our cookies can be opened.
    ///
    /// # Errors
    /// As [`keys::Keys::fresh`] and [`crate::cookies::Cookies::check`].
    pub async fn load(app: App, info: RequestInfo, headers: HeaderMap) -> Result<Self, KeysError> {
        let ring = app.keys.fresh().await?;
        app.cookies().check(&headers, &ring)?;
        Ok(Self { app, info, headers, ring })
    }

    /// The session the browser's cookie names, if the cookie is one of ours. Whether it is alive, only the store knows.
    pub fn session_cookie(&self) -> Option<SessionCookie> {
        self.app.cookies().session(&self.headers, &self.ring)
    }

    /// What ties the browser's forms to it.
    ///
    /// # Errors
    /// [`Refusal::FormCookieMissing`].
    pub fn binding(&self) -> Result<Binding, Refusal> {
        self.app.cookies().binding(&self.headers).ok_or(Refusal::FormCookieMissing)
    }

    /// A path of ours, below the issuer's own path.
    pub fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.app.settings.issuer.path())
    }

    /// A URL of ours.
    pub fn url(&self, path: &str) -> String {
        self.app.settings.issuer.url(path)
    }

    /// As [`RequestInfo::audit_failure`].
    pub fn audit_failure(&self, event: &Event) {
        self.info.audit_failure(&self.app, event);
    }
}
