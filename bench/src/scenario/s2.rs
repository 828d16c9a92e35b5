//! S2: an application sends a signed-in user and gets a code (PKCE), which it redeems: two requests, two writes.
//! Consent isn't asked (a first-party client, or remembered).

use super::testbed::{PASSWORD, Testbed, USERNAME};
use crate::Outcome;
use crate::browser::{Browser, End};
use crate::connection::Connection;
use crate::floor;
use crate::load::Flow;
use crate::product::{Client, Product};
use crate::request::{encode, request};
use crate::results::Row;
use crate::server::Server;
use crate::token::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::rc::Rc;
use tempfile::TempDir;

const CALLBACK: &str = "https://app.example/callback";
/// RFC 7636 §4.1: as long as most clients send.
const VERIFIER: &str = "a-verifier-that-is-43-characters-long-or-so";
const SCOPE: &str = "openid offline_access";

/// The flow from the authorization request to the tokens.
#[derive(Clone)]
pub struct CodeFlow {
    address: SocketAddr,
    path: Rc<str>,
    cookies: String,
    client: Rc<Client>,
}

/// What the token endpoint answers.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// The access token.
    pub access_token: String,
    /// The ID token.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl CodeFlow {
    /// For a client and a browser whose cookies are this header line.
    pub fn new(server: &Server, client: Client, cookies: String) -> Self {
        let path = authorize_path(&client).into();
        Self { address: server.address, path, cookies, client: Rc::new(client) }
    }

    /// Signs in, and agrees if asked, so that the flow needs no further page.
    pub async fn sign_in(server: &Server, client: Client) -> Outcome<Self> {
        let mut browser = Browser::new(server.address, USERNAME, PASSWORD);
        let mut connection = Connection::open(server.address).await?;
        match browser.walk(&mut connection, &authorize_path(&client)).await? {
            End::Left(url) if code(&url).is_some() => Ok(Self::new(server, client, browser.cookie_line())),
            end => Err(format!("signing in ends at {end:?}").into()),
        }
    }

    /// Runs the flow once.
    pub async fn tokens(&mut self, connection: &mut Connection) -> Outcome<Tokens> {
        let answer = connection.send(&request("GET", &self.path, self.address, &self.cookies, "")).await?;
        let url = answer.header("location").filter(|_| answer.status == 303);
        let code = url.and_then(code).ok_or_else(|| answer.unexpected())?.to_owned();
        // Now and then the session cookie is replaced; a browser sends the latest.
        if let Some(set) = answer.header("set-cookie").and_then(|set| set.split(';').next()) {
            self.cookies = format!("Cookie: {set}\r\n");
        }
        let body = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        redeem(connection, self.address, &self.client, &body).await
    }

    /// The session's cookie, as a request's header line.
    pub fn cookies(&self) -> &str {
        &self.cookies
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Flow for CodeFlow {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        self.tokens(connection).await.map(drop)
    }
}

/// Gets an access token, an ID token and a refresh token.
pub async fn redeem(
    connection: &mut Connection,
    address: SocketAddr,
    client: &Client,
    fields: &[(&str, &str)],
) -> Outcome<Tokens> {
    let body = encode(&[fields, &[("client_id", &client.id)]].concat());
    let answer = connection.send(&request("POST", "/token", address, &client.head(), &body)).await?;
    if answer.status == 200 { Ok(serde_json::from_slice(answer.body)?) } else { Err(answer.unexpected()) }
}

/// The path of a client's authorization request.
pub fn authorize_path(client: &Client) -> String {
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", &client.id),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPE),
        ("state", "a-state-of-the-application"),
        ("nonce", "a-nonce-of-the-application-43-characters-or"),
        ("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))),
        ("code_challenge_method", "S256"),
    ]);
    format!("/authorize?{query}")
}

fn code(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("code="))
}

/// A confidential client whose tokens are ES256.
pub fn client(product: &Product, id: &str) -> Outcome<Client> {
    let flags = ["--id", id, "--redirect-uri", CALLBACK, "--signing-alg", "ES256", "--first-party"];
    product.create_client(&flags)
}

/// A public client whose tokens are ES256: its refresh tokens rotate.
pub fn public_client(product: &Product, id: &str) -> Outcome<Client> {
    let flags = ["--id", id, "--redirect-uri", CALLBACK, "--signing-alg", "ES256", "--auth-method", "none"];
    product.create_client(&flags)
}

/// The same flow at a floor.
pub fn floor_flow(floor: &Server, client: Client) -> CodeFlow {
    CodeFlow::new(floor, client, format!("Cookie: {}={}\r\n", floor::SESSION_COOKIE, floor::SESSION))
}

/// Compares the two.
pub async fn run(testbed: &Testbed<'_>) -> Outcome<Row> {
    let folder = TempDir::with_prefix("keyward-bench-")?;
    let floor = floor::start_storing(&testbed.machine.runner(), Token::ES256, folder.path())?;
    let product = CodeFlow::sign_in(testbed.server, client(testbed.product, "application")?).await?;
    testbed.compare("S2 code flow", (&floor, floor_flow(&floor, floor::client())), product).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_taken_from_where_it_stands() {
        assert_eq!(code("https://app.example/callback?code=kwc_1&state=2"), Some("kwc_1"));
        assert_eq!(code("https://app.example/callback?error=access_denied&state=code"), None);
    }

    #[test]
    fn a_verifier_is_as_long_as_it_must_be() {
        assert!((43..=128).contains(&VERIFIER.len()), "RFC 7636 §4.1");
    }
}
