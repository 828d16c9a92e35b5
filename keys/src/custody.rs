//! The custody of private keys: what a backend (a local file, KMS) does for the ring. It makes keys and wraps them for
//! the ring, and turns a wrapped key into a signer.

use super::error::SignError;
use super::plan::NewKey;
use super::ring::{Ring, RingKey, RingMaster};
use async_trait::async_trait;
use protocol::jwk::Algorithm;
use protocol::jwt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A backend that protects private keys.
#[async_trait]
pub trait Custody: Send + Sync + 'static {
    /// Whether this process may make keys. If not, it uses them and never rotates.
    fn can_generate(&self) -> bool;

    /// The name of the key that wraps a first ring ([`Ring::wrapping_key`]); the key is made if it doesn't exist. `None`:
    /// this custody has only one.
    async fn first_wrapping_key(&self) -> Result<Option<String>, SignError> {
        Ok(None)
    }

    /// Called before anything of an existing ring is unwrapped: whether its wrapping key exists. `Err` names the missing
    /// file.
    async fn check_existing(&self, _wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        Ok(())
    }

    /// Makes a signing key, wrapped by the ring's wrapping key.
    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError>;

    /// Makes the master `id` and returns it wrapped.
    async fn new_master(&self, wrapping_key: Option<&str>, id: u16) -> Result<String, SignError>;

    /// A signer for a key of the ring, after one of its signatures has been verified.
    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError>;

    /// Unwraps a master.
    async fn master(
        &self,
        wrapping_key: Option<&str>,
        master: &RingMaster,
    ) -> Result<Zeroizing<[u8; 32]>, SignError>;

    /// The ring with everything wrapped by the key named `to`.
    async fn rewrap(&self, ring: Ring, to: &str) -> Result<Ring, SignError>;
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
    /// The algorithm.
    fn alg(&self) -> Algorithm;

    /// The key's id.
    fn kid(&self) -> &str;

    /// The encoded header of a token: the text before the first dot.
    fn header(&self, typ: Typ) -> &str;

    /// Signs the text before the second dot. ES256 gives r‖s (RFC 7518 §3.4), never DER.
    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The encoded headers of a key's tokens.
#[derive(Clone, Debug)]
pub struct Headers {
    access_token: String,
    jwt: String,
}

impl Headers {
    /// For one key.
    pub fn new(alg: Algorithm, kid: &str) -> Self {
        Self {
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
