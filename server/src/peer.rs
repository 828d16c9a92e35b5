//! What a transport tells the layers above about a request: its peer, and why its body ended early.

use protocol::Refusal;
use std::fmt;
use std::net::SocketAddr;

/// The peer's address; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// How many connections the peer may have at a time; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimit(pub usize);

/// Why the transport refuses a request; in the extensions of those that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit(pub Refusal);

/// Why a body ended early.
#[derive(Debug)]
pub enum BodyError {
    /// More bytes than allowed: 413.
    TooLarge,
    /// Not complete in time: 408.
    TooSlow,
    /// Other requests hold the whole byte budget: 503.
    NoRoom,
    /// The connection broke, or the framing was wrong: 400.
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the request body is too large"),
            Self::TooSlow => f.write_str("the request body came too slowly"),
            Self::NoRoom => f.write_str("other requests hold the whole byte budget"),
            Self::Broken(_) => f.write_str("the request body ended early"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(cause) = self { Some(cause) } else { None }
    }
}
