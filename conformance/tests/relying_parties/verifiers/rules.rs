//! What gateways document about the tokens, keys and metadata that they take, as assertions on those of a server with
//! its default settings, and on its largest key set.

use super::AUDIENCE;
use conformance::{Harness, With as _, World, claims, form, get, header};
use keys::RotateWhen;
use serde_json::{Value, json};

/// What a gateway sees.
struct Seen {
    issuer: String,
    header: Value,
    claims: Value,
    keys: Vec<Value>,
    jwks_bytes: usize,
    metadata: Value,
}

impl Seen {
    fn key(&self) -> &Value {
        self.keys.iter().find(|key| key["kid"] == self.header["kid"]).unwrap()
    }
}

/// A rule: the gateways that have it, what it says, and whether it holds.
///
/// | gateway | where it is documented |
/// |---|---|
/// | aws-http, aws-rest | API Gateway Developer Guide: "Control access to HTTP APIs with JWT authorizers", "Control access to REST APIs using JWT authorizers" |
/// | alb | Application Load Balancers: "Verify JWTs using an Application Load Balancer" |
/// | apim | Azure API Management: "Validate JWT" |
/// | envoy, istio | Envoy: "JWT Authentication"; Istio: "RequestAuthentication" |
/// | kong | Kong: plugins "JWT" and "OpenID Connect" |
/// | cloudflare | API Shield: "JWT validation" |
/// | nginx | what `keyward gateway nginx` compares |
type Rule = (&'static str, &'static str, fn(&Seen) -> bool);

const RULES: [Rule; 14] = [
    ("aws-http aws-rest alb apim cloudflare", "RS256", |seen| seen.header["alg"] == "RS256"),
    ("aws-http aws-rest alb apim envoy kong cloudflare", "the JWKS has the key of the token's kid", |seen| {
        let named = seen.keys.iter().filter(|key| key["kid"] == seen.header["kid"]);
        seen.header["kid"].is_string() && named.count() == 1
    }),
    ("aws-http aws-rest envoy kong cloudflare", "the key has the token's alg, and a use", |seen| {
        seen.key()["alg"] == seen.header["alg"] && seen.key()["use"] == "sig"
    }),
    // RFC 7518 §3.3 and §6.3.1.1: base64url of 256 bytes.
    ("aws-http aws-rest alb apim cloudflare", "an RSA key has at least 2048 bits", |seen| {
        seen.key()["kty"] == "RSA" && seen.key()["n"].as_str().unwrap().len() >= 342
    }),
    ("alb", "the JWKS is at most 150 kB, with at most 10 keys", |seen| {
        seen.jwks_bytes <= 150_000 && seen.keys.len() <= 10
    }),
    ("aws-http aws-rest alb apim envoy kong nginx cloudflare", "iss is the issuer, exactly", |seen| {
        seen.claims["iss"] == seen.issuer.as_str()
    }),
    ("aws-http aws-rest alb apim envoy kong nginx cloudflare", "aud is one string: the API", |seen| {
        seen.claims["aud"] == AUDIENCE
    }),
    (
        "aws-http aws-rest alb apim envoy kong nginx cloudflare",
        "exp and iat are numbers, exp is later",
        |seen| seen.claims["exp"].as_u64().unwrap() > seen.claims["iat"].as_u64().unwrap(),
    ),
    // Clocks differ, and Azure API Management has no tolerance by default.
    ("aws-http aws-rest alb apim envoy kong cloudflare", "there is no nbf", |seen| {
        seen.claims["nbf"].is_null()
    }),
    ("aws-http aws-rest alb apim envoy nginx", "scope is a string, separated by spaces", |seen| {
        seen.claims["scope"] == "orders:read orders:write"
    }),
    ("aws-http", "if there is a client_id, aud is compared all the same", |seen| {
        seen.claims["client_id"] == "worker" && seen.claims["aud"] == AUDIENCE
    }),
    // OIDC Discovery §4.3, which all of them follow.
    ("aws-http aws-rest apim kong", "the metadata has this issuer and where the JWKS is", |seen| {
        seen.metadata["issuer"] == seen.issuer.as_str()
            && seen.metadata["jwks_uri"] == format!("{}/jwks", seen.issuer)
    }),
    // RFC 8725 §3.10: what envoy's jwt_verify_lib and Kong would not know how to treat.
    ("envoy istio kong", "the header names no other key and nothing critical", |seen| {
        ["crit", "jwk", "jku", "x5u", "x5c", "b64", "zip"].iter().all(|name| seen.header[*name].is_null())
    }),
    ("aws-http aws-rest alb envoy nginx", "the token fits into a header of 8 kB", |seen| {
        seen.header.to_string().len() + seen.claims.to_string().len() < 4096
    }),
];

#[tokio::test]
async fn tokens_and_keys_satisfy_the_rules_of_gateways() {
    let world = World::with(Harness::Http, &[("KEYWARD_SIGNING_ALGS", "RS256,ES256")]).await;
    check(&world).await;
}

/// The most keys there can be: each algorithm has one that retires, one that signs and one that is going to.
#[tokio::test]
async fn the_largest_key_set_satisfies_them_too() {
    let world = World::with(Harness::Http, &[("KEYWARD_SIGNING_ALGS", "RS256,PS256,ES256")]).await;
    world.app.keys.rotate(RotateWhen::Now { force: true }).await.unwrap();
    let seen = check(&world).await;
    assert_eq!(seen.keys.len(), 9);
}

async fn check(world: &World) -> Seen {
    let worker = json!({
        "client_id": "worker",
        "grant_types": ["client_credentials"],
        "scope": "orders:read orders:write",
        "audiences": [AUDIENCE],
    });
    let worker = world.client(worker).await;
    let request = form("/token", &[("grant_type", "client_credentials")]);
    let answer = world.send(request.with("authorization", &worker.basic())).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let jwks = world.send(get("/jwks")).await;
    let seen = Seen {
        issuer: world.issuer().as_str().to_owned(),
        header: header(&token),
        claims: claims(&token),
        keys: jwks.json()["keys"].as_array().unwrap().clone(),
        jwks_bytes: jwks.text().len(),
        metadata: world.send(get("/.well-known/openid-configuration")).await.json(),
    };
    for (gateways, rule, holds) in RULES {
        assert!(holds(&seen), "{gateways}: {rule}\n{}\n{}", seen.header, seen.claims);
    }
    seen
}
