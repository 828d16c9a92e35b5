//! An issuer in memory: its key, its documents, and what was asked of it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response};
use keyward_guard::{
    Builder, Clock, Fetch, FetchError, Fetching, Issuer, Reason, Rejection, Token, Verifier,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const JWKS: &str = "https://login.example/jwks";
pub(crate) const METADATA: &str = "https://login.example/.well-known/openid-configuration";
pub(crate) const API: &str = "https://orders.example";

/// A clock that is set by hand.
#[derive(Clone)]
pub(crate) struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

type Answer = Result<(u16, &'static str, String), FetchError>;

/// Documents by their URLs, and the requests for them.
#[derive(Clone, Default)]
pub(crate) struct Net {
    documents: Arc<Mutex<HashMap<String, Answer>>>,
    requests: Arc<Mutex<Vec<Request<Vec<u8>>>>>,
}

impl Net {
    /// Serves a document.
    pub(crate) fn serve(&self, url: &str, document: &Value) {
        self.answer(url, Ok((200, "max-age=600", document.to_string())));
    }

    pub(crate) fn answer(&self, url: &str, answer: Answer) {
        self.documents.lock().unwrap().insert(url.to_owned(), answer);
    }

    /// How often a URL was requested.
    pub(crate) fn count(&self, url: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.uri() == url).count()
    }

    /// How often anything was requested.
    pub(crate) fn total(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Request<Vec<u8>> {
        self.requests.lock().unwrap().last().unwrap().clone()
    }
}

impl Fetch for Net {
    fn send(&self, request: Request<Vec<u8>>) -> Fetching<'_> {
        let answer = self.documents.lock().unwrap().get(&request.uri().to_string()).cloned();
        self.requests.lock().unwrap().push(request);
        Box::pin(async move {
            // Others get to run, so that they meet a fetch that is on its way.
            tokio::task::yield_now().await;
            let (status, cache, body) = answer.unwrap_or(Err(FetchError::Late))?;
            let response = Response::builder().status(status).header("cache-control", cache);
            Ok(response.body(body.into_bytes()).unwrap())
        })
    }
}

/// A key pair of an issuer.
pub(crate) struct Key {
    pair: Ed25519KeyPair,
    pub(crate) kid: String,
}

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        Self { pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(), kid: format!("key-{seed}") }
    }

    pub(crate) fn jwk(&self) -> Value {
        let x = encode(self.pair.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "alg": "EdDSA", "use": "sig" })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": self.kid })
    }

    /// A token with this header and these claims, signed by this key whatever they say.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = encode(self.pair.sign(input.as_bytes()).as_ref());
        format!("{input}.{signature}")
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn jwks(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() })
}

/// An issuer and a verifier of its tokens.
pub(crate) struct World {
    pub(crate) net: Net,
    pub(crate) clock: FakeClock,
    pub(crate) key: Key,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|issuer| issuer, |builder| builder)
    }

    /// With other settings.
    pub(crate) fn with(
        issuer: impl FnOnce(Issuer) -> Issuer,
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let net = Net::default();
        net.serve(METADATA, &json!({ "issuer": ISSUER, "jwks_uri": JWKS }));
        net.serve(JWKS, &jwks(&[&Key::new(1)]));
        Self::of(net, FakeClock(Arc::new(AtomicU64::new(NOW))), issuer, builder)
    }

    /// Another process, with the issuer and the clock of this one.
    pub(crate) fn another(
        &self,
        issuer: impl FnOnce(Issuer) -> Issuer,
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        Self::of(self.net.clone(), self.clock.clone(), issuer, builder)
    }

    fn of(
        net: Net,
        clock: FakeClock,
        issuer: impl FnOnce(Issuer) -> Issuer,
        builder: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let issuer = issuer(Issuer::new(ISSUER).audience(API).fetch(net.clone()));
        let verifier = builder(Verifier::builder().issuer(issuer).clock(clock.clone())).build().unwrap();
        Self { net, clock, key: Key::new(1), verifier }
    }

    /// A token that is valid, but for the claims given here (`null`: without this claim).
    pub(crate) fn token(&self, claims: Value) -> String {
        self.key.sign(&self.key.header().to_string(), &claims_with(claims).to_string())
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Token, Rejection> {
        self.verifier.verify(token).await
    }

    pub(crate) async fn reason(&self, token: &str) -> Reason {
        match self.verify(token).await {
            Err(Rejection::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// The claims of Keyward's tokens, but for those given here.
pub(crate) fn claims_with(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "user-1", "aud": API, "exp": NOW + 600, "iat": NOW, "jti": "id-1",
        "client_id": "shop", "scope": "orders:read profile",
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}
