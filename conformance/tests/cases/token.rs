//! `/token`, whatever the grant.

use super::requests::*;
use axum::body::Body;
use conformance::{FORM, Harness, Log, basic, post};
use http::{Method, Request};
use serde_json::json;

pub(super) const GRANT: (&str, &str) = ("grant_type", "client_credentials");

pub(super) async fn world_with_machine() -> (World, Party) {
    let world = World::new(crate::HARNESS).await;
    let machine = world.machine().await;
    (world, machine)
}

/// Posts a form as the machine.
pub(super) async fn ask(world: &World, fields: &[(&str, &str)]) -> Answer {
    world.send(form("/token", fields).with("authorization", &world.basic("machine"))).await
}

#[tokio::test]
async fn n036_only_by_post_and_never_in_the_url() {
    let (world, machine) = world_with_machine().await;
    for method in [Method::GET, Method::PUT, Method::HEAD, Method::DELETE] {
        let request = Request::builder().method(method).uri("/token").body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"));
    }
    let log = Log::open();
    let url = format!("/token?{}", query(&[("client_id", machine.id()), ("client_secret", &machine.secret)]));
    world.send(form(&url, &[GRANT])).await.assert_token_error(400, "invalid_request");
    let ours: String = log.text().lines().filter(|line| !line.contains(r#""target":"hyper"#)).collect();
    assert!(ours.contains("/token") && !ours.contains(&machine.secret), "it was logged: {ours}");
}

#[tokio::test]
async fn n037_only_forms_in_utf8() {
    let (world, machine) = world_with_machine().await;
    let body = query(&[GRANT]);
    for kind in [
        "application/json",
        "multipart/form-data",
        "text/plain",
        "",
        &format!("{FORM}; charset=utf-16"),
        &format!("{FORM}; charset=\"utf-16\""),
        &format!("{FORM}; charset=utf-8; charset=utf-16"),
        &format!("{FORM}; charset=\"utf-8"),
        &format!("text/plain; x=\"{FORM}\""),
    ] {
        let answer =
            world.send(post("/token", kind, body.clone()).with("authorization", &machine.basic())).await;
        answer.assert_token_error(415, "invalid_request");
        // The body was not read: one that can't be parsed is refused for the same reason.
        let unreadable = post("/token", kind, "%00&a=b&a=b").with("authorization", &machine.basic());
        world.send(unreadable).await.assert_token_error(415, "invalid_request");
    }
    for kind in [
        format!("{FORM}; charset=UTF-8"),
        format!("{FORM};charset=\"utf-8\""),
        format!("{FORM} ; Charset=\"UTF-8\" ; version=1"),
        FORM.to_uppercase(),
        format!("{FORM};"),
    ] {
        let answer =
            world.send(post("/token", &kind, body.clone()).with("authorization", &machine.basic())).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn n038_nothing_twice_and_one_client_only() {
    let (world, _) = world_with_machine().await;
    for name in ["grant_type", "code", "client_id", "scope", "redirect_uri"] {
        ask(&world, &[GRANT, (name, "machine"), (name, "machine")])
            .await
            .assert_token_error(400, "invalid_request");
    }
    ask(&world, &[GRANT, ("resource", "https://a.example"), ("resource", "https://b.example")])
        .await
        .assert_token_error(400, "invalid_target");
    ask(&world, &[GRANT, ("client_id", "other")]).await.assert_token_error(400, "invalid_request");
    assert_eq!(ask(&world, &[GRANT, ("client_id", "machine")]).await.status, 200);
}

#[tokio::test]
async fn n039_grant_types_are_named_known_and_registered() {
    let (world, _) = world_with_machine().await;
    ask(&world, &[("scope", "read")]).await.assert_token_error(400, "invalid_request");
    for grant in ["password", "implicit", "client_credentials ", "CLIENT_CREDENTIALS", "urn:example:x"] {
        ask(&world, &[("grant_type", grant)]).await.assert_token_error(400, "unsupported_grant_type");
    }
    ask(&world, &[("grant_type", "authorization_code"), ("code", "x")])
        .await
        .assert_token_error(400, "unauthorized_client");
    world.relying_party().await;
    let other = form("/token", &[GRANT]).with("authorization", &world.basic("rp"));
    world.send(other).await.assert_token_error(400, "unauthorized_client");
}

#[tokio::test]
async fn n040_one_way_of_authentication() {
    let (world, machine) = world_with_machine().await;
    ask(&world, &[GRANT, ("client_secret", &machine.secret)])
        .await
        .assert_token_error(400, "invalid_request");
    ask(&world, &[GRANT, ("client_assertion", "x")]).await.assert_token_error(400, "invalid_request");
    let assertions = form("/token", &[GRANT, ("client_assertion", "x"), ("client_assertion", "y")]);
    world.send(assertions).await.assert_token_error(400, "invalid_request");
    let twice = form("/token", &[GRANT]).with("authorization", &machine.basic());
    // A function URL joins them by a comma, which no credentials have.
    let is_joined = crate::HARNESS == Harness::Lambda;
    let (status, code) = if is_joined { (401, "invalid_client") } else { (400, "invalid_request") };
    let answer = world.send(twice.with("authorization", &machine.basic())).await;
    answer.assert_token_error(status, code);
}

#[tokio::test]
async fn n041_unknown_wrong_and_disabled_get_the_same_answer() {
    let (world, machine) = world_with_machine().await;
    let disabled = world.client(json!({ "client_id": "gone", "scope": "read" })).await;
    world.admin().set_client_disabled("gone", true).await.unwrap();
    let (mut answers, log) = (Vec::new(), Log::open());
    for header in [
        basic(machine.id(), "wrong"),
        basic("unknown", &machine.secret),
        disabled.basic(),
        "Basic".into(),
        "Basic !!!".into(),
        "Basic bWFjaGluZQ==".into(),
        format!("Bearer {}", machine.secret),
    ] {
        let answer = world.send(form("/token", &[GRANT]).with("authorization", &header)).await;
        answer.assert_token_error(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{answer:?}");
        answers.push(answer.shown());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    for fields in [
        vec![GRANT],
        vec![GRANT, ("client_id", "machine")],
        vec![GRANT, ("client_id", "machine"), ("client_secret", &machine.secret)],
    ] {
        let answer = world.send(form("/token", &fields)).await;
        answer.assert_token_error(401, "invalid_client");
        assert!(!answer.has("www-authenticate"));
    }
    let failures = log.events("client_auth.failure");
    let named: Vec<_> = failures.iter().map(|event| event["client"].as_str().unwrap()).collect();
    assert_eq!(named, ["machine", "unknown", "gone", "machine", "machine"], "who they said they were");
}

#[tokio::test]
async fn n043_basic_is_form_encoded() {
    let (world, _) = world_with_machine().await;
    let secret = "with:colon%and+plus é";
    let mut client = world.admin().client("machine").await.unwrap();
    client.id = protocol::id::ClientId::parse("imported").unwrap();
    client.secrets[0].digest =
        protocol::secret::Digest::of(protocol::secret::SecretKind::ClientSecret, secret.as_bytes());
    assert!(world.store.create_client(&client, world.admin().call).await.unwrap().is_done());
    let answer = world.send(form("/token", &[GRANT]).with("authorization", &basic("imported", secret))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn n044_every_answer_is_json_and_not_cached() {
    let (world, machine) = world_with_machine().await;
    let token = member(&ask(&world, &[GRANT]).await, "access_token");
    let by_machine = |path: &str, fields: &[(&str, &str)]| {
        world.send(form(path, fields).with("authorization", &machine.basic()))
    };
    let userinfo = conformance::get("/userinfo").with("authorization", &format!("Bearer {token}"));
    for answer in [
        ask(&world, &[GRANT]).await,
        ask(&world, &[]).await,
        world.send(form("/token", &[GRANT])).await,
        world.send(post("/token", "text/plain", "x")).await,
        by_machine("/token", &[("x", "\0")]).await,
        by_machine("/introspect", &[("token", &token)]).await,
        by_machine("/introspect", &[("token", "x")]).await,
        by_machine("/introspect", &[]).await,
        world.send(form("/introspect", &[("token", "x")])).await,
        by_machine("/revoke", &[("token", &token)]).await,
        by_machine("/revoke", &[]).await,
        world.send(form("/revoke", &[("token", "x")])).await,
        world.send(userinfo).await,
        world.send(conformance::get("/userinfo")).await,
    ] {
        // RFC 7009 §2.2, RFC 6750 §3.1: a revocation, and a challenge without a reason, say nothing.
        assert!(answer.body.is_empty() || answer.header("content-type") == "application/json", "{answer:?}");
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn n045_no_answer_repeats_what_was_sent() {
    let (world, machine) = world_with_machine().await;
    let telling = "kws_\"\\<script>\r\nX: y\u{fc}";
    for name in ["grant_type", "scope", "resource", "client_id", "code", "redirect_uri", "refresh_token"] {
        for grant in ["client_credentials", "authorization_code", "refresh_token"] {
            let fields: Vec<_> =
                [("grant_type", grant)].into_iter().filter(|(own, _)| *own != name).collect();
            let fields = [&fields[..], &[(name, telling)]].concat();
            let answer = world.send(form("/token", &fields).with("authorization", &machine.basic())).await;
            if answer.status == 200 {
                continue;
            }
            let code = answer.json()["error"].as_str().unwrap().to_owned();
            answer.assert_token_error(answer.status.as_u16(), &code);
            let described = answer.json()["error_description"].as_str().unwrap().to_owned();
            assert!(described.len() <= 200 && !described.contains("kws_"), "{name}: {described}");
        }
    }
}

#[tokio::test]
async fn n046_only_browser_code_of_public_clients_reads_answers() {
    let (world, _) = people().await;
    let spa = json!({
        "client_id": "spa",
        "redirect_uris": ["https://spa.example/cb"],
        "origins": ["https://www.spa.example"],
        "token_endpoint_auth_method": "none",
    });
    world.client(spa).await;
    world.counts.take();
    let preflight = |origin: &str| {
        let request = Request::builder().method(Method::OPTIONS).uri("/token").body(Body::empty()).unwrap();
        request.with("origin", origin).with("access-control-request-method", "POST")
    };
    let answer = world.send(preflight("https://anyone.example")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "https://anyone.example");
    assert_eq!(answer.header("vary"), "Origin, Access-Control-Request-Headers");
    assert!(!answer.has("access-control-allow-credentials"));
    assert!(!world.send(preflight("null")).await.has("access-control-allow-origin"));
    assert_eq!(world.counts.take(), (0, 0), "a preflight costs nothing");
    let fields = [("grant_type", "authorization_code"), ("code", "x"), ("client_id", "spa")];
    let from = async |origin: &str| world.send(form("/token", &fields).with("origin", origin)).await;
    for origin in ["https://spa.example", "https://www.spa.example"] {
        let answer = from(origin).await;
        answer.assert_token_error(400, "invalid_grant");
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (origin, "Origin"));
        assert!(!answer.has("access-control-allow-credentials"));
    }
    for origin in ["https://evil.example", "null", "https://spa.example.evil.example", "http://spa.example"] {
        assert!(!from(origin).await.has("access-control-allow-origin"), "{origin}");
    }
    let confidential = form("/token", &fields[..2]).with("authorization", &world.basic("rp"));
    assert!(
        !world
            .send(confidential.with("origin", "https://rp.example"))
            .await
            .has("access-control-allow-origin")
    );
}

#[tokio::test]
async fn n047_scopes_are_refused_by_size() {
    let (world, machine) = world_with_machine().await;
    ask(&world, &[GRANT]).await;
    world.counts.take();
    let long = "s".repeat(15 * 1024);
    for scope in [long.as_str(), &long[..7000], "a\"b", "unknown"] {
        ask(&world, &[GRANT, ("scope", scope)]).await.assert_token_error(400, "invalid_scope");
    }
    for values in [3000, 7000] {
        let body = format!("{}&scope={}a", query(&[GRANT]), "a+".repeat(values));
        let many = post("/token", FORM, body).with("authorization", &machine.basic());
        world.send(many).await.assert_token_error(400, "invalid_scope");
    }
    assert_eq!(world.counts.take(), (0, 0));
}

#[tokio::test]
async fn n049_text_that_can_be_read_two_ways_is_not_read() {
    let (world, machine) = world_with_machine().await;
    world.counts.take();
    for text in ["%00", "%C0%AF", "%ED%A0%80", "%u0041", "%", "%4", "%zz", "%ff"] {
        for name in ["scope", "code", "grant_type", "client_id"] {
            let body = format!("grant_type=client_credentials&x={text}&{name}={text}");
            let request = post("/token", FORM, body).with("authorization", &machine.basic());
            world.send(request).await.assert_token_error(400, "invalid_request");
        }
        let raw =
            post("/token", FORM, b"grant_type=\xff\xfe".to_vec()).with("authorization", &machine.basic());
        world.send(raw).await.assert_token_error(400, "invalid_request");
    }
    assert_eq!(world.counts.take(), (0, 0), "nothing was looked up by it");
}

#[tokio::test]
async fn n050_bodies_are_bounded() {
    let (world, machine) = world_with_machine().await;
    let pad = |bytes: usize| format!("{}&pad={}", query(&[GRANT]), "x".repeat(bytes));
    for bytes in [16 * 1024, 64 * 1024 + 1, 1024 * 1024] {
        let answer =
            world.send(post("/token", FORM, pad(bytes)).with("authorization", &machine.basic())).await;
        assert_eq!(answer.status, 413, "{answer:?}");
    }
    let many: String = (0..7_000).map(|n| format!("&{}", n % 10)).collect();
    let answer = world.send(post("/token", FORM, many).with("authorization", &machine.basic())).await;
    answer.assert_token_error(400, "invalid_request");
}
