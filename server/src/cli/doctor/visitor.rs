//! A browser and an application in one: sends requests, keeps cookies, reads forms.

use super::check::Difference;
use crate::cli::reach::{Answer, Server};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method, Request, request};
use http_body_util::Full;
use hyper::body::Bytes;
use protocol::params::encode_all;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How often who waits looks again.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// A visitor of one server.
pub(super) struct Visitor {
    pub(super) server: Server,
    cookies: BTreeMap<String, String>,
    /// How long each answer took, connecting included.
    pub(super) times: Vec<Duration>,
}

impl Visitor {
    pub(super) const fn new(server: Server) -> Self {
        Self { server, cookies: BTreeMap::new(), times: Vec::new() }
    }

    /// A GET of a path below the issuer, with a header if there is one.
    pub(super) async fn get(
        &mut self,
        path: &str,
        header: Option<(HeaderName, &str)>,
    ) -> Result<Answer, String> {
        let request = Request::get(self.path(path));
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        self.send(request, Bytes::new()).await
    }

    /// Goes where an answer redirects to, within the issuer.
    pub(super) async fn follow(&mut self, answer: &Answer) -> Result<Answer, String> {
        let location = header(answer, &LOCATION).unwrap_or_default();
        let path = location.strip_prefix(self.server.issuer.origin()).unwrap_or(location);
        let path = path.strip_prefix(self.server.issuer.path()).unwrap_or(path).to_owned();
        self.get(&path, None).await
    }

    /// Submits a form as a page of the issuer does.
    pub(super) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, String> {
        let (request, body) = form(&self.path(path), fields);
        let origin = self.server.issuer.origin().to_owned();
        self.send(request.header(ORIGIN, origin), body).await
    }

    /// Posts a form as an application does.
    pub(super) async fn post(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        header: Option<(HeaderName, &str)>,
    ) -> Result<Answer, String> {
        let (request, body) = form(&self.path(path), fields);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        self.timed(request.body(Full::new(body))).await
    }

    /// A path below the issuer, as it is below the origin.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.server.issuer.path())
    }

    async fn send(&mut self, mut request: request::Builder, body: Bytes) -> Result<Answer, String> {
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let answer = self.timed(request.body(Full::new(body))).await?;
        for cookie in answer.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(answer)
    }

    async fn timed(&mut self, request: http::Result<Request<Full<Bytes>>>) -> Result<Answer, String> {
        let request = request.map_err(|error| error.to_string())?;
        let began = Instant::now();
        let answer = self.server.send(request).await;
        self.times.push(began.elapsed());
        answer
    }
}

/// The head and the body of a POST of a form.
pub(super) fn form(path: &str, fields: &[(&str, &str)]) -> (request::Builder, Bytes) {
    let head = Request::builder().method(Method::POST).uri(path);
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    (head.header(CONTENT_TYPE, kind), Bytes::from(encode_all(fields)))
}

/// A header's value, if it is text.
pub(super) fn header<'a>(answer: &'a Answer, name: &HeaderName) -> Option<&'a str> {
    answer.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The body as JSON; `null` if it is none.
pub(super) fn json(answer: &Answer) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// A text in the JSON body; empty if it isn't there.
pub(super) fn member(answer: &Answer, name: &str) -> String {
    json(answer).get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The value of a hidden field of a page; empty if there is none.
pub(super) fn field(answer: &Answer, name: &str) -> String {
    let page = String::from_utf8_lossy(answer.body());
    let mark = format!(r#"name="{name}" value=""#);
    let value = page.split_once(&mark).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value.to_owned()).unwrap_or_default()
}

/// An answer in a few words, without what may be secret.
pub(super) fn outline(answer: &Answer) -> String {
    let (status, error) = (answer.status().as_u16(), member(answer, "error"));
    if error.is_empty() { status.to_string() } else { format!("{status} {error}") }
}

/// Expects a status of the answer to `what`.
pub(super) fn expect(answer: Answer, what: &str, status: u16) -> Result<Answer, Difference> {
    if answer.status().as_u16() == status {
        return Ok(answer);
    }
    let id = header(&answer, &HeaderName::from_static("x-request-id")).unwrap_or("none");
    let fix = format!("the server's log may say why: its request id is {id}");
    Err(Difference::new(format!("{status} from {what}"), outline(&answer), fix))
}
