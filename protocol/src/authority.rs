//! The generations that sessions, grants, consents and tokens are made under: their digest, and whether it is current.

use crate::client::Client;
use crate::generation::Generation;
use crate::id::RequestId;
use crate::time::Timestamp;
use crate::user::User;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A digest of the generations that a session, grant, consent or token was made under.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Authority(RequestId);

impl Authority {
    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(RequestId::from_bytes(bytes))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.0)
    }
}

/// The current generations that a session, grant, consent or token depends on.
#[derive(Clone, Copy, Debug)]
pub struct Generations([Option<Generation>; 3]);

impl Generations {
    /// Those of a session.
    pub const fn of_session(realm: Generation, user: &User) -> Self {
        Self([Some(realm), Some(user.generation), None])
    }

    /// Those of a grant or a consent.
    pub const fn of_grant(realm: Generation, user: &User, client: &Client) -> Self {
        Self([Some(realm), Some(user.generation), Some(client.generation)])
    }

    /// Those of a client's own token.
    pub const fn of_client(realm: Generation, client: &Client) -> Self {
        Self([Some(realm), None, Some(client.generation)])
    }

    /// Their digest.
    pub fn authority(&self) -> Authority {
        let mut hash = Sha256::new().chain_update(b"keyward authority\0");
        for generation in self.0 {
            let Generation { id, not_before } = generation.unwrap_or_default();
            hash.update([u8::from(generation.is_some()), u8::from(id.is_some())]);
            hash.update(id.map_or([0; 16], |id| *id.as_bytes()));
            hash.update(not_before.millis().to_be_bytes());
        }
        Authority::from_bytes(hash.finalize().first_chunk().copied().unwrap_or_default())
    }

    /// Whether what was made under `copied` at `decided_at` is still valid. Records of versions without generations
    /// have no digest: they are valid by their instant until the first new generation begins.
    pub fn honour(&self, copied: Option<&Authority>, decided_at: Timestamp) -> bool {
        match copied {
            Some(copied) => *copied == self.authority(),
            None => self.0.iter().flatten().all(|now| now.id.is_none() && decided_at >= now.not_before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn call(number: u8) -> RequestId {
        RequestId::from_bytes([number; 16])
    }

    fn of(realm: Generation, user: Generation) -> Generations {
        Generations([Some(realm), Some(user), None])
    }

    #[test]
    fn n241_whatever_changes_ends_what_was_copied_before_and_nothing_brings_it_back() {
        let (realm, user) = (Generation::default(), Generation::first(call(1)));
        let copied = of(realm, user).authority();
        assert!(of(realm, user).honour(Some(&copied), NOW));
        let next = user.next(call(2), NOW);
        assert!(!of(realm, next).honour(Some(&copied), NOW));
        assert!(!of(realm.next(call(2), NOW), user).honour(Some(&copied), NOW));
        assert!(!of(realm, next.next(call(3), NOW)).honour(Some(&copied), NOW));
        assert!(!of(realm, Generation::default()).honour(Some(&copied), NOW));
        // Ended by a version without generations, which sets the instant only.
        let ended = Generation { not_before: NOW, ..user };
        assert!(!of(realm, ended).honour(Some(&copied), NOW));
    }

    #[test]
    fn n240_an_end_by_a_clock_that_is_behind_or_ahead_ends() {
        let user = Generation { id: Some(call(1)), not_before: NOW };
        let copied = of(Generation::default(), user).authority();
        for at in
            [Timestamp::EPOCH, NOW.minus(Duration::from_secs(3600)), NOW.plus(Duration::from_secs(3600))]
        {
            let ended = user.next(call(2), at);
            let now = of(Generation::default(), ended);
            assert!(!now.honour(Some(&copied), NOW));
            assert!(
                now.honour(Some(&now.authority()), Timestamp::EPOCH),
                "what is made after it is valid at once"
            );
        }
    }

    #[test]
    fn what_an_older_program_wrote_counts_by_its_instant_until_the_first_end() {
        let user = Generation { id: None, not_before: NOW };
        let now = of(Generation::default(), user);
        assert!(now.honour(None, NOW));
        assert!(!now.honour(None, NOW.minus(Duration::from_millis(1))));
        let ended = of(Generation::default(), user.next(call(1), Timestamp::EPOCH));
        assert!(!ended.honour(None, NOW.plus(Duration::from_secs(3600))));
    }

    #[test]
    fn no_generation_stands_in_for_another_or_for_none() {
        let (one, two) = (Generation::first(call(1)), Generation::first(call(2)));
        let all = [
            Generations([Some(one), Some(two), None]),
            Generations([Some(two), Some(one), None]),
            Generations([Some(one), None, Some(two)]),
            Generations([Some(one), Some(two), Some(Generation::default())]),
        ];
        for (at, left) in all.iter().enumerate() {
            for (other, right) in all.iter().enumerate() {
                assert_eq!(left.authority() == right.authority(), at == other);
            }
        }
    }
}
