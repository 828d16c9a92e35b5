//! A request's body, bounded in bytes and in time, whatever the handler does with it.

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::fmt;
use std::pin::Pin;
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
    /// The connection broke, or the framing was wrong: 400.
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the request body is too large"),
            Self::TooSlow => f.write_str("the request body came too slowly"),
            Self::Broken(_) => f.write_str("the request body broke off"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Broken(cause) = self { Some(cause) } else { None }
    }
}

/// A body with a budget.
pub struct BoundedBody {
    inner: Incoming,
    bytes_left: u64,
    deadline: Pin<Box<Sleep>>,
}

impl BoundedBody {
    /// Bounds `inner` to `bytes` and to `time` from now.
    pub fn new(inner: Incoming, bytes: u64, time: Duration) -> Self {
        Self { inner, bytes_left: bytes, deadline: Box::pin(sleep(time)) }
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
        let Some(frame) = frame.transpose().map_err(BodyError::Broken)? else { return Poll::Ready(None) };
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = self.bytes_left.checked_sub(length) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        self.bytes_left = left;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
