//! Fetches a server's metadata as a client would: one GET, five seconds, no redirects.

use crate::web::caller;
use http::header::{DATE, HOST};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use protocol::issuer::Issuer;
use protocol::time::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 64 * 1024;

/// The answer.
pub(super) struct Reached {
    /// The issuer in the metadata; `None` if there is no metadata.
    pub(super) issuer: Option<String>,
    /// The server's time, from the header `Date`.
    pub(super) date: Option<Timestamp>,
    /// The address it takes us for; only a server that got the proof says so.
    pub(super) caller: Option<String>,
}

/// What to fetch, and how.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) ca: Option<&'a Path>,
    /// A proof that we know the origin secret.
    pub(super) proof: Option<&'a str>,
}

/// Fetches the metadata of an issuer. `Err` says in one line why that failed.
pub(super) async fn metadata(question: Question<'_>) -> Result<Reached, String> {
    let answer = timeout(PATIENCE, ask(question)).await;
    let issuer = question.issuer;
    answer.unwrap_or_else(|_| Err(format!("{issuer} doesn't answer within 5 s")))
}

async fn ask(question: Question<'_>) -> Result<Reached, String> {
    let Question { issuer, ca, .. } = question;
    let host = issuer.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, issuer.port())).await.map_err(because(issuer))?;
    if !issuer.is_https() {
        return talk(question, stream).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(because(issuer))?;
    let tls = TlsConnector::from(Arc::new(trust(ca)?));
    talk(question, tls.connect(name, stream).await.map_err(because(issuer))?).await
}

fn because<E: Display>(issuer: &Issuer) -> impl Fn(E) -> String + '_ {
    move |error| format!("{issuer} can't be reached: {error}")
}

fn trust(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let own = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let own = own.map_err(|error| format!("outbound_ca {}: {error}", path.display()))?;
        roots.add_parsable_certificates(own);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

async fn talk(
    Question { issuer, proof, .. }: Question<'_>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Reached, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(because(issuer))?;
    tokio::spawn(connection);
    let request = http::Request::get(format!("{}/.well-known/openid-configuration", issuer.path()))
        .header(HOST, issuer.authority());
    let request = proof.into_iter().fold(request, |request, proof| request.header(caller::DOCTOR, proof));
    let request = request.body(Empty::<Bytes>::new()).map_err(because(issuer))?;
    let response = sender.send_request(request).await.map_err(because(issuer))?;
    let date = response.headers().get(DATE).and_then(|date| date.to_str().ok()).and_then(parse_date);
    let caller =
        response.headers().get(caller::CALLER).and_then(|caller| caller.to_str().ok()).map(str::to_owned);
    let body = Limited::new(response.into_body(), MAX_BYTES).collect().await.map_err(because(issuer))?;
    let document: Option<serde_json::Value> = serde_json::from_slice(&body.to_bytes()).ok();
    let issuer = document.and_then(|document| Some(document.get("issuer")?.as_str()?.to_owned()));
    Ok(Reached { issuer, date, caller })
}

/// RFC 9110 §5.6.7.
fn parse_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Timestamp::from_seconds(u64::try_from(at.as_second()).ok()?))
}
