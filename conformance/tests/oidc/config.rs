//! Config OP: what the metadata and the key set say.

use super::relying_party::{ISSUER, Mode, RelyingParty};
use conformance::get;
use jsonwebtoken::jwk::JwkSet;
use serde_json::Value;
use std::collections::BTreeSet;

/// Members of RFC 8414 and OIDC Discovery, and of the extensions that the suite knows.
const KNOWN: [&str; 29] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "end_session_endpoint",
    "jwks_uri",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
    "code_challenge_methods_supported",
    "acr_values_supported",
    "prompt_values_supported",
    "display_values_supported",
    "ui_locales_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "authorization_response_iss_parameter_supported",
    "service_documentation",
];

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let rp = RelyingParty::of("config", Mode::Query, "RS256,ES256").await;
    let answer = rp.world.send(get("/.well-known/openid-configuration")).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], ISSUER);
    for (name, value) in metadata.as_object().unwrap() {
        assert!(KNOWN.contains(&name.as_str()), "{name} would be a warning");
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://"), "{name}");
        } else if name.ends_with("_supported") && !value.is_boolean() {
            assert!(value.as_array().unwrap().iter().all(Value::is_string), "{name}");
        }
    }
    let has = |name: &str, value: &str| metadata[name].as_array().unwrap().iter().any(|own| own == value);
    for (name, value) in [
        ("response_types_supported", "code"),
        ("subject_types_supported", "public"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "refresh_token"),
        ("scopes_supported", "openid"),
        ("code_challenge_methods_supported", "S256"),
        ("claims_supported", "sub"),
    ] {
        assert!(has(name, value), "{name}: {value}");
    }
    assert_eq!(metadata["request_parameter_supported"], false);
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    keys_are_public_and_told_apart(&rp.world.send(get("/jwks")).await.json());
}

fn keys_are_public_and_told_apart(document: &Value) {
    serde_json::from_value::<JwkSet>(document.clone()).unwrap();
    let keys = document["keys"].as_array().unwrap();
    let kids: BTreeSet<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), keys.len());
    for key in keys {
        assert!(["RSA", "EC", "OKP"].contains(&key["kty"].as_str().unwrap()));
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
}
