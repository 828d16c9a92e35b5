//! A signing key that stays in KMS.

use super::calls::Using;
use crate::ceiling::Ceiling;
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

/// Signs with a key of KMS, which is named by its ARN: an alias could lead to another key.
pub(super) struct KmsSigner {
    calls: Using,
    arn: String,
    headers: Headers,
    key: RingKey,
    ceiling: Arc<Ceiling>,
    /// How the last signature failed, if it did.
    failed: Mutex<Option<SignError>>,
}

impl KmsSigner {
    /// Takes a key of the ring, and checks that KMS signs with it.
    pub(super) async fn new(
        calls: Using,
        arn: String,
        key: &RingKey,
        ceiling: Arc<Ceiling>,
    ) -> Result<Self, SignError> {
        let (headers, key, failed) = (Headers::new(key.alg, &key.kid), key.clone(), Mutex::default());
        let signer = Self { calls, arn, headers, key, ceiling, failed };
        signer.probe().await?;
        Ok(signer)
    }

    async fn probe(&self) -> Result<(), SignError> {
        check_probe(&self.key, &self.sign(PROBE).await?)
    }
}

#[async_trait]
impl TokenSigner for KmsSigner {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn ceiling(&self) -> Option<&Ceiling> {
        Some(&self.ceiling)
    }

    async fn check(&self) -> Result<(), SignError> {
        let has_failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if has_failed { self.probe().await } else { Ok(()) }
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
        let signature = self.calls.sign(&self.arn, spec, kind, message).await;
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = signature.as_ref().err().cloned();
        let signature = signature?;
        if self.alg() != Algorithm::ES256 {
            return Ok(signature);
        }
        let unreadable = || SignError::bare(SignErrorKind::Corrupt, "reading a signature of KMS");
        der::fixed_signature(&signature).map(Vec::from).ok_or_else(unreadable)
    }
}
