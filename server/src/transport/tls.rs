//! TLS for the HTTP listener: version 1.3, and 1.2 with four cipher suites. A certificate that was renewed is used without a
//! restart.
//!
//! Absent on purpose: client certificates.

use crate::regular_file;
use ::aws_lc_rs::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// How often the files are read. By content, since a renewal may replace them, or a symbolic link somewhere on their path.
const POLL: Duration = Duration::from_secs(60);

/// A file that can't be used for TLS.
#[derive(Debug)]
pub struct BadTlsFile {
    path: PathBuf,
    fix: String,
}

impl fmt::Display for BadTlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fix)
    }
}

impl std::error::Error for BadTlsFile {}

/// A certificate chain and its key in two PEM files, which are replaced when the certificate is renewed.
pub struct Certificate {
    files: Files,
    seen: Seen,
}

#[derive(Clone)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// What was read, usable or not.
#[derive(PartialEq, Eq)]
enum Seen {
    Contents([Box<[u8]>; 2]),
    Nothing(String),
}

impl Certificate {
    /// Reads both files for the first time.
    ///
    /// # Errors
    /// Says which file can't be used, and why.
    pub fn open(chain: &Path, key: &Path) -> Result<(Self, TlsAcceptor), BadTlsFile> {
        let files = Files { chain: chain.into(), key: key.into() };
        let (seen, acceptor) = files.read();
        Ok((Self { files, seen }, acceptor?))
    }

    /// Reads them again.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn reload(&mut self) -> Result<TlsAcceptor, BadTlsFile> {
        self.look().await.1
    }

    /// Waits until they have changed, and reads them. Files that can't be used are reported once.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn changed(&mut self) -> Result<TlsAcceptor, BadTlsFile> {
        loop {
            sleep(POLL).await;
            let (true, acceptor) = self.look().await else { continue };
            return acceptor;
        }
    }

    /// Whether they have changed, and what they are now.
    async fn look(&mut self) -> (bool, Result<TlsAcceptor, BadTlsFile>) {
        let files = self.files.clone();
        let read = spawn_blocking(move || files.read()).await;
        let (seen, acceptor) = read.unwrap_or_else(|error| {
            let error = BadTlsFile { path: self.files.chain.clone(), fix: error.to_string() };
            (Seen::Nothing(error.to_string()), Err(error))
        });
        let has_changed = seen != self.seen;
        self.seen = seen;
        (has_changed, acceptor)
    }
}

impl Files {
    fn read(&self) -> (Seen, Result<TlsAcceptor, BadTlsFile>) {
        let read = |path: &Path| {
            regular_file::read(path)
                .map_err(|error| bad(path, format!("it can't be read ({error}); give a PEM file")))
        };
        match read(&self.chain).and_then(|chain| Ok((chain, read(&self.key)?))) {
            Ok((chain, key)) => {
                let hashes = [&chain, &key].map(|contents| digest(&SHA256, contents).as_ref().into());
                (Seen::Contents(hashes), self.acceptor(&chain, &key))
            }
            Err(error) => (Seen::Nothing(error.to_string()), Err(error)),
        }
    }

    fn acceptor(&self, chain: &[u8], key: &[u8]) -> Result<TlsAcceptor, BadTlsFile> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|error| {
                bad(&self.chain, format!("no certificates can be read ({error}); give a PEM file"))
            })?;
        if chain.is_empty() {
            return Err(bad(
                &self.chain,
                "there is no certificate in it; give the chain as PEM, the server's own first".into(),
            ));
        }
        // The parser's error could quote the file, which has a private key.
        let private = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            let fix = "no private key can be read; give a PEM file with one PKCS#8, SEC1 or PKCS#1 key";
            bad(&self.key, fix.into())
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| bad(&self.chain, error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| match error {
                rustls::Error::InvalidCertificate(_) => {
                    bad(&self.chain, format!("the certificate can't be read ({error}); give a PEM file"))
                }
                _ => bad(
                    &self.key,
                    format!("the key doesn't match the certificate in {} ({error})", self.chain.display()),
                ),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn bad(path: &Path, fix: String) -> BadTlsFile {
    BadTlsFile { path: path.into(), fix }
}

/// Reads a certificate chain and its key, both PEM, for good.
///
/// # Errors
/// As [`Certificate::open`].
pub fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, BadTlsFile> {
    Certificate::open(chain, key).map(|(_, acceptor)| acceptor)
}

/// TLS 1.2 keeps only forward-secret AES-GCM (BCP 195, and what conformance probes demand).
fn provider() -> CryptoProvider {
    use aws_lc_rs::cipher_suite as suite;
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}
