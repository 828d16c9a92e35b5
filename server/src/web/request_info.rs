//! What is fixed about a request when it arrives: its id, its time and its caller's address. They are the same in
//! everything the request does and logs.

use super::failure::Failure;
use crate::admission::QueueKey;
use crate::app::App;
use crate::metrics::SignIn;
use crate::tasks::to_the_end;
use crate::telemetry;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use protocol::attempts::Network;
use protocol::event::Event;
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::net::IpAddr;
use storage::{Commit, Stamp, StoreError};

/// Id, time and address of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestInfo {
    /// Its id; chosen by us, never by the caller.
    pub id: RequestId,
    /// When it arrived.
    pub at: Timestamp,
    /// The address it counts for in limits ([`super::caller::Caller::counts_as`]).
    pub from: Option<IpAddr>,
}

impl RequestInfo {
    /// What its writes are marked with.
    pub const fn stamp(&self) -> Stamp {
        Stamp { at: self.at, request: self.id }
    }

    /// By what its caller is queued as a stranger; all callers as one where nothing is limited.
    pub fn queue_key(&self, app: &App) -> QueueKey {
        QueueKey::Stranger(app.settings.rate_limits.then(|| Network::of(self.from)))
    }

    /// Writes, and logs the event if the write took effect, whether or not the caller waits for the answer: nobody keeps
    /// what they did out of the log by hanging up.
    ///
    /// # Errors
    /// [`Failure::Server`].
    pub async fn write_and_audit<T: Send + 'static>(
        self,
        event: Event,
        write: impl Future<Output = Result<Commit<T>, StoreError>> + Send + 'static,
    ) -> Result<Commit<T>, Failure> {
        to_the_end(async move {
            let commit = write.await?;
            if commit.is_done() {
                telemetry::audit(self, &event);
            }
            Ok(commit)
        })
        .await
    }

    /// Counts a failure of the caller's, and writes it to the audit log, a limited number of lines a minute.
    pub fn audit_failure(&self, app: &App, event: &Event) {
        if let Some(end) = SignIn::of(event.what) {
            app.metrics.sign_ins.count(end);
        }
        app.failure_log().audit(Network::of(self.from), self.stamp(), event);
    }
}

impl From<RequestInfo> for Stamp {
    fn from(info: RequestInfo) -> Self {
        info.stamp()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // `middleware::run` puts it there, around every route.
        parts.extensions.get().copied().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
