//! One request to the suite: a connection of its own, TLS if its URL says so, a bounded answer.

use crate::output::Outcome;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A module's log has some hundred entries with whole pages in them.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Where the suite is, and how it is reached.
pub(crate) struct Http {
    base: String,
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    token: Option<String>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// `insecure` accepts any certificate, from this machine only.
    pub(crate) fn new(base: &str, insecure: bool, token: Option<String>) -> Outcome<Self> {
        let base = base.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().map_err(|error| format!("--suite {base}: {error}"))?;
        let host = uri.host().ok_or_else(|| format!("--suite {base}: give a URL with a host"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let tls = match uri.scheme_str() {
            Some("https") => Some(TlsConnector::from(Arc::new(trust(&host, insecure)?))),
            Some("http") if is_loopback(&host) => None,
            _ => return Err(format!("--suite {base}: give a URL that begins with https://").into()),
        };
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        Ok(Self { base, host, port, tls, token })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        patience: Duration,
    ) -> Outcome<Reply> {
        let url = format!("{}{path}", self.base);
        let request = self.request(method, &url, body)?;
        let answered = tokio::time::timeout(patience, self.ask(request)).await;
        let answered =
            answered.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs()).into()));
        answered.map_err(|error| format!("the suite can't be reached at {}: {error}", self.base).into())
    }

    fn request(&self, method: Method, url: &str, body: Option<String>) -> Outcome<Request<Full<Bytes>>> {
        let uri: Uri = url.parse()?;
        let authority = uri.authority().map_or("", |authority| authority.as_str()).to_owned();
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let mut request = Request::builder().method(method).uri(target).header(HOST, authority);
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Ok(request.body(Full::from(body.unwrap_or_default()))?)
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Outcome<Reply> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let Some(tls) = &self.tls else { return talk(stream, request).await };
        let name = ServerName::try_from(self.host.clone())?;
        talk(tls.connect(name, stream).await?, request).await
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Outcome<Reply> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body =
        Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(|error| error.to_string())?;
    Ok(Reply { status, body: body.to_bytes().to_vec() })
}

fn trust(host: &str, insecure: bool) -> Outcome<ClientConfig> {
    let provider = Arc::new(default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    if insecure {
        if !is_loopback(host) {
            return Err(format!("--insecure is for a suite on this machine, and {host} isn't").into());
        }
        let anybody = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        return Ok(anybody.with_no_client_auth());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Judged by the addresses of the name, since a name alone proves nothing.
fn is_loopback(host: &str) -> bool {
    let addresses = (host, 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    !addresses.is_empty() && addresses.iter().all(|address| IpAddr::is_loopback(&address.ip()))
}

/// Accepts every certificate: the suite makes a new one with each of its images.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
