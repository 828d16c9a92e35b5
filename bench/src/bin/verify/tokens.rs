//! The tokens that are verified: access tokens of RFC 9068, as Keyward issues them to a machine.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench::Outcome;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const ISSUER: &str = "https://login.example.com";
pub(crate) const AUDIENCE: &str = "https://orders.example.com";

/// As long as a thumbprint (RFC 7638).
const KID: &str = "q3ZJ8sUWbyPp7sXGxEQnXbpJd9mRBIuL2EC3n1BHsaU";

/// How many differ, so that no verifier can profit from seeing the same one again.
const TOKENS: usize = 64;

/// What one issuer has issued.
pub(crate) struct Issued {
    pub(crate) alg: &'static str,
    pub(crate) jwk: Value,
    pub(crate) key: ParsedPublicKey,
    pub(crate) tokens: Vec<String>,
    /// Signing input and signature of each token.
    pub(crate) parts: Vec<(String, Vec<u8>)>,
}

impl Issued {
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }
}

/// An issuer for each algorithm.
pub(crate) fn issue() -> Outcome<Vec<Issued>> {
    let random = SystemRandom::new();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let ed = Ed25519KeyPair::generate()?;
    let rsa = rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?;
    let (x, y) =
        ec.public_key().as_ref().get(1..).and_then(|point| point.split_at_checked(32)).ok_or("no point")?;
    // RFC 8017 A.1.1: of 2048 bits and the exponent 65537, the modulus always lies there.
    let n = rsa.public_key().as_ref().get(9..265).ok_or("no modulus")?;
    let by_rsa = |padding, message: &[u8]| {
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(padding, &random, message, &mut signature)?;
        Ok(signature)
    };
    let ec_jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
    let ed_jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(ed.public_key().as_ref()) });
    let rsa_jwk = json!({ "kty": "RSA", "n": encode(n), "e": "AQAB" });
    let rsa_key = rsa.public_key().as_ref();
    Ok(vec![
        issued("ES256", ec_jwk, (&ECDSA_P256_SHA256_FIXED, ec.public_key().as_ref()), |message| {
            Ok(ec.sign(&random, message)?.as_ref().to_vec())
        })?,
        issued("EdDSA", ed_jwk, (&ED25519, ed.public_key().as_ref()), |message| {
            Ok(ed.sign(message).as_ref().to_vec())
        })?,
        issued("RS256", rsa_jwk.clone(), (&RSA_PKCS1_2048_8192_SHA256, rsa_key), |message| {
            by_rsa(&RSA_PKCS1_SHA256, message)
        })?,
        issued("PS256", rsa_jwk, (&RSA_PSS_2048_8192_SHA256, rsa_key), |message| {
            by_rsa(&RSA_PSS_SHA256, message)
        })?,
    ])
}

fn issued(
    alg: &'static str,
    mut jwk: Value,
    (verification, key): (&'static dyn VerificationAlgorithm, &[u8]),
    sign: impl Fn(&[u8]) -> Outcome<Vec<u8>>,
) -> Outcome<Issued> {
    for (name, value) in [("alg", alg), ("use", "sig"), ("kid", KID)] {
        jwk.as_object_mut().ok_or("no JWK")?.insert(name.to_owned(), value.into());
    }
    let header = encode(json!({ "alg": alg, "typ": "at+jwt", "kid": KID }).to_string().as_bytes());
    let (mut tokens, mut parts) = (Vec::new(), Vec::new());
    for number in 0..TOKENS {
        let input = format!("{header}.{}", encode(claims(number)?.to_string().as_bytes()));
        let signature = sign(input.as_bytes())?;
        tokens.push(format!("{input}.{}", encode(&signature)));
        parts.push((input, signature));
    }
    Ok(Issued { alg, jwk, key: ParsedPublicKey::new(verification, key)?, tokens, parts })
}

fn claims(number: usize) -> Outcome<Value> {
    #[expect(clippy::disallowed_methods, reason = "other verifiers compare with the machine's clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(json!({
        "iss": ISSUER, "sub": format!("client-{number}"), "aud": AUDIENCE, "client_id": format!("client-{number}"),
        "iat": now, "exp": now + 24 * 3600, "jti": format!("{number:022}"), "scope": "orders:read orders:write",
    }))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
