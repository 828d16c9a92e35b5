//! The library `josekit`, on another cryptographic library than ours: what we sign verifies by the published key.

use conformance::{Harness, World, claims, form, get};
use josekit::jwk::Jwk;
use josekit::jws::{ES256, EdDSA, JwsVerifier, PS256, RS256, deserialize_compact};
use serde_json::Value;

/// The library's verifier for a key of `/jwks`.
fn verifier(key: &Value) -> Box<dyn JwsVerifier> {
    let jwk = Jwk::from_bytes(key.to_string()).unwrap();
    match key["alg"].as_str().unwrap() {
        "RS256" => Box::new(RS256.verifier_from_jwk(&jwk).unwrap()),
        "PS256" => Box::new(PS256.verifier_from_jwk(&jwk).unwrap()),
        "ES256" => Box::new(ES256.verifier_from_jwk(&jwk).unwrap()),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(&jwk).unwrap()),
        alg => panic!("{alg}"),
    }
}

#[tokio::test]
async fn josekit_verifies_every_algorithm() {
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let world = World::with(Harness::Http, &[("KEYWARD_SIGNING_ALGS", alg)]).await;
        let machine = world.machine().await;
        let request = form("/token", &[("grant_type", "client_credentials"), ("scope", "read")]);
        let answer = world.send(conformance::With::with(request, "authorization", &machine.basic())).await;
        let document = answer.json();
        let token = document["access_token"].as_str().unwrap();
        let published = world.send(get("/jwks")).await.json();
        let keys = published["keys"].as_array().unwrap();
        let mut verified = 0;
        for key in keys {
            if let Ok((payload, header)) = deserialize_compact(token, &*verifier(key)) {
                assert_eq!(header.claim("kid"), key.get("kid"));
                assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), claims(token));
                verified += 1;
            }
        }
        assert_eq!((keys.len(), verified), (2, 1), "{alg}: by the key that signs, not by its successor");
    }
}
