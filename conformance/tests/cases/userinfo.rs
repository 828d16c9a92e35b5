//! `/userinfo`, `/jwks` and metadata.

use super::*;
use axum::body::Body;
use conformance::{FORM, get, header, post};
use http::{Method, Request};
use protocol::base64url;
use protocol::jwk::JwkSet;
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
async fn n106_who_is_disabled_or_gone_is_unknown_at_once() {
    let (world, _) = people().await;
    let token = token(&world, "openid").await;
    let bearer = format!("Bearer {token}");
    world.admin.set_user_disabled("alice", true).await.unwrap();
    assert_refused(&ask(&world, &bearer).await, 401, "invalid_token");
    world.admin.set_user_disabled("alice", false).await.unwrap();
    assert_refused(&ask(&world, &bearer).await, 401, "invalid_token");
    world.admin.delete_user("alice").await.unwrap();
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
    let from = async |origin: &str| {
        world.send(get("/userinfo").with("authorization", &bearer).with("origin", origin)).await
    };
    let own = from("https://spa.example").await;
    assert_eq!(
        (own.status.as_u16(), own.header("access-control-allow-origin")),
        (200, "https://spa.example")
    );
    assert!(!own.has("access-control-allow-credentials"));
    assert!(!from("https://evil.example").await.has("access-control-allow-origin"));
    world.pass(600);
    let expired = from("https://spa.example").await;
    assert_eq!(
        (expired.status.as_u16(), expired.header("access-control-allow-origin")),
        (401, "https://spa.example")
    );
}

#[tokio::test]
async fn n110_keys_are_public_unique_and_cacheable() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_SIGNING_ALGS", "RS256,ES256,EdDSA")]).await;
    let answer = world.send(get("/jwks")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=900");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 6, "each signs now or next");
    let mut kids = std::collections::BTreeSet::new();
    for key in &keys {
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(
            names.iter().all(|name| ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"].contains(name)),
            "{names:?}"
        );
        assert_eq!(key["use"], "sig");
        assert!(kids.insert(key["kid"].as_str().unwrap()));
    }
    serde_json::from_value::<JwkSet>(answer.json()).unwrap();
    let etag = answer.header("etag");
    for tag in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let again = world.send(get("/jwks").with("if-none-match", &tag)).await;
        assert_eq!((again.status.as_u16(), again.header("etag"), again.body.len()), (304, etag, 0));
    }
    assert_eq!(world.send(get("/jwks").with("if-none-match", "\"x\"")).await.status, 200);
    let head = Request::builder().method(Method::HEAD).uri("/jwks").body(Body::empty()).unwrap();
    let head = world.send(head).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let other = Request::builder().method(Method::POST).uri("/jwks").body(Body::empty()).unwrap();
    assert_eq!(world.send(other).await.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn n112_what_metadata_says_is_what_happens() {
    let (world, _) = people().await;
    let metadata = world.send(get("/.well-known/openid-configuration")).await;
    let oauth = world.send(get("/.well-known/oauth-authorization-server")).await;
    assert_eq!(metadata.json(), oauth.json());
    let metadata = metadata.json();
    let list = |name: &str| {
        let values = metadata[name].as_array().unwrap_or_else(|| panic!("{name}"));
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "jwks_uri",
    ] {
        let path = metadata[endpoint].as_str().unwrap().strip_prefix(ISSUER).unwrap().to_owned();
        assert_ne!(world.send(get(&path)).await.status, 404, "{endpoint}");
    }
    let metadata_of_all = serde_json::json!({
        "client_id": "all",
        "redirect_uris": [REDIRECT],
        "scope": list("scopes_supported").join(" "),
    });
    world.client(metadata_of_all).await;
    let accepted = async |name: &str, value: &str| {
        let answer = world.send(get(&with(&[("client_id", "all"), (name, value)]))).await;
        let error = answer.location().split_once('?').and_then(|(_, query)| {
            protocol::params::Params::parse(query.as_bytes()).unwrap().get("error").map(str::to_owned)
        });
        !matches!(error.as_deref(), Some("invalid_request" | "unsupported_response_type" | "invalid_scope"))
    };
    for (name, member, other) in [
        ("response_type", "response_types_supported", "token"),
        ("response_mode", "response_modes_supported", "fragment"),
        ("prompt", "prompt_values_supported", "create"),
        ("code_challenge_method", "code_challenge_methods_supported", "plain"),
        ("scope", "scopes_supported", "admin"),
    ] {
        for value in list(member) {
            // A form_post answer is a page, which only follows where the request was understood.
            let answered = value == "form_post" || accepted(name, &value).await;
            assert!(answered, "{name}={value}");
        }
        assert!(!accepted(name, other).await, "{name}={other}");
    }
    for grant in ["authorization_code", "client_credentials", "refresh_token", "password", "implicit"] {
        let answer = world
            .send(form("/token", &[("grant_type", grant)]).with("authorization", &world.basic("rp")))
            .await;
        let known = answer.json()["error"] != "unsupported_grant_type";
        assert_eq!(known, list("grant_types_supported").iter().any(|own| own == grant), "{grant}");
    }
    assert_eq!(metadata["request_parameter_supported"], false);
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let tokens = redeem(&world, &code(&world, &[]).await).await;
    let id_token = tokens.json()["id_token"].as_str().unwrap().to_owned();
    assert!(
        list("id_token_signing_alg_values_supported")
            .contains(&header(&id_token)["alg"].as_str().unwrap().to_owned())
    );
    assert!(
        list("acr_values_supported").contains(&tokens.claims("id_token")["acr"].as_str().unwrap().to_owned())
    );
}

#[tokio::test]
async fn an_issuer_may_have_a_path() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", "https://op.example/t1")]).await;
    world.relying_party().await;
    world.alice().await;
    let inserted = world.send(get("/.well-known/oauth-authorization-server/t1")).await;
    let appended = world.send(get("/t1/.well-known/openid-configuration")).await;
    assert_eq!(inserted.json(), appended.json());
    assert_eq!(inserted.json()["token_endpoint"], "https://op.example/t1/token");
    assert_eq!(world.send(get("/jwks")).await.status, 404);
    assert_eq!(world.send(get("/t1/jwks")).await.status, 200);
    let answer = Browser::new().authorize(&world, &format!("/t1{}", with(&[]))).await;
    assert_eq!(answer.to_client().get("iss"), Some("https://op.example/t1"));
}

#[tokio::test]
async fn n211_paths_have_one_spelling() {
    let world = World::new(crate::HARNESS).await;
    for path in
        ["/token/", "//token", "/TOKEN", "/token;x", "/%74oken", "/x/../token", "/./token", "/jwks.json"]
    {
        assert_eq!(world.send(get(path)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn n202_health_says_no_more_than_that() {
    let world = World::new(crate::HARNESS).await;
    for path in ["/healthz", "/readyz"] {
        let answer = world.send(get(path)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"));
    }
    world.faults.fail("probe", 1, storage::tap::When::Before, storage::StoreErrorKind::Unavailable);
    let answer = world.send(get("/readyz")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, "unready"));
    assert_eq!(world.send(get("/readyz")).await.status, 200);
}
