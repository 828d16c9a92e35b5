//! `/userinfo`.

use super::requests::*;
use axum::body::Body;
use conformance::{FORM, get, header, post};
use http::{Method, Request};
use protocol::base64url;
use serde_json::{Value, json};

/// An access token of alice for the relying party.
async fn token(world: &World, scope: &str) -> String {
    let tokens = redeem(world, &code(world, &[("scope", scope)]).await).await;
    tokens.json()["access_token"].as_str().unwrap().to_owned()
}

async fn ask(world: &World, authorization: &str) -> Answer {
    world.send(get("/userinfo").with("authorization", authorization)).await
}

/// 401 with the code as a challenge and in the body.
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    answer.assert_token_error(status, code);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer "), "{challenge}");
    assert!(challenge.contains(&format!(r#"error="{code}""#)), "{challenge}");
}

#[tokio::test]
async fn n101_without_a_token_nothing_but_a_challenge() {
    let (world, party) = people().await;
    for answer in [world.send(get("/userinfo")).await, ask(&world, &party.basic()).await] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="keyward""#);
        assert!(answer.body.is_empty());
    }
}

#[tokio::test]
async fn n102_tokens_that_will_not_do() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let tokens = redeem(&world, &code(&world, &[]).await).await;
    let id_token = tokens.json()["id_token"].as_str().unwrap().to_owned();
    let own = world
        .send(form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic()))
        .await;
    let own = own.json()["access_token"].as_str().unwrap().to_owned();
    let elsewhere = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", "https://other.example")]).await;
    elsewhere.relying_party().await;
    elsewhere.alice().await;
    let foreign = token(&elsewhere, "openid").await;
    for wrong in ["x", "a.b.c", &id_token, &own, &foreign] {
        assert_refused(&ask(&world, &format!("Bearer {wrong}")).await, 401, "invalid_token");
    }
    let revoked = token(&world, "openid").await;
    let given_back = form("/revoke", &[("token", &revoked)]).with("authorization", &world.basic("rp"));
    assert_eq!(world.send(given_back).await.status, 200);
    assert_refused(&ask(&world, &format!("Bearer {revoked}")).await, 401, "invalid_token");
    let metadata = json!({
        "client_id": "api-user",
        "redirect_uris": [REDIRECT],
        "scope": "things",
        "audiences": ["https://api.example"],
    });
    world.client(metadata).await;
    let code = code(&world, &[("client_id", "api-user"), ("scope", "things")]).await;
    let for_api = redeem_as(&world, "api-user", &code).await;
    let for_api = member(&for_api, "access_token");
    assert_refused(&ask(&world, &format!("Bearer {for_api}")).await, 401, "invalid_token");
    let good = token(&world, "openid").await;
    world.pass(599);
    assert_eq!(ask(&world, &format!("Bearer {good}")).await.status, 200);
    world.pass(1);
    assert_refused(&ask(&world, &format!("Bearer {good}")).await, 401, "invalid_token");
}

#[tokio::test]
async fn n102_a_token_without_openid_is_not_for_us() {
    let (world, _) = people().await;
    let without = token(&world, "email").await;
    let answer = ask(&world, &format!("Bearer {without}")).await;
    assert_refused(&answer, 403, "insufficient_scope");
    assert!(answer.header("www-authenticate").contains(r#"scope="openid""#));
}

#[tokio::test]
async fn n103_one_token_and_not_in_the_url() {
    let (world, _) = people().await;
    let token = token(&world, "openid").await;
    let bearer = format!("Bearer {token}");
    let body = format!("access_token={token}");
    for request in [
        get(&format!("/userinfo?access_token={token}")),
        get(&format!("/userinfo?access_token={token}")).with("authorization", &bearer),
        post("/userinfo", FORM, body.clone()).with("authorization", &bearer),
        get("/userinfo").with("authorization", &bearer).with("authorization", &bearer),
        post("/userinfo", FORM, format!("{body}&{body}")),
    ] {
        assert_refused(&world.send(request).await, 400, "invalid_request");
    }
    assert_eq!(world.send(post("/userinfo", FORM, body)).await.status, 200, "in the body of a POST");
    let by_post = post("/userinfo", FORM, "").with("authorization", &bearer);
    assert_eq!(world.send(by_post).await.status, 200);
    let bare = Request::builder().method(Method::POST).uri("/userinfo").body(Body::empty()).unwrap();
    assert_eq!(world.send(bare.with("authorization", &bearer)).await.status, 200);
}

#[tokio::test]
async fn n104_the_scheme_has_any_case_and_the_token_one_shape() {
    let (world, _) = people().await;
    let token = token(&world, "openid").await;
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        assert_eq!(ask(&world, &format!("{scheme} {token}")).await.status, 200, "{scheme}");
    }
    for malformed in
        ["Bearer", "Bearer ", &format!("Bearer {token} {token}"), &format!("Bearer {token},"), "Bearer ä"]
    {
        let answer = ask(&world, malformed).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{malformed}: {answer:?}");
    }
}

#[tokio::test]
async fn n105_the_signature_decides() {
    let (world, _) = people().await;
    let token = token(&world, "openid").await;
    let [head, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let headed = |change: &dyn Fn(&mut Value)| {
        let mut header = header(&token);
        change(&mut header);
        format!("{}.{claims}.{signature}", base64url::encode(header.to_string().as_bytes()))
    };
    let mut flipped = base64url::decode(signature).unwrap();
    flipped[0] ^= 1;
    let other = base64url::encode(base64url::decode(claims).unwrap().as_slice()).replacen('a', "b", 1);
    let none = base64url::encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    for forged in [
        headed(&|header| header["alg"] = json!("none")),
        headed(&|header| header["alg"] = json!("HS256")),
        headed(&|header| header["alg"] = json!("RS256")),
        headed(&|header| header["kid"] = json!("other")),
        headed(&|header| header["kid"] = json!(1)),
        headed(&|header| drop(header.as_object_mut().unwrap().remove("kid"))),
        headed(&|header| drop(header.as_object_mut().unwrap().remove("typ"))),
        headed(&|header| header["typ"] = json!("JWT")),
        headed(&|header| header["crit"] = json!(["x"])),
        format!("{head}.{claims}.{}", base64url::encode(&flipped)),
        format!("{head}.{other}.{signature}"),
        format!("{none}.{claims}."),
        format!("{head}.{claims}."),
        format!("{head}.{claims}"),
        format!("{token}.x.y"),
    ] {
        assert_refused(&ask(&world, &format!("Bearer {forged}")).await, 401, "invalid_token");
    }
}

#[tokio::test]
async fn n106_a_disabled_or_deleted_user_is_refused_at_once() {
    let (world, _) = people().await;
    let token = token(&world, "openid").await;
    let bearer = format!("Bearer {token}");
    world.admin().set_user_disabled("alice", true).await.unwrap();
    assert_refused(&ask(&world, &bearer).await, 401, "invalid_token");
    world.admin().set_user_disabled("alice", false).await.unwrap();
    assert_refused(&ask(&world, &bearer).await, 401, "invalid_token");
    world.admin().delete_user("alice").await.unwrap();
    assert_refused(&ask(&world, &bearer).await, 401, "invalid_token");
}

#[tokio::test]
async fn n107_claims_follow_scopes_and_an_unverified_address_is_not_verified() {
    let (world, _) = people().await;
    let answer = ask(&world, &format!("Bearer {}", token(&world, "openid").await)).await;
    assert_eq!(answer.json().as_object().unwrap().len(), 1, "sub alone: {}", answer.text());
    let answer = ask(&world, &format!("Bearer {}", token(&world, "openid email address phone").await)).await;
    let claims = answer.json();
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("alice@example.com"), &json!(false)));
    assert_eq!(claims["address"], json!({ "country": "NL" }));
    assert_eq!(
        (&claims["phone_number"], &claims["phone_number_verified"]),
        (&json!("+31 20 1234567"), &json!(false))
    );
    assert_eq!(claims.get("name"), None);
}

#[tokio::test]
async fn n109_browser_code_of_the_tokens_client_reads_it() {
    let (world, _) = people().await;
    let spa = json!({
        "client_id": "spa",
        "redirect_uris": ["https://spa.example/cb"],
        "token_endpoint_auth_method": "none",
        "scope": "openid",
    });
    world.client(spa).await;
    let uri = ("redirect_uri", "https://spa.example/cb");
    let code = code(&world, &[("client_id", "spa"), uri]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        uri,
        ("code_verifier", VERIFIER),
        ("client_id", "spa"),
    ];
    let tokens = world.send(form("/token", &fields)).await;
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    world.counts.take();
    let preflight = |origin: &str| {
        let request =
            Request::builder().method(Method::OPTIONS).uri("/userinfo").body(Body::empty()).unwrap();
        let request = request.with("origin", origin).with("access-control-request-method", "GET");
        world.send(request.with("access-control-request-headers", "authorization"))
    };
    let asked = preflight("https://anyone.example").await;
    assert_eq!(
        (asked.status.as_u16(), asked.header("access-control-allow-origin"), asked.header("vary")),
        (204, "https://anyone.example", "Origin, Access-Control-Request-Headers")
    );
    assert!(!asked.has("access-control-allow-credentials"));
    assert!(!preflight("null").await.has("access-control-allow-origin"));
    assert_eq!(world.counts.take(), (0, 0), "a preflight costs nothing");
    let from = async |origin: &str| {
        world.send(get("/userinfo").with("authorization", &bearer).with("origin", origin)).await
    };
    let own = from("https://spa.example").await;
    assert_eq!(
        (own.status.as_u16(), own.header("access-control-allow-origin")),
        (200, "https://spa.example")
    );
    assert!(!own.has("access-control-allow-credentials"));
    for other in ["https://evil.example", "null"] {
        assert!(!from(other).await.has("access-control-allow-origin"));
    }
    world.pass(600);
    let expired = from("https://spa.example").await;
    assert_eq!(
        (expired.status.as_u16(), expired.header("access-control-allow-origin")),
        (401, "https://spa.example")
    );
}

/// An API could pass on a token that it was sent. Without `openid` the token doesn't open the user's claims to it.
#[tokio::test]
async fn a_client_registered_without_openid_gets_plain_oauth_tokens() {
    let (world, _) = people().await;
    let metadata = json!({
        "client_id": "api-user",
        "redirect_uris": [REDIRECT],
        "audiences": ["https://api.example"],
        "scope": "api:read",
    });
    world.client(metadata).await;
    for scope in ["api:read", "openid api:read", "openid profile email api:read"] {
        let code = code(&world, &[("client_id", "api-user"), ("scope", scope)]).await;
        let tokens = redeem_as(&world, "api-user", &code).await;
        assert_eq!(
            (tokens.status.as_u16(), &tokens.json()["scope"]),
            (200, &json!("api:read")),
            "{tokens:?}"
        );
        assert_eq!(tokens.json().get("id_token"), None, "{scope}");
        let access = member(&tokens, "access_token");
        assert_eq!(tokens.claims("access_token")["aud"], "https://api.example", "the API, and nobody else");
        assert_refused(&ask(&world, &format!("Bearer {access}")).await, 401, "invalid_token");
    }
    let answer = world.send(get(&with(&[("client_id", "api-user"), ("scope", "openid")]))).await;
    answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_scope", Some("s"));
}
