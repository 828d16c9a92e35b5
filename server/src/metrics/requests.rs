//! Requests by endpoint, and how they end.

use super::histogram::{Durations, Histogram};
use http::StatusCode;
use protocol::error::ErrorCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// The endpoints, below the issuer's path. A test compares them with the routes.
pub const ENDPOINTS: [&str; 22] = [
    "/token",
    "/authorize",
    "/userinfo",
    "/introspect",
    "/revoke",
    "/jwks",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/change-password",
    "/.well-known/security.txt",
    "/login",
    "/consent",
    "/signup",
    "/logout",
    "/account",
    "/account/profile",
    "/account/password",
    "/account/sessions",
    "/account/apps",
    "/",
    "/healthz",
    "/readyz",
];
/// The label of all other paths.
pub(super) const OTHER: &str = "other";

/// The labels of how a request ended: the class of its status, or that it got no answer.
pub(super) const STATUSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", ABANDONED];
/// The caller left, or the time for a request was over.
const ABANDONED: &str = "abandoned";

/// The codes of our failures, which no refusal has.
const FAILURES: [&str; 2] = ["server_error", "temporarily_unavailable"];
/// No code, the codes of refusals, and those of failures.
const CODES: usize = 1 + ErrorCode::ALL.len() + FAILURES.len();

/// Why a request was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was, or its answer has no error code.
    Plain,
    /// A refusal with this code.
    Refused(ErrorCode),
    /// A failure of ours; whether a retry may help.
    Failed(bool),
}

impl Ended {
    const fn place(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Refused(code) => 1 + code as usize,
            Self::Failed(transient) => 1 + ErrorCode::ALL.len() + transient as usize,
        }
    }
}

/// The label of a code by its place.
fn code(place: usize) -> &'static str {
    let Some(place) = place.checked_sub(1) else { return "" };
    let failure = || FAILURES.get(place.saturating_sub(ErrorCode::ALL.len())).copied();
    ErrorCode::ALL.get(place).map(|code| code.as_str()).or_else(failure).unwrap_or_default()
}

/// All requests.
#[derive(Debug, Default)]
pub struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
    endpoints: [OneEndpoint; ENDPOINTS.len() + 1],
}

#[derive(Debug, Default)]
struct OneEndpoint {
    took: Histogram,
    counts: [[AtomicU64; CODES]; STATUSES.len()],
}

/// A request in progress. Dropped before its end it counts as abandoned.
pub struct InProgress<'a> {
    requests: &'a Requests,
    name: &'static str,
    endpoint: Option<&'a OneEndpoint>,
    began: Instant,
    is_over: bool,
}

impl Requests {
    /// A request to `path`, below the issuer's path, begins.
    pub fn begin(&self, path: &str) -> InProgress<'_> {
        self.begun.fetch_add(1, Relaxed);
        let place = ENDPOINTS.iter().position(|known| *known == path).unwrap_or(ENDPOINTS.len());
        InProgress {
            requests: self,
            name: ENDPOINTS.get(place).copied().unwrap_or(OTHER),
            endpoint: self.endpoints.get(place),
            began: Instant::now(),
            is_over: false,
        }
    }

    /// How many are in progress.
    pub(super) fn in_progress(&self) -> u64 {
        let ended = self.ended.load(Relaxed);
        self.begun.load(Relaxed).saturating_sub(ended)
    }

    /// How many began.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    /// How many had a status of this class.
    pub(super) fn of_status(&self, status: &str) -> u64 {
        self.each().filter(|sum| sum.status == status).map(|sum| sum.count).sum()
    }

    /// How many ended how.
    pub(super) fn each(&self) -> impl Iterator<Item = Sum> {
        self.labelled().flat_map(|(endpoint, one)| {
            STATUSES.into_iter().zip(&one.counts).flat_map(move |(status, codes)| {
                codes.iter().enumerate().map(move |(place, count)| Sum {
                    endpoint,
                    status,
                    code: code(place),
                    count: count.load(Relaxed),
                })
            })
        })
    }

    /// How long they took.
    pub(super) fn took(&self) -> impl Iterator<Item = (&'static str, Durations)> {
        self.labelled().map(|(endpoint, one)| (endpoint, one.took.read()))
    }

    fn labelled(&self) -> impl Iterator<Item = (&'static str, &OneEndpoint)> {
        ENDPOINTS.into_iter().chain([OTHER]).zip(&self.endpoints)
    }
}

/// How many requests to one endpoint ended in one way.
pub(super) struct Sum {
    pub(super) endpoint: &'static str,
    pub(super) status: &'static str,
    /// Empty without one.
    pub(super) code: &'static str,
    pub(super) count: u64,
}

impl InProgress<'_> {
    /// The endpoint, as metrics and the log name it.
    pub const fn endpoint(&self) -> &'static str {
        self.name
    }

    /// The request ends with this answer.
    pub fn end(mut self, status: StatusCode, ended: Ended) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.count(class, ended, self.began.elapsed());
    }

    fn count(&mut self, class: usize, ended: Ended, took: Duration) {
        self.is_over = true;
        self.requests.ended.fetch_add(1, Relaxed);
        let Some(endpoint) = self.endpoint else { return };
        endpoint.took.note(took);
        if let Some(count) = endpoint.counts.get(class).and_then(|codes| codes.get(ended.place())) {
            count.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.count(STATUSES.len() - 1, Ended::Plain, self.began.elapsed());
        }
    }
}
