//! A web server of another site, on a port or host name of its own: an application that records what arrives at its
//! callback, or a hostile page.

use crate::chromium::{PATIENCE, SCHEME};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, LOCATION, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use protocol::params::Params;
use server::transport::http::{Limits, serve};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// A request that reached an application.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) method: Method,
    pub(crate) path: String,
    headers: HeaderMap,
    query: Params,
    form: Params,
}

impl Arrival {
    /// A parameter of the query of a GET, or of the form of a POST.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let sent = if self.method == Method::POST { &self.form } else { &self.query };
        sent.get(name)
    }

    /// Whether the query is empty.
    pub(crate) fn has_no_query(&self) -> bool {
        self.query.iter().next().is_none()
    }

    /// A header, empty if it isn't there.
    pub(crate) fn header(&self, name: http::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The sender's origin, as the browser names it.
    pub(crate) fn origin(&self) -> &str {
        self.header(ORIGIN)
    }

    /// The type of the body.
    pub(crate) fn content_type(&self) -> &str {
        self.header(CONTENT_TYPE)
    }
}

#[derive(Clone)]
struct Shared {
    pages: Arc<Mutex<HashMap<String, String>>>,
    arrivals: mpsc::UnboundedSender<Arrival>,
}

/// The server.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    shared: Shared,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Site {
    /// By plain HTTP on a free port.
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// By HTTPS if there is a certificate.
    pub(crate) async fn with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, arrivals) = mpsc::unbounded_channel();
        let shared = Shared { pages: Arc::default(), arrivals: sender };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(serve(listener, tls, router, Limits::default(), std::future::pending()));
        Self { address, shared, arrivals }
    }

    /// A URL of this server under `localhost`: another site than Keyward's `127.0.0.1`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// A URL of this server under Keyward's own host: same site, another origin.
    pub(crate) fn sibling_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Serves a page.
    pub(crate) fn page(&self, path: &str, body: &str) {
        let html = format!("<!doctype html><html lang=en><title>Elsewhere</title><body>{body}</body></html>");
        self.shared.pages.lock().unwrap().insert(path.into(), html);
    }

    /// Serves a page with a form of hidden fields that posts itself.
    pub(crate) fn self_posting_form(&self, path: &str, action: &str, fields: &[(&str, &str)]) {
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!(r#"<input type=hidden name="{name}" value="{value}">"#))
            .collect();
        let script = "<script>document.forms[0].submit()</script>";
        self.page(path, &format!(r#"<form method=post action="{action}">{fields}</form>{script}"#));
    }

    /// The next request to reach the application.
    pub(crate) async fn arrival(&mut self) -> Arrival {
        let arrived = tokio::time::timeout(PATIENCE, self.arrivals.recv()).await;
        arrived.unwrap_or_else(|_| panic!("nothing arrived")).unwrap()
    }

    /// Whether nothing else has arrived.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.arrivals.try_recv().is_err()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let page = shared.pages.lock().unwrap().get(&path).cloned();
    if let (Some(page), &Method::GET) = (page, &head.method) {
        return Html(page).into_response();
    }
    if path == "/favicon.ico" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    let arrival = Arrival {
        method: head.method,
        path: path.clone(),
        headers: head.headers,
        query: Params::parse(head.uri.query().unwrap_or_default().as_bytes()).unwrap(),
        form: Params::parse(&body).unwrap(),
    };
    shared.arrivals.send(arrival).unwrap();
    match path.as_str() {
        // A web application that hands over to the one on the device.
        "/bounce" => (StatusCode::SEE_OTHER, [(LOCATION, format!("{SCHEME}:/bounced"))]).into_response(),
        // The browser stays where it is.
        "/silent" => StatusCode::NO_CONTENT.into_response(),
        _ => Html("<!doctype html><title>Back</title><p id=back>Back at the application").into_response(),
    }
}
