//! One incoming call: its id and its time, the same in everything it does, and its line in the log.

use super::failure::Broken;
use super::{front, headers};
use crate::app::App;
use crate::config::ClientIp;
use crate::entropy;
use crate::transport::http::PeerAddr;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::net::IpAddr;
use storage::Stamp;

/// Finds a call in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its id; ours, never the caller's.
    pub id: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// From where, as far as the setting `client_ip` tells; `None`: unknown, which is counted together.
    pub from: Option<IpAddr>,
}

impl Call {
    /// What its writes are marked with.
    pub const fn stamp(&self) -> Stamp {
        Stamp { at: self.at, request: self.id }
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

/// D-31: the caller's address comes from the one configured place. What can't be read there is unknown.
fn address(app: &App, request: &Request) -> Option<IpAddr> {
    match &app.settings.client_ip {
        ClientIp::Socket => request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip()),
        ClientIp::Header(name) => {
            let mut values = request.headers().get_all(name).iter();
            let value = values.next().filter(|_| values.next().is_none())?;
            value.to_str().ok()?.trim().parse().ok()
        }
    }
}

/// The outermost layer: begins the call, turns away what didn't mean us, and when it ends hardens the answer and
/// logs what broke. The one place that logs a failure's inner text. The path is logged without its query, which
/// holds codes and states.
pub async fn begin(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let call = Call {
        id: RequestId::from_bytes(entropy::bytes(&*app.entropy)),
        at: app.clock.now(),
        from: address(&app, &request),
    };
    request.extensions_mut().insert(call);
    let line = tracing::enabled!(target: "keyward::access", tracing::Level::DEBUG)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    let mut response = match front::turn_away(&app.settings, &request) {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    let id = call.id.to_string();
    if let Some(broken) = response.extensions_mut().remove::<Broken>() {
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
