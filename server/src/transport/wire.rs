//! The bytes of a connection, below hyper: read along, since hyper forgives what smugglers of requests live on;
//! and given up when nobody takes ours.

use std::io;
use std::mem::take;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Whether a connection has brought a head that two readers could understand differently.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt(Arc<AtomicBool>);

impl Doubt {
    /// Whether it has, in what was read until now.
    pub(super) fn arose(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection's bytes.
pub(super) struct Wire<S> {
    stream: S,
    framing: Framing,
    doubt: Doubt,
    answer_time: Duration,
    taking: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    /// Reads along with `stream`, and lets its other side have `answer_time` to take what is written.
    pub(super) fn new(stream: S, answer_time: Duration) -> Self {
        let (framing, doubt) = (Framing::default(), Doubt::default());
        Self { stream, framing, doubt, answer_time, taking: None }
    }

    /// What reading along finds.
    pub(super) fn doubt(&self) -> Doubt {
        self.doubt.clone()
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
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if !self.framing.follow(buffer.filled().get(before..).unwrap_or_default()) {
            self.doubt.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
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
        }
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bounded(cx, shut)
    }
}

/// Where in a connection's requests the next byte stands. What hyper refuses itself is not looked for: the
/// connection ends there.
#[derive(Default)]
struct Framing {
    /// What is still to come of a body, in bytes; zero in a head.
    body: u64,
    /// The head's line that has not ended yet; hyper bounds a head, and so this.
    line: Vec<u8>,
    /// The head's length of the body.
    length: Option<u64>,
    /// Whether the head names a coding.
    coded: bool,
}

impl Framing {
    /// Goes on by what was read. `false`: a head can be understood in two ways.
    fn follow(&mut self, mut bytes: &[u8]) -> bool {
        let mut clear = true;
        while !bytes.is_empty() {
            if self.body > 0 {
                let here = usize::try_from(self.body).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.body -= u64::try_from(here).unwrap_or(self.body);
                bytes = bytes.get(here..).unwrap_or_default();
                continue;
            }
            let end = bytes.iter().position(|b| *b == b'\n');
            let (now, later) = bytes.split_at(end.map_or(bytes.len(), |at| at + 1));
            self.line.extend_from_slice(now);
            bytes = later;
            if end.is_some() {
                let mut line = take(&mut self.line);
                clear &= self.end_line(&line);
                line.clear();
                self.line = line;
            }
        }
        clear
    }

    fn end_line(&mut self, line: &[u8]) -> bool {
        // Stricter than RFC 9112 §2.2, which lets a bare LF end a line: to others it is a part of the line.
        let Some(line) = line.strip_suffix(b"\r\n") else { return false };
        if line.is_empty() {
            return self.end_head();
        }
        let mut halves = line.splitn(2, |b| *b == b':');
        let (name, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value).ok().map(str::trim);
            let length = digits.and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX);
            // Stricter than RFC 9112 §6.3, which lets the same length stand twice.
            return self.length.replace(length).is_none();
        }
        true
    }

    fn end_head(&mut self) -> bool {
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
