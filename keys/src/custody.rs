//! The custody of private keys: what a master key file or KMS does for the ring.
//!
//! Two traits, because two kinds of processes use them. A rotation needs only a [`Maker`], which never unwraps anything;
//! what signs and seals needs only an [`Opener`], which never makes anything. With KMS each has permissions of its own.

use super::ceiling::Ceiling;
use super::error::SignError;
use super::form::Form;
use super::plan::NewKey;
use super::ring::{RingKey, RingMaster};
use async_trait::async_trait;
use protocol::jwk::Algorithm;
use protocol::jwt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The custody that a process uses.
#[derive(Clone)]
pub struct Custody {
    /// Unwraps keys.
    pub opener: Arc<dyn Opener>,
    /// Makes keys. `None`: this process uses keys and never rotates them.
    pub maker: Option<Arc<dyn Maker>>,
}

impl Custody {
    /// A custody that does both.
    pub fn of(custody: impl Maker + Opener) -> Self {
        let both = Arc::new(custody);
        Self { opener: Arc::clone(&both) as Arc<dyn Opener>, maker: Some(both) }
    }
}

/// Makes keys and wraps them for the ring.
#[async_trait]
pub trait Maker: Send + Sync + 'static {
    /// The name of the key that wraps a first ring ([`super::Ring::wrapping_key`]); a master key file is made if it
    /// doesn't exist.
    async fn first_wrapping_key(&self) -> Result<String, SignError>;

    /// The name of the key that the setting leads to now: that of the `ring` if it is the same one. Makes nothing; `None`:
    /// there is no master key file.
    async fn resolve(&self, ring: Option<&str>) -> Result<Option<String>, SignError>;

    /// The value of the setting `keys`, for messages.
    fn setting(&self) -> String;

    /// Makes a signing key, wrapped by the ring's wrapping key.
    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError>;

    /// Makes the master `id` and returns it wrapped. `former` is the newest master of the ring if the new one may share
    /// its secret source; `None` if the former may have leaked.
    async fn new_master(
        &self,
        wrapping_key: Option<&str>,
        id: u16,
        former: Option<&RingMaster>,
    ) -> Result<String, SignError>;

    /// Wraps the private half of the signing key `kid`, in PKCS#8, that another custody had.
    async fn wrap_signing_key(
        &self,
        wrapping_key: &str,
        kid: &str,
        pkcs8: &[u8],
    ) -> Result<String, SignError>;

    /// Wraps masters that another custody had: ids and keys, oldest first; the results are in the same order.
    async fn wrap_masters(
        &self,
        wrapping_key: &str,
        masters: &[(u16, Zeroizing<[u8; 32]>)],
    ) -> Result<Vec<String>, SignError>;

    /// The form of the signing keys that it makes. One of [`Form::Kept`] that is not used stays behind at a cost, so only
    /// one process makes such keys at a time.
    fn form(&self) -> Form;
}

/// Unwraps keys of the ring.
#[async_trait]
pub trait Opener: Send + Sync + 'static {
    /// Called before anything of an existing ring is unwrapped: whether its wrapping key exists. `Err` names the missing
    /// file.
    async fn check_existing(&self, _wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        Ok(())
    }

    /// A signer for a key of the ring, after one of its signatures has been verified.
    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError>;

    /// Unwraps masters; the results are in the same order.
    async fn masters(
        &self,
        wrapping_key: Option<&str>,
        masters: &[&RingMaster],
    ) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>>;

    /// The private half of a signing key in PKCS#8, to be wrapped by another custody; `None` if it can't leave this one.
    async fn export(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SignError>;
}

/// The `typ` header of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// An access token (RFC 9068 §2.1).
    AccessToken,
    /// An ID token, and everything without a type of its own.
    Jwt,
}

/// Signs tokens with one key.
#[async_trait]
pub trait TokenSigner: Send + Sync + 'static {
    /// What its tokens say about the key.
    fn headers(&self) -> &Headers;

    /// The algorithm.
    fn alg(&self) -> Algorithm {
        self.headers().alg
    }

    /// The key's id.
    fn kid(&self) -> &str {
        &self.headers().kid
    }

    /// The encoded header of a token: the text before the first dot.
    fn header(&self, typ: Typ) -> &str {
        self.headers().get(typ)
    }

    /// What limits its signatures, if anything does: before tokens are signed, all their signatures are taken at once
    /// ([`Ceiling::take`]). [`Self::sign`] doesn't count.
    fn ceiling(&self) -> Option<&Ceiling> {
        None
    }

    /// Whether it can sign, as far as can be known: if the last signature failed, it is tried again.
    async fn check(&self) -> Result<(), SignError> {
        Ok(())
    }

    /// Signs the text before the second dot. ES256 gives r‖s (RFC 7518 §3.4), never DER.
    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The encoded headers of a key's tokens, and what they say.
#[derive(Clone, Debug)]
pub struct Headers {
    alg: Algorithm,
    kid: String,
    access_token: String,
    jwt: String,
}

impl Headers {
    /// For one key.
    pub fn new(alg: Algorithm, kid: &str) -> Self {
        Self {
            alg,
            kid: kid.to_owned(),
            access_token: jwt::encode_header(alg, kid, "at+jwt"),
            jwt: jwt::encode_header(alg, kid, "JWT"),
        }
    }

    /// The header of a kind of token.
    pub fn get(&self, typ: Typ) -> &str {
        match typ {
            Typ::AccessToken => &self.access_token,
            Typ::Jwt => &self.jwt,
        }
    }
}
