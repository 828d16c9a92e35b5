//! Guarded writes: the request that makes one, and how it ended.

use protocol::id::RequestId;
use protocol::time::Timestamp;

/// The request that writes, and its time. Stored with the record, so that a write whose answer was lost recognises
/// its own effect when it is repeated. A deletion can't: it leaves nothing to recognise. A counted attempt doesn't: it
/// may count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The request's time.
    pub at: Timestamp,
    /// The request's id.
    pub request: RequestId,
}

/// How a guarded write ended.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a lost race is an answer, too"]
pub enum Commit<T> {
    /// It took effect (now, or earlier in the same request).
    Done,
    /// The record did not meet the condition: here it is, or `None` if there is none.
    Lost(Option<Box<T>>),
}

impl<T> Commit<T> {
    /// Whether it took effect.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The same with the record converted.
    pub(crate) fn map<U>(self, read: impl FnOnce(T) -> U) -> Commit<U> {
        match self {
            Self::Done => Commit::Done,
            Self::Lost(there) => Commit::Lost(there.map(|there| Box::new(read(*there)))),
        }
    }
}
