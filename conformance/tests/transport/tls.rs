//! TLS as a client sees it (N-217): version 1.3, and 1.2 with four suites; files that can't be used are
//! named in one line.

use crate::wire::{GRANT, Server, Wire, get, router, token, within, world};
use axum::Router;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{cipher_suite as suite, default_provider};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedCipherSuite};
use server::transport::http::Limits;
use server::transport::tls::{Certificate, acceptor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, a certificate it issued, and the two files of a server.
pub(crate) struct Files {
    folder: TempDir,
    authority: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self::signing_by(&PKCS_ECDSA_P256_SHA256)
    }

    fn signing_by(algorithm: &'static SignatureAlgorithm) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate_for(algorithm).unwrap();
        let names = ["op.example".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let files = Self { folder: TempDir::new().unwrap(), authority: authority.der().clone() };
        std::fs::write(files.certificate(), certificate.pem()).unwrap();
        std::fs::write(files.key(), key.serialize_pem()).unwrap();
        files
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// A server with these files.
    pub(crate) async fn serve(&self, router: Router) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = acceptor(&self.certificate(), &self.key()).unwrap();
        Server::on(listener, Some(tls), router, Limits::default())
    }

    /// Connects as a client that speaks one suite only.
    async fn connect(
        &self,
        server: &Server,
        suite: SupportedCipherSuite,
        protocols: &[&str],
    ) -> std::io::Result<Wire<TlsStream<TcpStream>>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let provider = CryptoProvider { cipher_suites: vec![suite], ..default_provider() };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[suite.version()])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = within(TcpStream::connect(server.address)).await.unwrap();
        let name = ServerName::try_from("op.example").unwrap();
        within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await.map(Wire::over)
    }
}

#[tokio::test]
async fn n217_requests_are_served_by_the_allowed_suites() {
    let (world, machine) = world().await;
    let (ecdsa, rsa) = (Files::new(), Files::signing_by(&PKCS_RSA_SHA256));
    for (files, suites) in [
        (
            &ecdsa,
            [
                suite::TLS13_AES_256_GCM_SHA384,
                suite::TLS13_AES_128_GCM_SHA256,
                suite::TLS13_CHACHA20_POLY1305_SHA256,
                suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ],
        ),
        (
            &rsa,
            [
                suite::TLS13_AES_256_GCM_SHA384,
                suite::TLS13_AES_128_GCM_SHA256,
                suite::TLS13_CHACHA20_POLY1305_SHA256,
                suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            ],
        ),
    ] {
        let server = files.serve(router(&world)).await;
        for suite in suites {
            let mut wire = files.connect(&server, suite, &["h2", "http/1.1"]).await.unwrap();
            let (_, session) = wire.stream().get_ref();
            assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
            for _ in 0..2 {
                let answer = wire.ask(token(&machine)).await;
                assert_eq!(answer.status, 200, "{suite:?}");
                assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
            }
            // Only the authority inside the connection counts.
            let doubtful = get("/jwks", &["content-length: 0", "content-length: 0"]);
            assert_eq!(wire.ask(doubtful).await.status, 400);
            wire.closed().await;
        }
    }
}

#[tokio::test]
async fn n217_other_suites_are_refused() {
    let (world, _) = world().await;
    for (files, suite) in [
        (Files::new(), suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        (Files::signing_by(&PKCS_RSA_SHA256), suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ] {
        let server = files.serve(router(&world)).await;
        let refusal = files.connect(&server, suite, &[]).await.err().unwrap();
        assert!(refusal.to_string().contains("HandshakeFailure"), "{refusal}");
        let well = files.connect(&server, suite::TLS13_AES_128_GCM_SHA256, &[]).await;
        assert_eq!(well.unwrap().ask(get("/healthz", &[])).await.status, 200);
    }
}

#[tokio::test]
async fn n217_only_http_1_1_is_agreed_on() {
    let (world, _) = world().await;
    let files = Files::new();
    let server = files.serve(router(&world)).await;
    for protocols in [&["h2"][..], &["spdy/3"], &["h2", "http/1.0"]] {
        let refusal = files.connect(&server, suite::TLS13_AES_128_GCM_SHA256, protocols).await.err().unwrap();
        assert!(refusal.to_string().contains("NoApplicationProtocol"), "{refusal}");
    }
    let silent = files.connect(&server, suite::TLS13_AES_128_GCM_SHA256, &[]).await;
    assert_eq!(silent.unwrap().ask(get("/healthz", &[])).await.status, 200);
}

/// A ClientHello as old clients send it (RFC 5246 §7.4.1.2), with what a server needs to choose a suite.
fn greeting(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    let groups_formats_and_signatures =
        [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 8, 0, 6, 4, 3, 4, 1, 8, 4];
    let block = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let hello =
        [&version[..], &[7; 32], &[0], &block(&suites), &[1, 0], &block(&groups_formats_and_signatures)]
            .concat();
    let handshake = [&[1, 0][..], &block(&hello)].concat();
    [&[22, 3, 1][..], &block(&handshake)].concat()
}

#[tokio::test]
async fn n217_old_versions_and_suites_are_refused() {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const GCM: u16 = 0xC02B;
    let (world, _) = world().await;
    let files = Files::new();
    let server = files.serve(router(&world)).await;
    let first_byte = async |hello: Vec<u8>| {
        let mut wire = server.connect().await;
        wire.send(hello).await;
        wire.byte().await
    };
    assert_eq!(first_byte(greeting([3, 3], &[GCM])).await, HANDSHAKE, "this is how it would be accepted");
    for version in [[2, 0], [3, 0], [3, 1], [3, 2]] {
        assert_eq!(first_byte(greeting(version, &[GCM])).await, ALERT, "{version:?}");
    }
    // CBC, RSA key exchange, finite-field groups, CCM, RC4, 3DES, NULL, anonymous, export.
    for suite in [0xC009, 0xC023, 0x009C, 0x009E, 0xC0AC, 0xC007, 0xC008, 0xC006, 0x0034, 0x0003] {
        assert_eq!(first_byte(greeting([3, 3], &[suite])).await, ALERT, "{suite:#06x}");
    }
    // SSLv2, and plain HTTP: nothing is served.
    for stranger in
        [&[0x80, 0x2E, 1, 0, 2, 0, 0x15, 0, 0][..], get("/jwks", &[]).as_bytes(), GRANT.as_bytes()]
    {
        let mut wire = server.connect().await;
        wire.send(stranger).await;
        wire.end().await;
        assert!(wire.drain().await < 10, "an alert at most");
    }
}

#[tokio::test]
async fn n217_a_file_that_cannot_be_used_is_named_in_one_line() {
    let (good, other) = (Files::new(), Files::new());
    let rsa = Files::signing_by(&PKCS_RSA_SHA256);
    let (certificate, key) = (good.certificate(), good.key());
    let secret = std::fs::read_to_string(&key).unwrap();
    let file = |name: &str, content: &str| {
        let path = good.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let pem = std::fs::read_to_string(&certificate).unwrap();
    let (missing, folder) = (good.folder.path().join("missing.pem"), good.folder.path().to_owned());
    let empty = file("empty.pem", "");
    let noise = file("noise.pem", "\u{1b}[31mnot\r\na\npem");
    let cut = file("cut.pem", &pem[..pem.len() / 2]);
    let bent = file("bent.pem", &pem.replacen("MII", "MI!", 1));
    let hollow = file("hollow.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cut_key = file("cut-key.pem", &secret[..secret.len() / 2]);
    let bent_key = file("bent-key.pem", &secret.replacen("MI", "AA", 1));
    let not_it = |path: &Path| (path.to_owned(), key.clone(), path.to_owned());
    let not_its_key = |path: &Path| (certificate.clone(), path.to_owned(), path.to_owned());
    for (certificate, key, named) in [
        not_it(&missing),
        not_it(&folder),
        not_it(&empty),
        not_it(&noise),
        not_it(&cut),
        not_it(&bent),
        not_it(&hollow),
        not_it(&key),
        not_its_key(&missing),
        not_its_key(&folder),
        not_its_key(&empty),
        not_its_key(&noise),
        not_its_key(&cut_key),
        not_its_key(&bent_key),
        not_its_key(&certificate),
        not_its_key(&other.key()),
        not_its_key(&rsa.key()),
    ] {
        let shown = format!("{} {}", certificate.display(), key.display());
        let line = acceptor(&certificate, &key).err().unwrap_or_else(|| panic!("{shown}")).to_string();
        assert!(line.starts_with(&format!("{}: ", named.display())), "{line}");
        assert!(line.chars().all(|c| !c.is_control()), "{line:?}");
        assert!(!secret.lines().skip(1).any(|part| line.contains(&part[..20.min(part.len())])), "{line}");
    }
    // A chain and other things around it are fine.
    let chain = file("chain.pem", &format!("Subject: x\n{pem}{pem}"));
    assert!(acceptor(&chain, &key).is_ok());
}

/// The clock of the runtime moves by itself when nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn n217_a_renewed_certificate_is_noticed_within_a_minute_and_a_bad_one_reported_once() {
    const MINUTE: Duration = Duration::from_secs(60);
    let (files, other) = (Files::new(), Files::new());
    let (mut certificate, _) = Certificate::open(&files.certificate(), &files.key()).unwrap();
    assert!(timeout(60 * MINUTE, certificate.changed()).await.is_err(), "nothing has changed");
    std::fs::copy(other.certificate(), files.certificate()).unwrap();
    let error = certificate.changed().await.err().unwrap().to_string();
    assert!(error.contains("the key doesn't match"), "{error}");
    assert!(timeout(60 * MINUTE, certificate.changed()).await.is_err(), "it is reported once");
    std::fs::copy(other.key(), files.key()).unwrap();
    let began = Instant::now();
    assert!(certificate.changed().await.is_ok());
    assert!(began.elapsed() <= MINUTE, "{:?}", began.elapsed());
    std::fs::remove_file(files.key()).unwrap();
    let error = certificate.changed().await.err().unwrap().to_string();
    assert!(error.contains("key.pem") && error.contains("can't be read"), "{error}");
    assert!(certificate.reload().await.is_err(), "a signal reports it again");
}

/// As Kubernetes updates a mounted secret: the paths stay, and a link above the files moves.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn n217_a_certificate_behind_a_link_that_moves_is_noticed() {
    use std::os::unix::fs::symlink;
    let (files, other, mount) = (Files::new(), Files::new(), TempDir::new().unwrap());
    let (data, next) = (mount.path().join("..data"), mount.path().join("..data_tmp"));
    symlink(files.folder.path(), &data).unwrap();
    let (mut certificate, _) =
        Certificate::open(&data.join("certificate.pem"), &data.join("key.pem")).unwrap();
    symlink(other.folder.path(), &next).unwrap();
    std::fs::rename(&next, &data).unwrap();
    assert!(certificate.changed().await.is_ok());
}
