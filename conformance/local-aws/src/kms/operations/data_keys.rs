//! Data keys and data key pairs: made here, used elsewhere, wrapped by a symmetric key.

use super::call::Call;
use crate::kms::blobs;
use crate::kms::keys::Key;
use crate::kms::material::{Material, random};
use crate::kms::refusal::Refusal;
use crate::kms::request::encode;
use crate::kms::spec::{Spec, Usage, unknown_value};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn generate(call: &Call<'_>) -> Result<Value, Refusal> {
    let (mut answer, plaintext) = data_key(call)?;
    answer["Plaintext"] = encode(plaintext).into();
    Ok(answer)
}

pub(super) fn generate_without_plaintext(call: &Call<'_>) -> Result<Value, Refusal> {
    data_key(call).map(|(answer, _)| answer)
}

pub(super) fn generate_pair_without_plaintext(call: &Call<'_>) -> Result<Value, Refusal> {
    let spec = Spec::read(call.request.text("KeyPairSpec")?, "keyPairSpec")?;
    if spec == Spec::SymmetricDefault {
        let known = ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519"];
        return Err(unknown_value(spec.name(), "keyPairSpec", &known));
    }
    let context = call.request.context("EncryptionContext")?;
    let key = wrapping_key(call)?;
    let pair = Material::generate(spec)?;
    Ok(json!({
        "KeyId": key.arn(),
        "KeyPairSpec": spec.name(),
        "PrivateKeyCiphertextBlob": encode(blobs::seal(&key, &context, &pair.private_key()?)?),
        "PublicKey": encode(pair.public_key()?),
    }))
}

/// The answer without the plaintext, and the plaintext.
fn data_key(call: &Call<'_>) -> Result<(Value, Vec<u8>), Refusal> {
    let length = length(call)?;
    let context = call.request.context("EncryptionContext")?;
    let key = wrapping_key(call)?;
    let plaintext = random(length)?;
    let blob = blobs::seal(&key, &context, &plaintext)?;
    Ok((json!({ "CiphertextBlob": encode(blob), "KeyId": key.arn() }), plaintext))
}

/// By `KeySpec` or `NumberOfBytes`, in bytes.
fn length(call: &Call<'_>) -> Result<usize, Refusal> {
    let spec = call.request.optional_text("KeySpec")?;
    match (spec, call.request.optional_number("NumberOfBytes")?) {
        (Some("AES_256"), None) => Ok(32),
        (Some("AES_128"), None) => Ok(16),
        (Some(other), None) => Err(unknown_value(other, "keySpec", &["AES_256", "AES_128"])),
        (None, Some(bytes)) => {
            let length = usize::try_from(bytes).ok().filter(|length| (1..=1024).contains(length));
            length.ok_or_else(|| {
                Refusal::invalid(format!(
                    "1 validation error detected: Value '{bytes}' at 'numberOfBytes' failed to satisfy constraint: \
                     Member must have value between 1 and 1024"
                ))
            })
        }
        _ => Err(Refusal::invalid("Please specify either number of bytes or key spec.")),
    }
}

fn wrapping_key(call: &Call<'_>) -> Result<Arc<Key>, Refusal> {
    let key = call.key("KeyId")?;
    key.usable_for(Usage::EncryptDecrypt, call.operation)?;
    if key.spec == Spec::SymmetricDefault {
        return Ok(key);
    }
    let (arn, spec) = (key.arn(), key.spec.name());
    Err(Refusal::usage(format!("{arn} key spec is {spec} which is not valid for {}.", call.operation)))
}
