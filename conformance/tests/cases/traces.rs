//! A trace that a caller names is in every line that its request writes, and nowhere else.

use super::requests::*;
use crate::HARNESS;
use conformance::{Answer, Harness, Log, World, get};
use http::Request;
use serde_json::Value;
use server::telemetry::XrayTrace;
use storage::StoreErrorKind;
use storage::tap::When;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traceparent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// The lines of the log that our own code wrote.
fn lines(log: &Log) -> Vec<Value> {
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ours = ["audit", "keyward", "server", "keys", "storage"];
    lines.filter(|line| ours.iter().any(|own| line["target"].as_str().unwrap().starts_with(own))).collect()
}

fn id_of(answer: &Answer) -> String {
    answer.header("x-request-id").to_owned()
}

#[tokio::test]
async fn every_line_of_a_request_has_its_ids() {
    let (world, party) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    // A wrong password, which is logged by a task of its own.
    let fields = [
        ("r", page.field("r")),
        ("csrf", page.field("csrf")),
        ("username", "alice".to_owned()),
        ("password", "wrong".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let wrong = form("/login", &fields);
    // A failure of the store.
    let fails = form("/token", &[("grant_type", "authorization_code")]).with("authorization", &party.basic());
    let unknown = form("/token", &[]).with("authorization", &conformance::basic("nobody", "secret"));
    for (request, event) in [(wrong, "login.failure"), (fails, ""), (unknown, "client_auth.failure")] {
        world.app.distrust_caches();
        if event.is_empty() {
            world.faults.fail("client", 1, When::Before, StoreErrorKind::Unavailable);
        }
        let log = Log::open();
        let answer = browser.send(&world, request.with("traceparent", &traceparent())).await;
        let lines = lines(&log);
        assert!(lines.iter().any(|line| event.is_empty() || line["event"] == event), "{event}: {lines:?}");
        assert!(lines.iter().any(|line| line["level"] == "ERROR") == event.is_empty(), "{lines:?}");
        for line in &lines {
            assert_eq!(line["request"], id_of(&answer), "{line}");
            assert_eq!((&line["trace_id"], &line["span_id"]), (&TRACE.into(), &SPAN.into()), "{line}");
            assert_eq!(line.get("xray"), None, "{line}");
        }
        for line in log.text().lines() {
            for name in [r#""request""#, r#""trace_id""#] {
                assert!(line.matches(name).count() <= 1, "{line}");
            }
        }
    }
}

#[tokio::test]
async fn a_line_that_does_not_know_its_request_names_it_all_the_same() {
    let world = World::new(HARNESS).await;
    let machine = world.machine().await;
    let token =
        || form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine.basic());
    assert_eq!(world.send(token()).await.status, 200);
    world.pass(61);
    world.faults.fail("ring", 1, When::Before, StoreErrorKind::Unavailable);
    let log = Log::open();
    let answer = world.send(token()).await;
    assert_eq!(answer.status, 200, "with the ring that was read before");
    let about_ring: Vec<_> =
        lines(&log).into_iter().filter(|line| line["target"] == "keys::process").collect();
    assert_eq!(about_ring.len(), 1, "{about_ring:?}");
    assert_eq!(about_ring[0]["request"], id_of(&answer));
    assert_eq!(about_ring[0].get("trace_id"), None, "none is made up");
}

#[tokio::test]
async fn a_trace_that_is_not_valid_is_none() {
    let world = World::new(HARNESS).await;
    let unknown = || form("/token", &[]).with("authorization", &conformance::basic("nobody", "secret"));
    for invalid in [
        String::new(),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("{}-more", traceparent()),
        format!("00-{TRACE}-{SPAN}-01\",\"user\":\"x"),
        "x".repeat(7000),
    ] {
        let log = Log::open();
        let answer = world.send(unknown().with("traceparent", &invalid)).await;
        assert_eq!(answer.status, 401, "{invalid}");
        let event = log.event("client_auth.failure");
        assert_eq!(event["request"], id_of(&answer), "{invalid}");
        for name in ["trace_id", "span_id", "user"] {
            assert_eq!(event.get(name), None, "{invalid}: {event}");
        }
    }
    let log = Log::open();
    let twice = unknown().with("traceparent", &traceparent());
    let (mut head, body) = twice.into_parts();
    head.headers.append("traceparent", traceparent().parse().unwrap());
    world.send(Request::from_parts(head, body)).await;
    assert_eq!(log.event("client_auth.failure").get("trace_id"), None);
}

#[tokio::test]
async fn what_is_left_out_is_of_no_request() {
    let world = World::new(HARNESS).await;
    let unknown = || form("/token", &[]).with("authorization", &conformance::basic("nobody", "secret"));
    for _ in 0..12 {
        world.send(unknown()).await;
    }
    world.pass(61);
    let log = Log::open();
    world.send(unknown().with("traceparent", &traceparent())).await;
    let left_out = log.events("log.left_out");
    assert_eq!(left_out.len(), 2, "of the audit event and of the refusal: {left_out:?}");
    for line in left_out {
        assert_eq!((line.get("request"), line.get("trace_id")), (None, None), "{line}");
    }
}

#[tokio::test]
async fn xray_is_believed_from_the_transport_only() {
    let world = World::new(HARNESS).await;
    let unknown = || form("/token", &[]).with("authorization", &conformance::basic("nobody", "secret"));
    let root = "1-5759e988-bd862e3fe1be46a994272793";
    let value = format!("Root={root};Parent=53995c3f42cd8ad8;Sampled=1");
    let log = Log::open();
    world.send(unknown().with("x-amzn-trace-id", &value)).await;
    let event = log.event("client_auth.failure");
    if HARNESS == Harness::Lambda {
        assert_eq!(event["xray"], root, "AWS sets the header");
    } else {
        assert_eq!(event.get("xray"), None, "anybody can send the header");
    }
    if !matches!(HARNESS, Harness::Router | Harness::DynamoDb) {
        return;
    }
    let mut request = unknown();
    request.extensions_mut().insert(XrayTrace::parse(&value).unwrap());
    let log = Log::open();
    world.send(request).await;
    assert_eq!(log.event("client_auth.failure")["xray"], root);
    let log = Log::open();
    world.send(get("/jwks")).await;
    assert!(!log.text().contains("xray"));
}
