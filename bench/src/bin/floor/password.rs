//! One password hash of the product's cost (argon2id, 19 MiB, two passes), its memory allocated once.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::{Mutex, PoisonError};

/// In KiB.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;

/// The memory that all hashes use, one after the other.
#[derive(Default)]
pub(crate) struct Hasher(Mutex<Vec<Block>>);

impl Hasher {
    pub(crate) fn hash(&self, password: &str) -> Option<[u8; 32]> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.resize(usize::try_from(MEMORY).ok()?, Block::new());
        let params = Params::new(MEMORY, PASSES, 1, None).ok()?;
        let mut output = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(password.as_bytes(), &[7; 16], &mut output, &mut *blocks)
            .ok()?;
        Some(output)
    }
}
