//! One incoming call: its id and its time, the same in everything it does, and its line in the log.

use super::caller::{self, Caller};
use super::failure::{Broken, Failure};
use super::{front, headers};
use crate::app::App;
use crate::config::ClientIp;
use crate::pages;
use crate::tasks::to_the_end;
use crate::telemetry::{self, REQUEST_FAILED};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::attempts::Network;
use protocol::event::Event;
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::net::IpAddr;
use storage::{Commit, Stamp, StoreError};

/// Finds a call in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

/// Runs the route within its caller's share. Transports have shares of their own of whom they know by the socket.
async fn run(app: &App, call: Call, mut request: Request, next: Next) -> Response {
    if app.settings.client_ip == ClientIp::Socket {
        return next.run(request).await;
    }
    let Some(_share) = app.shares().enter(call.from, &mut request) else {
        return pages::busy(app, call, request.headers());
    };
    next.run(request).await
}

/// The outermost layer: begins the call, turns away what didn't mean us, and when it ends hardens the answer and
/// logs what broke. The one place that logs a failure's inner text. The path is logged without its query, which
/// holds codes and states.
pub async fn begin(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let (id, at) = (app.call_id(), app.clock.now());
    let caller = Caller::of(&app.settings, &request);
    let told = caller.told(&app.settings, request.headers());
    let call = Call { id, at, from: caller.counts_as(&id) };
    request.extensions_mut().insert(call);
    let line = tracing::enabled!(target: "keyward::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let mut response = match front::turn_away(&app.settings, &request) {
        Some(answer) => answer,
        None => {
            caller.complain(&app, &request, at);
            let mut response = run(&app, call, request, next).await;
            told.map(|told| response.headers_mut().insert(caller::TOLD, told));
            response
        }
    };
    let id = call.id.to_string();
    if let Some(broken) = response.extensions_mut().remove::<Broken>()
        && app.failure_log().admits(Network::of(call.from), REQUEST_FAILED, at)
    {
        tracing::error!(request = id, error = %broken, "a request failed");
    }
    if let Some((method, path)) = line {
        let status = response.status().as_u16();
        tracing::debug!(target: "keyward::access", request = id, %method, path, status);
    }
    headers::harden(response.headers_mut(), app.settings.issuer.is_https());
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
