//! An authorizer of orders, and tokens for it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guard::{Clock, Fetch, FetchError, Fetching, Introspection, Issuer, Require, Verifier};
use http::{Request, Response};
use keyward_authorizer::{Authorizer, Failure, Settings};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://login.example";
const API: &str = "https://orders.example";

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

/// An issuer that answers every question the same way, or not at all.
#[derive(Clone, Copy)]
struct Answers(Option<&'static str>);

impl Fetch for Answers {
    fn send(&self, _: Request<Vec<u8>>) -> Fetching<'_> {
        let answer = self.0.map(|text| Response::new(text.into())).ok_or(FetchError::Late);
        Box::pin(async { answer })
    }
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn jwks() -> String {
    let x = encode(key().public_key().as_ref());
    json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "key-1", "alg": "EdDSA" }] })
        .to_string()
}

/// A token that is valid, but for these claims.
pub(crate) fn token(changes: Value) -> String {
    let mut claims = json!({
        "iss": ISSUER, "sub": "user-1", "aud": API, "exp": NOW + 600, "iat": NOW, "jti": "id-1",
        "client_id": "shop", "scope": "orders:read profile",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "key-1" });
    let input =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    format!("{input}.{}", encode(key().sign(input.as_bytes()).as_ref()))
}

fn with(issuer: Issuer, is_query_read: bool) -> Authorizer {
    let issuer = issuer.audience(API).embedded(&jwks());
    let verifier = Verifier::builder().issuer(issuer).clock(Still).build().unwrap();
    Authorizer::new(Settings { verifier, require: Require::all(["orders:read"]), is_query_read })
}

/// An authorizer that requires `orders:read`.
pub(crate) fn authorizer() -> Authorizer {
    with(Issuer::new(ISSUER).fetch(Answers(None)), false)
}

pub(crate) fn authorizer_that_reads_queries() -> Authorizer {
    with(Issuer::new(ISSUER).fetch(Answers(None)), true)
}

/// One that asks its issuer, who gives this answer.
pub(crate) fn authorizer_that_asks(answer: Option<&'static str>) -> Authorizer {
    let how = Introspection::new("https://login.example/introspect", "orders", "secret");
    with(Issuer::new(ISSUER).fetch(Answers(answer)).introspect(how), false)
}

/// What it answers.
pub(crate) async fn answer(authorizer: &Authorizer, event: &Value) -> Result<Value, Failure> {
    authorizer.answer(&event.to_string()).await
}
