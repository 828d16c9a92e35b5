//! The demo application's side of a sign-in (OIDC Core §3.1): send the request, redeem the code, verify the ID token, read
//! the user information.

use super::prepare::{Demo, DemoClient};
use axum::Router;
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use guard::PublicKey;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use protocol::base64url;
use protocol::issuer::Issuer;
use protocol::jwk::JwkSet;
use protocol::jwt::{Compact, at_hash};
use protocol::params::{Params, encode_all};
use protocol::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use tower::ServiceExt as _;

/// What the application remembers while the user signs in.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// What it received and verified.
pub(super) struct SignedIn {
    pub(super) id_token: Map<String, Value>,
    pub(super) userinfo: Map<String, Value>,
    pub(super) access_token: String,
    pub(super) access_token_claims: Map<String, Value>,
    pub(super) checks: Vec<(&'static str, String)>,
}

/// Why the sign-in failed: an OAuth error code, or one of its own, and a sentence.
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) description: String,
}

impl Problem {
    fn own(description: &str) -> Self {
        Self { code: "not_accepted".into(), description: description.into() }
    }
}

/// The application, and the server that it calls.
#[derive(Clone)]
pub(super) struct RelyingParty {
    pub(super) demo: Demo,
    pub(super) issuer: Issuer,
    pub(super) server: Router,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
}

impl RelyingParty {
    /// The link of the button.
    pub(super) fn authorization_url(&self, pending: &Pending) -> String {
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pending.verifier.as_bytes());
        let parameters = encode_all(&[
            ("response_type", "code"),
            ("client_id", self.demo.application().id),
            ("redirect_uri", &self.demo.callback()),
            ("scope", "openid profile email"),
            ("state", &pending.state),
            ("nonce", &pending.nonce),
            ("code_challenge", &base64url::encode(challenge.as_ref())),
            ("code_challenge_method", "S256"),
        ]);
        format!("{}?{parameters}", self.issuer.url("/authorize"))
    }

    /// From the authorization response to the claims.
    pub(super) async fn finish(
        &self,
        answer: &Params,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<SignedIn, Problem> {
        self.check_answer(answer, pending)?;
        let code = answer.get("code").ok_or_else(|| Problem::own("There is no code in the answer."))?;
        let tokens = self.redeem(code, pending).await?;
        let keys: JwkSet = self.get("/jwks", None).await?;
        let id_token = self.verify(&tokens, &keys, pending, now)?;
        let userinfo: Map<String, Value> = self.get("/userinfo", Some(&tokens.access_token)).await?;
        // OIDC Core §5.3.2: the subject must be that of the ID token.
        if userinfo.get("sub") != id_token.get("sub") {
            return Err(Problem::own("The user information is about another user."));
        }
        let access = Compact::parse(&tokens.access_token).and_then(|token| token.claims());
        Ok(SignedIn {
            checks: self.checks(&id_token),
            id_token,
            userinfo,
            access_token_claims: access.unwrap_or_default(),
            access_token: tokens.access_token,
        })
    }

    /// RFC 6749 §10.12, RFC 9207 §2.4.
    fn check_answer(&self, answer: &Params, pending: &Pending) -> Result<(), Problem> {
        if answer.get("state") != Some(&pending.state) {
            return Err(Problem::own("The state is not the one that this browser was sent with."));
        }
        if answer.get("iss") != Some(self.issuer.as_str()) {
            return Err(Problem::own("The answer is from another server."));
        }
        match answer.get("error") {
            Some(code) => Err(Problem {
                code: code.to_owned(),
                description: answer.get("error_description").unwrap_or_default().to_owned(),
            }),
            None => Ok(()),
        }
    }

    async fn redeem(&self, code: &str, pending: &Pending) -> Result<Tokens, Problem> {
        let DemoClient { id, secret } = self.demo.application();
        let form = encode_all(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.demo.callback()),
            ("code_verifier", &pending.verifier),
        ]);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/token", self.issuer.path()))
            .header(HOST, self.issuer.authority())
            .header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        self.send(request).await
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<T, Problem> {
        let mut request = Request::builder()
            .uri(format!("{}{path}", self.issuer.path()))
            .header(HOST, self.issuer.authority());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty())).await
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: http::Result<Request<Body>>,
    ) -> Result<T, Problem> {
        let broken = || Problem::own("The server's answer can't be read.");
        let response = self.server.clone().oneshot(request.map_err(|_| broken())?).await;
        let response = response.map_err(|_| broken())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|_| broken())?.to_bytes();
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| broken());
        }
        let error: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Problem { code: text("error"), description: text("error_description") })
    }

    /// OIDC Core §3.1.3.7.
    fn verify(
        &self,
        tokens: &Tokens,
        keys: &JwkSet,
        pending: &Pending,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Problem> {
        let token =
            Compact::parse(&tokens.id_token).ok_or_else(|| Problem::own("The ID token is malformed."))?;
        let key = keys.keys.iter().find(|key| Some(&key.kid) == token.header.kid.as_ref());
        if !key.and_then(PublicKey::parse).is_some_and(|key| key.verify(&token)) {
            return Err(Problem::own("The ID token's signature doesn't match the server's keys."));
        }
        let claims: Map<String, Value> =
            token.claims().ok_or_else(|| Problem::own("The ID token's claims are malformed."))?;
        let is = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
        let live = claims.get("exp").and_then(Value::as_u64).is_some_and(|exp| exp > now.seconds());
        if !is("iss", self.issuer.as_str()) || !is("aud", self.demo.application().id) || !live {
            return Err(Problem::own("The ID token is not for this application, or has expired."));
        }
        if !is("nonce", &pending.nonce) {
            return Err(Problem::own("The ID token is from another sign-in."));
        }
        if !is("at_hash", &at_hash(&tokens.access_token, token.header.alg)) {
            return Err(Problem::own("The access token does not belong to the ID token."));
        }
        Ok(claims)
    }

    fn checks(&self, id_token: &Map<String, Value>) -> Vec<(&'static str, String)> {
        let text = |name: &str| {
            id_token.get(name).map(|value| value.to_string().replace('"', "")).unwrap_or_default()
        };
        vec![
            ("State and issuer of the answer", self.issuer.to_string()),
            ("Signature of the ID token", "a key of /jwks".into()),
            ("Issuer (iss)", text("iss")),
            ("Audience (aud)", text("aud")),
            ("Nonce", text("nonce")),
            ("Hash of the access token (at_hash)", text("at_hash")),
            ("Same subject at /userinfo (sub)", text("sub")),
        ]
    }
}
