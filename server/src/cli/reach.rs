//! HTTP as a client of the server uses it: each request on a connection of its own, with a deadline, and no redirects
//! followed.

use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use protocol::issuer::Issuer;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const MAX_BYTES: usize = 64 * 1024;

/// A response with its whole body.
pub(super) type Answer = Response<Bytes>;

/// The server of an issuer.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) issuer: Issuer,
    /// More roots to trust.
    pub(super) ca: Option<PathBuf>,
    /// How long a connection, and how long an answer may take.
    pub(super) patience: Duration,
}

/// A connection for one request.
pub(super) struct Connection {
    server: Server,
    sender: SendRequest<Full<Bytes>>,
}

impl Server {
    /// Sends a request, whose URI is a path below the origin. `Err` says in one line why there is no answer.
    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        self.connect().await?.send(request).await
    }

    /// Connects. `Err` says in one line why that failed.
    pub(super) async fn connect(&self) -> Result<Connection, String> {
        self.in_time(self.try_connect()).await
    }

    async fn try_connect(&self) -> Result<Connection, String> {
        let host = self.issuer.host().trim_matches(['[', ']']);
        let stream =
            TcpStream::connect((host, self.issuer.port())).await.map_err(|error| self.because(error))?;
        if !self.issuer.is_https() {
            return self.speak(stream).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| self.because(error))?;
        let tls = TlsConnector::from(Arc::new(self.trust()?));
        self.speak(tls.connect(name, stream).await.map_err(|error| self.because(error))?).await
    }

    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Connection, String> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| self.because(error))?;
        tokio::spawn(connection);
        Ok(Connection { server: self.clone(), sender })
    }

    fn trust(&self) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &self.ca {
            let own = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let own = own.map_err(|error| format!("outbound_ca {}: {error}", path.display()))?;
            roots.add_parsable_certificates(own);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn because(&self, error: impl Display) -> String {
        format!("{} can't be reached: {error}", self.issuer)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let late = |_| Err(format!("{} doesn't answer within {} s", self.issuer, self.patience.as_secs()));
        timeout(self.patience, work).await.unwrap_or_else(late)
    }
}

impl Connection {
    /// Sends the request.
    pub(super) async fn send(mut self, mut request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let server = self.server.clone();
        let host = HeaderValue::try_from(server.issuer.authority()).map_err(|error| server.because(error))?;
        request.headers_mut().insert(HOST, host);
        let answered = async {
            let response = self.sender.send_request(request).await.map_err(|error| server.because(error))?;
            let (head, body) = response.into_parts();
            let body =
                Limited::new(body, MAX_BYTES).collect().await.map_err(|error| server.because(error))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        server.in_time(answered).await
    }
}
