//! How many requests one caller behind a front end may have in progress, and how many bytes. All these connections are the
//! front end's, so the transport can't distinguish callers; here their addresses are known.

use crate::budget::{Budget, Reservation};
use crate::in_flight::{InFlight, InFlightGuard};
use crate::peer::{BodyError, PeerAddr, PeerLimit};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Body as _, Frame, SizeHint};
use protocol::attempts::Network;
use std::mem::take;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// While half of a front end's connections are busy, a caller may have one part in this many of them.
const PARTS: usize = 12;
/// How many bytes the bodies of a caller may hold while they are read, not counting the first 8 kB of each.
const BODY_BYTES: usize = 512 * 1024;

/// The shares of all callers.
#[derive(Debug)]
pub struct Shares {
    front_ends: InFlight<Network>,
    callers: InFlight<Network>,
    bytes: Budget,
}

/// A request's place in its caller's share, until it is dropped.
#[derive(Debug)]
pub struct Share {
    of_front_end: InFlightGuard<Network>,
    of_caller: InFlightGuard<Network>,
}

impl Default for Shares {
    fn default() -> Self {
        let bytes = Budget::new(usize::MAX, BODY_BYTES);
        Self { front_ends: InFlight::default(), callers: InFlight::default(), bytes }
    }
}

impl Shares {
    /// Counts a request in progress, and its body while it is read. `None`: its caller has too many for now.
    pub fn enter(&self, caller: Option<IpAddr>, request: &mut Request) -> Option<Share> {
        // One customer usually has 65 536 IPv6 networks of 64 bits.
        let [caller, ..] = Network::of(caller).within();
        let peer = request.extensions().get::<PeerAddr>().map(|peer| peer.0.ip());
        let room = request.extensions().get::<PeerLimit>().map_or(usize::MAX, |room| room.0);
        let share = Share {
            of_front_end: self.front_ends.enter(Network::of(peer)),
            of_caller: self.callers.enter(caller),
        };
        if share.of_front_end.ahead() >= room / 2 && share.of_caller.ahead() >= room / PARTS {
            return None;
        }
        if !request.body().is_end_stream() {
            let inner = take(request.body_mut());
            *request.body_mut() =
                Body::new(Counted { inner, bytes: 0, reserved: self.bytes.reservation(caller) });
        }
        Some(share)
    }
}

/// A body whose bytes count for its caller.
struct Counted {
    inner: Body,
    bytes: usize,
    reserved: Reservation,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx)).transpose()?;
        let length = frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        let bytes = self.bytes.saturating_add(length);
        self.bytes = bytes;
        if !self.reserved.resize(bytes) {
            return Poll::Ready(Some(Err(axum::Error::new(BodyError::NoRoom))));
        }
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn n251_bodies_of_one_caller_hold_so_many_bytes_while_they_come() {
        let shares = Shares::default();
        let read = async |caller: &str| {
            let mut request = Request::new(Body::from("x".repeat(60 * 1024)));
            let share = shares.enter(Some(caller.parse().unwrap()), &mut request).unwrap();
            let mut body = request.into_body();
            let frame = body.frame().await.unwrap();
            frame.ok().map(|_| (share, body))
        };
        // Of one IPv6 customer, each from another network of 64 bits.
        let mut held = Vec::new();
        for n in 0..9 {
            held.push(read(&format!("2001:db8:0:{n}::1")).await.unwrap());
        }
        assert!(read("2001:db8:0:9::1").await.is_none());
        assert!(read("2001:db8:1::1").await.is_some(), "another has its own");
        held.pop();
        assert!(read("2001:db8:0:9::1").await.is_some(), "what was read counts no longer");
    }
}
