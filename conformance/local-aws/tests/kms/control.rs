//! What tests control: counts of calls, and faults.

use crate::client::{Client, address};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn calls(client: &Client) -> Value {
    let path = format!("calls?caller={}", client.access_key);
    let (status, answer) = client.control("GET", &path, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_str(&answer).unwrap()
}

/// Asks for a fault of this caller.
async fn inject(client: &Client, operation: &str, kind: &str, more: Value) {
    let mut fault = json!({ "caller": client.access_key, "operation": operation, "kind": kind });
    fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = client.control("POST", "faults", fault).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

/// What a plain connection gets for CreateAlias, up to its end.
async fn bytes_for_an_alias(client: &Client, key: &str, name: &str) -> Vec<u8> {
    let body = json!({ "AliasName": name, "TargetKeyId": key }).to_string();
    let mut connection = TcpStream::connect(address()).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: kms\r\nconnection: close\r\nx-amz-target: TrentService.CreateAlias\r\n\
         authorization: {}\r\ncontent-length: {}\r\n\r\n",
        client.credential(),
        body.len()
    );
    connection.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn every_call_is_counted_for_its_caller() {
    let (client, other) = (Client::new(), Client::new());
    let key = client.symmetric_key().await;
    client.refused("Decrypt", json!({})).await;
    client.ok("DescribeKey", json!({ "KeyId": key })).await;
    client.ok("DescribeKey", json!({ "KeyId": key })).await;
    inject(&client, "Encrypt", "throttled", json!({ "times": 1 })).await;
    client.refused("Encrypt", json!({})).await;
    let counted = json!({ "CreateKey": 1, "Decrypt": 1, "DescribeKey": 2, "Encrypt": 1 });
    assert_eq!(calls(&client).await, counted);
    assert_eq!(calls(&other).await, json!({}));

    let path = format!("calls?caller={}", client.access_key);
    assert_eq!(client.control("DELETE", &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(calls(&client).await, json!({}));
}

#[tokio::test]
async fn a_fault_answers_as_aws_would() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    let faults = [
        ("throttled", 400, json!("ThrottlingException")),
        ("internal", 500, json!("KMSInternalException")),
        ("denied", 400, json!("AccessDeniedException")),
        ("missing", 400, json!("NotFoundException")),
        ("unavailable", 503, Value::Null),
    ];
    for (kind, status, error) in faults {
        inject(&client, "*", kind, json!({ "times": 1 })).await;
        let (answered, body) = client.call("DescribeKey", json!({ "KeyId": key })).await;
        assert_eq!((answered.as_u16(), &body["__type"]), (status, &error), "{kind}");
        client.ok("DescribeKey", json!({ "KeyId": key })).await;
    }
}

#[tokio::test]
async fn a_fault_hits_the_named_operation_of_its_caller_until_it_is_cleared() {
    let (client, other) = (Client::new(), Client::new());
    let describe = json!({ "KeyId": client.symmetric_key().await });
    inject(&client, "DescribeKey", "denied", json!({})).await;
    for _ in 0..3 {
        assert_eq!(client.refused("DescribeKey", describe.clone()).await, "AccessDeniedException");
    }
    client.ok("ListKeys", json!({})).await;
    other.ok("DescribeKey", describe.clone()).await;

    let path = format!("faults?caller={}", client.access_key);
    assert_eq!(client.control("DELETE", &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    client.ok("DescribeKey", describe).await;
}

#[tokio::test]
async fn faults_come_one_after_the_other() {
    let client = Client::new();
    let describe = json!({ "KeyId": client.symmetric_key().await });
    inject(&client, "*", "throttled", json!({ "times": 2 })).await;
    inject(&client, "DescribeKey", "denied", json!({ "times": 1 })).await;
    for error in ["ThrottlingException", "ThrottlingException", "AccessDeniedException"] {
        assert_eq!(client.refused("DescribeKey", describe.clone()).await, error);
    }
    client.ok("DescribeKey", describe).await;
}

#[tokio::test]
async fn a_lost_answer_is_of_a_call_that_was_applied() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    inject(&client, "CreateAlias", "lost", json!({ "times": 1 })).await;
    assert_eq!(bytes_for_an_alias(&client, &key, "alias/lost").await, b"");
    client.ok("DescribeKey", json!({ "KeyId": "alias/lost" })).await;
    assert_eq!(calls(&client).await["CreateAlias"], 1);
}

#[tokio::test]
async fn a_dropped_call_was_not_applied() {
    let client = Client::new();
    let key = client.symmetric_key().await;
    inject(&client, "CreateAlias", "dropped", json!({ "times": 1 })).await;
    assert_eq!(bytes_for_an_alias(&client, &key, "alias/dropped").await, b"");
    let error = client.refused("DescribeKey", json!({ "KeyId": "alias/dropped" })).await;
    assert_eq!(error, "NotFoundException");
    assert!(bytes_for_an_alias(&client, &key, "alias/dropped").await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_slow_call_is_answered_later() {
    let client = Client::new();
    inject(&client, "ListKeys", "slow", json!({ "times": 1, "millis": 300 })).await;
    #[expect(clippy::disallowed_methods, reason = "how long an answer takes is what this test measures")]
    let start = Instant::now();
    client.ok("ListKeys", json!({})).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_with_the_reason() {
    let client = Client::new();
    let fault = |kind: &str| json!({ "caller": "AKID", "operation": "*", "kind": kind });
    let requests = [
        ("POST", "faults", json!({})),
        ("POST", "faults", fault("haunted")),
        ("POST", "faults", fault("slow")),
        ("GET", "calls", Value::Null),
        ("DELETE", "faults", Value::Null),
    ];
    for (method, path, body) in requests {
        let (status, reason) = client.control(method, path, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}");
        assert!(reason.contains('`'), "{reason}");
    }
    assert_eq!(client.control("GET", "keys", Value::Null).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_call_without_a_signature_is_refused() {
    let mut connection = TcpStream::connect(address()).await.unwrap();
    let request = "POST / HTTP/1.1\r\nhost: kms\r\nconnection: close\r\nx-amz-target: TrentService.ListKeys\r\n\
                   content-length: 2\r\n\r\n{}";
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("MissingAuthenticationTokenException"), "{answer}");
}
