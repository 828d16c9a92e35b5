//! One incoming call: its id and its time, the same in everything it does, and its line in the log.

use super::failure::Failure;
use crate::admission::QueueKey;
use crate::app::App;
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

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its id; ours, never the caller's.
    pub id: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// From where, as far as limits go: [`Caller::counts_as`].
    pub from: Option<IpAddr>,
}

impl Call {
    /// What its writes are marked with.
    pub const fn stamp(&self) -> Stamp {
        Stamp { at: self.at, request: self.id }
    }

    /// By what its caller is queued as a stranger; all callers as one where nothing is limited.
    pub fn queue_key(&self, app: &App) -> QueueKey {
        QueueKey::Stranger(app.settings.rate_limits.then(|| Network::of(self.from)))
    }

    /// Writes, and tells it if it took effect, whether or not the caller waits for the answer: nobody keeps out of the
    /// log what they did by hanging up.
    ///
    /// # Errors
    /// What the write says.
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

    /// Writes to the audit log what the caller failed at, so many lines a minute.
    pub fn audit_failure(&self, app: &App, event: &Event) {
        app.failure_log().audit(Network::of(self.from), self.stamp(), event);
    }
}

impl From<Call> for Stamp {
    fn from(call: Call) -> Self {
        call.stamp()
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // `begin` puts it there, around every route.
        parts.extensions.get().copied().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
