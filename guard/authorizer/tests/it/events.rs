//! Each kind of event: allowed, refused, malformed.

use crate::fixture::{answer, authorizer, authorizer_that_asks, authorizer_that_reads_queries, token};
use keyward_authorizer::Failure;
use serde_json::{Map, Value, json};

const REST_TOKEN: &str = include_str!("events/rest_token.json");
const REST_REQUEST: &str = include_str!("events/rest_request.json");
const HTTP_1: &str = include_str!("events/http_1.json");
const HTTP_2: &str = include_str!("events/http_2.json");
const WEBSOCKET: &str = include_str!("events/websocket.json");
const ALL: [&str; 5] = [REST_TOKEN, REST_REQUEST, HTTP_1, HTTP_2, WEBSOCKET];
const REST: [&str; 3] = [REST_TOKEN, REST_REQUEST, WEBSOCKET];

const STAGE: &str = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/*";

fn event(text: &str, token: &str) -> Value {
    serde_json::from_str(&text.replace("<token>", token)).unwrap()
}

fn denied(stage: &str) -> Value {
    json!({
        "principalId": "refused",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Deny", "Resource": stage }],
        },
    })
}

#[tokio::test]
async fn a_sufficient_token_is_allowed_for_every_method_of_the_stage() {
    let context = json!({ "sub": "user-1", "client_id": "shop", "scope": "orders:read profile" });
    for (text, stage) in [
        (REST_TOKEN, STAGE),
        (REST_REQUEST, STAGE),
        (HTTP_1, "arn:aws:execute-api:eu-central-1:111122223333:f6e5d4c3b2/$default/*"),
        (WEBSOCKET, "arn:aws:execute-api:eu-central-1:111122223333:w9x8y7z6v5/live/*"),
    ] {
        let expected = json!({
            "principalId": "user-1",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": stage }],
            },
            "context": context,
        });
        assert_eq!(answer(&authorizer(), &event(text, &token(json!({})))).await, Ok(expected));
    }
    let expected = json!({ "isAuthorized": true, "context": context });
    assert_eq!(answer(&authorizer(), &event(HTTP_2, &token(json!({})))).await, Ok(expected));
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused() {
    let valid = token(json!({}));
    for bad in [
        token(json!({ "exp": 1_799_999_000 })),
        token(json!({ "aud": "https://other.example" })),
        token(json!({ "iss": "https://other.example" })),
        format!("{valid}x"),
        "x".repeat(20_000),
        "ü".to_owned(),
        String::new(),
    ] {
        for text in REST {
            assert_eq!(answer(&authorizer(), &event(text, &bad)).await, Err(Failure::Unauthorized), "{bad}");
        }
        let stage = "arn:aws:execute-api:eu-central-1:111122223333:f6e5d4c3b2/$default/*";
        assert_eq!(answer(&authorizer(), &event(HTTP_1, &bad)).await, Ok(denied(stage)), "{bad}");
        assert_eq!(
            answer(&authorizer(), &event(HTTP_2, &bad)).await,
            Ok(json!({ "isAuthorized": false })),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_denied_which_gateways_answer_with_403() {
    let weak = token(json!({ "scope": "orders:write" }));
    for text in [REST_TOKEN, REST_REQUEST] {
        assert_eq!(answer(&authorizer(), &event(text, &weak)).await, Ok(denied(STAGE)));
    }
    assert_eq!(answer(&authorizer(), &event(HTTP_2, &weak)).await, Ok(json!({ "isAuthorized": false })));
}

#[tokio::test]
async fn a_failure_to_ask_the_issuer_is_no_refusal() {
    for text in ALL {
        let event = event(text, &token(json!({})));
        assert_eq!(answer(&authorizer_that_asks(None), &event).await, Err(Failure::Unavailable));
        assert!(is_allowed(&answer(&authorizer_that_asks(Some(r#"{"active":true}"#)), &event).await));
        assert!(!is_allowed(&answer(&authorizer_that_asks(Some(r#"{"active":false}"#)), &event).await));
    }
}

#[tokio::test]
async fn only_websocket_clients_may_use_the_query_and_only_if_it_is_read() {
    let mut in_query = event(WEBSOCKET, "");
    in_query["headers"].as_object_mut().unwrap().remove("Authorization");
    in_query["multiValueHeaders"].as_object_mut().unwrap().remove("Authorization");
    in_query["queryStringParameters"] = json!({ "access_token": token(json!({})) });
    assert_eq!(answer(&authorizer(), &in_query).await, Err(Failure::Unauthorized));
    assert!(is_allowed(&answer(&authorizer_that_reads_queries(), &in_query).await));

    let mut both = event(WEBSOCKET, &token(json!({})));
    assert!(is_allowed(&answer(&authorizer_that_reads_queries(), &both).await));
    both["queryStringParameters"] = in_query["queryStringParameters"].clone();
    assert_eq!(answer(&authorizer_that_reads_queries(), &both).await, Err(Failure::Unauthorized));

    for text in [REST_REQUEST, HTTP_2] {
        let mut event = event(text, "");
        event["headers"] = json!({});
        event["multiValueHeaders"] = json!({});
        event["queryStringParameters"] = in_query["queryStringParameters"].clone();
        assert!(!is_allowed(&answer(&authorizer_that_reads_queries(), &event).await));
    }
}

#[tokio::test]
async fn a_header_has_any_case_and_one_value() {
    let valid = format!("Bearer {}", token(json!({})));
    let mut event = event(REST_REQUEST, "");
    for (headers, multi, is_right) in [
        (json!({ "authorization": valid }), json!({ "aUTHORIZATION": [valid] }), true),
        (json!({ "Authorization": valid }), json!(null), true),
        (json!({ "Authorization": valid }), json!({ "Authorization": [valid, valid] }), false),
        (json!({ "Authorization": valid }), json!({ "Authorization": ["Basic YTpi", valid] }), false),
        (json!({ "Authorization": valid, "authorization": valid }), json!({}), false),
        (json!({ "authorization": format!("{valid},{valid}") }), json!({}), false),
        (json!({ "authorization": 1 }), json!({}), false),
        (json!({ "x-authorization": valid }), json!({}), false),
    ] {
        event["headers"] = headers;
        event["multiValueHeaders"] = multi;
        assert_eq!(is_allowed(&answer(&authorizer(), &event).await), is_right, "{event}");
    }
}

/// Each member of each event is left out or replaced by something else, and the answer is never more than before.
#[tokio::test]
async fn a_malformed_event_allows_nothing_that_it_did_not_before() {
    let authorizer = authorizer();
    for text in
        ["", "null", "[]", "{", "1", "\"Bearer\"", "{}", r#"{"version":"2.0"}"#, r#"{"type":"TOKEN"}"#]
    {
        assert!(!is_allowed(&authorizer.answer(text).await), "{text}");
    }
    for text in ALL {
        let whole = event(text, &token(json!({})));
        for name in whole.as_object().unwrap().keys() {
            for other in [json!(null), json!(7), json!(["x"]), json!({ "x": 1 }), json!("x")] {
                let mut event = whole.clone();
                event[name] = other;
                let answered = answer(&authorizer, &event).await;
                let is_needed = matches!(
                    (name.as_str(), text == HTTP_2, text == REST_TOKEN),
                    ("methodArn", false, _) | ("authorizationToken", _, true) | ("headers", true, _)
                );
                assert!(!(is_needed && is_allowed(&answered)), "{event}: {answered:?}");
            }
        }
    }
    for arn in [
        "x",
        "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5",
        "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod",
        "arn:aws:execute-api:eu-central-1:111122223333:*/prod/GET/",
        "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/*/GET/",
        "arn:aws:lambda:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/",
        "//",
    ] {
        let mut event = event(REST_TOKEN, &token(json!({})));
        event["methodArn"] = arn.into();
        assert_eq!(answer(&authorizer, &event).await, Err(Failure::Unauthorized), "{arn}");
    }
    let many: Map<String, Value> = (0..50_000).map(|n| (format!("h{n}"), "x".into())).collect();
    let mut event = event(HTTP_2, &token(json!({})));
    event["headers"] = many.into();
    assert!(!is_allowed(&answer(&authorizer, &event).await));
}

fn is_allowed(answer: &Result<Value, Failure>) -> bool {
    let Ok(answer) = answer else { return false };
    answer["isAuthorized"] == true || answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
}
