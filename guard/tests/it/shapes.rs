//! Tokens as other issuers write them, by their documentation, with values of our own.

use crate::fixture::{Key, NOW, World, jwks};
use keyward_guard::{Algorithm, Issuer, Reason, Rejection, Shape, Token, Verifier};
use serde_json::{Value, json};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// Verifies a token of an issuer. The key is Ed25519, because only the claims matter here.
fn verify(issuer: Issuer, header: Value, mut claims: Value) -> Result<Token, Rejection> {
    let (world, key) = (World::new(), Key::new(1));
    let issuer =
        issuer.algorithms([Algorithm::EdDSA]).embedded(&jwks(&[&key]).to_string()).fetch(world.net.clone());
    let verifier = Verifier::builder().issuer(issuer).clock(world.clock.clone()).build().unwrap();
    claims["iat"] = json!(NOW - 5);
    claims["exp"] = json!(NOW + 3600);
    let mut whole = json!({ "alg": "EdDSA", "kid": key.kid });
    whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    verifier.verify_offline(&key.sign(&whole.to_string(), &claims.to_string()))
}

/// The claims without one of them.
fn without(claims: &Value, name: &str) -> Value {
    let mut rest = claims.clone();
    rest.as_object_mut().unwrap().shift_remove(name);
    rest
}

#[test]
fn auth0() {
    let issuer = || Issuer::auth0("example.eu.auth0.com").audience("https://orders.example");
    let claims = json!({
        "iss": "https://example.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["https://orders.example", "https://example.eu.auth0.com/userinfo"],
        "azp": "my_client_id", "scope": "openid profile orders:read", "permissions": ["orders:read", "orders:write"],
    });
    let token = verify(issuer(), json!({ "typ": "JWT" }), claims.clone()).unwrap();
    assert_eq!((token.client(), token.subject()), ("my_client_id", "auth0|5f7c8ec7c33c6c004bbafe82"));
    assert!(token.has_scope("orders:read") && !token.has_scope("orders:write"));
    assert!(token.has_permission("orders:write") && !token.has_permission("orders"));
    // An ID token names no authorized party, and the application as its audience.
    let id_token = without(&claims, "azp");
    let refused = verify(issuer(), json!({ "typ": "JWT" }), id_token).unwrap_err();
    assert_eq!(refused, Rejection::Invalid(Reason::Incomplete));
    // With the profile of RFC 9068.
    let claims = json!({
        "iss": "https://example.eu.auth0.com/", "sub": "my_client_id@clients", "aud": "https://orders.example",
        "client_id": "my_client_id", "scope": "orders:read", "jti": "x",
    });
    let token = verify(issuer().shape(Shape::Rfc9068), json!({ "typ": "at+jwt" }), claims).unwrap();
    assert!(token.has_scope("orders:read") && token.client() == "my_client_id");
}

#[test]
fn okta() {
    let issuer = || Issuer::okta("https://example.okta.com/oauth2/default").audience("api://default");
    let claims = json!({
        "ver": 1, "jti": "AT.x", "iss": "https://example.okta.com/oauth2/default", "aud": "api://default",
        "cid": "0oa1", "uid": "00u1", "scp": ["openid", "orders:read"], "auth_time": NOW - 100,
        "sub": "somebody@example.com", "groups": ["Everyone", "Order managers"],
    });
    let token = verify(issuer(), json!({}), claims.clone()).unwrap();
    assert_eq!((token.client(), token.subject()), ("0oa1", "somebody@example.com"));
    assert!(token.has_scope("orders:read") && !token.has_scope("orders:write"));
    assert!(token.has_group("Order managers") && !token.has_group("Order") && token.auth_time().is_some());
    let id_token = without(&claims, "cid");
    assert_eq!(verify(issuer(), json!({}), id_token).unwrap_err(), Rejection::Invalid(Reason::Incomplete));
}

#[test]
fn cognito() {
    let issuer = || Issuer::cognito("eu-central-1_AbCdEfGhI").audience("1example23456789");
    let claims = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cognito:groups": ["managers"],
        "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI", "version": 2,
        "client_id": "1example23456789", "origin_jti": "x", "token_use": "access",
        "scope": "openid orders.example/read", "auth_time": NOW - 100, "jti": "y", "username": "somebody",
    });
    let token = verify(issuer(), json!({}), claims.clone()).unwrap();
    assert!(token.has_scope("orders.example/read") && token.has_group("managers"));
    let with = |name: &str, value: &str| {
        let mut claims = claims.clone();
        claims[name] = json!(value);
        claims
    };
    for (claims, reason) in [
        (with("client_id", "another"), Reason::Audience),
        (with("token_use", "id"), Reason::Kind),
        (without(&claims, "token_use"), Reason::Kind),
        (with("aud", "another"), Reason::Audience),
    ] {
        assert_eq!(verify(issuer(), json!({}), claims).unwrap_err(), Rejection::Invalid(reason));
    }
    verify(issuer(), json!({}), with("aud", "1example23456789")).unwrap();
}

#[test]
fn entra_version_1() {
    let issuer = || Issuer::entra_v1(TENANT).audience("api://orders");
    let claims = json!({
        "aud": "api://orders", "iss": format!("https://sts.windows.net/{TENANT}/"), "nbf": NOW - 5, "acr": "1",
        "amr": ["pwd"], "appid": "66666666-7777-8888-9999-000000000000", "appidacr": "0", "name": "Somebody",
        "oid": "x", "scp": "orders.read orders.write", "sub": "abc", "tid": TENANT, "ver": "1.0", "roles": ["Manager"],
    });
    let token = verify(issuer(), json!({ "typ": "JWT", "x5t": "x" }), claims.clone()).unwrap();
    assert!(token.has_scope("orders.write") && token.has_role("Manager") && !token.has_role("Man"));
    assert_eq!(token.client(), "66666666-7777-8888-9999-000000000000");
    let refused =
        verify(Issuer::entra(TENANT).audience("api://orders"), json!({ "typ": "JWT" }), claims).unwrap_err();
    assert_eq!(refused, Rejection::Invalid(Reason::Issuer));
}

#[test]
fn entra_version_2() {
    let issuer = || Issuer::entra(TENANT).audience("22222222-0000-0000-0000-000000000000");
    let claims = json!({
        "aud": "22222222-0000-0000-0000-000000000000", "nbf": NOW - 5, "azpacr": "0", "oid": "x", "sub": "abc",
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "tid": TENANT, "ver": "2.0",
        "azp": "66666666-7777-8888-9999-000000000000", "scp": "orders.read", "groups": ["g1"],
    });
    let token = verify(issuer(), json!({ "typ": "JWT" }), claims.clone()).unwrap();
    assert!(token.has_scope("orders.read") && token.has_group("g1"));
    // An application by itself has roles and no scope.
    let mut application = without(&claims, "scp");
    application["roles"] = json!(["Orders.Read.All"]);
    let token = verify(issuer(), json!({ "typ": "JWT" }), application).unwrap();
    assert!(token.has_role("Orders.Read.All") && token.scopes().next().is_none());
    // If the API and its application are one registration, an ID token has the same audience, but no `azp`.
    let id_token = without(&without(&claims, "azp"), "scp");
    assert_eq!(
        verify(issuer(), json!({ "typ": "JWT" }), id_token).unwrap_err(),
        Rejection::Invalid(Reason::Incomplete)
    );
}

#[test]
fn b2c() {
    let issuer =
        Issuer::b2c("example", TENANT, "B2C_1_signin").audience("33333333-0000-0000-0000-000000000000");
    let claims = json!({
        "iss": format!("https://example.b2clogin.com/{TENANT}/v2.0/"), "nbf": NOW - 5, "ver": "1.0",
        "aud": "33333333-0000-0000-0000-000000000000", "oid": "x", "sub": "abc", "tfp": "B2C_1_signin", "nonce": "n",
        "scp": "orders.read", "azp": "44444444-0000-0000-0000-000000000000",
    });
    assert!(verify(issuer, json!({ "typ": "JWT" }), claims).unwrap().has_scope("orders.read"));
}

#[tokio::test]
async fn their_documents_are_where_they_publish_them() {
    let keys = "https://keys.example/jwks";
    for (issuer, name, metadata) in [
        (
            Issuer::auth0("example.eu.auth0.com"),
            "https://example.eu.auth0.com/",
            "https://example.eu.auth0.com/.well-known/openid-configuration".to_owned(),
        ),
        (
            Issuer::okta("https://example.okta.com/oauth2/default"),
            "https://example.okta.com/oauth2/default",
            "https://example.okta.com/oauth2/default/.well-known/openid-configuration".to_owned(),
        ),
        (
            Issuer::cognito("eu-central-1_AbCdEfGhI"),
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI",
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI/.well-known/openid-configuration".to_owned(),
        ),
        (
            Issuer::entra_v1(TENANT),
            &format!("https://sts.windows.net/{TENANT}/"),
            format!("https://login.microsoftonline.com/{TENANT}/.well-known/openid-configuration"),
        ),
        (
            Issuer::entra(TENANT),
            &format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            format!("https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"),
        ),
        (
            Issuer::b2c("example", TENANT, "B2C_1_signin"),
            &format!("https://example.b2clogin.com/{TENANT}/v2.0/"),
            "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration".to_owned(),
        ),
    ] {
        let world = World::new();
        world.net.serve(&metadata, &json!({ "issuer": name, "jwks_uri": keys }));
        // As Entra ID publishes keys: without `alg`, and with a certificate.
        let n = format!("{}AQ", "w".repeat(340));
        let rsa = json!({ "kty": "RSA", "use": "sig", "kid": "a", "x5t": "a", "n": n, "e": "AQAB", "x5c": ["MII"] });
        world.net.serve(keys, &json!({ "keys": [rsa] }));
        let verifier = Verifier::new(issuer.audience("a").fetch(world.net.clone())).unwrap();
        verifier.warm().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
