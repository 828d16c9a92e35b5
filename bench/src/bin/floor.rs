//! The floor: the least a token endpoint can do for client_credentials, on the same stack as the product. Basic
//! authentication over a map of 1 001 clients, SHA-256 and a constant-time comparison, a form, claims of a JWT
//! with a random `jti`, one signature by a key that is there already, JSON; `GET /jwks` beside it.
//!
//! Not a server for anything else: no storage, no limits, no logs, no checks that are for security only.

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bench::floor::{CLIENTS, client_id, client_secret};
use bench::token::Token;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

/// How long a token lives, in seconds: the product's default.
const LIFETIME: u64 = 600;
/// The key's name; as long as a thumbprint.
const KID: &str = "the-only-key-of-the-floor-and-43-characters";

fn main() -> Result<(), Box<dyn Error>> {
    let token = std::env::args().nth(1).as_deref().and_then(Token::parse);
    let token = token.ok_or("usage: floor opaque|EdDSA|ES256|RS256")?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(token))
}

async fn serve(token: Token) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let floor = Arc::new(Floor::new(token, format!("http://localhost:{}", address.port()))?);
    let router = Router::new().route("/token", post(issue)).route("/jwks", get(jwks)).with_state(floor);
    writeln!(stdout(), "floor listening on http://{address}")?;
    Ok(axum::serve(listener, router).await?)
}

struct Floor {
    issuer: String,
    /// Digests of secrets by id.
    clients: HashMap<String, [u8; 32]>,
    key: Key,
    /// The header of every token, encoded.
    header: String,
    jwks: Bytes,
}

enum Key {
    None,
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

/// RFC 9068 §2.2 and `nbf`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: &'a str,
    client_id: &'a str,
    scope: &'a str,
}

#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
}

impl Floor {
    fn new(token: Token, issuer: String) -> Result<Self, Box<dyn Error>> {
        let key = match token {
            Token::Opaque => Key::None,
            Token::EdDSA => Key::Ed(Ed25519KeyPair::generate()?),
            Token::ES256 => Key::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            Token::RS256 => Key::Rsa(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?),
        };
        let digest = |number| (client_id(number), Sha256::digest(client_secret(number)).into());
        let header = format!(r#"{{"alg":"{token}","typ":"at+jwt","kid":"{KID}"}}"#);
        let jwk = key.jwk().unwrap_or_default();
        Ok(Self {
            issuer,
            clients: (0..CLIENTS).map(digest).collect(),
            header: URL_SAFE_NO_PAD.encode(header),
            jwks: format!(r#"{{"keys":[{{"kid":"{KID}",{jwk}"use":"sig","alg":"{token}"}}]}}"#).into(),
            key,
        })
    }

    fn authenticate<'a>(&self, authorization: &'a str, buffer: &'a mut Vec<u8>) -> Option<Cow<'a, str>> {
        STANDARD.decode_vec(authorization.strip_prefix("Basic ")?, buffer).ok()?;
        let (id, secret) = std::str::from_utf8(buffer).ok()?.split_once(':')?;
        let (id, secret) = (decode(id)?, decode(secret)?);
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let known = self.clients.get(&*id)?;
        bool::from(digest.ct_eq(known)).then_some(id)
    }

    fn token(&self, client: &str, scope: &str) -> Option<String> {
        if matches!(self.key, Key::None) {
            return Some(URL_SAFE_NO_PAD.encode(random::<32>()?));
        }
        let now = seconds();
        let claims = Claims {
            iss: &self.issuer,
            sub: client,
            aud: "https://api.example",
            exp: now + LIFETIME,
            nbf: now,
            iat: now,
            jti: &URL_SAFE_NO_PAD.encode(random::<16>()?),
            client_id: client,
            scope,
        };
        let claims = serde_json::to_vec(&claims).ok()?;
        let mut token = String::with_capacity(1024);
        token.push_str(&self.header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut space = [0; 256];
        let signature = self.key.sign(token.as_bytes(), &mut space)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }
}

impl Key {
    /// Its public numbers as members of a JWK (RFC 7518 §6, RFC 8037 §2), each with its comma.
    fn jwk(&self) -> Option<String> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(match self {
            Self::None => String::new(),
            Self::Ed(pair) => {
                format!(r#""kty":"OKP","crv":"Ed25519","x":"{}","#, text(pair.public_key().as_ref()))
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
                format!(r#""kty":"EC","crv":"P-256","x":"{}","y":"{}","#, text(x), text(y))
            }
            Self::Rsa(pair) => {
                // RFC 8017 A.1.1: of 2048 bits and the exponent 65537, the modulus always lies there.
                let n = text(pair.public_key().as_ref().get(9..265)?);
                format!(r#""kty":"RSA","n":"{n}","e":"AQAB","#)
            }
        })
    }

    fn sign<'a>(&self, message: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
        match self {
            Self::None => None,
            Self::Ed(pair) => copy(pair.sign(message).as_ref(), space),
            Self::Ec(pair) => copy(pair.sign(&SystemRandom::new(), message).ok()?.as_ref(), space),
            Self::Rsa(pair) => {
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, space).ok()?;
                Some(space)
            }
        }
    }
}

fn copy<'a>(signature: &[u8], space: &'a mut [u8; 256]) -> Option<&'a [u8]> {
    let space = space.get_mut(..signature.len())?;
    space.copy_from_slice(signature);
    Some(space)
}

async fn issue(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&floor, &headers, &body).unwrap_or_else(|status| status.into_response())
}

fn answer(floor: &Floor, headers: &HeaderMap, body: &[u8]) -> Result<Response, StatusCode> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_TYPE) != Some("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let form = form(body).ok_or(StatusCode::BAD_REQUEST)?;
    let field = |name| form.iter().find(|(own, _)| own == name).map(|(_, value)| &**value);
    let mut buffer = Vec::new();
    let client = header(AUTHORIZATION).and_then(|header| floor.authenticate(header, &mut buffer));
    let client = client.ok_or(StatusCode::UNAUTHORIZED)?;
    if field("grant_type") != Some("client_credentials") {
        return Err(StatusCode::BAD_REQUEST);
    }
    let scope = field("scope").unwrap_or_default();
    let token = floor.token(&client, scope).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let issued = Issued { access_token: &token, token_type: "Bearer", expires_in: LIFETIME, scope };
    let body = serde_json::to_vec(&issued).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    Ok((headers, body).into_response())
}

async fn jwks(State(floor): State<Arc<Floor>>) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=900")];
    (headers, floor.jwks.clone()).into_response()
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn form(body: &[u8]) -> Option<Vec<Pair<'_>>> {
    let pairs = std::str::from_utf8(body).ok()?.split('&');
    pairs
        .map(|pair| pair.split_once('=').and_then(|(name, value)| Some((decode(name)?, decode(value)?))))
        .collect()
}

fn decode(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Some(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned().into());
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[expect(clippy::disallowed_methods, reason = "the floor stands apart from the product's seams")]
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).ok()?;
    Some(bytes)
}

#[expect(clippy::disallowed_methods, reason = "the floor stands apart from the product's seams")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
