//! Failed attempts: how many are answered at once, and how long the next one waits. Soft: nobody is locked out,
//! and a right password is only ever delayed by some minutes.
//!
//! A counter is one instant, the *debt*: each failure moves it one interval on, time pays it off by itself, and
//! what lies further ahead than the burst allows has to wait (the generic cell rate algorithm). So a counter
//! needs no resetting, no window and no clean-up to be right.

use crate::id::UserId;
use crate::name::Identifier;
use crate::time::{CLOCK_SKEW, Timestamp};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// How much is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// So many at once.
    pub burst: u32,
    /// Then one each interval.
    pub interval: Duration,
}

/// Failed sign-ins to one account, from anywhere: 180 an hour, each 20 s after the last.
pub const ACCOUNT: Limit = Limit { burst: 5, interval: Duration::from_secs(20) };
/// Failed sign-ins from one address, to any account: an office behind one address mistypes more than a person.
pub const ADDRESS: Limit = Limit { burst: 20, interval: Duration::from_secs(6) };
/// New accounts from one address: an hour's three, and some at once for a class room.
pub const SIGN_UP: Limit = Limit { burst: 10, interval: Duration::from_secs(20 * 60) };

/// Questions from one address for clients that don't exist.
pub const UNKNOWN_CLIENTS: Limit = Limit { burst: 100, interval: Duration::from_millis(100) };

/// However many fail together, the next one waits no longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

impl Limit {
    /// Whether something with this debt has to wait, and how long.
    pub fn wait(&self, debt: Timestamp, now: Timestamp) -> Option<Duration> {
        let free_at = self.believed(debt, now).minus(self.allowance());
        (free_at > now).then(|| free_at.since(now))
    }

    /// The same, should those ahead that are still being checked all fail.
    pub fn wait_behind(&self, ahead: usize, debt: Timestamp, now: Timestamp) -> Option<Duration> {
        // A burst of them is enough to have to wait.
        let debt = (0..self.burst).take(ahead).fold(debt, |debt, _| self.after(debt, now));
        self.wait(debt, now)
    }

    /// The debt after one more failure.
    pub fn after(&self, debt: Timestamp, now: Timestamp) -> Timestamp {
        let next = self.believed(debt, now).max(now).plus(self.interval);
        next.min(now.plus(self.most()))
    }

    /// A debt further ahead than any can be was noted by a clock that ran ahead: it says nothing.
    fn believed(&self, debt: Timestamp, now: Timestamp) -> Timestamp {
        if debt > now.plus(self.most().saturating_add(CLOCK_SKEW)) { now } else { debt }
    }

    fn allowance(&self) -> Duration {
        self.interval.saturating_mul(self.burst.saturating_sub(1))
    }

    fn most(&self) -> Duration {
        self.allowance().saturating_add(LONGEST_WAIT.max(self.interval))
    }
}

/// What is counted: a kind, and a hash of whom it is about. There are few enough addresses and names to try them
/// all, so what is stored is this under a key that the store doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// Which counter.
    pub kind: &'static str,
    /// Of whom.
    pub digest: [u8; 32],
}

impl AttemptKey {
    /// Sign-ins to an account, whatever name led to it.
    pub fn account(user: &UserId) -> Self {
        Self::new("account", user.as_bytes())
    }

    /// Sign-ins by a name that leads to nobody.
    pub fn name(identifier: &Identifier) -> Self {
        Self::new("name", identifier.as_str().as_bytes())
    }

    /// Sign-ins from an address.
    pub fn address(address: Option<IpAddr>) -> Self {
        Self::new("address", Network::of(address).as_bytes())
    }

    /// New accounts from an address.
    pub fn sign_up(address: Option<IpAddr>) -> Self {
        Self::new("sign-up", Network::of(address).as_bytes())
    }

    fn new(kind: &'static str, whom: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(b"keyward attempts\0").chain_update(kind).chain_update([0]);
        Self { kind, digest: hash.chain_update(whom).finalize().into() }
    }
}

/// What one caller controls: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An address.
    V4([u8; 4]),
    /// The first half of an address.
    V6([u8; 8]),
    /// All unknown addresses: what can't be told apart is limited together, never let through.
    Unknown,
}

impl Network {
    /// Where an address is.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
            None => Self::Unknown,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::V4(address) => address,
            Self::V6(network) => network,
            Self::Unknown => b"unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn n149_a_burst_then_one_an_interval_and_never_longer() {
        let (mut debt, mut now) = (Timestamp::EPOCH, NOW);
        for _ in 0..ACCOUNT.burst {
            assert_eq!(ACCOUNT.wait(debt, now), None);
            debt = ACCOUNT.after(debt, now);
        }
        for _ in 0..100 {
            let wait = ACCOUNT.wait(debt, now).unwrap();
            assert!(wait <= ACCOUNT.interval, "{wait:?}");
            now = now.plus(wait);
            assert_eq!(ACCOUNT.wait(debt, now), None);
            debt = ACCOUNT.after(debt, now);
        }
        assert_eq!(ACCOUNT.wait(debt, now.plus(ACCOUNT.interval * ACCOUNT.burst)), None);
    }

    #[test]
    fn n149_failures_in_flight_together_add_up_to_five_minutes_at_most() {
        for limit in [ACCOUNT, ADDRESS] {
            let debt = (0..10_000).fold(Timestamp::EPOCH, |debt, _| limit.after(debt, NOW));
            assert_eq!(limit.wait(debt, NOW), Some(LONGEST_WAIT));
            assert_eq!(limit.wait(debt, NOW.plus(LONGEST_WAIT)), None);
        }
        let debt = (0..10_000).fold(Timestamp::EPOCH, |debt, _| SIGN_UP.after(debt, NOW));
        assert_eq!(SIGN_UP.wait(debt, NOW), Some(SIGN_UP.interval));
    }

    #[test]
    fn n149_those_ahead_count_as_if_they_had_failed() {
        let after = |failures: u32| (0..failures).fold(Timestamp::EPOCH, |debt, _| ACCOUNT.after(debt, NOW));
        for failed in 0..=2 * ACCOUNT.burst {
            for ahead in 0..=2 * ACCOUNT.burst {
                let waits = ACCOUNT.wait_behind(ahead as usize, after(failed), NOW).is_some();
                assert_eq!(waits, failed + ahead >= ACCOUNT.burst, "{failed} failed, {ahead} ahead");
            }
        }
        let wait = ACCOUNT.wait_behind(usize::MAX, Timestamp::EPOCH, NOW);
        assert_eq!(wait, Some(ACCOUNT.interval), "a burst was tried, no more");
    }

    #[test]
    fn what_a_clock_noted_that_ran_ahead_delays_nobody() {
        let debt = (0..100).fold(Timestamp::EPOCH, |debt, _| ACCOUNT.after(debt, NOW));
        let back = NOW.minus(Duration::from_secs(3600));
        assert_eq!(ACCOUNT.wait(debt, back), None);
        assert_eq!(ACCOUNT.after(debt, back), back.plus(ACCOUNT.interval));
        let skewed = NOW.minus(CLOCK_SKEW);
        assert!(ACCOUNT.wait(debt, skewed).is_some(), "a little ahead is usual between two servers");
    }

    #[test]
    fn n148_n155_keys_tell_kinds_apart_and_networks_together() {
        let address = |text: &str| AttemptKey::address(Some(text.parse().unwrap()));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_ne!(AttemptKey::address(None), address("0.0.0.0"));
        let user = UserId::from_bytes(*b"2001:db8::123456");
        assert_ne!(AttemptKey::account(&user).digest, AttemptKey::address(None).digest);
    }
}
