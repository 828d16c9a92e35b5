//! Generations: one write ends every earlier session, grant, consent and token, without finding them.
//!
//! Realm, user and client each have a generation. It changes with every act that must end what came before: a new
//! password, signing out everywhere, disabling, deleting and registering again, a restored backup. Sessions, grants
//! and consents keep a digest of the generations they were made under, an [`Authority`](crate::authority::Authority),
//! and are valid only while the current generations have the same digest. The clocks of two machines are never
//! compared.

use crate::id::RequestId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The generation of one realm, user or client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// A random id, or a hash of the previous generation and the call that began this one. `None`: no generation has
    /// begun since the record was written by a version without generations.
    #[serde(rename = "generation", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// What versions without generations use instead of the id: they accept nothing from before this instant. Here it
    /// is part of the generation and compared for equality, so that what such a version ends is ended for this one too.
    pub not_before: Timestamp,
}

impl Generation {
    /// The first generation of a record that `call` creates.
    pub const fn first(call: RequestId) -> Self {
        Self { id: Some(call), not_before: Timestamp::EPOCH }
    }

    /// The generation that `call` begins at `now`. Its id depends on the previous generation as well, so a write that
    /// is repeated late, after other writes, never brings back a generation that has ended.
    pub fn next(self, call: RequestId, now: Timestamp) -> Self {
        // A version without generations may issue something in this millisecond, so the next one is taken.
        let not_before = self.not_before.max(now.plus(Duration::from_millis(1)));
        let before = self.id.map_or([0; 16], |id| *id.as_bytes());
        let mut hash = Sha256::new().chain_update(b"keyward generation\0");
        hash.update(before);
        hash.update(call.as_bytes());
        let id = hash.finalize().first_chunk().copied().unwrap_or_default();
        Self { id: Some(RequestId::from_bytes(id)), not_before }
    }
}
