//! `/jwks`, metadata and health: documents without credentials.

use super::requests::*;
use axum::body::Body;
use conformance::{Log, get, header};
use http::{Method, Request};
use protocol::client::AuthMethod;
use protocol::jwk::{Algorithm, JwkSet};
use serde_json::{Value, json};
use server::admin::user_update::UserUpdate;
use server::reference::endpoints::{ENDPOINTS, Endpoint};
use server::web::route::Caller;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::tap::{Observer, Operation, Tap};
use storage::{StoreError, StoreErrorKind};

#[tokio::test]
async fn n110_keys_are_public_unique_and_cacheable() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_SIGNING_ALGS", "RS256,ES256,EdDSA")]).await;
    let answer = world.send(get("/jwks")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "public, max-age=900");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 6, "each signs now or next");
    let overlap = world.app.keys.policy().retire_after;
    assert!(Duration::from_secs(900) <= overlap / 2, "whoever caches the document misses no key");
    let mut kids = std::collections::BTreeSet::new();
    for key in &keys {
        let names: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(
            names.iter().all(|name| ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"].contains(name)),
            "{names:?}"
        );
        assert_eq!(key["use"], "sig");
        assert!(["RS256", "ES256", "EdDSA"].contains(&key["alg"].as_str().unwrap()), "{key}");
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

/// The metadata, twice the same.
async fn metadata(world: &World) -> Value {
    let openid = world.send(get("/.well-known/openid-configuration")).await.json();
    let oauth = world.send(get("/.well-known/oauth-authorization-server")).await.json();
    assert_eq!(openid, oauth);
    openid
}

fn list<'a>(metadata: &'a Value, name: &str) -> Vec<&'a str> {
    let values = metadata[name].as_array().unwrap_or_else(|| panic!("{name}"));
    values.iter().map(|value| value.as_str().unwrap()).collect()
}

#[tokio::test]
async fn n112_requests_accept_what_is_advertised_and_nothing_else() {
    let (world, _) = people().await;
    let metadata = metadata(&world).await;
    for endpoint in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "introspection_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "jwks_uri",
    ] {
        let path = metadata[endpoint].as_str().unwrap().strip_prefix(ISSUER).unwrap();
        assert_ne!(world.send(get(path)).await.status, 404, "{endpoint}");
    }
    let scope = list(&metadata, "scopes_supported").join(" ");
    world.client(json!({ "client_id": "all", "redirect_uris": [REDIRECT], "scope": scope })).await;
    let accepted = async |name: &str, value: &str| {
        let mut changes = vec![("client_id", "all"), (name, value)];
        // An immediate answer shows that the request was understood, in either mode.
        changes.extend((name != "prompt").then_some(("prompt", "none")));
        let answer = world.send(get(&with(&changes))).await;
        if answer.status == 200 {
            return answer.field("error") == "login_required";
        }
        let location = answer.location();
        location.starts_with("/login?r=") || answer.to_client().get("error") == Some("login_required")
    };
    for (name, member, others) in [
        ("response_type", "response_types_supported", vec!["token", "id_token", "code id_token", "none"]),
        ("response_mode", "response_modes_supported", vec!["fragment", "query.jwt", "web_message"]),
        ("prompt", "prompt_values_supported", vec!["create", "xyz"]),
        ("code_challenge_method", "code_challenge_methods_supported", vec!["plain", "S512"]),
        ("scope", "scopes_supported", vec!["admin", "roles"]),
    ] {
        for value in list(&metadata, member) {
            assert!(accepted(name, value).await, "{name}={value}");
        }
        for value in others {
            assert!(!accepted(name, value).await, "{name}={value}");
        }
    }
    for name in ["request_parameter_supported", "request_uri_parameter_supported"] {
        assert_eq!(metadata[name], false);
        let parameter = name.strip_suffix("_parameter_supported").unwrap();
        assert!(!accepted(parameter, "https://rp.example/request").await, "{parameter}");
    }
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn n112_clients_authenticate_as_advertised() {
    let (world, _) = people().await;
    let metadata = metadata(&world).await;
    for method in ["private_key_jwt", "client_secret_jwt", "tls_client_auth", "x"] {
        let registration = json!({ "client_name": "x", "token_endpoint_auth_method": method });
        assert!(serde_json::from_value::<server::admin::metadata::Registration>(registration).is_err());
    }
    for method in AuthMethod::ALL {
        let id = method.as_str();
        let registered = json!({
            "client_id": id,
            "redirect_uris": [REDIRECT],
            "token_endpoint_auth_method": method,
        });
        let party = world.client(registered).await;
        for (path, member) in [
            ("/token", "token_endpoint_auth_methods_supported"),
            ("/introspect", "introspection_endpoint_auth_methods_supported"),
            ("/revoke", "revocation_endpoint_auth_methods_supported"),
        ] {
            let advertised = list(&metadata, member).contains(&id);
            let fields = [("token", "x"), ("grant_type", "authorization_code"), ("code", "x")];
            let posted = [&fields[..], &[("client_id", id)]].concat();
            for used in AuthMethod::ALL {
                let request = match used {
                    AuthMethod::None => form(path, &posted),
                    AuthMethod::ClientSecretBasic => {
                        form(path, &fields).with("authorization", &party.basic())
                    }
                    AuthMethod::ClientSecretPost => {
                        form(path, &[&posted[..], &[("client_secret", &party.secret)]].concat())
                    }
                };
                let proven = world.send(request).await.status != 401;
                let empty = party.secret.is_empty() && used != AuthMethod::ClientSecretBasic;
                let as_registered = used == method || empty;
                assert_eq!(proven, as_registered && advertised, "{id} by {} at {path}", used.as_str());
            }
        }
    }
    let grants = ["authorization_code", "client_credentials", "refresh_token", "password", "implicit"];
    for grant in grants {
        let asked = form("/token", &[("grant_type", grant)]).with("authorization", &world.basic("rp"));
        let known = world.send(asked).await.json()["error"] != "unsupported_grant_type";
        assert_eq!(known, list(&metadata, "grant_types_supported").contains(&grant), "{grant}");
    }
}

#[tokio::test]
async fn n112_tokens_and_claims_are_as_advertised() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_SIGNING_ALGS", "ES256,EdDSA")]).await;
    let metadata = metadata(&world).await;
    let claims: Vec<&str> = list(&metadata, "claims_supported");
    let own = ["sub", "auth_time", "acr", "amr", "sid", "updated_at", "email", "email_verified", "groups"];
    let value_of = |name: &str| match name {
        "birthdate" => json!("1990-04-01"),
        "address" => json!({ "country": "NL" }),
        "phone_number_verified" => json!(true),
        _ => json!(name),
    };
    let kept: serde_json::Map<_, _> = claims
        .iter()
        .filter(|name| !own.contains(name))
        .map(|name| ((*name).to_owned(), value_of(name)))
        .collect();
    world.user("alice", Some("alice@example.com"), Value::Object(kept)).await;
    world.admin().create_group("admins").await.unwrap();
    world.pass(1);
    let joins = vec!["admins".to_owned()];
    world.admin().update_user("alice", &UserUpdate { joins, ..UserUpdate::default() }).await.unwrap();
    for alg in [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA] {
        let id = alg.as_str();
        let registered = json!({
            "client_id": id,
            "client_name": id,
            "redirect_uris": [REDIRECT],
            "scope": list(&metadata, "scopes_supported").join(" "),
            "id_token_signed_response_alg": alg,
        });
        let advertised = list(&metadata, "id_token_signing_alg_values_supported").contains(&id);
        if !advertised {
            let registration = serde_json::from_value(registered).unwrap();
            let refused = world.admin().create_client(&registration, &world.app.settings).await;
            assert!(refused.is_err(), "{id}");
            continue;
        }
        let party = world.client(registered).await;
        let code =
            code(&world, &[("client_id", id), ("scope", "openid profile email address phone groups")]).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let tokens = world.send(form("/token", &fields).with("authorization", &party.basic())).await;
        assert_eq!(header(&member(&tokens, "id_token"))["alg"], id);
        let bearer = format!("Bearer {}", member(&tokens, "access_token"));
        let userinfo = world.send(get("/userinfo").with("authorization", &bearer)).await.json();
        let id_token = tokens.claims("id_token");
        assert!(list(&metadata, "acr_values_supported").contains(&id_token["acr"].as_str().unwrap()));
        assert_eq!(id_token["sub"], world.admin().user("alice").await.unwrap().subject.as_str(), "public");
        for name in &claims {
            assert!(userinfo.get(name).or(id_token.get(name)).is_some(), "{name} in {userinfo} {id_token}");
        }
    }
}

/// Fails, when the ring is read, with text that only the operator may see.
#[derive(Default)]
struct Telling(Mutex<Option<StoreErrorKind>>);

const TELLING: &str = "arn:aws:kms:eu-west-1:111122223333:key/4711 AccessDenied at src/keys/mod.rs:42";

impl Observer for Telling {
    fn before(&self, call: Operation) -> Result<(), StoreError> {
        let kind = self.0.lock().unwrap().filter(|_| call.name == "ring");
        kind.map_or(Ok(()), |kind| Err(StoreError::new(kind, call.name, TELLING)))
    }
}

#[tokio::test]
async fn n114_no_answer_says_what_is_wrong_with_keys() {
    let telling = Arc::new(Telling::default());
    let store = Tap::new(crate::HARNESS.store().await, Arc::clone(&telling));
    let world = World::on(Arc::new(store), crate::HARNESS, &[]).await;
    let machine = world.machine().await;
    world.relying_party().await;
    world.alice().await;
    let log = Log::open();
    for kind in [StoreErrorKind::Busy, StoreErrorKind::Unavailable, StoreErrorKind::Corrupt] {
        *telling.0.lock().unwrap() = None;
        world.pass(60);
        let tokens = redeem(&world, &code(&world, &[]).await).await;
        let bearer = format!("Bearer {}", member(&tokens, "access_token"));
        let as_machine = |path: &str, fields: &[(&str, &str)]| {
            world.send(form(path, fields).with("authorization", &machine.basic()))
        };
        *telling.0.lock().unwrap() = Some(kind);
        // The ring read last is no longer used to sign; verifiers still get it while the store is away, since no caller
        // can take the store away.
        world.pass(16 * 60);
        let jwks_status = if kind == StoreErrorKind::Unavailable { 200 } else { 503 };
        for (status, answer) in [
            (503, as_machine("/token", &[("grant_type", "client_credentials")]).await),
            (503, as_machine("/introspect", &[("token", "x")]).await),
            (503, as_machine("/revoke", &[("token", "x")]).await),
            (503, world.send(get(&with(&[]))).await),
            (503, world.send(get("/login?r=x")).await),
            (503, world.send(get("/userinfo").with("authorization", &bearer)).await),
            (jwks_status, world.send(get("/jwks")).await),
            (200, world.send(get("/.well-known/openid-configuration")).await),
        ] {
            let shown = answer.shown();
            assert_eq!(answer.status, status, "{shown}");
            for word in ["arn:", "kms", "4711", "AccessDenied", "src/", ".rs", "ring"] {
                assert!(!shown.contains(word), "{word} in {shown}");
            }
        }
    }
    assert!(log.text().contains(TELLING), "the operator learns it");
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
async fn n202_health_says_ok_or_unready_and_nothing_else() {
    let world = World::new(crate::HARNESS).await;
    for path in ["/healthz", "/readyz"] {
        let answer = world.send(get(path)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"));
    }
    world.faults.fail("probe", 1, storage::tap::When::Before, storage::StoreErrorKind::Unavailable);
    world.pass(1);
    let answer = world.send(get("/readyz")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, "unready"));
    assert_eq!(world.send(get("/readyz")).await.status, 503, "the store is asked once a second at most");
    world.pass(1);
    assert_eq!(world.send(get("/readyz")).await.status, 200);
    world.faults.fail("probe", 1, storage::tap::When::Before, storage::StoreErrorKind::Unavailable);
    assert_eq!(world.send(get("/readyz")).await.status, 200);
    assert_eq!(world.send(get("/metrics")).await.status, 404, "there are none");
}

#[tokio::test]
async fn n202_ready_means_able_to_sign() {
    let world = World::new(crate::HARNESS).await;
    let machine = world.machine().await;
    let token = |authorization: String| {
        form("/token", &[("grant_type", "client_credentials")]).with("authorization", &authorization)
    };
    assert_eq!(world.send(get("/readyz")).await.status, 200);
    // The store works, but has no key for an algorithm of the settings.
    let other = world.again(&[("KEYWARD_SIGNING_ALGS", "EdDSA")]).await;
    assert_eq!(other.send(token(machine.basic())).await.status, 503);
    let answer = other.send(get("/readyz")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, "unready"));
    assert_eq!(world.send(token(machine.basic())).await.status, 200);
    assert_eq!(world.send(get("/readyz")).await.status, 200);
}

#[tokio::test]
async fn password_managers_are_led_to_the_form() {
    for (issuer, paths) in [
        ("https://op.example", &["/.well-known/change-password"][..]),
        ("https://op.example/t1", &["/.well-known/change-password", "/t1/.well-known/change-password"]),
    ] {
        let world = World::with(crate::HARNESS, &[("KEYWARD_ISSUER", issuer)]).await;
        for path in paths {
            let answer = world.send(get(path)).await;
            assert_eq!(answer.location(), format!("{issuer}/account#password"));
            assert!(!answer.has("access-control-allow-origin"));
        }
        // How they find out that the redirect means something.
        let absent = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
        assert_eq!(world.send(get(absent)).await.status, 404);
    }
}

#[tokio::test]
async fn security_txt_is_served_if_the_settings_have_it() {
    let without = World::new(crate::HARNESS).await;
    assert_eq!(without.send(get("/.well-known/security.txt")).await.status, 404);
    let settings = [
        ("KEYWARD_ISSUER", "https://op.example/t1"),
        ("KEYWARD_SECURITY_CONTACT", "mailto:security@op.example, https://op.example/report"),
        ("KEYWARD_SECURITY_EXPIRES", "2027-06-30T00:00:00Z"),
    ];
    let world = World::with(crate::HARNESS, &settings).await;
    for path in ["/.well-known/security.txt", "/t1/.well-known/security.txt"] {
        let answer = world.send(get(path)).await;
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(
            answer.text(),
            "Contact: mailto:security@op.example\nContact: https://op.example/report\n\
             Expires: 2027-06-30T00:00:00Z\nCanonical: https://op.example/.well-known/security.txt\n"
        );
    }
}

/// What `docs/reference/endpoints.md` says of methods and callers.
#[tokio::test]
async fn the_reference_page_names_the_methods_and_callers_of_each_path() {
    let world = World::new(crate::HARNESS).await;
    for Endpoint { path, methods, caller, .. } in ENDPOINTS {
        let request = |method| Request::builder().method(method).uri(*path).body(Body::empty()).unwrap();
        let answer = world.send(request(Method::PUT)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, *methods), "{path}");
        let preflight = world.send(request(Method::OPTIONS).with("origin", "https://rp.example")).await;
        let for_pages = [Caller::Client, Caller::Anyone].contains(caller);
        assert_eq!(preflight.status == 204, for_pages, "{path}");
    }
}
