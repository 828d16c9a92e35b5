//! Encrypt, Decrypt, ReEncrypt with symmetric keys.

use super::call::Call;
use crate::kms::blobs;
use crate::kms::keys::Key;
use crate::kms::names::not_ours;
use crate::kms::refusal::Refusal;
use crate::kms::request::encode;
use crate::kms::spec::{Spec, Usage, unknown_value};
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes that KMS encrypts at most.
const LONGEST_PLAINTEXT: usize = 4096;
/// Bytes of a blob that KMS takes at most.
const LONGEST_BLOB: usize = 6144;
const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

pub(super) fn encrypt(call: &Call<'_>) -> Result<Value, Refusal> {
    let plaintext = call.request.bytes("Plaintext", LONGEST_PLAINTEXT)?;
    let context = call.request.context("EncryptionContext")?;
    let algorithm = algorithm(call, "EncryptionAlgorithm")?;
    let key = call.key("KeyId")?;
    fits(&key, algorithm, call.operation)?;
    Ok(json!({
        "CiphertextBlob": encode(blobs::seal(&key, &context, &plaintext)?),
        "EncryptionAlgorithm": ALGORITHM,
        "KeyId": key.arn(),
    }))
}

pub(super) fn decrypt(call: &Call<'_>) -> Result<Value, Refusal> {
    let (key, plaintext) = open(call, "KeyId", "EncryptionContext", "EncryptionAlgorithm")?;
    Ok(json!({
        "EncryptionAlgorithm": ALGORITHM,
        "KeyId": key.arn(),
        "Plaintext": encode(plaintext),
    }))
}

pub(super) fn re_encrypt(call: &Call<'_>) -> Result<Value, Refusal> {
    let context = call.request.context("DestinationEncryptionContext")?;
    let algorithm = algorithm(call, "DestinationEncryptionAlgorithm")?;
    let (source, plaintext) =
        open(call, "SourceKeyId", "SourceEncryptionContext", "SourceEncryptionAlgorithm")?;
    let key = call.key("DestinationKeyId")?;
    fits(&key, algorithm, call.operation)?;
    Ok(json!({
        "CiphertextBlob": encode(blobs::seal(&key, &context, &plaintext)?),
        "DestinationEncryptionAlgorithm": ALGORITHM,
        "KeyId": key.arn(),
        "SourceEncryptionAlgorithm": ALGORITHM,
        "SourceKeyId": source.arn(),
    }))
}

/// The key of the blob and the plaintext. The blob says which key it needs; a named key has to be that one.
fn open(call: &Call<'_>, key: &str, context: &str, named: &str) -> Result<(Arc<Key>, Vec<u8>), Refusal> {
    let blob = call.request.bytes("CiphertextBlob", LONGEST_BLOB)?;
    let context = call.request.context(context)?;
    let algorithm = algorithm(call, named)?;
    let expected = call.optional_key(key)?;
    let key = call.account.get(blobs::key_id(&blob)?).ok_or_else(blobs::invalid)?;
    if expected.is_some_and(|expected| expected.id != key.id) {
        return Err(Refusal::new(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        ));
    }
    if key.region != call.caller.region {
        let what = "the resource associated with this ciphertext";
        return Err(not_ours(call.caller, call.operation, what));
    }
    fits(&key, algorithm, call.operation)?;
    let plaintext = blobs::open(&key, &context, &blob)?;
    Ok((key, plaintext))
}

fn algorithm<'a>(call: &Call<'a>, parameter: &str) -> Result<&'a str, Refusal> {
    const KNOWN: [&str; 3] = [ALGORITHM, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
    let named = call.request.optional_text(parameter)?.unwrap_or(ALGORITHM);
    if KNOWN.contains(&named) { Ok(named) } else { Err(unknown_value(named, "encryptionAlgorithm", &KNOWN)) }
}

fn fits(key: &Key, algorithm: &str, operation: &str) -> Result<(), Refusal> {
    key.usable_for(Usage::EncryptDecrypt, operation)?;
    if !key.spec.encryption_algorithms().contains(&algorithm) {
        return Err(key.incompatible(algorithm));
    }
    match key.spec {
        Spec::SymmetricDefault => Ok(()),
        _ => Err(Refusal::unsupported("this double encrypts with symmetric keys only")),
    }
}
