//! What a running server takes over without a restart (N-217).

use crate::commands::{QUICK, SERVE, logging};
use conformance::get;
use conformance::process::{Process, keyward};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server whose log can be read.
struct Server {
    process: Process,
    log: PathBuf,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("log");
        let command = keyward(folder, &[&SERVE[..], arguments].concat(), &QUICK);
        Self { process: Process::spawn(logging(&command, &log)), log }
    }

    /// Sends SIGHUP and waits for a line that it has not logged before.
    async fn reload(&self, expected: &str) {
        let said = || std::fs::read_to_string(&self.log).unwrap().matches(expected).count();
        let before = said();
        let sent = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
        for _ in 0..600 {
            if said() > before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{expected:?} is not in {}", std::fs::read_to_string(&self.log).unwrap());
    }

    async fn connect(&self, authority: &CertificateDer<'static>) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.process.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

async fn is_served(stream: &mut TlsStream<TcpStream>) -> bool {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    answer.starts_with(b"HTTP/1.1 200 ")
}

/// Writes a new certificate and its key. Returns what trusts it.
fn renew(certificate: &Path, key: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(certificate, cert.pem()).unwrap();
    std::fs::write(key, signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

/// A file that has nothing to read until somebody writes to it.
fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn n217_a_renewed_certificate_is_used_after_sighup_and_a_bad_one_is_not() {
    let folder = TempDir::new().unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    let first = renew(&certificate, &key);
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let server = Server::start(folder.path(), &["--tls-cert", files[0], "--tls-key", files[1]]);
    let mut open = server.connect(&first).await.unwrap();
    assert!(is_served(&mut open).await);
    let second = renew(&certificate, &key);
    server.reload("the certificate was reloaded").await;
    assert!(server.connect(&first).await.is_err());
    assert!(is_served(&mut server.connect(&second).await.unwrap()).await);
    assert!(is_served(&mut open).await, "connections stay open");
    for bad in ["", "no certificate", &std::fs::read_to_string(&key).unwrap()] {
        std::fs::write(&certificate, bad).unwrap();
        server.reload("the certificate was not reloaded").await;
        assert!(is_served(&mut server.connect(&second).await.unwrap()).await);
    }
    std::fs::remove_file(&certificate).unwrap();
    server.reload("the certificate was not reloaded").await;
    make_pipe(&certificate);
    server.reload("it is not a regular file").await;
    std::fs::remove_file(&certificate).unwrap();
    let third = renew(&certificate, &key);
    server.reload("the certificate was reloaded").await;
    assert!(is_served(&mut server.connect(&third).await.unwrap()).await);
    assert!(is_served(&mut open).await);
    assert!(server.process.stop());
}

#[tokio::test]
async fn n217_settings_that_can_change_do_so_on_sighup_and_all_or_none() {
    let folder = TempDir::new().unwrap();
    let settings = |text: &str| std::fs::write(folder.path().join("keyward.toml"), text).unwrap();
    let server = Server::start(folder.path(), &[]);
    let may_sign_up = async || {
        let metadata = server.process.send(get("/.well-known/openid-configuration")).await.json();
        metadata["prompt_values_supported"].as_array().unwrap().iter().any(|value| value == "create")
    };
    assert!(!may_sign_up().await);
    server.reload("are as they were").await;
    settings("signup = \"open\"\nidle_timeout = \"5m\"");
    server.reload("the settings were reloaded").await;
    assert!(may_sign_up().await);
    assert_eq!(server.process.send(get("/readyz")).await.status, 200);
    for (text, why) in [
        ("issuer = \"https://auth.example\"", "a change of issuer needs a restart"),
        ("access_token_ttl = \"5m\"", "a change of access_token_ttl needs a restart"),
        ("signup = \"perhaps\"", "write `open` or `closed`"),
        ("sign_up = \"open\"", "there is no such setting"),
        ("signup", "keyward.toml"),
    ] {
        settings(text);
        server.reload(why).await;
        assert!(may_sign_up().await, "{text}");
    }
    let file = folder.path().join("keyward.toml");
    std::fs::remove_file(&file).unwrap();
    make_pipe(&file);
    server.reload("it is not a regular file").await;
    std::fs::remove_file(&file).unwrap();
    settings("");
    server.reload("the settings were reloaded").await;
    assert!(!may_sign_up().await);
    assert!(server.process.stop());
}
