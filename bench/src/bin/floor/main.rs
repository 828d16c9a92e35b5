//! The floor: the least that the product's endpoints can do, on the same stack. Basic authentication over a map of
//! 1 001 clients, SHA-256 and a constant-time comparison, a form, claims of a JWT with a random `jti`, signatures by
//! a key that is there already, JSON; where the product must write, one statement in a durable commit that is shared.
//!
//! Not a server for anything else: no limits, no logs, no reads of its storage, no checks that are for security
//! only.

mod checks;
mod key;
mod ledger;
mod password;
mod text;
mod token;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench::floor::{CLIENTS, SESSION, client_id, client_secret};
use bench::token::Token;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, PRAGMA};
use http::{HeaderMap, HeaderName, StatusCode};
use key::Key;
use ledger::Ledger;
use password::Hasher;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use text::{Form, decode, encode};
use tokio::net::TcpListener;

/// The key's name; as long as a thumbprint.
const KID: &str = "the-only-key-of-the-floor-and-43-characters";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let token = arguments.next().and_then(|word| Token::parse(word.to_str()?));
    let token = token.ok_or("usage: floor opaque|EdDSA|ES256|RS256 [STORE]")?;
    let store = arguments.next().map(PathBuf::from);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(token, store))
}

async fn serve(token: Token, store: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mut floor = Floor::new(token, format!("http://localhost:{}", address.port()))?;
    floor.ledger = store.map(|path| Ledger::open(&path)).transpose()?;
    let router = Router::new()
        .route("/authorize", get(token::authorize))
        .route("/token", post(token::issue))
        .route("/introspect", post(checks::introspect))
        .route("/revoke", post(checks::revoke))
        .route("/userinfo", get(checks::userinfo))
        .route("/login", post(login))
        .route("/jwks", get(jwks))
        .with_state(Arc::new(floor));
    writeln!(stdout(), "floor listening on http://{address}")?;
    Ok(axum::serve(listener, router).await?)
}

/// What all endpoints know.
struct Floor {
    issuer: String,
    /// Digests of secrets by id.
    clients: HashMap<String, [u8; 32]>,
    /// Who is signed in, by the digest of a cookie.
    sessions: HashMap<[u8; 32], String>,
    key: Key,
    /// The headers of every access and ID token, encoded.
    headers: [String; 2],
    jwks: Bytes,
    etag: String,
    ledger: Option<Ledger>,
    hasher: Hasher,
}

impl Floor {
    fn new(token: Token, issuer: String) -> Result<Self, Box<dyn Error>> {
        let key = Key::generate(token)?;
        let digest = |number| (client_id(number), Sha256::digest(client_secret(number)).into());
        let header = |typ| encode(format!(r#"{{"alg":"{token}","typ":"{typ}","kid":"{KID}"}}"#).as_bytes());
        let jwk = key.jwk().unwrap_or_default();
        let jwks = format!(r#"{{"keys":[{{"kid":"{KID}",{jwk}"use":"sig","alg":"{token}"}}]}}"#);
        Ok(Self {
            issuer,
            clients: (0..CLIENTS).map(digest).collect(),
            sessions: HashMap::from([(Sha256::digest(SESSION).into(), "the-only-user".to_owned())]),
            headers: ["at+jwt", "JWT"].map(header),
            etag: format!("\"{}\"", encode(&Sha256::digest(&jwks))),
            jwks: jwks.into(),
            key,
            ledger: None,
            hasher: Hasher::default(),
        })
    }

    /// The client by its secret, or, a public one, by its id.
    fn client(&self, headers: &HeaderMap, form: &Form<'_>) -> Result<String, StatusCode> {
        let client = match header(headers, &AUTHORIZATION) {
            Some(authorization) => self.authenticate(authorization),
            None => form.get("client_id").filter(|id| self.clients.contains_key(*id)).map(str::to_owned),
        };
        client.ok_or(StatusCode::UNAUTHORIZED)
    }

    fn authenticate(&self, authorization: &str) -> Option<String> {
        let bytes = STANDARD.decode(authorization.strip_prefix("Basic ")?).ok()?;
        let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        let (id, secret) = (decode(id)?, decode(secret)?);
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let known = self.clients.get(&*id)?;
        bool::from(digest.ct_eq(known)).then(|| id.into_owned())
    }
}

/// A header as text.
fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The form of a POST.
fn form<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Form<'a>, StatusCode> {
    if header(headers, &CONTENT_TYPE) != Some("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Form::parse(body).ok_or(StatusCode::BAD_REQUEST)
}

fn json(answer: &impl Serialize) -> Result<Response, StatusCode> {
    let body = serde_json::to_vec(answer).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    Ok((headers, body).into_response())
}

fn answer(outcome: Result<Response, StatusCode>) -> Response {
    outcome.unwrap_or_else(|status| status.into_response())
}

async fn jwks(State(floor): State<Arc<Floor>>, headers: HeaderMap) -> Response {
    if header(&headers, &IF_NONE_MATCH) == Some(&floor.etag) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=900"),
        (ETAG, floor.etag.as_str()),
    ];
    (headers, floor.jwks.clone()).into_response()
}

/// The hash is computed right here: nothing else is asked for meanwhile.
async fn login(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(form(&headers, &body).and_then(|form| {
        let hash = floor.hasher.hash(form.get("password").unwrap_or_default());
        json(&encode(&hash.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?))
    }))
}
