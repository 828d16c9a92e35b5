//! Ciphertext blobs: a version, the id of the key, a nonce, and what AES-256-GCM made of the plaintext with the
//! encryption context as additional data.

use super::keys::Key;
use super::material::Material;
use super::refusal::Refusal;
use super::request::Context;
use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use uuid::Uuid;

const VERSION: u8 = 1;
const ID_LEN: usize = 16;

pub(crate) fn seal(key: &Key, context: &Context, plaintext: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut sealed = plaintext.to_vec();
    let nonce = cipher(key)?.seal_in_place_append_tag(additional(key, context), &mut sealed)?;
    let mut blob = vec![VERSION];
    blob.extend_from_slice(key.id.as_bytes());
    blob.extend_from_slice(nonce.as_ref());
    blob.append(&mut sealed);
    Ok(blob)
}

/// The id of the key that a blob says it was made with.
pub(crate) fn key_id(blob: &[u8]) -> Result<Uuid, Refusal> {
    let id = blob.strip_prefix(&[VERSION]).and_then(|rest| rest.first_chunk::<ID_LEN>());
    id.map(|id| Uuid::from_bytes(*id)).ok_or_else(invalid)
}

pub(crate) fn open(key: &Key, context: &Context, blob: &[u8]) -> Result<Vec<u8>, Refusal> {
    let rest = blob.get(1 + ID_LEN..).ok_or_else(invalid)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(invalid)?;
    let mut opened = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let plaintext = cipher(key)?.open_in_place(nonce, additional(key, context), &mut opened);
    plaintext.map(|plaintext| plaintext.to_vec()).map_err(|_| invalid())
}

/// A changed blob, another encryption context, or no blob at all: KMS doesn't say which.
pub(crate) fn invalid() -> Refusal {
    Refusal::new("InvalidCiphertextException", "")
}

fn additional(key: &Key, context: &Context) -> Aad<Vec<u8>> {
    Aad::from([&[VERSION], key.id.as_bytes().as_slice(), &context.0].concat())
}

fn cipher(key: &Key) -> Result<&RandomizedNonceKey, Refusal> {
    match &key.material {
        Material::Symmetric(cipher) => Ok(cipher),
        _ => Err(key.incompatible("SYMMETRIC_DEFAULT")),
    }
}
