use super::*;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

/// A request as a function URL sends it.
fn sent(change: impl FnOnce(&mut Value)) -> Result<Request<Body>, Unfit> {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/token",
        "rawQueryString": "a=1&b=%20&a=2",
        "cookies": ["one=1", "two=2"],
        "headers": {"Content-Type": "application/x-www-form-urlencoded", "content-length": "999", "vary": "a,b"},
        "queryStringParameters": {"a": "1,2", "b": " "},
        "requestContext": {
            "accountId": "anonymous",
            "http": {"method": "POST", "path": "/token", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "x"},
            "stage": "$default"
        },
        "body": "grant_type=x",
        "isBase64Encoded": false
    });
    change(&mut event);
    match Event::parse(&event.to_string())? {
        Event::Request(request) => Ok(*request),
        Event::Schedule => panic!("a schedule"),
    }
}

fn status(change: impl FnOnce(&mut Value)) -> u16 {
    match sent(change).unwrap_err() {
        Unfit::Request(status, _) => status.as_u16(),
        Unfit::Event(_) => 0,
    }
}

async fn body_of(request: Request<Body>) -> Vec<u8> {
    request.into_body().collect().await.unwrap().to_bytes().into()
}

#[tokio::test]
async fn n235_a_request_is_mapped_as_it_was_sent() {
    let request = sent(|_| ()).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "/token?a=1&b=%20&a=2");
    let header = |name| request.headers().get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(header("cookie"), ["one=1; two=2"]);
    assert_eq!(header("content-type"), ["application/x-www-form-urlencoded"]);
    assert!(header("content-length").is_empty());
    assert_eq!(request.extensions().get::<PeerAddr>().unwrap().0.ip().to_string(), "192.0.2.7");
    assert_eq!(body_of(request).await, b"grant_type=x");
    let encoded = sent(|event| {
        event["body"] = "Z3JhbnRfdHlwZT14/w==".into();
        event["isBase64Encoded"] = true.into();
    });
    assert_eq!(body_of(encoded.unwrap()).await, b"grant_type=x\xff");
}

#[test]
fn n235_a_path_that_was_changed_or_would_have_to_be_is_not_found() {
    for path in ["/admin/../token", "/%2e%2e/token", "//evil.example/token", "/token/"] {
        let set = |event: &mut Value, seen: &str| {
            event["rawPath"] = path.into();
            event["requestContext"]["http"]["path"] = seen.into();
        };
        let request = sent(|event| set(event, path)).unwrap();
        assert_eq!(request.uri().path(), path, "as it was sent; no route has it");
        assert_eq!(status(|event| set(event, "/token")), 404, "{path}");
    }
    for path in
        ["/to ken", "/töken", "\\token", "token", "", "http://evil.example/token", "/token?a", "/token#a"]
    {
        let refused = status(|event| {
            event["rawPath"] = path.into();
            event["requestContext"]["http"]["path"] = path.into();
        });
        assert_eq!(refused, 404, "{path}");
    }
}

#[test]
fn n235_what_is_not_http_is_refused_and_nothing_panics() {
    assert_eq!(status(|event| event["rawQueryString"] = "a=\" b".into()), 400);
    assert_eq!(status(|event| event["rawQueryString"] = "a=1#b".into()), 400);
    assert_eq!(status(|event| event["requestContext"]["http"]["method"] = "PO ST".into()), 400);
    assert_eq!(status(|event| event["headers"]["bad name"] = "x".into()), 400);
    assert_eq!(status(|event| event["headers"]["x"] = "a\r\nb: c".into()), 400);
    assert_eq!(status(|event| event["cookies"] = json!(["a=\n"])), 400);
    assert_eq!(status(|event| event["isBase64Encoded"] = true.into()), 400);
    // A bad Host, or an address that is none, concerns nobody.
    sent(|event| event["headers"]["host"] = "]".into()).unwrap();
    let without = sent(|event| event["requestContext"]["http"]["sourceIp"] = "somewhere".into()).unwrap();
    assert!(without.extensions().get::<PeerAddr>().is_none());
}

#[test]
fn n235_sizes_are_bounded_as_on_a_connection() {
    assert_eq!(status(|event| event["rawQueryString"] = "a".repeat(8192).into()), 414);
    assert_eq!(status(|event| event["headers"]["x"] = "a".repeat(32 * 1024).into()), 431);
    for count in [101, 50_000] {
        let many = (0..count).map(|n| (format!("x-{n}"), json!("a")));
        assert_eq!(status(|event| event["headers"] = many.collect::<serde_json::Map<_, _>>().into()), 431);
    }
    assert_eq!(status(|event| event["body"] = "a".repeat(64 * 1024 + 1).into()), 413);
}

#[test]
fn other_events_are_a_schedule_or_nothing() {
    for source in ["aws.events", "aws.scheduler"] {
        let event = json!({"version": "0", "source": source, "detail-type": "Scheduled Event", "detail": {}});
        assert!(matches!(Event::parse(&event.to_string()), Ok(Event::Schedule)));
    }
    // Whoever can send a request can't make it one.
    let request = sent(|event| event["headers"]["source"] = "aws.events".into()).unwrap();
    assert_eq!(request.uri().path(), "/token");
    // Format 1.0 of REST APIs, a load balancer, a queue, and what is not an object.
    for event in [
        json!({"version": "1.0", "path": "/token", "httpMethod": "POST", "requestContext": {}}),
        json!({"requestContext": {"elb": {}}, "path": "/token", "httpMethod": "POST"}),
        json!({"Records": []}),
        json!({"version": "2.0"}),
        json!({"version": "2.0", "rawPath": "/token", "requestContext": {"http": {}}}),
        json!([1]),
        json!(null),
    ] {
        assert!(matches!(Event::parse(&event.to_string()), Err(Unfit::Event(_))), "{event}");
    }
}
