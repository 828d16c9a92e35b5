//! Requests as events of an AWS Lambda function URL (payload format 2.0), and its answers as responses. Written from
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html> and from what the emulators of AWS and of others
//! send.

use crate::Answer;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use server::transport::lambda::{self, Function};
use tower::ServiceExt as _;

/// The address of every caller.
const SOURCE: &str = "192.0.2.1";

/// A router as a function.
pub(crate) struct Routed(pub(crate) Router);

#[async_trait]
impl Function for Routed {
    async fn request(&self, request: Request<Body>) -> Response<Body> {
        self.0.clone().oneshot(request).await.unwrap()
    }

    async fn scheduled(&self) -> Result<Value, String> {
        Ok(json!("done"))
    }
}

/// Sends a request as an event, and reads the answer.
pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let event = event(request).await.to_string();
    read(&lambda::answer(&Routed(router), &event).await.unwrap())
}

/// The event for a request.
pub async fn event(request: Request<Body>) -> Value {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut cookies = Vec::new();
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == COOKIE {
            cookies.extend(text.split("; ").map(str::to_owned));
            continue;
        }
        match headers.get_mut(name.as_str()) {
            Some(Value::String(before)) => *before = format!("{before},{text}"),
            _ => _ = headers.insert(name.as_str().to_owned(), text.into()),
        }
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": head.uri.path(),
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "domainName": "abc.lambda-url.eu-central-1.on.aws",
            "http": {
                "method": head.method.as_str(),
                "path": head.uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE,
                "userAgent": "test"
            },
            "requestId": "7fa6a5f5-e1a5-4f0b-8d4c-5f8b7b6f4a11",
            "routeKey": "$default",
            "stage": "$default",
            "time": "15/Jan/2027:08:00:00 +0000",
            "timeEpoch": 1_800_000_000_000_u64
        },
        // Which bodies are encoded depends on their type; both are read.
        "isBase64Encoded": !body.is_empty()
    });
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !body.is_empty() {
        event["body"] = BASE64_STANDARD.encode(&body).into();
    }
    event
}

/// The response that a function URL makes of an answer. It panics where AWS would answer 502.
pub fn read(answer: &Value) -> Answer {
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in answer["headers"].as_object().unwrap() {
        let name = HeaderName::try_from(name).unwrap();
        assert!(name != SET_COOKIE, "only one would arrive");
        headers.insert(name, HeaderValue::try_from(value.as_str().unwrap()).unwrap());
    }
    for cookie in answer["cookies"].as_array().unwrap() {
        headers.append(SET_COOKIE, HeaderValue::try_from(cookie.as_str().unwrap()).unwrap());
    }
    let text = answer["body"].as_str().unwrap();
    let is_encoded = answer["isBase64Encoded"].as_bool().unwrap();
    let body = if is_encoded { BASE64_STANDARD.decode(text).unwrap() } else { text.into() };
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body }
}
