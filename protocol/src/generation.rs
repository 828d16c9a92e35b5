//! Generations: how everything that began before an end ends with it, without being found.
//!
//! Realm, user and client each have a generation that changes with every act that ends what came before: a new
//! password, signing out everywhere, disabling, deleting and registering again, a restored backup. Sessions, grants
//! and consents copy the generations they were decided by, as one [`Authority`](crate::authority::Authority), and count only while it is equal.
//! Nothing here compares the clocks of two machines.

use crate::id::RequestId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The generation of one realm, user or client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Random, or what follows from the one before and the call that began it. `None`: none has begun since programs
    /// know generations.
    #[serde(rename = "generation", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// How programs before generations say the same: they honour nothing from before this instant. Here it is a part
    /// of the generation like the id, compared for equality, so that what such a program ends is ended here, too.
    pub not_before: Timestamp,
}

impl Generation {
    /// The first of a record that a call makes.
    pub const fn first(call: RequestId) -> Self {
        Self { id: Some(call), not_before: Timestamp::EPOCH }
    }

    /// The one that a call at `now` begins. It follows from the one before, too: a write that is repeated late, after
    /// others, never brings back a generation that has ended.
    pub fn next(self, call: RequestId, now: Timestamp) -> Self {
        // An older program may issue something in the same millisecond, so its instant is the next one.
        let not_before = self.not_before.max(now.plus(Duration::from_millis(1)));
        let before = self.id.map_or([0; 16], |id| *id.as_bytes());
        let mut hash = Sha256::new().chain_update(b"keyward generation\0");
        hash.update(before);
        hash.update(call.as_bytes());
        let id = hash.finalize().first_chunk().copied().unwrap_or_default();
        Self { id: Some(RequestId::from_bytes(id)), not_before }
    }
}
