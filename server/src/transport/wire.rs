//! The bytes of a connection, below hyper: read along, since hyper forgives what smugglers of requests live on;
//! and given up when nobody takes ours.

use super::budget::{FREE, Purse};
use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What is known of a connection above hyper and below.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    doubt: AtomicBool,
    swollen: AtomicBool,
    answering: AtomicBool,
    /// Who reads on when the answer is ready.
    reader: Mutex<Option<Waker>>,
}

impl Talk {
    /// Whether it has brought a head that two readers could understand differently.
    pub(super) fn is_doubtful(&self) -> bool {
        self.0.doubt.load(Ordering::Relaxed)
    }

    /// Whether hyper's buffer has grown by a large head. It never shrinks, so the connection is not to stay.
    pub(super) fn is_swollen(&self) -> bool {
        self.0.swollen.load(Ordering::Relaxed)
    }

    /// A request is in work from now on.
    pub(super) fn begin_answer(&self) {
        self.0.answering.store(true, Ordering::Relaxed);
    }

    /// Nothing is kept of it any more.
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

/// What reading ends with when there is no room for a request's bytes.
pub(super) const NO_ROOM: io::ErrorKind = io::ErrorKind::OutOfMemory;

/// A connection's bytes.
pub(super) struct Wire<S> {
    stream: S,
    framing: Framing,
    purse: Purse,
    talk: Talk,
    /// What was read beyond the end of a request: hyper gets it once that one is answered.
    later: Vec<u8>,
    answer_time: Duration,
    taking: Option<Pin<Box<Sleep>>>,
    closing: Option<Pin<Box<Sleep>>>,
    /// How many more bytes are thrown away at the end, after there was no room for them.
    to_drop: usize,
}

/// As many as a body may have.
const MOST_DROPPED: usize = 64 * 1024;

/// What is read at a time. hyper's buffer grows, and never shrinks, where a read fills its first 8 kB.
const MOST_READ: usize = 4 * 1024;

impl<S> Wire<S> {
    /// Reads along with `stream`, pays from `purse` for what it brings, and lets its other side have `answer_time` to
    /// take what is written.
    pub(super) fn new(stream: S, purse: Purse, answer_time: Duration) -> Self {
        let (framing, talk, later) = (Framing::default(), Talk::default(), Vec::new());
        Self { stream, framing, purse, talk, later, answer_time, taking: None, closing: None, to_drop: 0 }
    }

    /// What reading along finds, and is told.
    pub(super) fn talk(&self) -> Talk {
        self.talk.clone()
    }

    /// The time begins when something can't be written at once, and ends when everything was. Some of it being
    /// taken now and then wins none.
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
        if self.framing.is_over() && self.talk.is_answering() {
            *self.talk.reader() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut now = take(&mut self.later);
        let (count, clear) =
            self.framing.follow(now.get(..buffer.remaining().min(now.len())).unwrap_or_default());
        self.later = now.split_off(count);
        buffer.put_slice(&now);
        if !clear {
            self.talk.0.doubt.store(true, Ordering::Relaxed);
        }
        if self.framing.swollen {
            self.talk.0.swollen.store(true, Ordering::Relaxed);
        }
        let bytes = self.framing.request;
        if self.purse.hold(bytes) {
            return Poll::Ready(Ok(()));
        }
        // What comes from now on is thrown away.
        self.purse.hold(0);
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
            // Nothing is kept of a request that came whole and was answered.
            if self.framing.is_over() && !self.talk.is_answering() {
                self.purse.hold(0);
            }
        }
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // One time for all of it: hyper flushes again before each of these calls.
        let time = self.answer_time;
        if self.closing.get_or_insert_with(|| Box::pin(sleep(time))).as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // RFC 9112 §9.6: were the rest not taken, the system would reset the connection, and our answer with it.
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

/// Where in a connection's requests the next byte stands. What hyper refuses itself is not looked for: the
/// connection ends there.
#[derive(Default)]
struct Framing {
    /// What has come of a request, in bytes, until the next one begins: that long its head is kept.
    request: usize,
    /// Whether its first line has come.
    begun: bool,
    /// Whether its head is over.
    headed: bool,
    /// Whether any head was larger than the buffer that a connection has anyway.
    swollen: bool,
    /// What is still to come of a body, in bytes; zero in a head.
    body: u64,
    /// The head's line that has not ended yet.
    line: Line,
    /// The head's length of the body.
    length: Option<u64>,
    /// Whether the head names a coding.
    coded: bool,
}

impl Framing {
    /// Whether a request has wholly come, and nothing of the next one.
    const fn is_over(&self) -> bool {
        self.headed && self.body == 0
    }

    /// Goes on by what was read, at most to the end of a request: by how many bytes, and whether its head can be
    /// understood in one way only.
    fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (mut left, mut clear) = (bytes, true);
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
                    clear &= self.end_line(&line);
                }
            }
            if self.is_over() {
                break;
            }
        }
        (bytes.len() - left.len(), clear)
    }

    fn end_line(&mut self, line: &Line) -> bool {
        // Stricter than RFC 9112 §2.2, which lets a bare LF end a line: to others it is a part of the line.
        if !line.ends_in_crlf() {
            return false;
        }
        if line.is_empty() {
            // RFC 9112 §2.2: before a request, an empty line is nothing.
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
            // Stricter than RFC 9112 §6.3, which lets the same length stand twice, or far away from its name.
            return line.is_whole() && self.length.replace(length).is_none();
        }
        true
    }

    fn end_head(&mut self) -> bool {
        self.headed = true;
        self.swollen |= self.request > FREE;
        match (self.length.take(), take(&mut self.coded)) {
            // Stricter than RFC 9112 §6.1, which lets the coding win.
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

/// A line of a head, of which no more is kept than is looked at.
struct Line {
    begin: [u8; Self::KEPT],
    bytes: usize,
    last_two: [u8; 2],
}

impl Default for Line {
    fn default() -> Self {
        Self { begin: [0; Self::KEPT], bytes: 0, last_two: [0; 2] }
    }
}

impl Line {
    /// The longest name that is looked for, and any length.
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

    /// Whether nothing but its end is in it.
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
