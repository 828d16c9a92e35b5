//! The caller's address, from the configured place, for limits. If it can't be read, the log and `doctor` say so, and the
//! callers are not all counted as one.

use super::front;
use crate::app::App;
use crate::config::{ClientIp, OriginSecret, Settings};
use crate::peer::PeerAddr;
use ::http::{HeaderMap, HeaderName, HeaderValue};
use axum::extract::Request;
use protocol::forwarded::Syntax;
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// The header in which `doctor` proves itself.
pub const DOCTOR: HeaderName = HeaderName::from_static("x-keyward-doctor");
/// The header in which `doctor` gets the caller's address, or [`UNREADABLE`].
pub const CALLER: HeaderName = HeaderName::from_static("x-keyward-caller");
/// There is no address where the setting says there is one.
pub const UNREADABLE: &str = "unreadable";

/// The caller, by the configured place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An address.
    Known(IpAddr),
    /// None: there is no connection, as in tests of the router.
    Absent,
    /// A header or an event without an address.
    Unreadable,
}

impl Caller {
    /// The caller of a request.
    pub fn of(settings: &Settings, request: &Request) -> Self {
        match &settings.client_ip {
            ClientIp::Socket => Self::connected(request),
            ClientIp::Lambda => {
                let source = request.extensions().get::<PeerAddr>();
                source.map_or(Self::Unreadable, |source| Self::Known(source.0.ip()))
            }
            ClientIp::Header(name) => {
                // RFC 9110 §5.3: several header lines are one list. The front end's entry is the last.
                let line = request.headers().get_all(name).iter().next_back();
                let address = line.and_then(|line| Syntax::of(name.as_str()).caller(line.as_bytes()));
                address.map_or(Self::Unreadable, Self::Known)
            }
        }
    }

    /// Whoever is connected; also the caller of a request that bypassed the front end, whose header proves nothing.
    pub fn connected(request: &Request) -> Self {
        let peer = request.extensions().get::<PeerAddr>();
        peer.map_or(Self::Absent, |peer| Self::Known(peer.0.ip()))
    }

    /// The address that the request counts for.
    pub fn counts_as(self, request: &RequestId) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Absent => None,
            Self::Unreadable => Some(at_random(request)),
        }
    }

    /// Logs, at most once a minute, that addresses can't be read. Probes don't come through the front end.
    pub fn complain(self, app: &App, request: &Request, now: Timestamp) {
        if self != Self::Unreadable || front::is_probe(&app.settings, request.uri().path()) {
            return;
        }
        if let Some(times) = app.unreadable_callers().due(Duration::from_millis(now.millis())) {
            let fix = match &app.settings.client_ip {
                ClientIp::Header(header) => {
                    format!(
                        "let the front end send the caller's address in the header {header}, as its last or only entry"
                    )
                }
                _ => "events must be those of a function URL or an HTTP API, with payload format 2.0".into(),
            };
            tracing::error!(
                times,
                "the place that `client_ip` names has no address, so requests count for one of 256 networks at random: {fix}"
            );
        }
    }

    /// The header value for `doctor`, if the request proves that it is from `doctor`.
    pub fn for_doctor(self, settings: &Settings, headers: &HeaderMap) -> Option<HeaderValue> {
        let proof = headers.get(DOCTOR)?;
        let proven = OriginSecret::any(&settings.origin_secret, |secret| secret.proves(proof.as_bytes()));
        let text = match self {
            Self::Known(address) => address.to_string(),
            Self::Absent | Self::Unreadable => UNREADABLE.to_owned(),
        };
        proven.then(|| HeaderValue::try_from(text).ok()).flatten()
    }
}

/// One of 256 networks that nobody has (RFC 3849), chosen at random for each request whose address can't be read.
///
/// If they all counted as one network, a few failures would make everybody wait; if each counted alone, nothing would be
/// limited. Like this they have together 256 times what one address has. To delay others, somebody has to fail more often
/// than that, and even then only some are delayed, and only until they try again.
fn at_random(request: &RequestId) -> IpAddr {
    let lot = request.as_bytes().first().copied().unwrap_or_default();
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, u16::from(lot), 0, 0, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::attempts::Network;
    use std::collections::HashSet;

    #[test]
    fn n250_callers_that_cannot_be_read_are_many_and_not_as_many_as_their_calls() {
        let lot = |n: u16| {
            let [high, low] = n.to_be_bytes();
            let request = RequestId::from_bytes([low, high, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            Network::of(Caller::Unreadable.counts_as(&request))
        };
        let networks: HashSet<_> = (0..1024).map(lot).collect();
        assert_eq!(networks.len(), 256);
        assert!(!networks.contains(&Network::Unknown), "the one that all would share");
    }
}
