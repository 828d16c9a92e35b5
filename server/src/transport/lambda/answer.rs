//! Responses as function URLs and HTTP APIs take them (payload format 2.0).

use crate::transport::bounds::bare;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use std::collections::BTreeMap;

/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload>
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    pub(super) async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let bytes = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                tracing::error!(%error, "a response's body ended early");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    bare(StatusCode::INTERNAL_SERVER_ERROR, "").headers(),
                    vec![],
                );
            }
        };
        Self::new(head.status, &head.headers, bytes.into())
    }

    fn new(status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let (body, is_base64_encoded) = match String::from_utf8(body) {
            Ok(text) => (text, false),
            Err(binary) => (BASE64_STANDARD.encode(binary.as_bytes()), true),
        };
        let cookies = headers.get_all(header::SET_COOKIE).iter().map(text).collect();
        Self { status_code: status.as_u16(), headers: joined(headers), cookies, body, is_base64_encoded }
    }
}

/// There is room for one value of a name. Those that we repeat are lists, which may be joined (RFC 9110 §5.3); cookies,
/// which may not, go separately. What concerns a connection is the front's.
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    const ELSEWHERE: [HeaderName; 3] = [header::SET_COOKIE, header::CONNECTION, header::CONTENT_LENGTH];
    let names = headers.keys().filter(|name| !ELSEWHERE.contains(name));
    let value = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>().join(", ");
    names.map(|name| (name.as_str().to_owned(), value(name))).collect()
}

/// All values that we send are ASCII.
fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn a_response_keeps_every_value_that_it_repeats() {
        let response = Response::builder()
            .status(401)
            .header("www-authenticate", "Basic realm=\"a\"")
            .header("www-authenticate", "Bearer")
            .header("vary", "origin")
            .header("vary", "accept")
            .header("set-cookie", "a=1; Path=/")
            .header("set-cookie", "b=2")
            .header("connection", "close")
            .body(Body::from("{}"))
            .unwrap();
        let expected = json!({
            "statusCode": 401,
            "headers": {"vary": "origin, accept", "www-authenticate": "Basic realm=\"a\", Bearer"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "{}",
            "isBase64Encoded": false
        });
        assert_eq!(serde_json::to_value(Answer::of(response).await).unwrap(), expected);
        let binary =
            serde_json::to_value(Answer::of(Response::new(Body::from(vec![0xff_u8, 0]))).await).unwrap();
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    }
}
