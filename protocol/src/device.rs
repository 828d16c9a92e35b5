//! Browsers in which a user signed in before. Such a browser has a counter of its own for wrong passwords of that
//! account, so failures from elsewhere do not delay it. The cookie authenticates nobody: with a stolen one a thief gets
//! only that counter.

use crate::id::{DeviceId, UserId};
use crate::lifetimes;
use crate::time::Timestamp;
use crate::user::User;
use sha2::{Digest as _, Sha256};

/// The most accounts that a browser is known to: those that signed in last.
pub const MOST: usize = 5;

/// One account that signed in from a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    user: UserId,
    /// The id of its counter of attempts.
    pub id: DeviceId,
    bound_to: [u8; 16],
    signed_in_at: Timestamp,
}

impl Device {
    const BYTES: usize = 56;

    /// Whether the user signed in from this browser within [`lifetimes::DEVICE`] and has the same password. A sign-in
    /// by another user does not extend this time.
    pub fn is_known_to(&self, user: &User, now: Timestamp) -> bool {
        self.user == user.id
            && self.bound_to == bound_to(user)
            && !self.signed_in_at.plus(lifetimes::DEVICE).has_passed(now)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (user, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (bound_to, rest) = rest.split_first_chunk()?;
        let signed_in_at = Timestamp::from_millis(u64::from_be_bytes(rest.try_into().ok()?));
        let (user, id) = (UserId::from_bytes(*user), DeviceId::from_bytes(*id));
        Some(Self { user, id, bound_to: *bound_to, signed_in_at })
    }
}

/// A hash of the password. When the password changes, no browser is known any more: the old one may have been stolen.
fn bound_to(user: &User) -> [u8; 16] {
    let password = user.password.as_ref().map_or("", |hash| &hash.0);
    let hash = Sha256::new().chain_update(b"keyward device\0").chain_update(password).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

/// The accounts a browser is known to, the latest first. Kept in a sealed cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices(Vec<Device>);

impl Devices {
    /// The entry of an account, expired or not.
    pub fn of(&self, user: &UserId) -> Option<&Device> {
        self.0.iter().find(|device| device.user == *user)
    }

    /// Adds a user who signed in just now.
    #[must_use]
    pub fn with(mut self, user: &User, id: DeviceId, now: Timestamp) -> Self {
        self.0.retain(|device| device.user != user.id);
        self.0.insert(0, Device { user: user.id, id, bound_to: bound_to(user), signed_in_at: now });
        self.0.truncate(MOST);
        self
    }

    /// The bytes to seal: 56 per account.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * Device::BYTES);
        for device in &self.0 {
            bytes.extend([*device.user.as_bytes(), *device.id.as_bytes(), device.bound_to].as_flattened());
            bytes.extend(device.signed_in_at.millis().to_be_bytes());
        }
        bytes
    }

    /// Parses unsealed bytes; `None` if they are malformed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let devices: Option<Vec<_>> = bytes.chunks(Device::BYTES).map(Device::parse).collect();
        devices.filter(|devices| devices.len() <= MOST).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Subject;
    use crate::user::PasswordHash;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn user(number: u8, password: &str) -> User {
        User {
            id: UserId::from_bytes([number; 16]),
            subject: Subject::from_random([number; 16]),
            username: format!("user{number}"),
            password: Some(PasswordHash(password.into())),
            ..crate::samples::user()
        }
    }

    const fn id(number: u8) -> DeviceId {
        DeviceId::from_bytes([number; 16])
    }

    #[test]
    fn n245_the_latest_accounts_are_kept_and_come_back_as_they_were() {
        let users: Vec<_> = (0..8).map(|number| user(number, "a")).collect();
        let devices = users.iter().fold(Devices::default(), |devices, user| devices.with(user, id(1), NOW));
        let devices = devices.with(&users[4], id(2), NOW);
        let known: Vec<_> = users.iter().map(|user| devices.of(&user.id).map(|device| device.id)).collect();
        let one = Some(id(1));
        assert_eq!(known, [None, None, None, one, Some(id(2)), one, one, one]);
        let bytes = devices.to_bytes();
        assert_eq!(bytes.len(), MOST * Device::BYTES);
        assert_eq!(Devices::parse(&bytes), Some(devices));
        assert_eq!(Devices::parse(&bytes[1..]), None);
        assert_eq!(Devices::parse(&[0; Device::BYTES * (MOST + 1)]), None);
        assert_eq!(Devices::parse(&[]), Some(Devices::default()));
        // Older versions had 48 bytes per account, without a time.
        assert!((1..=MOST).all(|accounts| Devices::parse(&vec![0; 48 * accounts]).is_none()));
    }

    #[test]
    fn n245_a_new_password_makes_every_browser_a_stranger() {
        let devices = Devices::default().with(&user(1, "old"), id(1), NOW);
        let device = devices.of(&UserId::from_bytes([1; 16])).unwrap();
        assert!(device.is_known_to(&user(1, "old"), NOW));
        assert!(!device.is_known_to(&user(1, "new"), NOW));
        assert!(!device.is_known_to(&user(2, "old"), NOW));
    }

    #[test]
    fn n245_each_account_is_known_for_ninety_days_whoever_else_signs_in() {
        let (alice, bob) = (user(1, "a"), user(2, "b"));
        let end = NOW.plus(lifetimes::DEVICE);
        let before = end.minus(Duration::from_millis(1));
        let devices = Devices::default().with(&alice, id(1), NOW).with(&bob, id(2), before);
        let devices = Devices::parse(&devices.to_bytes()).unwrap();
        let known = |user: &User, now| devices.of(&user.id).unwrap().is_known_to(user, now);
        assert!(known(&alice, before) && known(&bob, before));
        assert!(!known(&alice, end) && known(&bob, end));
        let again = devices.clone().with(&alice, id(3), end);
        assert!(again.of(&alice.id).unwrap().is_known_to(&alice, end));
    }
}
