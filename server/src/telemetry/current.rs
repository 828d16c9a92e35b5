//! The request that a task works for. Each line that is logged meanwhile names it, whichever part of the program writes it.
//! This is for the log only; nothing else may read it.

use super::trace::{TraceParent, XrayTrace};
use protocol::id::RequestId;
use tokio::task::futures::TaskLocalFuture;
use tokio::task_local;

/// What lines of the log say about their request.
#[derive(Clone, Copy, Debug)]
pub struct RequestIds {
    /// The id that we gave it.
    pub request: RequestId,
    /// The trace that its caller named.
    pub trace: Option<TraceParent>,
    /// The trace of AWS X-Ray, on Lambda.
    pub xray: Option<XrayTrace>,
}

task_local! {
    static CURRENT: Option<RequestIds>;
}

/// Works for a request.
pub fn within<F: Future>(ids: RequestIds, work: F) -> TaskLocalFuture<Option<RequestIds>, F> {
    CURRENT.scope(Some(ids), work)
}

/// Works in another task for the request that this task works for, if it does for one.
pub fn continued<F: Future>(work: F) -> TaskLocalFuture<Option<RequestIds>, F> {
    CURRENT.scope(current(), work)
}

/// Does what concerns no single request.
pub(super) fn outside<T>(act: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(None, act)
}

/// The ids of the request that this task works for.
pub(super) fn current() -> Option<RequestIds> {
    CURRENT.try_with(|ids| *ids).ok().flatten()
}
