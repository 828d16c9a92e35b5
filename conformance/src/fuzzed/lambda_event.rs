//! The event of an AWS Lambda function. Whatever it is, the answer is a response that a function URL can send, and a
//! request reaches the routes with the path, the query and the body that the event has.

use crate::lambda::read;
use async_trait::async_trait;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use server::transport::lambda::{Function, answer};
use std::cell::RefCell;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().build().unwrap());
}

/// Answers with what it got.
struct Mirror;

#[async_trait]
impl Function for Mirror {
    async fn request(&self, request: Request<Body>) -> Response<Body> {
        let target = request.uri().to_string();
        let method = request.method().to_string();
        let mut response = Response::builder().header("x-target", target).header("x-method", method);
        for (_, value) in request.headers() {
            response = response.header("x-seen", value);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        response.body(Body::from(body)).unwrap()
    }

    async fn scheduled(&self) -> Result<Value, String> {
        Ok(json!("scheduled"))
    }
}

/// An event's text.
pub fn lambda_event(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let answered = RUNTIME.with_borrow(|runtime| runtime.block_on(answer(&Mirror, text))).unwrap();
    let event: Value = serde_json::from_str(text).unwrap_or_default();
    if answered == "scheduled" {
        assert!(event["source"].as_str().is_some_and(|source| source.starts_with("aws.")));
        return;
    }
    let response = read(&answered);
    if response.status != StatusCode::OK {
        assert!(response.status.is_client_error(), "{}", response.status);
        return;
    }
    let path = event["rawPath"].as_str().unwrap();
    let query = event["rawQueryString"].as_str().unwrap_or_default();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    assert_eq!(response.header("x-target"), target);
    assert_eq!(response.header("x-method"), event["requestContext"]["http"]["method"]);
    let body = event["body"].as_str().unwrap_or_default();
    let is_encoded = event["isBase64Encoded"].as_bool().unwrap_or_default();
    let sent = if is_encoded { BASE64_STANDARD.decode(body).unwrap() } else { body.into() };
    assert_eq!(response.body, sent);
}
