//! The floor issues real tokens: otherwise a comparison with it would mean nothing.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bench::connection::Connection;
use bench::floor::{client_id, client_secret};
use bench::request::request;
use bench::server::Server;
use bench::token::Token;
use serde_json::Value;
use std::process::Command;

struct Floor {
    connection: Connection,
    server: Server,
}

impl Floor {
    async fn start(token: Token) -> Self {
        let server = Server::start(Command::new(env!("CARGO_BIN_EXE_floor")).arg(token.as_str())).unwrap();
        Self { connection: Connection::open(server.address).await.unwrap(), server }
    }

    async fn send(&mut self, method: &str, path: &str, head: &str, body: &str) -> (u16, Value) {
        let request = request(method, path, self.server.address, head, body);
        let answer = self.connection.send(&request).await.unwrap();
        (answer.status, serde_json::from_slice(answer.body).unwrap_or_default())
    }

    async fn ask(&mut self, secret: &str, body: &str) -> (u16, Value) {
        let credentials = STANDARD.encode(format!("{}:{secret}", client_id(7)));
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", "/token", &format!("Authorization: Basic {credentials}\r\n{kind}"), body).await
    }
}

const GRANT: &str = "grant_type=client_credentials&scope=read+write%21";

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

fn verify(token: Token, key: &Value, message: &[u8], signature: &[u8]) {
    let member = |name: &str| decode(&key[name]);
    match token {
        Token::Opaque => Ok(()),
        Token::EdDSA => UnparsedPublicKey::new(&ED25519, member("x")).verify(message, signature),
        Token::ES256 => {
            let point = [vec![4], member("x"), member("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
        }
        Token::RS256 => RsaPublicKeyComponents { n: member("n"), e: member("e") }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            message,
            signature,
        ),
    }
    .unwrap();
}

#[tokio::test]
async fn tokens_are_signed_by_the_published_key() {
    for kind in Token::SIGNED {
        let mut floor = Floor::start(kind).await;
        let (status, answer) = floor.ask(&client_secret(7), GRANT).await;
        assert_eq!((status, answer["scope"].as_str()), (200, Some("read write!")));
        let token = answer["access_token"].as_str().unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let [header, claims] =
            [header, claims].map(|part| serde_json::from_slice::<Value>(&decode(&part.into())).unwrap());
        let (_, jwks) = floor.send("GET", "/jwks", "", "").await;
        let key = &jwks["keys"][0];
        assert_eq!(header["alg"], kind.as_str());
        assert_eq!(header["kid"], key["kid"]);
        assert_eq!(claims.as_object().unwrap().len(), 9);
        assert_eq!(claims["client_id"], client_id(7));
        verify(kind, key, message.as_bytes(), &decode(&signature.into()));
    }
}

#[tokio::test]
async fn opaque_tokens_are_random() {
    let mut floor = Floor::start(Token::Opaque).await;
    let (_, first) = floor.ask(&client_secret(7), GRANT).await;
    let (_, second) = floor.ask(&client_secret(7), GRANT).await;
    assert_eq!(decode(&first["access_token"]).len(), 32);
    assert_ne!(first["access_token"], second["access_token"]);
}

#[tokio::test]
async fn unknown_clients_get_nothing() {
    let mut floor = Floor::start(Token::ES256).await;
    assert_eq!(floor.ask(&client_secret(8), GRANT).await.0, 401);
    assert_eq!(floor.ask(&client_secret(7), "grant_type=password").await.0, 400);
}
