//! Where a call comes from, by the one configured place, for limits. What can't be read there is said in the log and
//! to `doctor`, and never makes all callers one.

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

/// By what `doctor` proves itself.
pub const ASKS: HeaderName = HeaderName::from_static("x-keyward-doctor");
/// What it is told: an address, or [`UNREADABLE`].
pub const TOLD: HeaderName = HeaderName::from_static("x-keyward-caller");
/// There is no address where the setting says that there is one.
pub const UNREADABLE: &str = "unreadable";

/// What the configured place says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An address.
    Known(IpAddr),
    /// Nothing: there is no connection, as in tests of the router.
    Absent,
    /// A header that tells no address.
    Unreadable,
}

impl Caller {
    /// Looks.
    pub fn of(settings: &Settings, request: &Request) -> Self {
        match &settings.client_ip {
            ClientIp::Socket => {
                let peer = request.extensions().get::<PeerAddr>();
                peer.map_or(Self::Absent, |peer| Self::Known(peer.0.ip()))
            }
            ClientIp::Header(name) => {
                // RFC 9110 §5.3: several lines are one list, and the front end's entry is its last.
                let line = request.headers().get_all(name).iter().next_back();
                let address = line.and_then(|line| Syntax::of(name.as_str()).caller(line.as_bytes()));
                address.map_or(Self::Unreadable, Self::Known)
            }
        }
    }

    /// Under what address the call counts.
    pub fn counts_as(self, request: &RequestId) -> Option<IpAddr> {
        match self {
            Self::Known(address) => Some(address),
            Self::Absent => None,
            Self::Unreadable => Some(by_lot(request)),
        }
    }

    /// Says in the log, once a minute, that addresses can't be read. Probes come past the front end.
    pub fn complain(self, app: &App, request: &Request, now: Timestamp) {
        let ClientIp::Header(header) = &app.settings.client_ip else { return };
        if self != Self::Unreadable || front::is_probe(&app.settings, request.uri().path()) {
            return;
        }
        if let Some(times) = app.unreadable_callers().due(Duration::from_millis(now.millis())) {
            tracing::error!(
                times,
                %header,
                "the header that `client_ip` names tells no address, so limits by address hold for callers by lot: let \
                 the front end send the caller's address in it, as its last or only entry"
            );
        }
    }

    /// What `doctor` is told, if it asks.
    pub fn told(self, settings: &Settings, headers: &HeaderMap) -> Option<HeaderValue> {
        let proof = headers.get(ASKS)?;
        let proven = OriginSecret::any(&settings.origin_secret, |secret| secret.proves(proof.as_bytes()));
        let text = match self {
            Self::Known(address) => address.to_string(),
            Self::Absent | Self::Unreadable => UNREADABLE.to_owned(),
        };
        proven.then(|| HeaderValue::try_from(text).ok()).flatten()
    }
}

/// One of 256 networks that nobody has (RFC 3849), drawn for each call whose address can't be read.
///
/// Counted as one, a few failures of anybody's would make everybody wait. Counted each by itself, nothing would be
/// limited. So they have 256 times what one address has, all together: to delay others, somebody has to fail more often
/// than that allows, and even then only some are delayed, and those only until they try again.
fn by_lot(request: &RequestId) -> IpAddr {
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
