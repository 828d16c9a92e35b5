//! Local custody: private keys and masters are in the ring, wrapped by a master key file next to the database, which only
//! its owner can read. The keys can be unwrapped with both, and not with one of them.
//!
//! The ring names its master key file. The file is read from the path of the setting and, while it is being replaced,
//! from its successor next to it ([`super::rewrap`]), so a running server needs no restart.

use super::custody::{Maker, Opener, TokenSigner};
use super::error::{SignError, SignErrorKind};
use super::form::{Form, KMS_ENCRYPTED, KMS_KEPT};
use super::master_file::{MasterKeyFile, successor};
use super::plan::NewKey;
use super::ring::{RingKey, RingMaster};
use super::signer::{MemorySigner, PrivateKey};
use crate::entropy::{self, Entropy};
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce};
use protocol::base64url;
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The layout of wrapped keys: this byte, the nonce, the ciphertext with its tag; base64url.
const FORMAT: u8 = 1;
/// Part of the associated data, so that a key that was wrapped as one kind doesn't unwrap as the other.
const SIGNING_KEY: &str = "signing key";
const MASTER: &str = "master";
/// The error for a key that another file wrapped.
const ANOTHER: &str = "a key does not open with this master key file";

/// Keys wrapped by a file.
pub struct LocalCustody {
    path: PathBuf,
    realm: Realm,
    entropy: Arc<dyn Entropy>,
    /// The files that were read, by their names in the ring. `None`: the one of a ring from before they had names.
    files: Mutex<Vec<(Option<String>, Arc<MasterKeyFile>)>>,
}

impl LocalCustody {
    /// For the master key file at `path`, which is read when a ring is opened and made with the first ring.
    pub fn new(path: impl Into<PathBuf>, realm: Realm, entropy: Arc<dyn Entropy>) -> Self {
        Self { path: path.into(), realm, entropy, files: Mutex::default() }
    }

    /// The file that a ring names.
    fn named(&self, name: Option<&str>) -> Result<Arc<MasterKeyFile>, SignError> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        let file = Arc::new(self.find(name)?);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.push((name.map(str::to_owned), Arc::clone(&file)));
        Ok(file)
    }

    fn known(&self, name: Option<&str>) -> Option<Arc<MasterKeyFile>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().find(|(known, _)| known.as_deref() == name).map(|(_, file)| Arc::clone(file))
    }

    fn find(&self, name: Option<&str>) -> Result<MasterKeyFile, SignError> {
        let read = denied("reading the master key file");
        let Some(name) = name else { return MasterKeyFile::read(&self.path).map_err(read) };
        // The successor first: if it takes the file's place in between, it is found there.
        for path in [successor(&self.path), self.path.clone()] {
            match MasterKeyFile::read(&path) {
                Ok(file) if file.name == name => return Ok(file),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(read(error)),
                _ => {}
            }
        }
        let why = format!(
            "the keys are wrapped by the master key file {name}, which is neither {path} nor {path}.next; put that file there",
            path = self.path.display()
        );
        Err(SignError::new(SignErrorKind::Foreign, ANOTHER, why))
    }

    fn wrap(
        &self,
        wrapping_key: Option<&str>,
        purpose: &str,
        id: &str,
        secret: &[u8],
    ) -> Result<String, SignError> {
        let failed = |_| SignError::bare(SignErrorKind::Corrupt, "wrapping a key");
        let nonce: [u8; NONCE_LEN] = entropy::bytes(&*self.entropy);
        let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + AES_256_GCM_SIV.tag_len()));
        text.extend_from_slice(secret);
        let unique = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(self.aad(purpose, id));
        self.named(wrapping_key)?.key.seal_in_place_append_tag(unique, aad, &mut *text).map_err(failed)?;
        Ok(base64url::encode(&[[FORMAT].as_slice(), &nonce, &text].concat()))
    }

    fn unwrap(
        &self,
        wrapping_key: Option<&str>,
        purpose: &str,
        id: &str,
        wrapped: &str,
    ) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let of_kms = |key: &&str| [KMS_ENCRYPTED, KMS_KEPT].iter().any(|kind| key.starts_with(kind));
        if let Some(key) = wrapping_key.filter(|key| key.starts_with("arn:")) {
            let why =
                format!("they are wrapped by the KMS key {key}; the setting `keys` names a master key file");
            return Err(SignError::new(SignErrorKind::Foreign, "unwrapping the keys", why));
        }
        if Some(wrapped).filter(of_kms).is_some() {
            let why = "it is with KMS; the setting `keys` names a master key file";
            return Err(SignError::new(SignErrorKind::Foreign, "unwrapping a key", why));
        }
        let failed = || SignError::bare(SignErrorKind::Corrupt, ANOTHER);
        let bytes = base64url::decode(wrapped).ok_or_else(failed)?;
        let sealed = bytes.strip_prefix(&[FORMAT]).ok_or_else(failed)?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let (nonce, aad) = (Nonce::assume_unique_for_key(*nonce), Aad::from(self.aad(purpose, id)));
        let length =
            self.named(wrapping_key)?.key.open_in_place(nonce, aad, &mut text).map_err(|_| failed())?.len();
        text.truncate(length);
        Ok(text)
    }

    fn aad(&self, purpose: &str, id: &str) -> Vec<u8> {
        format!("keyward local\0{}\0{purpose}\0{id}\0", self.realm.as_str()).into_bytes()
    }
}

#[async_trait]
impl Maker for LocalCustody {
    async fn first_wrapping_key(&self) -> Result<String, SignError> {
        let file = MasterKeyFile::read_or_make(&self.path, &*self.entropy);
        file.map(|file| file.name).map_err(denied("making the master key file"))
    }

    async fn resolve(&self, ring: Option<&str>) -> Result<Option<String>, SignError> {
        if ring.is_some()
            && let Ok(file) = self.named(ring)
        {
            return Ok(Some(file.name.clone()));
        }
        match MasterKeyFile::read(&self.path) {
            Ok(file) => Ok(Some(file.name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(denied("reading the master key file")(error)),
        }
    }

    fn setting(&self) -> String {
        format!("local:{}", self.path.display())
    }

    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError> {
        let made = tokio::task::spawn_blocking(move || {
            let key = PrivateKey::generate(alg)?;
            Ok((key.material()?, key.to_pkcs8()?))
        });
        let (material, pkcs8) = made.await.map_err(unavailable("making a key"))??;
        let wrapped = self.wrap(wrapping_key, SIGNING_KEY, &material.thumbprint(), &pkcs8)?;
        Ok(NewKey { material, wrapped })
    }

    /// Masters share no source here: each is drawn by itself.
    async fn new_master(
        &self,
        wrapping_key: Option<&str>,
        id: u16,
        _: Option<&RingMaster>,
    ) -> Result<String, SignError> {
        let key = Zeroizing::new(entropy::bytes::<32>(&*self.entropy));
        self.wrap(wrapping_key, MASTER, &id.to_string(), key.as_ref())
    }

    async fn wrap_signing_key(&self, to: &str, kid: &str, pkcs8: &[u8]) -> Result<String, SignError> {
        self.wrap(Some(to), SIGNING_KEY, kid, pkcs8)
    }

    async fn wrap_masters(
        &self,
        to: &str,
        masters: &[(u16, Zeroizing<[u8; 32]>)],
    ) -> Result<Vec<String>, SignError> {
        let wrap = |(id, key): &(u16, Zeroizing<[u8; 32]>)| {
            self.wrap(Some(to), MASTER, &id.to_string(), key.as_ref())
        };
        masters.iter().map(wrap).collect()
    }

    fn form(&self) -> Form {
        Form::File
    }
}

#[async_trait]
impl Opener for LocalCustody {
    async fn check_existing(&self, wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        let is_there =
            self.known(wrapping_key).is_some() || self.path.exists() || successor(&self.path).exists();
        if is_there { Ok(()) } else { Err(self.path.clone()) }
    }

    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError> {
        let pkcs8 = self.unwrap(wrapping_key, SIGNING_KEY, &key.kid, &key.wrapped)?;
        Ok(Arc::new(MemorySigner::new(key, &pkcs8)?))
    }

    async fn masters(
        &self,
        wrapping_key: Option<&str>,
        masters: &[&RingMaster],
    ) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>> {
        let unwrap = |master: &&RingMaster| {
            let key = self.unwrap(wrapping_key, MASTER, &master.id.to_string(), &master.wrapped)?;
            master_of(&key)
        };
        masters.iter().map(unwrap).collect()
    }

    async fn export(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SignError> {
        // It came from KMS, cannot leave it, and only verifies from now on.
        if Form::of(&key.wrapped) == Form::Kept {
            return Ok(None);
        }
        self.unwrap(wrapping_key, SIGNING_KEY, &key.kid, &key.wrapped).map(Some)
    }
}

/// A master's key of the right length.
pub(super) fn master_of(bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>, SignError> {
    <[u8; 32]>::try_from(bytes)
        .map(Zeroizing::new)
        .map_err(|_| SignError::bare(SignErrorKind::Corrupt, "a master has a wrong length"))
}

fn denied<E: Into<Box<dyn std::error::Error + Send + Sync>>>(step: &'static str) -> impl Fn(E) -> SignError {
    move |error| SignError::new(SignErrorKind::Denied, step, error)
}

fn unavailable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    step: &'static str,
) -> impl Fn(E) -> SignError {
    move |error| SignError::new(SignErrorKind::Unavailable, step, error)
}
