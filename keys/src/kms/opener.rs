//! What a process that signs does with KMS: it has secrets decrypted, each once in its life.

use super::calls::Using;
use super::meter::Meter;
use super::signer::KmsSigner;
use super::wrapped::{Blob, Purpose, Wrapped};
use crate::ceiling::Ceiling;
use crate::custody::{Opener, TokenSigner};
use crate::error::{SignError, SignErrorKind};
use crate::local::master_of;
use crate::ring::{RingKey, RingMaster};
use crate::signer::MemorySigner;
use async_trait::async_trait;
use aws_lc_rs::hkdf;
use futures_util::future::join_all;
use protocol::id::Realm;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use storage::aws::Environment;
use zeroize::Zeroizing;

type Secret = Arc<Zeroizing<Vec<u8>>>;

/// Unwraps keys with KMS.
pub struct KmsOpener {
    calls: Using,
    realm: Realm,
    ceiling: Arc<Ceiling>,
    /// The secrets of masters that were decrypted. A new master that is derived from one of them needs no call, so it can
    /// be used while KMS is away.
    secrets: Mutex<HashMap<Blob, Secret>>,
}

impl KmsOpener {
    /// For the symmetric key that wraps: its id, ARN or alias. `ceiling` limits the signatures of tokens.
    pub fn new(environment: impl Into<Environment>, key: &str, realm: Realm, ceiling: Ceiling) -> Self {
        let (calls, ceiling) = (Using::new(environment.into(), key), Arc::new(ceiling));
        Self { calls, realm, ceiling, secrets: Mutex::default() }
    }

    /// The same, with its calls noted.
    #[must_use]
    pub fn measured(mut self, meter: Arc<dyn Meter>) -> Self {
        self.calls.meter = Some(meter);
        self
    }

    async fn decrypt(
        &self,
        blob: &Blob,
        purpose: Purpose,
        wrapping_key: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, SignError> {
        self.calls.decrypt(&blob.bytes, blob.context(&self.realm, purpose), wrapping_key).await
    }

    /// The secret of masters, decrypted if this process has not done that before.
    async fn secret(&self, blob: &Blob, wrapping_key: Option<&str>) -> Result<Secret, SignError> {
        let secrets = || self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = secrets().get(blob).cloned() {
            return Ok(known);
        }
        let secret = Arc::new(self.decrypt(blob, Purpose::Master, wrapping_key).await?);
        secrets().insert(blob.clone(), Arc::clone(&secret));
        Ok(secret)
    }
}

#[async_trait]
impl Opener for KmsOpener {
    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError> {
        match Wrapped::parse(&key.wrapped)? {
            Wrapped::Whole(blob) => {
                let pkcs8 = self.decrypt(&blob, Purpose::SigningKey, wrapping_key).await?;
                Ok(Arc::new(MemorySigner::new(key, &pkcs8)?))
            }
            Wrapped::Kept(arn) => {
                Ok(Arc::new(KmsSigner::new(self.calls.clone(), arn, key, Arc::clone(&self.ceiling)).await?))
            }
            Wrapped::Part(..) => Err(misplaced()),
        }
    }

    async fn masters(
        &self,
        wrapping_key: Option<&str>,
        masters: &[&RingMaster],
    ) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>> {
        let places: Vec<_> = masters.iter().map(|master| place_of(&master.wrapped)).collect();
        let blobs: HashSet<_> = places.iter().flatten().map(|(blob, _)| blob).collect();
        let decrypt = async |blob| (blob, self.secret(blob, wrapping_key).await);
        let secrets: HashMap<_, _> = join_all(blobs.into_iter().map(decrypt)).await.into_iter().collect();
        let unwrap = |(master, place): (&&RingMaster, &Result<(Blob, Option<usize>), SignError>)| {
            let (blob, place) = place.as_ref().map_err(Clone::clone)?;
            let secret = secrets.get(blob).cloned().ok_or_else(misplaced)??;
            match place {
                Some(place) => master_of(secret.chunks(32).nth(*place).unwrap_or_default()),
                None => derive(&secret, &self.realm, master.id),
            }
        };
        masters.iter().zip(&places).map(unwrap).collect()
    }

    async fn export(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SignError> {
        match Wrapped::parse(&key.wrapped)? {
            Wrapped::Whole(blob) => self.decrypt(&blob, Purpose::SigningKey, wrapping_key).await.map(Some),
            Wrapped::Kept(_) => Ok(None),
            Wrapped::Part(..) => Err(misplaced()),
        }
    }
}

/// The blob that a master is in, and its place there; without one it is derived from what the blob holds.
fn place_of(wrapped: &str) -> Result<(Blob, Option<usize>), SignError> {
    match Wrapped::parse(wrapped)? {
        Wrapped::Whole(blob) => Ok((blob, None)),
        Wrapped::Part(blob, place) => Ok((blob, Some(place))),
        Wrapped::Kept(_) => Err(misplaced()),
    }
}

fn misplaced() -> SignError {
    SignError::bare(SignErrorKind::Corrupt, "a wrapped key is in the place of another kind")
}

/// The master `id` of a secret (HKDF-SHA256, RFC 5869).
fn derive(secret: &[u8], realm: &Realm, id: u16) -> Result<Zeroizing<[u8; 32]>, SignError> {
    let failed = |_| SignError::bare(SignErrorKind::Corrupt, "deriving a master");
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward kms masters 1").extract(secret);
    let (id, mut key) = (id.to_be_bytes(), Zeroizing::new([0; 32]));
    let info = [realm.as_str().as_bytes(), b"\0", &id];
    prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut())).map_err(failed)?;
    Ok(key)
}
