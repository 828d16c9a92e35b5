//! The bytes of a connection, below hyper. Reads are inspected, since hyper accepts framing that request smuggling relies
//! on; writes time out if the peer doesn't read.

use crate::budget::{FREE, Reservation};
use std::io;
use std::mem::take;
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
    answer_time: Duration,
    taking: Option<Pin<Box<Sleep>>>,
    closing: Option<Pin<Box<Sleep>>>,
    /// How many more bytes are discarded at the end, after there was no room for them.
    to_drop: usize,
}

/// The most bytes that are discarded: as many as a body may have.
const MOST_DROPPED: usize = 64 * 1024;

/// How many bytes are read at a time. If a read filled the first 8 kB of hyper's buffer it would grow, and never shrink.
const MOST_READ: usize = 4 * 1024;

impl<S> Wire<S> {
    /// Inspects what is read from `stream`, charges it to `reserved`, and gives the peer `answer_time` to take what is
    /// written.
    pub(super) fn new(stream: S, reserved: Reservation, answer_time: Duration) -> Self {
        let (framing, state, later) = (Framing::default(), ConnectionState::default(), Vec::new());
        Self { stream, framing, reserved, state, later, answer_time, taking: None, closing: None, to_drop: 0 }
    }

    /// The state that it shares.
    pub(super) fn state(&self) -> ConnectionState {
        self.state.clone()
    }

    /// The time begins when something can't be written at once and ends when everything is written. Partial progress
    /// doesn't extend it.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            let time = self.answer_time;
            ready!(self.taking.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.later.is_empty() {
            let mut bytes = [0; MOST_READ];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.later.extend_from_slice(read.filled());
        }
        if self.framing.is_over() && self.state.is_answering() {
            *self.state.reader() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut now = take(&mut self.later);
        let (count, unambiguous) =
            self.framing.follow(now.get(..buffer.remaining().min(now.len())).unwrap_or_default());
        self.later = now.split_off(count);
        buffer.put_slice(&now);
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
            self.taking = None;
            // Nothing is kept of a complete request that was answered.
            if self.framing.is_over() && !self.state.is_answering() {
                self.reserved.resize(0);
            }
        }
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One time for everything: hyper flushes again before each of these calls.
        let time = self.answer_time;
        if self.closing.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // RFC 9112 §9.6: if the rest were not read, the system would reset the connection, and the answer would be lost.
        while self.to_drop > 0 {
            let mut bytes = [0; 4096];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let count = buffer.filled().len();
            self.to_drop = if count == 0 { 0 } else { self.to_drop.saturating_sub(count) };
        }
        Poll::Ready(Ok(()))
    }
}

/// The position of the next byte in a connection's requests. What hyper itself refuses is not checked: the connection
/// ends there.
#[derive(Default)]
struct Framing {
    /// The bytes of the current request so far. They count until the next one begins, as hyper keeps the head so long.
    request: usize,
    /// Whether its request line has come.
    begun: bool,
    /// Whether its head is complete.
    headed: bool,
    /// Whether any head was larger than the buffer that a connection has anyway.
    had_large_head: bool,
    /// The bytes of a body that are still to come; zero in a head.
    body: u64,
    /// The line of the head that has not ended yet.
    line: HeadLine,
    /// The body's length according to the head.
    length: Option<u64>,
    /// Whether the head has a transfer coding.
    coded: bool,
}

impl Framing {
    /// Whether a request has come completely, and nothing of the next one.
    const fn is_over(&self) -> bool {
        self.headed && self.body == 0
    }

    /// Advances over what was read, at most to the end of a request. Returns by how many bytes, and whether the head can be
    /// read in one way only.
    fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (mut left, mut unambiguous) = (bytes, true);
        while !left.is_empty() {
            if self.body > 0 {
                let here = usize::try_from(self.body).map_or(left.len(), |body| body.min(left.len()));
                self.body -= u64::try_from(here).unwrap_or(self.body);
                self.request = self.request.saturating_add(here);
                left = left.get(here..).unwrap_or_default();
            } else {
                if take(&mut self.headed) {
                    (self.request, self.begun) = (0, false);
                }
                let end = left.iter().position(|b| *b == b'\n');
                let (now, later) = left.split_at(end.map_or(left.len(), |at| at + 1));
                self.request = self.request.saturating_add(now.len());
                self.line.extend(now);
                left = later;
                if end.is_some() {
                    let line = take(&mut self.line);
                    unambiguous &= self.end_line(&line);
                }
            }
            if self.is_over() {
                break;
            }
        }
        (bytes.len() - left.len(), unambiguous)
    }

    fn end_line(&mut self, line: &HeadLine) -> bool {
        // Stricter than RFC 9112 §2.2, which lets a bare LF end a line: some parsers take it for a part of the line.
        if !line.ends_in_crlf() {
            return false;
        }
        if line.is_empty() {
            // RFC 9112 §2.2: an empty line before a request is ignored.
            return !self.begun || self.end_head();
        }
        self.begun = true;
        let mut halves = line.begin().splitn(2, |b| *b == b':');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value).ok().map(str::trim);
            let length = digits.and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
            // Stricter than RFC 9112 §6.3, which allows the same length twice, and any whitespace before it.
            return line.is_whole() && self.length.replace(length).is_none();
        }
        true
    }

    fn end_head(&mut self) -> bool {
        self.headed = true;
        self.had_large_head |= self.request > FREE;
        match (self.length.take(), take(&mut self.coded)) {
            // Stricter than RFC 9112 §6.1, which lets the transfer coding override the length.
            (Some(_), true) => false,
            // The connection ends with such a request: see `answer`.
            (None, true) => {
                self.body = u64::MAX;
                true
            }
            (length, false) => {
                self.body = length.unwrap_or(0);
                true
            }
        }
    }
}

/// A line of a head. Only its beginning is kept, which is all that is checked.
struct HeadLine {
    begin: [u8; Self::KEPT],
    bytes: usize,
    last_two: [u8; 2],
}

impl Default for HeadLine {
    fn default() -> Self {
        Self { begin: [0; Self::KEPT], bytes: 0, last_two: [0; 2] }
    }
}

impl HeadLine {
    /// Enough for the longest name that is checked, and any length.
    const KEPT: usize = 64;

    fn extend(&mut self, more: &[u8]) {
        let room = self.begin.get_mut(self.bytes..).unwrap_or_default();
        room.iter_mut().zip(more).for_each(|(to, from)| *to = *from);
        self.bytes = self.bytes.saturating_add(more.len());
        let [_, before] = self.last_two;
        self.last_two = match more {
            [.., one, two] => [*one, *two],
            [one] => [before, *one],
            [] => self.last_two,
        };
    }

    const fn ends_in_crlf(&self) -> bool {
        matches!(self.last_two, [b'\r', b'\n'])
    }

    /// Whether it has only its end.
    const fn is_empty(&self) -> bool {
        self.bytes == 2
    }

    const fn is_whole(&self) -> bool {
        self.bytes <= Self::KEPT
    }

    fn begin(&self) -> &[u8] {
        let end = if self.is_whole() { self.bytes.saturating_sub(2) } else { Self::KEPT };
        self.begin.get(..end).unwrap_or_default()
    }
}
