//! Requests as tests write them.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{Method, Request};
use protocol::params::encode;

/// The content type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Where the clients of most tests get their answers.
pub const REDIRECT: &str = "https://rp.example/cb";
/// A PKCE verifier and its challenge by S256 (RFC 7636 appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// See [`VERIFIER`].
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Pairs as a query or form.
pub fn query(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// A GET.
pub fn get(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

/// A POST of a form.
pub fn form(path: &str, pairs: &[(&str, &str)]) -> Request<Body> {
    post(path, FORM, query(pairs))
}

/// A POST of any body.
pub fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

/// The value of an `Authorization` header by HTTP Basic, id and secret form-encoded (RFC 6749 §2.3.1).
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))))
}

/// A request with one more header.
pub trait With {
    /// Adds a header.
    #[must_use]
    fn with(self, name: impl TryInto<HeaderName>, value: &str) -> Self;
}

impl With for Request<Body> {
    fn with(mut self, name: impl TryInto<HeaderName>, value: &str) -> Self {
        let name = name.try_into().unwrap_or_else(|_| panic!("not a header's name"));
        self.headers_mut().append(name, value.parse().unwrap());
        self
    }
}
