//! Which browser code of other origins may call us and read our responses (Fetch §3.2), always without cookies: public
//! documents are for every page, the endpoints of clients for the pages of the public client that calls. Preflights are
//! answered without I/O, since they carry nothing to check.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use protocol::client::Client;
use protocol::origin;

/// Every page may read this.
pub const ANYONE: (HeaderName, HeaderValue) = (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));

/// The public documents, by their paths below the issuer. Tests compare both lists with the routes.
const DOCUMENTS: [&str; 4] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/security.txt",
    "/jwks",
];
/// The endpoints of clients.
const ENDPOINTS: [&str; 3] = ["/token", "/revoke", "/userinfo"];

/// The most bytes of header names that a preflight may name.
const MOST_NAMES: usize = 4 * 1024;

/// Which pages may read the response to a request.
pub enum Readers {
    /// All: a public document.
    Anyone,
    /// Those of the client that calls. The request has this origin.
    Client(Option<HeaderValue>),
    /// None: a page, or an endpoint for servers.
    Nobody,
}

/// What a response has in its extensions once the client is known, and with it who may read the response.
#[derive(Clone)]
struct Decided;

impl Readers {
    /// Those of a path below the issuer.
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        match path {
            path if DOCUMENTS.contains(&path) => Self::Anyone,
            path if ENDPOINTS.contains(&path) => Self::Client(origin(headers)),
            _ => Self::Nobody,
        }
    }

    /// Completes a response, whoever made it. A refusal or a failure that came before the client was known can be read by
    /// every page: it may be that client's, and says nothing but what went wrong.
    pub fn complete(self, response: &mut Response) {
        match self {
            Self::Nobody => {}
            Self::Anyone => drop(response.headers_mut().insert(ANYONE.0, ANYONE.1)),
            Self::Client(origin) => {
                let decided = response.extensions_mut().remove::<Decided>().is_some();
                let succeeded = response.status().is_success();
                let headers = response.headers_mut();
                headers.entry(VARY).or_insert(HeaderValue::from_static("Origin"));
                if let Some(origin) = origin.filter(|_| !decided && !succeeded) {
                    expose(headers, origin);
                }
            }
        }
    }
}

/// What the transport's own answer to a request for this path has: a page that called an endpoint learns that it was
/// refused. There is nothing else to read. The transport does not know the issuer, so the path may have the issuer's before
/// it, or after the metadata's (RFC 8414 §3.1).
pub fn of_transport(path: &str) -> Option<(HeaderName, HeaderValue)> {
    let [_, metadata, ..] = DOCUMENTS;
    let known = DOCUMENTS.iter().chain(&ENDPOINTS).any(|known| path.ends_with(known));
    (known || path.starts_with(metadata)).then_some(ANYONE)
}

/// The origin of the calling page. `null` counts as none, and so does what no browser sends.
pub fn origin(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ORIGIN).filter(|value| value.to_str().is_ok_and(|text| origin::check(text).is_ok())).cloned()
}

/// The response to the preflight of a public document.
pub async fn preflight_of_document(methods: &'static str, headers: HeaderMap) -> Response {
    preflight(methods, &headers, Some(ANYONE.1), "Access-Control-Request-Headers")
}

/// The response to the preflight of an endpoint of clients: every page may try. Whether it may read the response is decided
/// with the request itself, which says who the client is.
pub async fn preflight_of_endpoint(methods: &'static str, headers: HeaderMap) -> Response {
    preflight(methods, &headers, origin(&headers), "Origin, Access-Control-Request-Headers")
}

fn preflight(
    methods: &'static str,
    headers: &HeaderMap,
    origin: Option<HeaderValue>,
    vary: &'static str,
) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let answer = response.headers_mut();
    answer.insert(VARY, HeaderValue::from_static(vary));
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(headers));
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    }
    response
}

/// The headers that the page wants to send: tracing libraries and protocols on top of OAuth add their own, and we ignore what
/// we don't know. What isn't a list of header names is not repeated; then it is the headers that we read.
fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let names = names.filter(|name| !name.is_empty()).map(HeaderName::from_bytes);
    let names = names.collect::<Result<Vec<_>, _>>().unwrap_or_default();
    let list = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    let usual = HeaderValue::from_static("authorization, content-type");
    if list.is_empty() || list.len() > MOST_NAMES { usual } else { list.try_into().unwrap_or(usual) }
}

/// Lets the calling page read the response if it is the client's own.
pub fn allow(response: &mut Response, origin: Option<HeaderValue>, client: &Client) {
    response.extensions_mut().insert(Decided);
    if let Some(origin) = origin.filter(|origin| origin.to_str().is_ok_and(|it| client.allows_origin(it))) {
        expose(response.headers_mut(), origin);
    }
}

fn expose(headers: &mut HeaderMap, origin: HeaderValue) {
    const READABLE: HeaderValue = HeaderValue::from_static("WWW-Authenticate, Retry-After, X-Request-Id");
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n046_only_what_is_an_origin_is_repeated() {
        let repeated = |text: &str| {
            let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(text).unwrap())]);
            origin(&headers).is_some()
        };
        let longest = format!("https://{}.example", "a".repeat(284));
        for text in [
            "https://rp.example",
            "http://localhost:3000",
            "http://[::1]:8080",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            &longest,
        ] {
            assert!(repeated(text), "{text}");
        }
        for text in [
            "",
            "null",
            "*",
            "rp.example",
            "https://",
            "https://rp.example/",
            "https://rp.example/path",
            "https://RP.example",
            "https://rp.example:443",
            "file://",
            "https://rp.example:",
            "https://rp.example:123456",
            "https://rp.example:80x",
            "https://user@rp.example",
            "https://a.example https://b.example",
            "https://a.example,https://b.example",
            "1https://rp.example",
            "://rp.example",
            "http://[::1",
            "http://[]",
            &format!("{longest}x"),
            &format!("https://{}", "a".repeat(5000)),
        ] {
            assert!(!repeated(text), "{text}");
        }
    }
}
