//! How sign-ins end. The audit events of the same names say who it was; these count also what the log leaves out.

use protocol::event::What;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How a sign-in, or another check of a password, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// The user is signed in.
    Success,
    /// It was the wrong password, or there is no such user.
    Failure,
    /// It was not checked because too many had failed.
    Throttled,
    /// It was not checked because too many were waiting.
    Busy,
}

impl SignIn {
    const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Throttled, Self::Busy];

    /// The end that an audit event tells of.
    pub const fn of(event: What) -> Option<Self> {
        match event {
            What::SignedIn => Some(Self::Success),
            What::SignInFailed => Some(Self::Failure),
            What::SignInThrottled => Some(Self::Throttled),
            What::PasswordsBusy => Some(Self::Busy),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
        }
    }
}

/// How many ended how.
#[derive(Debug, Default)]
pub struct SignIns([AtomicU64; SignIn::ALL.len()]);

impl SignIns {
    /// Counts one.
    pub fn count(&self, end: SignIn) {
        if let Some(count) = self.0.get(end as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// How many ended like this.
    pub(super) fn of(&self, end: SignIn) -> u64 {
        self.0.get(end as usize).map_or(0, |count| count.load(Relaxed))
    }

    /// All of them.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SignIn::ALL.into_iter().map(|end| (end.name(), self.of(end)))
    }
}
