//! What a token must be.

use crate::fixture::{ISSUER, Key, NOW, World, claims_with, encode};
use http::Method;
use keyward_guard::{Issuer, Misconfigured, Reason, Rejection, Require, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_token_of_the_issuer_is_accepted_and_read() {
    let world = World::new();
    let token = world.verify(&world.token(json!({ "tenant": "acme", "auth_time": NOW }))).await.unwrap();
    assert_eq!((token.issuer(), token.subject(), token.client()), (ISSUER, "user-1", "shop"));
    assert!(token.has_scope("orders:read") && token.has_scope("profile") && !token.has_scope("orders"));
    #[derive(serde::Deserialize)]
    struct Claims {
        tenant: String,
    }
    assert_eq!(token.claims::<Claims>().unwrap().tenant, "acme");
    assert!(!format!("{token:?}").contains("user-1"));
    world
        .verify(&world.token(json!({ "aud": ["https://other.example", "https://orders.example"] })))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_header_decides_nothing() {
    let world = World::new();
    let claims = claims_with(json!({})).to_string();
    let kid = &world.key.kid;
    for (what, header, reason) in [
        ("none", json!({ "alg": "none", "typ": "at+jwt", "kid": kid }), Reason::NoJwt),
        ("another's algorithm", json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }), Reason::UnknownKey),
        ("another's algorithm", json!({ "alg": "RS256", "typ": "at+jwt", "kid": kid }), Reason::UnknownKey),
        ("an unknown one", json!({ "alg": "RS512", "typ": "at+jwt", "kid": kid }), Reason::NoJwt),
        ("no algorithm", json!({ "typ": "at+jwt", "kid": kid }), Reason::NoJwt),
        ("no kid", json!({ "alg": "EdDSA", "typ": "at+jwt" }), Reason::NoKey),
        ("an unknown kid", json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "x" }), Reason::UnknownKey),
        (
            "a kid that is a path",
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "../jwks" }),
            Reason::UnknownKey,
        ),
        ("a kid that is no text", json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": 1 }), Reason::NoJwt),
        ("no typ", json!({ "alg": "EdDSA", "kid": kid }), Reason::Kind),
        ("an ID token", json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid }), Reason::Kind),
        ("a logout token", json!({ "alg": "EdDSA", "typ": "logout+jwt", "kid": kid }), Reason::Kind),
        (
            "crit",
            json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "crit": ["x"], "x": 1 }),
            Reason::NoJwt,
        ),
        ("no crit", json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "crit": [] }), Reason::NoJwt),
        ("b64", json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "b64": false }), Reason::NoJwt),
        ("zip", json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "zip": "DEF" }), Reason::NoJwt),
    ] {
        assert_eq!(world.reason(&world.key.sign(&header.to_string(), &claims)).await, reason, "{what}");
    }
    let twice = format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#);
    assert_eq!(world.reason(&world.key.sign(&twice, &claims)).await, Reason::NoJwt);
    for typ in ["application/at+jwt", "AT+JWT"] {
        let header = json!({ "alg": "EdDSA", "typ": typ, "kid": kid });
        world.verify(&world.key.sign(&header.to_string(), &claims)).await.unwrap();
    }
}

#[tokio::test]
async fn an_api_may_accept_any_type_of_jwt_but_no_id_token() {
    let world = World::with(Issuer::any_jwt, |builder| builder);
    let sign = |typ: &str, claims: Value| {
        let header = json!({ "alg": "EdDSA", "typ": typ, "kid": world.key.kid });
        world.key.sign(&header.to_string(), &claims_with(claims).to_string())
    };
    for typ in ["JWT", "at+jwt"] {
        world.verify(&sign(typ, json!({}))).await.unwrap();
    }
    assert_eq!(world.reason(&sign("logout+jwt", json!({}))).await, Reason::Kind);
    assert_eq!(world.reason(&sign("JWT", json!({ "at_hash": "x" }))).await, Reason::Kind);
    assert_eq!(world.reason(&sign("JWT", json!({ "client_id": null }))).await, Reason::Incomplete);
}

#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    // CVE-2015-9235.
    let world = World::new();
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": world.key.kid }).to_string();
    let input =
        format!("{}.{}", encode(header.as_bytes()), encode(claims_with(json!({})).to_string().as_bytes()));
    let secret =
        aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, world.key.jwk().to_string().as_bytes());
    let tag = aws_lc_rs::hmac::sign(&secret, input.as_bytes());
    assert_eq!(world.reason(&format!("{input}.{}", encode(tag.as_ref()))).await, Reason::NoJwt);
}

#[tokio::test]
async fn keys_that_a_token_brings_are_not_used() {
    let world = World::new();
    let (foreign, claims) = (Key::new(9), claims_with(json!({})).to_string());
    let header = |kid: &str| json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid, "jwk": foreign.jwk(), "jku": "https://evil.example/jwks" });
    let reason = world.reason(&foreign.sign(&header(&world.key.kid).to_string(), &claims)).await;
    assert_eq!(reason, Reason::Signature);
    let reason = world.reason(&foreign.sign(&header(&foreign.kid).to_string(), &claims)).await;
    assert_eq!(reason, Reason::UnknownKey);
    assert_eq!(world.net.count("https://evil.example/jwks"), 0);
}

#[tokio::test]
async fn nothing_that_was_altered_is_accepted() {
    let world = World::new();
    let token = world.token(json!({}));
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = encode(claims_with(json!({ "sub": "admin" })).to_string().as_bytes());
    assert_eq!(world.reason(&format!("{header}.{other}.{signature}")).await, Reason::Signature);
    let zeros = encode(&[0; 64]);
    assert_eq!(world.reason(&format!("{header}.{claims}.{zeros}")).await, Reason::Signature);
    for broken in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{token}.x"),
        format!("{token}="),
        format!("{header}.{claims}.{signature}.{signature}.{signature}"),
        format!(" {token}"),
        format!("{token}\n"),
        "ü".repeat(20),
    ] {
        assert_eq!(world.reason(&broken).await, Reason::NoJwt, "{broken}");
    }
}

#[tokio::test]
async fn the_claims_have_to_be_right() {
    let world = World::new();
    for (what, claims, reason) in [
        ("another issuer", json!({ "iss": "https://evil.example" }), Reason::Issuer),
        ("a slash more", json!({ "iss": "https://login.example/" }), Reason::Issuer),
        ("no issuer", json!({ "iss": null }), Reason::Issuer),
        ("issuers", json!({ "iss": [ISSUER] }), Reason::Issuer),
        ("another audience", json!({ "aud": "https://payments.example" }), Reason::Audience),
        ("the beginning of it", json!({ "aud": "https://orders.example.evil.example" }), Reason::Audience),
        ("no audience", json!({ "aud": null }), Reason::Audience),
        ("an empty list", json!({ "aud": [] }), Reason::Audience),
        ("an object", json!({ "aud": { "https://orders.example": 1 } }), Reason::Audience),
        (
            "the client instead",
            json!({ "aud": null, "client_id": "https://orders.example" }),
            Reason::Audience,
        ),
        ("expired", json!({ "exp": NOW - 30 }), Reason::Expired),
        ("no expiry", json!({ "exp": null }), Reason::Dates),
        ("expiry as text", json!({ "exp": "9999999999" }), Reason::Dates),
        ("a fraction", json!({ "exp": 1_900_000_000.5 }), Reason::Dates),
        ("beyond all years", json!({ "exp": u64::MAX }), Reason::Dates),
        ("infinite", json!({ "exp": 1e300 }), Reason::Dates),
        ("negative", json!({ "exp": -1 }), Reason::Dates),
        ("not yet", json!({ "nbf": NOW + 31 }), Reason::TooEarly),
        ("from the future", json!({ "iat": NOW + 31 }), Reason::TooEarly),
        ("a bad nbf", json!({ "nbf": "now" }), Reason::Dates),
        ("no subject", json!({ "sub": null }), Reason::Incomplete),
        ("no client", json!({ "client_id": null }), Reason::Incomplete),
        ("an ID token", json!({ "at_hash": "x" }), Reason::Kind),
        ("an ID token", json!({ "token_use": "id" }), Reason::Kind),
        ("bound to a key", json!({ "cnf": { "jkt": "x" } }), Reason::Bound),
    ] {
        assert_eq!(world.reason(&world.token(claims)).await, reason, "{what}");
    }
    for claims in [json!({ "exp": NOW - 29 }), json!({ "nbf": NOW + 30, "iat": NOW + 30 })] {
        world.verify(&world.token(claims)).await.unwrap();
    }
}

#[tokio::test]
async fn claims_are_one_object_of_unique_names() {
    let world = World::new();
    let header = world.key.header().to_string();
    let good = claims_with(json!({})).to_string();
    let twice = good.replacen('{', r#"{"sub":"admin","#, 1);
    let deep = good.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(100), "]".repeat(100)), 1);
    for claims in [twice.as_str(), &deep, "[]", "1", "{", "{}x", "\u{feff}{}"] {
        assert_eq!(world.reason(&world.key.sign(&header, claims)).await, Reason::NoClaims, "{claims}");
    }
    assert_eq!(world.reason(&world.key.sign(&header, "{}")).await, Reason::Issuer);
}

#[tokio::test]
async fn the_size_is_limited() {
    let filled = |bytes: usize| json!({ "x": "y".repeat(bytes) });
    let world = World::new();
    world.verify(&world.token(filled(5000))).await.unwrap();
    assert_eq!(world.reason(&world.token(filled(6000))).await, Reason::TooLong);
    let world = World::with(|issuer| issuer, |builder| builder.max_token_bytes(1000));
    assert_eq!(world.reason(&world.token(filled(1000))).await, Reason::TooLong);
    world.verify(&world.token(json!({}))).await.unwrap();
    let world = World::with(|issuer| issuer, |builder| builder.max_token_bytes(1_000_000));
    assert_eq!(world.reason(&world.token(filled(6000))).await, Reason::TooLong);
}

#[tokio::test]
async fn leeway_and_algorithms_are_settings() {
    let world = World::with(|issuer| issuer, |builder| builder.leeway(Duration::ZERO));
    assert_eq!(world.reason(&world.token(json!({ "exp": NOW }))).await, Reason::Expired);
    let only = |issuer: Issuer| issuer.algorithms([keyward_guard::Algorithm::ES256]);
    let world = World::with(only, |builder| builder);
    assert_eq!(world.reason(&world.token(json!({}))).await, Reason::Algorithm);
    assert_eq!(world.net.count(crate::fixture::METADATA), 0, "a wrong algorithm costs no request");
}

#[test]
fn what_cannot_work_is_not_built() {
    let of = |issuer: Issuer| Verifier::new(issuer).unwrap_err();
    assert_eq!(Verifier::builder().build().unwrap_err(), Misconfigured::NoIssuer);
    assert_eq!(of(Issuer::new(ISSUER)), Misconfigured::NoAudience(ISSUER.into()));
    assert_eq!(
        of(Issuer::new(ISSUER).audience("a").algorithms([])),
        Misconfigured::NoAlgorithm(ISSUER.into())
    );
    let http = "http://login.example";
    // `main` prints an error by its `Debug`.
    assert!(
        format!("{:?}", of(Issuer::new(http).audience("a")))
            .starts_with("http://login.example is not a URL with https")
    );
    assert_eq!(of(Issuer::new(http).audience("a")), Misconfigured::Url(http.into()));
    assert_eq!(of(Issuer::new(ISSUER).audience("a").jwks_uri(http)), Misconfigured::Url(http.into()));
    for keys in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#] {
        assert_eq!(of(Issuer::new(ISSUER).audience("a").embedded(keys)), Misconfigured::Keys(ISSUER.into()));
    }
    let twice = Verifier::builder()
        .issuer(Issuer::new(ISSUER).audience("a"))
        .issuer(Issuer::new(ISSUER).audience("b"));
    assert_eq!(twice.build().unwrap_err(), Misconfigured::Twice(ISSUER.into()));
    Verifier::new(Issuer::new("http://localhost:8080").audience("a")).unwrap();
}

#[tokio::test]
async fn each_issuer_has_its_own_keys_and_audiences() {
    let world = World::new();
    let (old_key, old) = (Key::new(2), "https://old.example");
    let document = json!({ "keys": [old_key.jwk()] }).to_string();
    let issuer = Issuer::new(ISSUER).audience("https://orders.example").fetch(world.net.clone());
    let former = Issuer::new(old).audience("orders").embedded(&document).fetch(world.net.clone());
    let verifier =
        Verifier::builder().issuer(issuer).issuer(former).clock(world.clock.clone()).build().unwrap();
    let token =
        |key: &Key, claims: Value| key.sign(&key.header().to_string(), &claims_with(claims).to_string());
    verifier.verify(&world.token(json!({}))).await.unwrap();
    verifier.verify(&token(&old_key, json!({ "iss": old, "aud": "orders" }))).await.unwrap();
    for (token, reason) in [
        (token(&old_key, json!({})), Reason::UnknownKey),
        (token(&world.key, json!({ "iss": old, "aud": "orders" })), Reason::UnknownKey),
        (token(&old_key, json!({ "iss": old })), Reason::Audience),
        (token(&world.key, json!({ "aud": "orders" })), Reason::Audience),
    ] {
        assert_eq!(verifier.verify(&token).await.unwrap_err(), Rejection::Invalid(reason));
    }
}

#[tokio::test]
async fn no_time_is_too_long_ago_for_an_endless_age() {
    let world = World::new();
    let token = world.verify(&world.token(json!({ "auth_time": NOW - 1 }))).await.unwrap();
    let require = Require::token().max_age(Duration::MAX);
    world.verifier.authorize(&token, &Method::GET, &require).unwrap();
}
