//! The transport against servers on loopback that behave badly.

use crate::fixture::{Key, claims_with, jwks};
use keyward_guard::{Fetch as _, FetchError, Https, Issuer, Rejection, Verifier};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Answers every connection with these bytes, and then waits or closes.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn new(response: impl Into<Vec<u8>>, hangs: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (response, connections) = (response.into(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let response = response.clone();
                tokio::spawn(async move {
                    let _request = stream.read(&mut [0; 4096]).await;
                    let _hung_up = stream.write_all(&response).await;
                    if hangs {
                        let _hung_up = stream.read(&mut [0; 4096]).await;
                    }
                });
            }
        });
        Self { url, connections }
    }

    /// What a verifier of tokens of this server says to one, whose keys are at this server.
    async fn verify(&self) -> Result<(), Rejection> {
        let key = Key::new(1);
        let issuer =
            Issuer::new(&self.url).audience("https://orders.example").jwks_uri(&format!("{}/jwks", self.url));
        let verifier = Verifier::new(issuer).unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let claims = claims_with(json!({ "iss": self.url, "exp": now + 60, "iat": now })).to_string();
        verifier.verify(&key.sign(&key.header().to_string(), &claims)).await.map(drop)
    }
}

fn response(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn keys() -> String {
    jwks(&[&Key::new(1)]).to_string()
}

#[tokio::test]
async fn keys_are_fetched_over_http_from_this_machine() {
    let server = Server::new(response("200 OK", &keys()), false).await;
    server.verify().await.unwrap();
    let server = Server::new(format!("HTTP/1.1 200 OK\r\n\r\n{}", keys()), false).await;
    server.verify().await.unwrap();
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Server::new(response("200 OK", &keys()), false).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Found\r\nLocation: {}/jwks", target.url);
        let server = Server::new(response(&head, &keys()), false).await;
        assert_eq!(server.verify().await, Err(Rejection::Unavailable));
    }
    assert_eq!(target.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_huge_or_broken_is_not_read_to_its_end() {
    let endless = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "8000\r\n".to_owned() + &"x".repeat(0x8000) + "\r\n"
    );
    for wrong in [
        response("200 OK", &"x".repeat(257 * 1024)),
        endless.clone() + &endless.split_once("\r\n\r\n").unwrap().1.repeat(100),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{}", "x".repeat(300 * 1024)),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}", keys()),
        "SSH-2.0-x\r\n".to_owned(),
        String::new(),
    ] {
        assert_eq!(Server::new(wrong, false).await.verify().await, Err(Rejection::Unavailable));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_is_given_up() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", keys().len());
    for slow in [String::new(), "HTTP/1.1 200 OK\r\n".to_owned(), head] {
        let server = Server::new(slow, true).await;
        let begun = tokio::time::Instant::now();
        assert_eq!(server.verify().await, Err(Rejection::Unavailable));
        assert!((3..4).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn private_addresses_are_not_connected_to() {
    let server = Server::new(response("200 OK", &keys()), false).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let request = http::Request::get(format!("https://{host}:{port}/jwks")).body(Vec::new()).unwrap();
        assert_eq!(Https::default().send(request).await.unwrap_err(), FetchError::Address, "{host}");
    }
    let plain = http::Request::get(format!("{}/jwks", server.url)).body(Vec::new()).unwrap();
    assert_eq!(Https::default().send(plain).await.unwrap_err(), FetchError::Url);
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    // In a private network it is connected to, but speaks no TLS.
    let request = || http::Request::get(format!("https://127.0.0.1:{port}/jwks")).body(Vec::new()).unwrap();
    let refused = Https::default().in_private_network().send(request()).await.unwrap_err();
    assert!(matches!(refused, FetchError::Connection(_)), "{refused:?}");
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_panic() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let request = http::Request::get(format!("https://127.0.0.1:{port}/")).body(Vec::new()).unwrap();
    let https = Https::default().in_private_network();
    let gone = tokio::time::timeout(Duration::from_secs(5), https.send(request));
    assert!(matches!(gone.await.unwrap(), Err(FetchError::Connection(_))));
}

#[tokio::test]
async fn a_certificate_is_trusted_and_names_the_host() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config =
        config.with_no_client_auth().with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _request = stream.read(&mut [0; 4096]).await;
            let _hung_up = stream.write_all(response("200 OK", "{}").as_bytes()).await;
        }
    });
    let trusting = Https::default().in_private_network().trusting(certified.cert.pem().as_bytes()).unwrap();
    let get = async |https: &Https, host: &str| {
        let request = http::Request::get(format!("https://{host}:{port}/jwks")).body(Vec::new()).unwrap();
        https.send(request).await
    };
    assert_eq!(get(&trusting, "localhost").await.unwrap().body(), b"{}");
    assert!(matches!(get(&trusting, "127.0.0.1").await, Err(FetchError::Connection(_))), "another name");
    let unknown = get(&Https::default().in_private_network(), "localhost").await;
    assert!(matches!(unknown, Err(FetchError::Connection(_))), "an unknown certificate");
    assert!(Https::default().trusting(b"no certificate").is_err());
}
