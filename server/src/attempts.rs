//! Leave to try a password. [`crate::password::Passwords::verify`] takes it, so no code path checks one that
//! isn't counted (D-21). Counters are in storage, shared by all processes, and written on failure only.

use crate::app::App;
use crate::http::call::Call;
use protocol::attempts::{ACCOUNT, ADDRESS, AttemptKey, Limit, SIGN_UP};
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use std::time::Duration;
use storage::StoreError;

/// What an attempt counts against, and how much that may be.
pub type Counter = (AttemptKey, Limit);

/// The counter of the caller's address.
pub fn of_address(call: Call) -> Counter {
    (AttemptKey::address(call.from), ADDRESS)
}

/// The counter of an account, whatever name leads to it.
pub fn of_account(user: &UserId) -> Counter {
    (AttemptKey::account(user), ACCOUNT)
}

/// The counter of a name that leads to nobody, limited as if it did.
pub fn of_name(identifier: &Identifier) -> Counter {
    (AttemptKey::name(identifier), ACCOUNT)
}

/// The counter of new accounts from the caller's address.
pub fn of_sign_up(call: Call) -> Counter {
    (AttemptKey::sign_up(call.from), SIGN_UP)
}

/// Leave to check one password.
#[derive(Debug)]
pub struct AttemptGuard(Vec<Counter>);

/// Too many attempts: how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl AttemptGuard {
    /// Where nothing is counted: with `rate_limits = off`, and in tests.
    pub const fn uncounted() -> Self {
        Self(Vec::new())
    }

    /// Gives leave unless the debt of one of the counters is too high.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(
        app: &App,
        counters: impl IntoIterator<Item = (Counter, Timestamp)>,
        now: Timestamp,
    ) -> Result<Self, TooMany> {
        if !app.settings.rate_limits {
            return Ok(Self::uncounted());
        }
        let mut guard = Self::uncounted();
        let mut longest = None;
        for (counter, debt) in counters {
            longest = longest.max(counter.1.wait(debt, now));
            guard.0.push(counter);
        }
        longest.map_or(Ok(guard), |wait| Err(TooMany(wait)))
    }

    /// The attempt failed: it counts.
    ///
    /// # Errors
    /// What storage says.
    pub async fn failed(self, app: &App, call: Call) -> Result<(), StoreError> {
        for (key, limit) in self.0 {
            app.store.note_attempt(key, limit, call.stamp()).await?;
        }
        Ok(())
    }
}
