//! A token as an API receives it, and the key set of its issuer.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use guard::{Algorithm, Issuer, Rejection, Token, Verifier};
use protocol::base64url;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://login.example";
const API: &str = "https://orders.example";
const NOW: u64 = 1_800_000_000;

struct Standing;

impl guard::Clock for Standing {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

struct Api {
    verifier: Verifier,
    key: Ed25519KeyPair,
}

fn api() -> &'static Api {
    static API_OF_ALL: OnceLock<Api> = OnceLock::new();
    API_OF_ALL.get_or_init(|| {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let x = base64url::encode(key.public_key().as_ref());
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "key" }] }).to_string();
        let issuer = Issuer::new(ISSUER).audience(API).embedded(&jwks);
        Api { verifier: Verifier::builder().issuer(issuer).clock(Standing).build().unwrap(), key }
    })
}

/// A token, or the header and claims of one that the issuer signs whatever they are, or a JWK Set.
pub fn guard_token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(verified(text).is_err(), "nobody else has the key");
    if let Some((header, claims)) = text.split_once('\n') {
        let input =
            format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
        let signature = base64url::encode(api().key.sign(input.as_bytes()).as_ref());
        if let Ok(token) = verified(&format!("{input}.{signature}")) {
            check(&token, header, claims);
        }
    }
    let issuer = Issuer::new(ISSUER).audience(API).algorithms(Algorithm::ALL).embedded(text);
    let _ = Verifier::new(issuer);
}

/// The verifier's answer. A refusal says nothing about the token.
fn verified(token: &str) -> Result<Token, Rejection> {
    let verified = api().verifier.verify_offline(token);
    if let Err(rejection) = &verified {
        assert_eq!(rejection.challenge(None).unwrap(), "Bearer error=\"invalid_token\"");
    }
    verified
}

/// What an accepted token must be, as another reader reads it.
fn check(token: &Token, header: &str, claims: &str) {
    let header: Map<String, Value> = serde_json::from_str(header).unwrap();
    let claims: Map<String, Value> = serde_json::from_str(claims).unwrap();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("EdDSA"), &json!("key")));
    assert!(
        !header.contains_key("crit") && header["typ"].as_str().unwrap().to_lowercase().ends_with("at+jwt")
    );
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["aud"] == API || claims["aud"].as_array().unwrap().contains(&json!(API)));
    assert!(claims["exp"].as_u64().unwrap() + 30 > NOW && !claims.contains_key("cnf"));
    assert!(claims.get("nbf").is_none_or(|start| start.as_u64().unwrap() <= NOW + 30));
    assert_eq!(
        (token.subject(), token.client()),
        (claims["sub"].as_str().unwrap(), claims["client_id"].as_str().unwrap())
    );
}
