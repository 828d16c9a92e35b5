//! A request's body, limited in bytes and in time whatever the handler does with it.

use super::slots::Slot;
use super::wire::NO_ROOM;
use crate::peer::BodyError;
use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        if cause.is_some_and(|cause| cause.kind() == NO_ROOM) { Self::NoRoom } else { Self::Broken(error) }
    }
}

/// A body with limits.
pub(super) struct BoundedBody {
    inner: Incoming,
    bytes_left: u64,
    deadline: Pin<Box<Sleep>>,
    slot: Arc<Slot>,
}

impl BoundedBody {
    /// Limits `inner` to `bytes` and to `time` from now. Once it is complete, `slot` is serving its request.
    pub(super) fn new(inner: Incoming, bytes: u64, time: Duration, slot: Arc<Slot>) -> Self {
        if inner.is_end_stream() {
            slot.begin_serving();
        }
        Self { inner, bytes_left: bytes, deadline: Box::pin(sleep(time)), slot }
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
            self.slot.begin_serving();
            return Poll::Ready(None);
        };
        let length = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        let Some(left) = self.bytes_left.checked_sub(length) else {
            return Poll::Ready(Some(Err(BodyError::TooLarge)));
        };
        self.bytes_left = left;
        if self.inner.is_end_stream() {
            self.slot.begin_serving();
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
