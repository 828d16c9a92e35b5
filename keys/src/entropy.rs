//! Randomness as a value: everything that needs random bytes gets an [`Entropy`]. The only place that asks the system for
//! them, and a seeded stream for tests.

use aws_lc_rs::hmac;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Overwrites all of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The cryptographic generator of aws-lc, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the only place that asks the system for randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // Without randomness nothing is safe: there is no weaker source, no half-filled secret, and no unwinding into
            // a handler that continues. aws-lc itself aborts the process if it can't seed its generator.
            tracing::error!("the random generator failed; the process is aborted");
            std::process::abort();
        }
    }
}

/// A reproducible stream: HMAC-SHA256 over a counter, keyed by the seed. For tests only.
pub struct SeededEntropy {
    key: hmac::Key,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes()), counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = hmac::sign(&self.key, &self.counter.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            for (byte, random) in chunk.iter_mut().zip(block.as_ref()) {
                *byte = *random;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_stream_and_another_seed_another() {
        let (a, b, c) = (SeededEntropy::new(1), SeededEntropy::new(1), SeededEntropy::new(2));
        let first: [u8; 40] = bytes(&a);
        assert_eq!(first, bytes::<40>(&b));
        assert_ne!(first, bytes::<40>(&c));
        assert_ne!(first, bytes::<40>(&a), "a stream continues");
    }

    #[test]
    fn the_system_fills_everything() {
        let filled: [u8; 256] = bytes(&SystemEntropy);
        assert!(filled.chunks(32).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
        assert_ne!(filled, bytes::<256>(&SystemEntropy));
    }
}
