//! The bytes of a connection, below hyper. Reads are inspected, since hyper accepts framing that request smuggling relies
//! on. Reads time out while a head is incomplete or the connection is idle, writes if the peer doesn't read.

use super::framing::Framing;
use crate::budget::Reservation;
use std::io;
use std::mem::{MaybeUninit, take};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The state of a connection, shared by the layers above and below hyper.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionState(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    ambiguous: AtomicBool,
    had_large_head: AtomicBool,
    answering: AtomicBool,
    /// The reader that continues when the answer is ready.
    reader: Mutex<Option<Waker>>,
}

impl ConnectionState {
    /// Whether a head has come that two parsers could read differently.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.0.ambiguous.load(Ordering::Relaxed)
    }

    /// Whether a large head has made hyper's buffer grow. It never shrinks, so the connection should end.
    pub(super) fn had_large_head(&self) -> bool {
        self.0.had_large_head.load(Ordering::Relaxed)
    }

    /// The server begins to answer a request.
    pub(super) fn begin_answer(&self) {
        self.0.answering.store(true, Ordering::Relaxed);
    }

    /// The answer is ready, and nothing is kept of the request.
    pub(super) fn end_answer(&self) {
        self.0.answering.store(false, Ordering::Relaxed);
        if let Some(reader) = self.reader().take() {
            reader.wake();
        }
    }

    fn is_answering(&self) -> bool {
        self.0.answering.load(Ordering::Relaxed)
    }

    fn reader(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a read if the budget has no room for a request's bytes.
pub(super) const NO_ROOM: io::ErrorKind = io::ErrorKind::OutOfMemory;

/// The byte stream of a connection.
pub(super) struct Wire<S> {
    stream: S,
    framing: Framing,
    reserved: Reservation,
    state: ConnectionState,
    /// Bytes beyond the end of a request: hyper gets them once that request is answered.
    later: Vec<u8>,
    times: Times,
    awaiting: Awaiting,
    /// Ends what is awaited; it begins when nothing can be read.
    arriving: Option<Pin<Box<Sleep>>>,
    taking: Option<Pin<Box<Sleep>>>,
    closing: Option<Pin<Box<Sleep>>>,
    /// How many more bytes are discarded at the end, after there was no room for them.
    to_drop: usize,
}

/// How long the peer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For the head of a request.
    pub(super) head: Duration,
    /// Until the next request begins.
    pub(super) idle: Duration,
    /// To read an answer that can't be sent at once.
    pub(super) answer: Duration,
}

/// What the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaiting {
    /// The rest of a head, or all of the first one.
    Head,
    /// Another request.
    Request,
    /// A body, or an answer, which are timed elsewhere.
    Else,
}

/// The most bytes that are discarded: as many as a body may have.
const MOST_DROPPED: usize = 64 * 1024;

/// How many bytes are read at a time. If a read filled the first 8 kB of hyper's buffer it would grow, and never shrink.
const MOST_READ: usize = 4 * 1024;

impl<S> Wire<S> {
    /// Inspects what is read from `stream`, and charges it to `reserved`.
    pub(super) fn new(stream: S, reserved: Reservation, times: Times) -> Self {
        Self {
            stream,
            framing: Framing::default(),
            reserved,
            state: ConnectionState::default(),
            later: Vec::new(),
            times,
            awaiting: Awaiting::Head,
            arriving: None,
            taking: None,
            closing: None,
            to_drop: 0,
        }
    }

    /// The state that it shares.
    pub(super) fn state(&self) -> ConnectionState {
        self.state.clone()
    }

    /// The time begins when something can't be written at once and ends when everything is written. Partial progress
    /// doesn't extend it.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            let time = self.times.answer;
            ready!(self.taking.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    /// Notes what is awaited now. Only a change starts the time again, so single bytes don't extend it.
    fn observe(&mut self) {
        let awaiting = if !self.framing.headed {
            Awaiting::Head
        } else if self.framing.is_over() && !self.state.is_answering() && self.taking.is_none() {
            Awaiting::Request
        } else {
            Awaiting::Else
        };
        if awaiting != self.awaiting {
            (self.awaiting, self.arriving) = (awaiting, None);
        }
    }

    /// Nothing can be read. The error ends the connection without an answer.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.observe();
        let time = match self.awaiting {
            Awaiting::Head => self.times.head,
            Awaiting::Request => self.times.idle,
            Awaiting::Else => {
                // After the answer hyper wouldn't read again until something comes, and no time would begin.
                *self.state.reader() = Some(cx.waker().clone());
                return Poll::Pending;
            }
        };
        ready!(self.arriving.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.later.is_empty() {
            let mut bytes = [MaybeUninit::uninit(); MOST_READ];
            let mut read = ReadBuf::uninit(&mut bytes);
            let Poll::Ready(done) = Pin::new(&mut self.stream).poll_read(cx, &mut read) else {
                return self.wait(cx);
            };
            done?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.later.extend_from_slice(read.filled());
        }
        if self.framing.is_over() && self.state.is_answering() {
            self.observe();
            *self.state.reader() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut now = take(&mut self.later);
        let (count, unambiguous) =
            self.framing.follow(now.get(..buffer.remaining().min(now.len())).unwrap_or_default());
        self.later = now.split_off(count);
        buffer.put_slice(&now);
        self.observe();
        if self.awaiting != Awaiting::Head {
            self.arriving = None;
        }
        if !unambiguous {
            self.state.0.ambiguous.store(true, Ordering::Relaxed);
        }
        if self.framing.had_large_head {
            self.state.0.had_large_head.store(true, Ordering::Relaxed);
        }
        let bytes = self.framing.request;
        if self.reserved.resize(bytes) {
            return Poll::Ready(Ok(()));
        }
        // What comes from now on is discarded.
        self.reserved.resize(0);
        self.to_drop = MOST_DROPPED;
        Poll::Ready(Err(NO_ROOM.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            if self.taking.take().is_some() {
                // Read again, so that the time of an idle connection begins.
                cx.waker().wake_by_ref();
            }
            // Nothing is kept of a complete request that was answered.
            if self.framing.is_over() && !self.state.is_answering() {
                self.reserved.resize(0);
            }
        }
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One time for everything: hyper flushes again before each of these calls.
        let time = self.times.answer;
        if self.closing.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // RFC 9112 §9.6: if the rest were not read, the system would reset the connection, and the answer would be lost.
        while self.to_drop > 0 {
            let mut bytes = [MaybeUninit::uninit(); MOST_READ];
            let mut buffer = ReadBuf::uninit(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let count = buffer.filled().len();
            self.to_drop = if count == 0 { 0 } else { self.to_drop.saturating_sub(count) };
        }
        Poll::Ready(Ok(()))
    }
}
