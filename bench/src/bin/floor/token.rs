//! A code for a user with a session, and tokens: for a client, for a code, for a refresh token.

use crate::ledger::{Grant, Ledger, Step};
use crate::state::{Floor, answer, form, header, json};
use crate::text::{Form, encode, random, seconds, unbase64};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bench::floor::SESSION_COOKIE;
use http::header::{CACHE_CONTROL, COOKIE, LOCATION};
use http::{HeaderMap, StatusCode, Uri};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// How long a token lives, in seconds: the product's default.
const LIFETIME: u64 = 600;

/// RFC 9068 §2.2 and `nbf`.
#[derive(Serialize)]
struct Access<'a> {
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

/// OIDC Core §2.
#[derive(Serialize)]
struct Identity<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
    auth_time: u64,
    at_hash: &'a str,
    sid: &'a str,
}

#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

impl Floor {
    async fn access_token(&self, subject: &str, client: &str, scope: &str) -> Option<String> {
        if self.key.is_none() {
            return Some(encode(&random::<32>()?));
        }
        let now = seconds();
        let jti = encode(&random::<16>()?);
        let claims = Access {
            iss: &self.issuer,
            sub: subject,
            aud: "https://api.example",
            exp: now + LIFETIME,
            nbf: now,
            iat: now,
            jti: &jti,
            client_id: client,
            scope,
        };
        let [header, _] = &self.headers;
        self.sign(header, &claims).await
    }

    async fn id_token(&self, subject: &str, client: &str, sid: &str, access: &str) -> Option<String> {
        let now = seconds();
        let at_hash = encode(Sha256::digest(access).get(..16)?);
        let claims = Identity {
            iss: &self.issuer,
            sub: subject,
            aud: client,
            exp: now + LIFETIME,
            iat: now,
            auth_time: now,
            at_hash: &at_hash,
            sid,
        };
        let [_, header] = &self.headers;
        self.sign(header, &claims).await
    }

    async fn sign(&self, header: &str, claims: &impl Serialize) -> Option<String> {
        let claims = serde_json::to_vec(claims).ok()?;
        let mut token = String::with_capacity(1024);
        token.push_str(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut space = [0; 256];
        let signature = self.key.sign(token.as_bytes(), &mut space).await?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// Spends the secret of a grant, a code's or a refresh token's, and issues tokens with the next one.
    async fn spend(&self, sent: Option<&str>, client: &str, verifier: Option<&str>) -> Option<Response> {
        let (id, old) = open(sent?)?;
        let secret = random::<32>()?;
        let step = Step::Replace { id, old, new: Sha256::digest(secret).into() };
        let grant = self.ledger.as_ref()?.write(step).await?;
        let proven = |verifier: &str| encode(&Sha256::digest(verifier)) == grant.challenge;
        if grant.client != client || !verifier.is_none_or(proven) {
            return None;
        }
        let (subject, sid) = ("the-only-user", encode(&id));
        let access = self.access_token(subject, client, &grant.scope).await?;
        let identity = self.id_token(subject, client, &sid, &access).await?;
        let issued = Issued {
            access_token: &access,
            token_type: "Bearer",
            expires_in: LIFETIME,
            scope: &grant.scope,
            refresh_token: Some(&text(&id, &secret)),
            id_token: Some(&identity),
        };
        json(&issued).ok()
    }

    async fn of_client(&self, client: &str, form: &Form<'_>) -> Option<Response> {
        let scope = form.get("scope").unwrap_or_default();
        let token = self.access_token(client, client, scope).await?;
        let issued = Issued {
            access_token: &token,
            token_type: "Bearer",
            expires_in: LIFETIME,
            scope,
            refresh_token: None,
            id_token: None,
        };
        json(&issued).ok()
    }
}

pub(crate) async fn issue(State(floor): State<Arc<Floor>>, headers: HeaderMap, body: Bytes) -> Response {
    answer(grant(&floor, &headers, &body).await)
}

async fn grant(floor: &Floor, headers: &HeaderMap, body: &[u8]) -> Result<Response, StatusCode> {
    let form = form(headers, body)?;
    let client = floor.client(headers, &form)?;
    let issued = match form.get("grant_type") {
        Some("client_credentials") => floor.of_client(&client, &form).await,
        Some("authorization_code") => floor.spend(form.get("code"), &client, form.get("code_verifier")).await,
        Some("refresh_token") => floor.spend(form.get("refresh_token"), &client, None).await,
        _ => None,
    };
    issued.ok_or(StatusCode::BAD_REQUEST)
}

pub(crate) async fn authorize(State(floor): State<Arc<Floor>>, uri: Uri, headers: HeaderMap) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let location = match (&query, &floor.ledger) {
        (Some(query), Some(ledger)) => code(&floor, ledger, query, &headers).await,
        _ => None,
    };
    let headers = |location| [(LOCATION, location), (CACHE_CONTROL, "no-store".to_owned())];
    location.map_or(StatusCode::BAD_REQUEST.into_response(), |location| {
        (StatusCode::SEE_OTHER, headers(location)).into_response()
    })
}

async fn code(floor: &Floor, ledger: &Ledger, query: &Form<'_>, headers: &HeaderMap) -> Option<String> {
    let mut cookies = header(headers, &COOKIE)?.split("; ");
    let session = cookies.find_map(|cookie| cookie.strip_prefix(SESSION_COOKIE)?.strip_prefix('='))?;
    floor.sessions.get::<[u8; 32]>(&Sha256::digest(session).into())?;
    let (id, secret) = (random()?, random::<32>()?);
    let grant = Grant {
        id,
        secret: Sha256::digest(secret).into(),
        client: query.get("client_id")?.to_owned(),
        challenge: query.get("code_challenge")?.to_owned(),
        scope: query.get("scope")?.to_owned(),
    };
    ledger.write(Step::Create(grant)).await?;
    let (redirect, state) = (query.get("redirect_uri")?, query.get("state")?);
    Some(format!("{redirect}?code={}&state={state}&iss={}", text(&id, &secret), floor.issuer))
}

fn text(id: &[u8; 16], secret: &[u8; 32]) -> String {
    encode(&[id.as_slice(), secret].concat())
}

/// The id and the hash of the secret.
fn open(text: &str) -> Option<([u8; 16], [u8; 32])> {
    let bytes = unbase64(text)?;
    let (id, secret) = bytes.split_first_chunk::<16>()?;
    Some((*id, Sha256::digest(secret).into()))
}
