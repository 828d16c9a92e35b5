//! Leave to try a password. [`crate::password::Passwords::verify`] takes it, so no code path checks one that
//! isn't counted (D-21). Counters are in storage, shared by all processes, and written on failure only; those
//! still being checked are counted in memory, so that many at once pass no more than one after another. Each
//! process knows its own only: of several, each lets a burst through at once, and what failed counts for all.

use crate::app::App;
use crate::crowd::{Crowd, Member};
use crate::http::call::Call;
use crate::http::failure::Failure;
use crate::keys::Snapshot;
use crate::password::PasswordError;
use crate::seal::Purpose;
use protocol::attempts::{ACCOUNT, ADDRESS, AttemptKey, Limit, Network, SIGN_UP};
use protocol::event::Event;
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;
use storage::StoreError;
use zeroize::Zeroizing;

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

/// Whose share of the password pool a call takes; nobody's where nothing is limited.
pub fn share(app: &App, call: Call) -> Option<Network> {
    app.settings.rate_limits.then(|| Network::of(call.from))
}

/// An attempt among those in flight, until it is dropped. It begins *before* debts are read: whoever left by then
/// had its failure counted, and the debt tells; whoever is still there is ahead. Who is counted just in between counts
/// twice for that moment, which only delays; none is missed.
pub struct Attempt {
    ring: Arc<Snapshot>,
    at: Timestamp,
    network: Option<Network>,
    in_flight: Crowd<AttemptKey>,
    entered: Vec<Member<AttemptKey>>,
}

/// What a counter is stored under: its key under the sealing master of now, so that a copy of the store tells neither
/// addresses nor what was typed as a name. A new master begins new counters, which is a burst more once in a key's
/// life.
///
/// # Errors
/// Internal ones only: the master that seals now is always there.
pub fn stored(whom: AttemptKey, ring: &Snapshot, now: Timestamp) -> Result<AttemptKey, Failure> {
    let seals = ring.seals();
    let parts = [whom.kind.as_bytes(), whom.digest.as_slice()];
    let digest = seals.derive(seals.current_master(now), Purpose::Attempt, &parts);
    Ok(AttemptKey { digest: digest.ok_or(Failure::internal("no master seals"))?, ..whom })
}

/// Where an attempt stands at one of its counters.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    counter: Counter,
    ahead: usize,
}

impl Standing {
    /// The key its debt is stored under.
    pub const fn key(&self) -> AttemptKey {
        self.counter.0
    }
}

/// Too many attempts: how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl Attempt {
    /// Begins. With `rate_limits = off` nothing is counted.
    pub fn begin(app: &App, call: Call) -> Self {
        let (ring, in_flight) = (app.keys.current(), app.in_flight().clone());
        Self { ring, at: call.at, network: share(app, call), in_flight, entered: Vec::new() }
    }

    /// Enters at a counter.
    ///
    /// # Errors
    /// As [`stored`].
    pub fn enter(&mut self, (whom, limit): Counter) -> Result<Standing, Failure> {
        let key = stored(whom, &self.ring, self.at)?;
        let member = self.in_flight.enter(key);
        let ahead = member.ahead();
        self.entered.push(member);
        Ok(Standing { counter: (key, limit), ahead })
    }

    /// Gives leave unless the debt at one of these counters is too high, or would be if those ahead failed.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(
        self,
        debts: impl IntoIterator<Item = (Standing, Timestamp)>,
    ) -> Result<AttemptGuard, TooMany> {
        let Self { at, network, entered, .. } = self;
        let mut guard = AttemptGuard { counters: Vec::new(), network, _in_flight: entered };
        if network.is_none() {
            return Ok(guard);
        }
        let mut longest = None;
        for (Standing { counter, ahead }, debt) in debts {
            longest = longest.max(counter.1.wait_behind(ahead, debt, at));
            guard.counters.push(counter);
        }
        longest.map_or(Ok(guard), |wait| Err(TooMany(wait)))
    }
}

/// Leave to check one password. It stays in flight until this is dropped.
#[derive(Debug)]
pub struct AttemptGuard {
    counters: Vec<Counter>,
    network: Option<Network>,
    _in_flight: Vec<Member<AttemptKey>>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the user's password.
    Right,
    /// It isn't, or there is no such user, or they are disabled. Counted.
    Wrong,
    /// Too many at once to check this one now.
    Busy,
}

impl AttemptGuard {
    /// Where nothing is counted.
    #[cfg(test)]
    pub fn uncounted() -> Self {
        Self { counters: Vec::new(), network: None, _in_flight: Vec::new() }
    }

    /// Checks a password, and counts and logs a wrong one as `failed`, whether or not the caller stays.
    ///
    /// # Errors
    /// What breaks.
    pub async fn check(
        self,
        app: &App,
        call: Call,
        password: Zeroizing<String>,
        user: Option<&User>,
        failed: Event,
    ) -> Result<Checked, Failure> {
        let (app, hash) = (app.clone(), user.and_then(|user| user.password.clone()));
        let enabled = user.is_some_and(|user| !user.disabled);
        to_the_end(async move {
            let pool = app.passwords.on_behalf_of(self.network);
            match pool.verify(&self, password, hash.as_ref()).await {
                Ok(true) if enabled => Ok(Checked::Right),
                Ok(_) => {
                    call.audit_failure(&app, &failed);
                    self.count(&app, call).await?;
                    Ok(Checked::Wrong)
                }
                Err(PasswordError::Busy) => Ok(Checked::Busy),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    /// The attempt counts. It stays in flight until that is stored.
    ///
    /// # Errors
    /// What storage says.
    pub async fn count(self, app: &App, call: Call) -> Result<(), StoreError> {
        for (key, limit) in &self.counters {
            app.store.note_attempt(*key, *limit, call.stamp()).await?;
        }
        Ok(())
    }
}

/// Work in a task of its own, which goes on when the caller hangs up: nobody gets an attempt for nothing by not
/// waiting for the answer.
///
/// # Errors
/// What the work says.
pub async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work).await.map_err(|_| Failure::internal("an attempt broke off"))?
}
