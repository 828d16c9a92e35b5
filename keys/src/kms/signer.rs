//! A signing key that stays in KMS.

use super::calls::Using;
use crate::clock::Clock;
use crate::custody::{Headers, TokenSigner};
use crate::der;
use crate::error::{SignError, SignErrorKind};
use crate::ring::RingKey;
use crate::signer::{PROBE, check_probe};
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use protocol::jwk::Algorithm;
use std::sync::{Arc, Mutex, PoisonError};

/// The longest message that KMS signs.
const LONGEST: usize = 4096;

/// How many signatures a process asks for in a second of its clock. KMS's own limit is shared by everything in the account
/// and region, so one service must not use it up.
pub struct Ceiling {
    per_second: u32,
    clock: Arc<dyn Clock>,
    /// The second, and how many there were in it.
    used: Mutex<(u64, u32)>,
}

impl Ceiling {
    /// At most this many a second.
    pub fn new(per_second: u32, clock: Arc<dyn Clock>) -> Self {
        Self { per_second, clock, used: Mutex::new((0, 0)) }
    }

    fn take(&self) -> Result<(), SignError> {
        let second = self.clock.now().seconds();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let count = if used.0 == second { used.1.saturating_add(1) } else { 1 };
        if count > self.per_second {
            let why = format!("more than {} signatures a second (`signatures_per_second`)", self.per_second);
            return Err(SignError::new(SignErrorKind::Busy, "signing by KMS", why));
        }
        *used = (second, count);
        Ok(())
    }
}

/// Signs with a key of KMS, which is named by its ARN: an alias could lead to another key.
pub(super) struct KmsSigner {
    calls: Using,
    arn: String,
    headers: Headers,
    ceiling: Arc<Ceiling>,
}

impl KmsSigner {
    /// Takes a key of the ring, and checks that KMS signs with it.
    pub(super) async fn new(
        calls: Using,
        arn: String,
        key: &RingKey,
        ceiling: Arc<Ceiling>,
    ) -> Result<Self, SignError> {
        let signer = Self { calls, arn, headers: Headers::new(key.alg, &key.kid), ceiling };
        check_probe(key, &signer.sign(PROBE).await?)?;
        Ok(signer)
    }
}

#[async_trait]
impl TokenSigner for KmsSigner {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let (spec, kind) = match self.alg() {
            Algorithm::RS256 => (SigningAlgorithmSpec::RsassaPkcs1V15Sha256, MessageType::Digest),
            Algorithm::PS256 => (SigningAlgorithmSpec::RsassaPssSha256, MessageType::Digest),
            Algorithm::ES256 => (SigningAlgorithmSpec::EcdsaSha256, MessageType::Digest),
            // JOSE's EdDSA signs the message itself (RFC 8037 §3.1), never its hash.
            Algorithm::EdDSA => (SigningAlgorithmSpec::Ed25519Sha512, MessageType::Raw),
        };
        let hash;
        let message = if kind == MessageType::Raw {
            signing_input
        } else {
            hash = digest(&SHA256, signing_input);
            hash.as_ref()
        };
        if message.len() > LONGEST {
            let why = format!("the token is longer than the {LONGEST} bytes that KMS signs by EdDSA");
            return Err(SignError::new(SignErrorKind::Corrupt, "signing by KMS", why));
        }
        self.ceiling.take()?;
        let signature = self.calls.sign(&self.arn, spec, kind, message).await?;
        if self.alg() != Algorithm::ES256 {
            return Ok(signature);
        }
        let unreadable = || SignError::bare(SignErrorKind::Corrupt, "reading a signature of KMS");
        der::fixed_signature(&signature).map(Vec::from).ok_or_else(unreadable)
    }
}
