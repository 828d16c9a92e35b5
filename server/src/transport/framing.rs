//! Where the requests of a connection begin and end, and whether two readers could disagree about that.

use crate::budget::FREE;
use std::mem::take;

/// The position of the next byte in a connection's requests. What hyper itself refuses is not checked: the connection
/// ends there.
#[derive(Default)]
pub(super) struct Framing {
    /// The bytes of the current request so far. They count until the next one begins, as hyper keeps the head so long.
    pub(super) request: usize,
    /// Whether its request line has come.
    begun: bool,
    /// Whether its head is complete.
    pub(super) headed: bool,
    /// Whether any head was larger than the buffer that a connection has anyway.
    pub(super) had_large_head: bool,
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
    pub(super) const fn is_over(&self) -> bool {
        self.headed && self.body == 0
    }

    /// Advances over what was read, at most to the end of a request. Returns by how many bytes, and whether the head can be
    /// read in one way only.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, bool) {
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
