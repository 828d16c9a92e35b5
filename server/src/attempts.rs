//! Limits on attempts at passwords. [`crate::password::Place::verify`] takes an [`AttemptGuard`], so no code path checks a
//! password without counting. Counters are in storage, shared by all processes, and written on failure only. Attempts
//! that are still being checked are counted in memory, so that many at once pass no more than one after another. Each
//! process knows only its own of these: of several, each lets a burst through at once, and what failed counts for all.

use crate::admission::QueueKey;
use crate::in_flight::{InFlight, InFlightGuard};
use crate::server_error::ServerError;
use keys::Snapshot;
use keys::seal::Purpose;
use protocol::attempts::{ADDRESS, AttemptKey, Limit, NAME, NAME_FROM_NETWORK, OWN, SIGN_UP};
use protocol::id::{DeviceId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use storage::{Stamp, Store, StoreError};

/// What an attempt counts against, and how much that may be.
pub type Counter = (AttemptKey, Limit);

/// The counters of a stranger, those that the fewest share first: the typed name from this network, the network, and the
/// name from anywhere. They are the same whether or not the name belongs to a user, so no counter tells which names
/// exist.
pub fn of_stranger(from: Option<IpAddr>, name: Option<&Identifier>) -> impl Iterator<Item = Counter> {
    let here = name.map(|name| (AttemptKey::name_from_network(name, from), NAME_FROM_NETWORK));
    let anywhere = name.map(|name| (AttemptKey::name(name), NAME));
    here.into_iter().chain([(AttemptKey::address(from), ADDRESS)]).chain(anywhere)
}

/// The counter of a browser that signed in to the account before.
pub fn of_device(user: &UserId, device: &DeviceId) -> Counter {
    (AttemptKey::device(user, device), OWN)
}

/// The counter of somebody who is signed in.
pub fn of_session(session: &SessionId) -> Counter {
    (AttemptKey::session(session), OWN)
}

/// The counter of new accounts from the caller's network.
pub fn of_sign_up(from: Option<IpAddr>) -> Counter {
    (AttemptKey::sign_up(from), SIGN_UP)
}

/// An attempt that enters at counters. It enters *before* debts are read: an earlier attempt has either left, and its
/// failure is in the debt, or is still there and ahead of this one. One that is counted in between counts twice for that
/// moment, which only delays; none is missed.
pub struct Attempt {
    ring: Arc<Snapshot>,
    at: Timestamp,
    is_counted: bool,
    in_flight: InFlight<AttemptKey>,
}

/// What a counter is stored under: its key under the current sealing master, so that a copy of the store reveals neither
/// addresses nor what was typed as a name. A new master begins new counters, which allows one more burst in a master's
/// lifetime.
///
/// # Errors
/// By a mistake of ours only: the current master is always there.
pub fn stored(whom: AttemptKey, ring: &Snapshot, now: Timestamp) -> Result<AttemptKey, ServerError> {
    let seals = ring.seals();
    let parts = [whom.kind.as_bytes(), whom.digest.as_slice()];
    let digest = seals.derive(seals.current_master(now), Purpose::Attempt, &parts);
    Ok(AttemptKey {
        digest: digest.ok_or_else(|| ServerError::permanent("the current sealing master is missing"))?,
        ..whom
    })
}

/// An attempt's position at one of its counters. It is in flight there until this is dropped.
#[derive(Debug)]
pub struct Standing {
    counter: Counter,
    /// `None`: it didn't enter, because it has to wait at another counter anyway.
    member: Option<InFlightGuard<AttemptKey>>,
}

impl Standing {
    /// The key its debt is stored under.
    pub const fn key(&self) -> AttemptKey {
        self.counter.0
    }

    fn ahead(&self) -> usize {
        self.member.as_ref().map_or(0, InFlightGuard::ahead)
    }

    /// Whether those ahead are enough to have to wait, whatever the debt.
    fn has_to_wait(&self) -> bool {
        u32::try_from(self.ahead()).map_or(true, |ahead| ahead >= self.counter.1.burst)
    }
}

/// Too many attempts: how long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl Attempt {
    /// Begins. With `rate_limits = off` it is not counted.
    pub const fn begin(
        ring: Arc<Snapshot>,
        in_flight: InFlight<AttemptKey>,
        is_counted: bool,
        at: Timestamp,
    ) -> Self {
        Self { ring, at, is_counted, in_flight }
    }

    /// Enters at a counter.
    ///
    /// # Errors
    /// As [`stored`].
    pub fn enter(&self, (whom, limit): Counter) -> Result<Standing, ServerError> {
        let key = stored(whom, &self.ring, self.at)?;
        Ok(Standing { counter: (key, limit), member: Some(self.in_flight.enter(key)) })
    }

    /// Enters at each in order, but at no further one once it has to wait anyway: however many come at once from one
    /// network, few of them are ahead of others at the counter for all networks.
    ///
    /// # Errors
    /// As [`stored`].
    pub fn enter_each(&self, counters: impl Iterator<Item = Counter>) -> Result<Vec<Standing>, ServerError> {
        let mut has_to_wait = false;
        let enter = |(whom, limit)| {
            if has_to_wait {
                return Ok(Standing { counter: (stored(whom, &self.ring, self.at)?, limit), member: None });
            }
            let standing = self.enter((whom, limit))?;
            has_to_wait = standing.has_to_wait();
            Ok(standing)
        };
        counters.map(enter).collect()
    }

    /// Admits the attempt, unless the debt at one of these counters is too high or would be if those ahead failed. It
    /// counts at these and at no other that it entered, and its check is queued by `key`.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(
        self,
        key: QueueKey,
        debts: impl IntoIterator<Item = (Standing, Timestamp)>,
    ) -> Result<AttemptGuard, TooMany> {
        let Self { at, is_counted, .. } = self;
        let mut guard = AttemptGuard { standings: Vec::new(), key };
        if !is_counted {
            return Ok(guard);
        }
        let mut longest = None;
        for (standing, debt) in debts {
            longest = longest.max(standing.counter.1.wait_behind(standing.ahead(), debt, at));
            guard.standings.push(standing);
        }
        longest.map_or(Ok(guard), |wait| Err(TooMany(wait)))
    }
}

/// Permission to check one password. The attempt stays in flight until this is dropped.
#[derive(Debug)]
pub struct AttemptGuard {
    standings: Vec<Standing>,
    key: QueueKey,
}

impl AttemptGuard {
    /// By what its check is queued.
    pub const fn queue_key(&self) -> QueueKey {
        self.key
    }

    /// Where nothing is counted.
    #[cfg(test)]
    pub fn uncounted() -> Self {
        Self { standings: Vec::new(), key: QueueKey::Stranger(None) }
    }

    /// Counts the attempt as failed. It stays in flight until that is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count(self, store: &dyn Store, stamp: Stamp) -> Result<(), StoreError> {
        for Standing { counter: (key, limit), .. } in &self.standings {
            store.note_attempt(*key, *limit, stamp).await?;
        }
        Ok(())
    }
}
