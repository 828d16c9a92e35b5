//! Failed attempts: how many are allowed at once, and how long the next one must wait. What is counted, and by what:
//! `docs/concepts/attempts.md`.
//!
//! A counter is one instant, the *debt*: each failure moves it one interval later, and an attempt must wait while the
//! debt is further ahead than the burst allows (the generic cell rate algorithm). A debt passes as time does, so a
//! counter needs no reset, no window and no clean-up.

use crate::id::{DeviceId, SessionId, UserId};
use crate::name::Identifier;
use crate::time::{CLOCK_SKEW, Timestamp};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::time::Duration;

/// How many attempts are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The number allowed at once.
    pub burst: u32,
    /// After that, one is allowed per interval.
    pub interval: Duration,
}

/// Wrong passwords for one name from one network: 60 an hour.
pub const NAME_FROM_NETWORK: Limit = Limit { burst: 5, interval: Duration::from_secs(60) };
/// Wrong passwords for one name from anywhere: 120 an hour, as many as two networks may send, so that one or two
/// networks cannot delay the others.
pub const NAME: Limit = Limit { burst: 30, interval: Duration::from_secs(30) };
/// Wrong passwords from one network, for any name: 600 an hour, because an office behind one address mistypes more
/// often than one user.
pub const ADDRESS: Limit = Limit { burst: 20, interval: Duration::from_secs(6) };
/// Wrong passwords from one browser that signed in to the account before, or in one session: 180 an hour.
pub const OWN: Limit = Limit { burst: 5, interval: Duration::from_secs(20) };
/// New accounts from one customer's network: 3 an hour, and 10 at once, for example for a class.
pub const SIGN_UP: Limit = Limit { burst: 10, interval: Duration::from_secs(20 * 60) };

/// The longest wait, however many attempts fail at once.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

impl Limit {
    /// How long an attempt with this debt must wait; `None` if it need not.
    pub fn wait(&self, debt: Timestamp, now: Timestamp) -> Option<Duration> {
        let free_at = self.believed(debt, now).minus(self.allowance());
        (free_at > now).then(|| free_at.since(now))
    }

    /// The same if all `ahead` attempts that are still being checked fail.
    pub fn wait_behind(&self, ahead: usize, debt: Timestamp, now: Timestamp) -> Option<Duration> {
        // A burst of failures is enough to have to wait, so no more are counted.
        let debt = (0..self.burst).take(ahead).fold(debt, |debt, _| self.after(debt, now));
        self.wait(debt, now)
    }

    /// The debt after one more failure.
    pub fn after(&self, debt: Timestamp, now: Timestamp) -> Timestamp {
        let next = self.believed(debt, now).max(now).plus(self.interval);
        next.min(now.plus(self.most()))
    }

    /// A debt further ahead than the maximum was written by a clock that ran ahead, so it is ignored.
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

/// The key of a counter: its kind, and a hash of the name, address, browser or session it is for. Names and addresses
/// can be guessed from a plain hash, so the stored key is a keyed hash of this, under a key that is not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The kind of counter.
    pub kind: &'static str,
    /// The hash.
    pub digest: [u8; 32],
}

impl AttemptKey {
    /// Sign-ins by a name as it was typed, whether or not a user has it.
    pub fn name(identifier: &Identifier) -> Self {
        Self::new("name", &[identifier.as_str().as_bytes()])
    }

    /// The same from one network. For IPv6 this is the widest network that one customer has, because a customer can use
    /// many networks of 64 bits at no cost.
    pub fn name_from_network(identifier: &Identifier, address: Option<IpAddr>) -> Self {
        let network = Network::of(address).of_customer();
        Self::new("name-network", &[network.as_bytes(), identifier.as_str().as_bytes()])
    }

    /// Sign-ins to an account from a browser that signed in to it before.
    pub fn device(user: &UserId, device: &DeviceId) -> Self {
        Self::new("device", &[user.as_bytes(), device.as_bytes()])
    }

    /// Passwords entered on the account page in a session.
    pub fn session(session: &SessionId) -> Self {
        Self::new("session", &[session.as_bytes()])
    }

    /// Sign-ins from an address.
    pub fn address(address: Option<IpAddr>) -> Self {
        Self::new("address", &[Network::of(address).as_bytes()])
    }

    /// New accounts from one network; for IPv6 the widest that one customer has. Limited because each sign-up reveals
    /// whether a name is taken.
    pub fn sign_up(address: Option<IpAddr>) -> Self {
        Self::new("sign-up", &[Network::of(address).of_customer().as_bytes()])
    }

    /// Each part is hashed with its length, so different lists of parts have different hashes.
    fn new(kind: &'static str, whom: &[&[u8]]) -> Self {
        let mut hash = Sha256::new().chain_update(b"keyward attempts\0").chain_update(kind).chain_update([0]);
        for part in whom {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self { kind, digest: hash.finalize().into() }
    }
}

/// What one caller controls: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An address.
    V4([u8; 4]),
    /// The first half of an address.
    V6([u8; 8]),
    /// All unknown addresses: they cannot be distinguished, so they share one limit.
    Unknown,
}

impl Network {
    /// The network of an address.
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

    /// The networks it is part of, widest first: for an IPv6 network of 64 bits those of 48 and 56 bits, which
    /// providers assign to one customer, with the remaining bits zero. Any other network is only part of itself.
    pub const fn within(self) -> [Self; 3] {
        match self {
            Self::V6([a, b, c, d, e, f, g, _]) => {
                [Self::V6([a, b, c, d, e, f, 0, 0]), Self::V6([a, b, c, d, e, f, g, 0]), self]
            }
            Self::V4(_) | Self::Unknown => [self; 3],
        }
    }

    const fn of_customer(self) -> Self {
        let [widest, ..] = self.within();
        widest
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
        for _ in 0..OWN.burst {
            assert_eq!(OWN.wait(debt, now), None);
            debt = OWN.after(debt, now);
        }
        for _ in 0..100 {
            let wait = OWN.wait(debt, now).unwrap();
            assert!(wait <= OWN.interval, "{wait:?}");
            now = now.plus(wait);
            assert_eq!(OWN.wait(debt, now), None);
            debt = OWN.after(debt, now);
        }
        assert_eq!(OWN.wait(debt, now.plus(OWN.interval * OWN.burst)), None);
    }

    #[test]
    fn n149_failures_in_flight_together_add_up_to_five_minutes_at_most() {
        for limit in [OWN, ADDRESS, NAME, NAME_FROM_NETWORK] {
            let debt = (0..10_000).fold(Timestamp::EPOCH, |debt, _| limit.after(debt, NOW));
            assert_eq!(limit.wait(debt, NOW), Some(LONGEST_WAIT));
            assert_eq!(limit.wait(debt, NOW.plus(LONGEST_WAIT)), None);
        }
        let debt = (0..10_000).fold(Timestamp::EPOCH, |debt, _| SIGN_UP.after(debt, NOW));
        assert_eq!(SIGN_UP.wait(debt, NOW), Some(SIGN_UP.interval));
    }

    #[test]
    fn n149_those_ahead_count_as_if_they_had_failed() {
        let after = |failures: u32| (0..failures).fold(Timestamp::EPOCH, |debt, _| OWN.after(debt, NOW));
        for failed in 0..=2 * OWN.burst {
            for ahead in 0..=2 * OWN.burst {
                let waits = OWN.wait_behind(ahead as usize, after(failed), NOW).is_some();
                assert_eq!(waits, failed + ahead >= OWN.burst, "{failed} failed, {ahead} ahead");
            }
        }
        let wait = OWN.wait_behind(usize::MAX, Timestamp::EPOCH, NOW);
        assert_eq!(wait, Some(OWN.interval), "at most one burst is counted");
    }

    #[test]
    fn what_a_clock_noted_that_ran_ahead_delays_nobody() {
        let debt = (0..100).fold(Timestamp::EPOCH, |debt, _| OWN.after(debt, NOW));
        let back = NOW.minus(Duration::from_secs(3600));
        assert_eq!(OWN.wait(debt, back), None);
        assert_eq!(OWN.after(debt, back), back.plus(OWN.interval));
        let skewed = NOW.minus(CLOCK_SKEW);
        assert!(OWN.wait(debt, skewed).is_some(), "clocks of two servers may differ a little");
    }

    #[test]
    fn n148_n155_keys_tell_kinds_apart_and_networks_together() {
        let address = |text: &str| AttemptKey::address(Some(text.parse().unwrap()));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_ne!(AttemptKey::address(None), address("0.0.0.0"));
        let (user, device) = (UserId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let (other, own) = (UserId::from_bytes([2; 16]), AttemptKey::device(&user, &device));
        assert_ne!(own, AttemptKey::device(&other, &DeviceId::from_bytes([1; 16])));
        assert_ne!(own.digest, AttemptKey::session(&SessionId::from_bytes([1; 16])).digest);
    }

    #[test]
    fn n148_n247_a_name_is_counted_as_it_was_typed_however_it_is_spelt() {
        let name = |text: &str| AttemptKey::name(&Identifier::typed(text).unwrap());
        assert_eq!(name("Carol"), name("ＣＡＲＯＬ"));
        assert_eq!(name("Carol@Example.com"), name("carol@example.com"));
        assert_ne!(name("carol"), name("carol@example.com"));
        let carol = Identifier::typed("carol").unwrap();
        let from = |address: &str| AttemptKey::name_from_network(&carol, Some(address.parse().unwrap()));
        assert_ne!(from("192.0.2.1"), from("192.0.2.2"));
        assert_eq!(from("2001:db8:1:2::3"), from("2001:db8:1:ffff::1"), "one customer");
        assert_ne!(from("2001:db8:1:2::3"), from("2001:db8:2:2::3"));
    }

    #[test]
    fn n173_an_ipv6_customer_is_one_who_signs_up_however_many_networks_it_has() {
        let from = |address: &str| AttemptKey::sign_up(Some(address.parse().unwrap()));
        assert_eq!(from("2001:db8:1:2::3"), from("2001:db8:1:ffff::1"));
        assert_ne!(from("2001:db8:1:2::3"), from("2001:db8:2:2::3"));
        assert_ne!(from("192.0.2.1"), from("192.0.2.2"));
        assert_ne!(from("192.0.2.1"), AttemptKey::sign_up(None));
    }

    #[test]
    fn n245_two_networks_never_fill_what_all_share() {
        let (mut here, mut everywhere, mut failed) = ([Timestamp::EPOCH; 2], Timestamp::EPOCH, 0);
        for second in 0..24 * 3600 {
            let now = NOW.plus(Duration::from_secs(second));
            for debt in &mut here {
                while NAME_FROM_NETWORK.wait(*debt, now).is_none() {
                    assert_eq!(NAME.wait(everywhere, now), None, "after {failed} failures");
                    *debt = NAME_FROM_NETWORK.after(*debt, now);
                    everywhere = NAME.after(everywhere, now);
                    failed += 1;
                }
            }
        }
        assert_eq!(failed, 2 * (24 * 60 + 4), "failures in a day");
    }

    #[test]
    fn n246_a_network_is_part_of_wider_ones() {
        let of = |text: &str| Network::of(Some(text.parse().unwrap())).within();
        let ([wide, middle, narrow], other) = (of("2001:db8:1:203::1"), of("2001:db8:1:2ff::1"));
        assert_eq!((wide, middle), (other[0], other[1]));
        assert_ne!(narrow, other[2]);
        assert_ne!(of("2001:db8:1:300::1")[1], middle);
        assert_ne!(of("2001:db8:2:203::1")[0], wide);
        assert_eq!(of("192.0.2.1"), [Network::V4([192, 0, 2, 1]); 3]);
    }
}
