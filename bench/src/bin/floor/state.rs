//! What all endpoints of the floor share: its clients and key, reading a form, writing an answer.

use crate::key::Key;
use crate::ledger::Ledger;
use crate::password::Hasher;
use crate::text::{Form, decode, encode};
use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bench::floor::{CLIENTS, SESSION, client_id, client_secret};
use bench::token::Token;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::error::Error;
use subtle::ConstantTimeEq as _;

/// The key's name; as long as a thumbprint.
const KID: &str = "the-only-key-of-the-floor-and-43-characters";

/// What all endpoints know.
pub(crate) struct Floor {
    pub(crate) issuer: String,
    /// Digests of secrets by id.
    pub(crate) clients: HashMap<String, [u8; 32]>,
    /// Who is signed in, by the digest of a cookie.
    pub(crate) sessions: HashMap<[u8; 32], String>,
    pub(crate) key: Key,
    /// The headers of every access and ID token, encoded.
    pub(crate) headers: [String; 2],
    pub(crate) jwks: Bytes,
    pub(crate) etag: String,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) hasher: Hasher,
}

impl Floor {
    pub(crate) fn new(token: Token, key: Key, issuer: String) -> Result<Self, Box<dyn Error>> {
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
    pub(crate) fn client(&self, headers: &HeaderMap, form: &Form<'_>) -> Result<String, StatusCode> {
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
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The form of a POST.
pub(crate) fn form<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Form<'a>, StatusCode> {
    if header(headers, &CONTENT_TYPE) != Some("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    Form::parse(body).ok_or(StatusCode::BAD_REQUEST)
}

pub(crate) fn json(answer: &impl Serialize) -> Result<Response, StatusCode> {
    let body = serde_json::to_vec(answer).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    Ok((headers, body).into_response())
}

pub(crate) fn answer(outcome: Result<Response, StatusCode>) -> Response {
    outcome.unwrap_or_else(|status| status.into_response())
}
