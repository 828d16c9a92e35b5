//! The transport for an issuer's documents: one connection per request, with limits, and no redirects followed.

use crate::fetch::{Fetch, FetchError, Fetching, MAX_DOCUMENT};
use crate::location::Reach;
use http::header::{HOST, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The longest that name, connection, request and response may take together.
const PATIENCE: Duration = Duration::from_secs(3);

/// HTTP/1.1 over TLS, trusting what the system trusts.
///
/// The host's name is resolved once, and the connection goes to an address that was checked: public ones only, unless
/// [`Https::in_private_network`]. A request ends after 3 s and a response after 256 kB.
#[derive(Clone, Debug)]
pub struct Https {
    reach: Reach,
    own_roots: Vec<CertificateDer<'static>>,
    /// Read at the first request: a verifier with embedded keys may never make one.
    tls: Arc<OnceLock<TlsConfig>>,
}

type TlsConfig = Option<Arc<ClientConfig>>;

impl Default for Https {
    fn default() -> Self {
        Self::within(Reach::Public)
    }
}

impl Https {
    pub(crate) fn within(reach: Reach) -> Self {
        Self { reach, own_roots: Vec::new(), tls: Arc::default() }
    }

    /// Connects to private addresses as well.
    #[must_use]
    pub fn in_private_network(mut self) -> Self {
        self.reach = Reach::Private;
        self
    }

    /// Trusts the certificates of a PEM file too.
    ///
    /// # Errors
    /// If there is none in it.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, FetchError> {
        let none = FetchError::Document("no certificate in the PEM text");
        let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        self.own_roots.extend(found.ok().filter(|found| !found.is_empty()).ok_or(none)?);
        self.tls = Arc::default();
        Ok(self)
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, FetchError> {
        let uri = request.uri().clone();
        if !self.reach.allows_url(&uri.to_string()) {
            return Err(FetchError::Url);
        }
        let is_https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(FetchError::Url)?.trim_matches(['[', ']']);
        let stream = self.connect(host, uri.port_u16().unwrap_or(if is_https { 443 } else { 80 })).await?;
        if !is_https {
            return exchange_on(stream, &uri, request).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::Url)?;
        let config = self.tls.get_or_init(|| self.config()).clone();
        let connector = TlsConnector::from(config.ok_or(FetchError::NoTransport)?);
        exchange_on(connector.connect(name, stream).await.map_err(broken)?, &uri, request).await
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        let found = lookup_host((host, port)).await.map_err(broken)?;
        let allowed: Vec<SocketAddr> = found.filter(|found| self.reach.allows(found.ip())).collect();
        if allowed.is_empty() {
            return Err(FetchError::Address);
        }
        TcpStream::connect(allowed.as_slice()).await.map_err(broken)
    }

    fn config(&self) -> TlsConfig {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.own_roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

impl Fetch for Https {
    fn send(&self, request: Request<Vec<u8>>) -> Fetching<'_> {
        Box::pin(async { timeout(PATIENCE, self.exchange(request)).await.unwrap_or(Err(FetchError::Late)) })
    }
}

async fn exchange_on(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
    request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, FetchError> {
    let (mut head, body) = request.into_parts();
    let authority = uri.authority().ok_or(FetchError::Url)?.as_str();
    head.headers.insert(HOST, HeaderValue::from_str(authority).map_err(|_| FetchError::Url)?);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    head.uri = path.parse().map_err(|_| FetchError::Url)?;

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Aborted when dropped: an exchange that took too long is gone with its connection.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = Request::from_parts(head, Full::new(Bytes::from(body)));
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, MAX_DOCUMENT).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() { FetchError::TooLong } else { broken(error) }
    })?;
    Ok(Response::from_parts(head, body.to_bytes().to_vec()))
}

fn broken(error: impl std::fmt::Display) -> FetchError {
    FetchError::Connection(error.to_string())
}
