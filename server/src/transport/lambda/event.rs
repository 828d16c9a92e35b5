//! What a function is called with: a request, in payload format 2.0 of function URLs and HTTP APIs, or a schedule's event.
//! They are distinguished by their shape.
//!
//! The path is taken as it was sent. Nothing decodes or normalises it, so it means to the routes what it meant to whoever
//! checked it before; one that something on the way did change is refused.

use crate::peer::PeerAddr;
use crate::transport::bounds::{BODY_BYTES, HEADERS, check_size};
use crate::web::failure::Failure;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// An event that can be answered.
#[derive(Debug)]
pub(super) enum Event {
    Request(Box<Request<Body>>),
    Schedule,
}

/// An event that can't.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A request that is refused, and why.
    Request(StatusCode, &'static str),
    /// Neither a request nor a schedule's event.
    Event(&'static str),
}

/// What events have. <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/aws-events.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    version: Option<String>,
    /// Of a schedule's event.
    source: Option<String>,
    raw_path: Option<String>,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: Option<RequestContext>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Option<Http>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http {
    method: String,
    path: Option<String>,
    source_ip: Option<String>,
}

impl Event {
    pub(super) fn parse(text: &str) -> Result<Self, Unfit> {
        let raw: Raw = serde_json::from_str(text)
            .map_err(|_| Unfit::Event("it has none of the shapes that are known"))?;
        if let Some("aws.events" | "aws.scheduler") = raw.source.as_deref() {
            return Ok(Self::Schedule);
        }
        raw.into_request().map(|request| Self::Request(Box::new(request)))
    }
}

/// The path of a request that is refused; empty without one.
pub(super) fn path_of(event: &str) -> String {
    serde_json::from_str::<Raw>(event).ok().and_then(|raw| raw.raw_path).unwrap_or_default()
}

impl Raw {
    fn into_request(self) -> Result<Request<Body>, Unfit> {
        let context = self.request_context.and_then(|context| context.http);
        let (Some("2.0"), Some(http), Some(path)) = (self.version.as_deref(), context, self.raw_path) else {
            return Err(Unfit::Event(
                "it is neither a request in payload format 2.0 nor a schedule's event: use a function URL, or set the payload \
                 format of the HTTP API's integration to 2.0",
            ));
        };
        if http.path.is_some_and(|seen| seen != path) {
            return Err(Unfit::Request(StatusCode::NOT_FOUND, "its path was changed on the way"));
        }
        let uri = uri(path, &self.raw_query_string)?;
        let headers = headers(self.headers, &self.cookies)?;
        check_size(&uri, &headers)
            .map_err(|refusal| Unfit::Request(Failure::from(refusal).status(), refusal.reason()))?;
        let body = body(self.body.unwrap_or_default(), self.is_base64_encoded)?;
        if u64::try_from(body.len()).is_ok_and(|bytes| bytes > BODY_BYTES) {
            return Err(Unfit::Request(StatusCode::PAYLOAD_TOO_LARGE, "its body is too large"));
        }
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::from_bytes(http.method.as_bytes())
            .map_err(|_| Unfit::Request(StatusCode::BAD_REQUEST, "its method is not one"))?;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        // The caller's port is unknown, and nothing reads it.
        if let Some(source) = http.source_ip.and_then(|text| text.parse::<IpAddr>().ok()) {
            request.extensions_mut().insert(PeerAddr(SocketAddr::new(source, 0)));
        }
        Ok(request)
    }
}

fn uri(mut target: String, query: &str) -> Result<Uri, Unfit> {
    // No path of ours has anything else. HTTP APIs decode paths, function URLs don't.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    if !target.starts_with('/') || !target.bytes().all(is_plain) {
        return Err(Unfit::Request(StatusCode::NOT_FOUND, "no path of ours has such characters"));
    }
    // A parser would drop a fragment; none can have been sent (RFC 9112 §3.2).
    if query.contains('#') {
        return Err(Unfit::Request(StatusCode::BAD_REQUEST, "its query is not one"));
    }
    if !query.is_empty() {
        target.push('?');
        target.push_str(query);
    }
    let target = PathAndQuery::try_from(target);
    target.map(Uri::from).map_err(|_| Unfit::Request(StatusCode::BAD_REQUEST, "its query is not one"))
}

/// Repeated headers arrive joined by commas, as RFC 9110 §5.3 allows for lists; cookies arrive one by one.
fn headers(sent: BTreeMap<String, String>, cookies: &[String]) -> Result<HeaderMap, Unfit> {
    let bad = || Unfit::Request(StatusCode::BAD_REQUEST, "a header is not one");
    // A map of headers panics beyond some thousands.
    if sent.len() > HEADERS {
        return Err(Unfit::Request(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "it has too many headers"));
    }
    let mut headers = HeaderMap::with_capacity(sent.len() + 1);
    for (name, value) in sent {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::try_from(value).map_err(|_| bad())?;
        headers.append(name, value);
    }
    // They were about the connection to the front.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    if !cookies.is_empty() {
        // RFC 6265 §5.4: one header, its cookies separated by `; `.
        let value = HeaderValue::try_from(cookies.join("; ")).map_err(|_| bad())?;
        headers.insert(header::COOKIE, value);
    }
    Ok(headers)
}

fn body(text: String, is_base64: bool) -> Result<Vec<u8>, Unfit> {
    if !is_base64 {
        return Ok(text.into_bytes());
    }
    BASE64_STANDARD.decode(text).map_err(|_| {
        Unfit::Request(StatusCode::BAD_REQUEST, "its body is not the base64 that it claims to be")
    })
}

#[cfg(test)]
mod tests;
