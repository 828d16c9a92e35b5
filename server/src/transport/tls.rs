//! TLS for the HTTP listener: version 1.3, and 1.2 with four cipher suites.
//!
//! Absent on purpose: client certificates, and reloading (a renewed certificate needs a restart, which drains).

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

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

/// Reads a certificate chain and its key, both PEM.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, BadTlsFile> {
    let bad = |path: &Path, fix: String| BadTlsFile { path: path.into(), fix };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect).map_err(|error| {
            bad(certificate, format!("no certificates can be read ({error}); give a PEM file"))
        })?;
    if chain.is_empty() {
        return Err(bad(
            certificate,
            "there is no certificate in it; give the chain as PEM, the server's own first".into(),
        ));
    }
    // The parser's error could quote the file, which has a private key.
    let private = PrivateKeyDer::from_pem_file(key).map_err(|_| {
        bad(key, "no private key can be read; give a PEM file with one PKCS#8, SEC1 or PKCS#1 key".into())
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| bad(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| match error {
            rustls::Error::InvalidCertificate(_) => {
                bad(certificate, format!("the certificate can't be read ({error}); give a PEM file"))
            }
            _ => bad(
                key,
                format!("the key doesn't match the certificate in {} ({error})", certificate.display()),
            ),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
