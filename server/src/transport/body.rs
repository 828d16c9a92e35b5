//! A request's body, bounded in bytes and in time, whatever the handler does with it.

use super::places::Place;
use super::wire::NO_ROOM;
use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::error::Error as _;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Why a body ended early.
#[derive(Debug)]
pub enum BodyError {
    /// More bytes than allowed: 413.
    TooLarge,
    /// Not there in time: 408.
    TooSlow,
    /// Others' requests hold all the bytes there are: 503.
    NoRoom,
    /// The connection broke, or the framing was wrong: 400.
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the request body is too large"),
            Self::TooSlow => f.write_str("the request body came too slowly"),
            Self::NoRoom => f.write_str("requests hold all the bytes that they may"),
            Self::Broken(_) => f.write_str("the request body broke off"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(cause) = self { Some(cause) } else { None }
    }
}

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == NO_ROOM) { Self::NoRoom } else { Self::Broken(error) }
    }
}

/// A body with a budget.
pub(super) struct BoundedBody {
    inner: Incoming,
    bytes_left: u64,
    deadline: Pin<Box<Sleep>>,
    place: Arc<Place>,
}

impl BoundedBody {
    /// Bounds `inner` to `bytes` and to `time` from now. When it is there, `place` waits for its caller no longer.
    pub(super) fn new(inner: Incoming, bytes: u64, time: Duration, place: Arc<Place>) -> Self {
        if inner.is_end_stream() {
            place.serve();
        }
        Self { inner, bytes_left: bytes, deadline: Box::pin(sleep(time)), place }
    }
}

impl Body for BoundedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            ready!(self.deadline.as_mut().poll(cx));
            return Poll::Ready(Some(Err(BodyError::TooSlow)));
        };
        let Some(frame) = frame.transpose()? else {
            self.place.serve();
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = self.bytes_left.checked_sub(length) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        self.bytes_left = left;
        if self.inner.is_end_stream() {
            self.place.serve();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
