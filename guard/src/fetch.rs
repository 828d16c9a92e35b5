//! Requests to an issuer. The transport is a trait, so that an API can use the HTTP client it already has.

use http::header::{ACCEPT, HeaderValue, USER_AGENT};
use http::{Request, Response};
use std::fmt;
use std::pin::Pin;

/// The longest document that is read, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 256 * 1024;

/// What a [`Fetch`] returns.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, FetchError>> + Send + 'a>>;

/// Sends one request to an issuer.
///
/// An implementation limits the time of the whole exchange and the size of the response, and follows no redirects.
/// `Https` is one.
pub trait Fetch: Send + Sync + 'static {
    /// Sends it. The URI is absolute: `https`, or `http` to a loopback host.
    fn send(&self, request: Request<Vec<u8>>) -> Fetching<'_>;
}

/// Why an issuer's document is not available. For the log; callers never see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The URL is not `https` (or `http` on a loopback host), or has a user name.
    Url,
    /// The host has no address that may be connected to; the private and loopback ones are not, unless permitted.
    Address,
    /// No connection, or it broke.
    Connection(String),
    /// It took too long.
    Late,
    /// The response is too long.
    TooLong,
    /// The status is not 200; redirects are not followed.
    Status(u16),
    /// The issuer refuses the client id or secret of an introspection.
    Credentials,
    /// The document is not what it should be.
    Document(&'static str),
    /// There is no transport: the feature `https` is off and no `Fetch` was given, or no runtime is running.
    NoTransport,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("its URL is not https"),
            Self::Address => f.write_str("its host has no address that may be connected to"),
            Self::Connection(cause) => write!(f, "no connection: {cause}"),
            Self::Late => f.write_str("it took too long"),
            Self::TooLong => f.write_str("the response is too long"),
            Self::Status(status) => write!(f, "the response has status {status}"),
            Self::Credentials => {
                f.write_str("the issuer refuses the API's client id or secret: correct them")
            }
            Self::Document(what) => write!(f, "{what}"),
            Self::NoTransport => f.write_str("there is no transport or no tokio runtime"),
        }
    }
}

impl std::error::Error for FetchError {}

/// The response to a request, if it is a 200. Its size is limited where it is parsed.
pub(crate) async fn send(
    fetch: &dyn Fetch,
    mut request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, FetchError> {
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Some firewalls refuse requests without it.
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("keyward-guard"));
    let response = fetch.send(request).await?;
    if response.status() != http::StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    Ok(response)
}

/// The document at a URL.
pub(crate) async fn get(fetch: &dyn Fetch, url: &str) -> Result<Response<Vec<u8>>, FetchError> {
    let request = Request::get(url).body(Vec::new());
    send(fetch, request.map_err(|_| FetchError::Url)?).await
}
