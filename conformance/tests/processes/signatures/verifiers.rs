//! Verifiers by others: each takes a key set and tokens, and returns the claims of every token that one of the keys signed.

use conformance::process::piped;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, EdDSA, JwsVerifier, PS256, RS256, deserialize_compact};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use storage::contract::tool::{environment, go_without};

pub(super) type Verifier = fn(&Value, &[String]) -> Vec<Option<Value>>;

const SCRIPT: &str = include_str!("joserfc.py");
const MISSING: &str = "there is no joserfc: install it, and set JOSERFC_PYTHON to the path of a Python that has it (see \
                       conformance/README.md)";

/// Those that this machine has.
pub(super) fn verifiers() -> Vec<(&'static str, Verifier)> {
    let mut all: Vec<(_, Verifier)> = vec![("josekit", josekit), ("jsonwebtoken", jsonwebtoken)];
    if has_joserfc() {
        all.push(("joserfc", joserfc));
    }
    all
}

/// The crate `josekit`, on OpenSSL.
fn josekit(jwks: &Value, tokens: &[String]) -> Vec<Option<Value>> {
    let verify = |token: &String| {
        let (payload, _) = deserialize_compact(token, &*josekit_verifier(key_of(jwks, token))).ok()?;
        Some(serde_json::from_slice(&payload).unwrap())
    };
    tokens.iter().map(verify).collect()
}

fn josekit_verifier(key: &Value) -> Box<dyn JwsVerifier> {
    let jwk = Jwk::from_bytes(key.to_string()).unwrap();
    match key["alg"].as_str().unwrap() {
        "RS256" => Box::new(RS256.verifier_from_jwk(&jwk).unwrap()),
        "PS256" => Box::new(PS256.verifier_from_jwk(&jwk).unwrap()),
        "ES256" => Box::new(ES256.verifier_from_jwk(&jwk).unwrap()),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(&jwk).unwrap()),
        alg => panic!("{alg}"),
    }
}

/// The crate `jsonwebtoken`, on aws-lc.
fn jsonwebtoken(jwks: &Value, tokens: &[String]) -> Vec<Option<Value>> {
    let verify = |token: &String| {
        let key = key_of(jwks, token);
        let mut validation = Validation::new(key["alg"].as_str().unwrap().parse().unwrap());
        validation.validate_aud = false;
        let key = DecodingKey::from_jwk(&serde_json::from_value(key.clone()).unwrap()).unwrap();
        jsonwebtoken::decode(token, &key, &validation).ok().map(|data| data.claims)
    };
    tokens.iter().map(verify).collect()
}

/// The Python package `joserfc`.
fn joserfc(jwks: &Value, tokens: &[String]) -> Vec<Option<Value>> {
    let mut command = Command::new(python());
    command.args(["-W", "ignore", "-c", SCRIPT]);
    let output = piped(command, &json!({ "jwks": jwks, "tokens": tokens }).to_string());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn key_of<'a>(jwks: &'a Value, token: &str) -> &'a Value {
    let header = conformance::header(token);
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(key["alg"], header["alg"]);
    key
}

fn has_joserfc() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let mut command = Command::new(python());
        command.args(["-c", "import joserfc"]).stderr(Stdio::null());
        let found = command.status().is_ok_and(|status| status.success());
        if !found {
            go_without("JOSERFC", "no signature is verified by joserfc", MISSING);
        }
        found
    })
}

fn python() -> PathBuf {
    environment("JOSERFC_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}
