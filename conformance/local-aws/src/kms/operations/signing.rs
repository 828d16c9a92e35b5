//! Sign, and the public key that verifies.

use super::call::Call;
use crate::kms::refusal::Refusal;
use crate::kms::request::encode;
use crate::kms::sign::{self, MessageType};
use crate::kms::spec::{Spec, Usage, unknown_value};
use serde_json::{Value, json};

/// Bytes that KMS signs at most.
const LONGEST_MESSAGE: usize = 4096;
/// Algorithms that KMS knows, and no key spec here has.
const OTHERS: [&str; 4] = ["ECDSA_SHA_384", "ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256"];

pub(super) fn sign(call: &Call<'_>) -> Result<Value, Refusal> {
    let message = call.request.bytes("Message", LONGEST_MESSAGE)?;
    let message_type = match call.request.optional_text("MessageType")? {
        None | Some("RAW") => MessageType::Raw,
        Some("DIGEST") => MessageType::Digest,
        Some("EXTERNAL_MU") => return Err(Refusal::unsupported("this double has no EXTERNAL_MU")),
        Some(other) => return Err(unknown_value(other, "messageType", &["RAW", "DIGEST", "EXTERNAL_MU"])),
    };
    let algorithm = algorithm(call)?;
    let key = call.key("KeyId")?;
    key.usable_for(Usage::SignVerify, call.operation)?;
    let signature = sign::sign(&key, algorithm, message_type, &message)?;
    Ok(json!({ "KeyId": key.arn(), "Signature": encode(signature), "SigningAlgorithm": algorithm }))
}

pub(super) fn public_key(call: &Call<'_>) -> Result<Value, Refusal> {
    let key = call.key("KeyId")?;
    key.usable()?;
    if key.spec == Spec::SymmetricDefault {
        let reason = format!("{} is a symmetric key and has no public key.", key.arn());
        return Err(Refusal::unsupported(reason));
    }
    let mut answer = json!({
        "CustomerMasterKeySpec": key.spec.name(),
        "KeyId": key.arn(),
        "KeySpec": key.spec.name(),
        "KeyUsage": key.usage.name(),
        "PublicKey": encode(key.material.public_key()?),
    });
    key.name_algorithms(&mut answer);
    Ok(answer)
}

fn algorithm<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    let named = call.request.text("SigningAlgorithm")?;
    let specs = [Spec::Rsa2048, Spec::EccNistP256, Spec::EccNistEdwards25519];
    let known: Vec<&str> =
        specs.iter().flat_map(|spec| spec.signing_algorithms()).chain(&OTHERS).copied().collect();
    if known.contains(&named) { Ok(named) } else { Err(unknown_value(named, "signingAlgorithm", &known)) }
}
