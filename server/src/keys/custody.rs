//! Who guards private keys: the seam between the ring and its guardians (a local file, KMS). A guardian makes
//! keys and wraps them for the ring, and turns what the ring holds into something that signs.

use super::error::SignError;
use super::plan::NewKey;
use super::ring::{Ring, RingKey, RingMaster};
use async_trait::async_trait;
use protocol::jwk::Algorithm;
use protocol::jwt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A guardian of private keys.
#[async_trait]
pub trait Custody: Send + Sync + 'static {
    /// Whether this process may make keys. Otherwise it only uses them and never rotates.
    fn can_generate(&self) -> bool;

    /// The root key that a first ring is wrapped by, made if it isn't there: what [`Ring::root`] then says. `None`: this
    /// guardian never has another.
    async fn first_root(&self) -> Result<Option<String>, SignError> {
        Ok(None)
    }

    /// Called before anything of an existing ring is unwrapped: whether what opens it is at hand. `Err` names
    /// the file that is missing.
    async fn check_existing(&self, _root: Option<&str>) -> Result<(), PathBuf> {
        Ok(())
    }

    /// Makes a signing key, wrapped by the ring's root key.
    async fn new_signing_key(&self, root: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError>;

    /// Makes the master `id`; returns it wrapped.
    async fn new_master(&self, root: Option<&str>, id: u16) -> Result<String, SignError>;

    /// What signs for a key of the ring, after one signature of its own has been verified.
    async fn signer(&self, root: Option<&str>, key: &RingKey) -> Result<Arc<dyn TokenSigner>, SignError>;

    /// Unwraps a master.
    async fn master(&self, root: Option<&str>, master: &RingMaster)
    -> Result<Zeroizing<[u8; 32]>, SignError>;

    /// The ring with everything wrapped by the root key of another name.
    async fn rewrap(&self, ring: Ring, to: &str) -> Result<Ring, SignError>;
}

/// What a token of ours says it is in its header's `typ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// An access token (RFC 9068 §2.1).
    AccessToken,
    /// An ID token; anything without a type of its own.
    Jwt,
}

/// Signs tokens with one key.
#[async_trait]
pub trait TokenSigner: Send + Sync + 'static {
    /// The algorithm.
    fn alg(&self) -> Algorithm;

    /// The key's name.
    fn kid(&self) -> &str;

    /// The header of a token, encoded: what comes before the first dot.
    fn header(&self, typ: Typ) -> &str;

    /// Signs what is before the second dot. ES256 gives r‖s (RFC 7518 §3.4), never DER.
    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The encoded headers of a key, made once.
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
