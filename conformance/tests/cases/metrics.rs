//! What is counted of requests, and that callers decide nothing about it but the numbers.

use super::requests::*;
use crate::HARNESS;
use conformance::{PASSWORD, World, get, post};
use server::metrics::render;
use std::collections::BTreeMap;
use storage::StoreErrorKind;
use storage::tap::When;

/// The samples: name with labels, and value.
fn samples(world: &World) -> BTreeMap<String, f64> {
    let text = render(&world.app.metrics, &world.app.gauges());
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    lines.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// What was added to some samples since an earlier look, except durations, and calls of the store that are upkeep.
fn added(world: &World, before: &BTreeMap<String, f64>, families: &[&str]) -> Vec<(String, f64)> {
    let added = samples(world).into_iter().map(|(series, now)| {
        let before = before.get(&series).copied().unwrap_or_default();
        (series, now - before)
    });
    added
        .filter(|(series, more)| *more > 0.0 && families.iter().any(|family| series.starts_with(family)))
        .collect()
}

fn requests_of(endpoint: &str, status: &str, error: &str) -> String {
    format!(r#"keyward_requests_total{{endpoint="{endpoint}",status="{status}",error="{error}"}}"#)
}

fn refusals_of(reason: &str) -> String {
    format!(r#"keyward_refusals_total{{reason="{reason}"}}"#)
}

const REQUESTS: [&str; 2] = ["keyward_requests_total", "keyward_refusals_total"];

#[tokio::test]
async fn requests_are_counted_by_what_was_answered() {
    let (world, party) = people().await;
    let machine = world.machine().await;
    for (request, expected) in [
        (
            post("/token", "text/plain", "x"),
            vec![requests_of("/token", "4xx", "invalid_request"), refusals_of("content_type")],
        ),
        (
            form("/token", &[("grant_type", "x")]).with("authorization", &party.basic()),
            vec![
                requests_of("/token", "4xx", "unsupported_grant_type"),
                refusals_of("grant_type_unsupported"),
            ],
        ),
        (
            form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic()),
            vec![requests_of("/token", "2xx", "")],
        ),
        (
            form("/token", &[]).with("authorization", "Basic bm9ib2R5OnNlY3JldA=="),
            vec![requests_of("/token", "4xx", "invalid_client"), refusals_of("credentials_unknown")],
        ),
        (get("/token"), vec![requests_of("/token", "4xx", ""), refusals_of("method_not_allowed")]),
        (get("/userinfo"), vec![requests_of("/userinfo", "4xx", ""), refusals_of("bearer_missing")]),
        (
            get("/userinfo").with("authorization", "Bearer x"),
            vec![requests_of("/userinfo", "4xx", "invalid_token"), refusals_of("token_invalid")],
        ),
        (get("/jwks"), vec![requests_of("/jwks", "2xx", "")]),
        (
            get(&with(&[("response_type", "token")])),
            vec![
                requests_of("/authorize", "3xx", "unsupported_response_type"),
                refusals_of("response_type_unsupported"),
            ],
        ),
        (
            get(&with(&[("response_type", "token"), ("response_mode", "form_post")])),
            vec![
                requests_of("/authorize", "2xx", "unsupported_response_type"),
                refusals_of("response_type_unsupported"),
            ],
        ),
        (
            get(&with(&[("client_id", "nobody")])),
            vec![requests_of("/authorize", "4xx", "invalid_request"), refusals_of("client_unknown")],
        ),
        (get("/nowhere?secret=1"), vec![requests_of("other", "4xx", ""), refusals_of("no_such_path")]),
        (
            get("/nowhere").with("accept", "text/html"),
            vec![requests_of("other", "4xx", "invalid_request"), refusals_of("no_such_page")],
        ),
    ] {
        let (before, sent) = (samples(&world), format!("{request:?}"));
        world.send(request).await;
        let mut expected: Vec<_> = expected.into_iter().map(|series| (series, 1.0)).collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(added(&world, &before, &REQUESTS), expected, "{sent}");
    }
    assert_eq!(samples(&world)["keyward_requests_in_progress"], 0.0);
}

#[tokio::test]
async fn sign_ins_are_counted_by_how_they_end_and_passwords_by_time() {
    let (world, _) = people().await;
    let (before, mut browser) = (samples(&world), Browser::new());
    let page = browser.visit(&world, &with(&[])).await;
    browser.sign_in(&world, &page, "alice", "wrong").await;
    browser.sign_in(&world, &page, "nobody", PASSWORD).await;
    browser.sign_in(&world, &page, "alice", PASSWORD).await;
    let counted = added(&world, &before, &["keyward_sign_ins", "keyward_password_duration_seconds_count"]);
    let expected = [
        ("keyward_password_duration_seconds_count", 3.0),
        (r#"keyward_sign_ins_total{outcome="failure"}"#, 2.0),
        (r#"keyward_sign_ins_total{outcome="success"}"#, 1.0),
    ];
    assert_eq!(counted, expected.map(|(series, count)| (series.to_owned(), count)));
    let before = samples(&world);
    for _ in 0..40 {
        browser.sign_in(&world, &page, "somebody", "wrong").await;
    }
    let counted = added(&world, &before, &["keyward_sign_ins"]);
    let [(failure, checked), (throttled, refused)] = &counted[..] else { panic!("{counted:?}") };
    assert!(failure.contains("failure") && throttled.contains("throttled"), "{counted:?}");
    assert_eq!(checked + refused, 40.0, "also those that the log leaves out");
}

#[tokio::test]
async fn calls_of_the_store_are_counted_with_their_failures() {
    let world = World::new(HARNESS).await;
    let machine = world.machine().await;
    let (before, store) = (samples(&world), ["keyward_store_calls_total", "keyward_requests_total"]);
    let token =
        || form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic());
    world.faults.fail("client", 1, When::Before, StoreErrorKind::Busy);
    assert_eq!([world.send(token()).await.status, world.send(token()).await.status], [503, 200]);
    let of = |operation: &str, outcome: &str| {
        format!(r#"keyward_store_calls_total{{operation="{operation}",outcome="{outcome}"}}"#)
    };
    let expected = [
        (requests_of("/token", "2xx", ""), 1.0),
        (requests_of("/token", "5xx", "temporarily_unavailable"), 1.0),
        (of("client", "busy"), 1.0),
        (of("client", "ok"), 1.0),
    ];
    assert_eq!(added(&world, &before, &store), expected);
}

#[tokio::test]
async fn what_callers_send_makes_no_series() {
    let world = World::new(HARNESS).await;
    let before = samples(&world).len();
    for number in 0..300 {
        let client = conformance::basic(&format!("client-{number}"), "secret");
        let fields = [("grant_type", format!("grant-{number}")), ("scope", format!("scope-{number}"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        world.send(form("/token", &fields).with("authorization", &client)).await;
        world.send(get(&format!("/path-{number}")).with("user-agent", &format!("agent-{number}"))).await;
        world.send(get(&format!("/authorize?client_id=c{number}"))).await;
    }
    let text = render(&world.app.metrics, &world.app.gauges());
    for sent in ["client-7", "grant-7", "scope-7", "path-7", "agent-7", "c7"] {
        assert!(!text.contains(sent), "{sent}");
    }
    // Three endpoints got a histogram and an error each, and two calls of the store a histogram.
    let after = samples(&world).len();
    assert!(after < before + 100, "{before} {after}");
}

#[tokio::test]
async fn endpoints_are_below_the_issuer() {
    let world = World::with(HARNESS, &[("KEYWARD_ISSUER", "https://op.example/t1")]).await;
    let before = samples(&world);
    world.send(get("/t1/jwks")).await;
    world.send(get("/jwks")).await;
    world.send(get("/.well-known/oauth-authorization-server/t1")).await;
    let expected = [
        (requests_of("/.well-known/oauth-authorization-server", "2xx", ""), 1.0),
        (requests_of("/jwks", "2xx", ""), 1.0),
        (requests_of("other", "4xx", ""), 1.0),
    ];
    assert_eq!(added(&world, &before, &["keyward_requests"]), expected);
}
