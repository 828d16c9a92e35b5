//! The floor: the least that the product's endpoints can do, on the same stack. Basic authentication over a map of
//! 1 001 clients, SHA-256 and a constant-time comparison, a form, claims of a JWT with a random `jti`, signatures by
//! a key that exists already, JSON; where the product must write, one statement in a durable commit that is shared.
//!
//! Not a server for anything else: no limits, no logs, no reads of its storage, no checks that are for security
//! only.

mod checks;
mod key;
mod ledger;
mod password;
mod state;
mod text;
mod token;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bench::token::Token;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use key::Key;
use ledger::Ledger;
use state::{Floor, answer, form, header, json};
use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use text::encode;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let token = arguments.next().and_then(|word| Token::parse(word.to_str()?));
    let token = token.ok_or("usage: floor opaque|EdDSA|ES256|RS256 [STORE | ARN-OF-KEY URL-OF-KMS]")?;
    let (first, second) = (arguments.next(), arguments.next().and_then(|url| url.into_string().ok()));
    let (key, store) = match (first, second) {
        (Some(arn), Some(url)) => (Key::in_kms(arn.into_string().map_err(|_| "not an ARN")?, url), None),
        (store, _) => (Key::generate(token)?, store.map(PathBuf::from)),
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(token, key, store))
}

async fn serve(token: Token, key: Key, store: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let mut floor = Floor::new(token, key, format!("http://localhost:{}", address.port()))?;
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

/// The hash is computed on this thread: nothing else is asked for meanwhile.
async fn login(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(form(&headers, &body).and_then(|form| {
        let hash = floor.hasher.hash(form.get("password").unwrap_or_default());
        json(&encode(&hash.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?))
    }))
}
