//! The HTTP listener: HTTP/1.1 only, over TCP or TLS, with a bound on everything a caller controls.
//!
//! Absent on purpose: HTTP/2 (front ends speak it to browsers, and its floods stay theirs), and any reading of
//! `Host` or forwarding headers.

use super::body::BoundedBody;
use ::http::{Request, Response, StatusCode, header};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// What one caller, or all of them, may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// Bytes of path and query; more is 414.
    pub uri_bytes: usize,
    /// Bytes of header names and values together; more is 431.
    pub header_bytes: usize,
    /// Header lines; more is 431.
    pub headers: usize,
    /// Bytes of a body; more is 413.
    pub body_bytes: u64,
    /// For a handshake, and for a request's head (an idle connection is one whose head doesn't come).
    pub head_time: Duration,
    /// For a request's body.
    pub body_time: Duration,
    /// For the whole request once its head is there; longer is 503.
    pub request_time: Duration,
    /// For open requests to end after the shutdown began.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            uri_bytes: 8 * 1024,
            header_bytes: 32 * 1024,
            headers: 100,
            body_bytes: 64 * 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// The other end of the connection; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Serves until `shutdown` is ready, then lets open requests end, at most for the drain time.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        // Taken before accepting, so that a full house leaves callers in the system's queue.
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => place.map_err(io::Error::other)?,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection {
                    peer: PeerAddr(peer),
                    router: router.clone(),
                    limits,
                    stopping: stopping.clone(),
                };
                let tls = tls.clone();
                connections.spawn(async move {
                    connection.run(stream, tls).await;
                    drop(place);
                });
            }
            Err(error) => wait_out(&error).await,
        }
    }
    drop(listener);
    drop(stop);
    drain(connections, limits.drain_time).await;
    Ok(())
}

/// A failed accept concerns one caller (gone already) or all (no file descriptors left, which passes).
async fn wait_out(error: &io::Error) {
    let of_one_caller = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    );
    if !of_one_caller {
        tracing::warn!(%error, "accepting connections fails; trying again");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn drain(mut connections: JoinSet<()>, time: Duration) {
    let ended = timeout(time, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open after the drain time");
        connections.shutdown().await;
    }
}

struct Connection {
    peer: PeerAddr,
    router: Router,
    limits: Limits,
    stopping: watch::Receiver<()>,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Answers are small and whole: waiting to fill a packet only delays them.
        let _best_effort = stream.set_nodelay(true);
        match tls {
            None => self.talk(stream).await,
            Some(tls) => {
                let handshake = timeout(self.limits.head_time, tls.accept(stream));
                // Scanners fail handshakes all day; that is not worth a line.
                if let Ok(Ok(stream)) = handshake.await {
                    self.talk(stream).await;
                }
            }
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self { peer, router, limits, mut stopping } = self;
        let answer = service_fn(move |request| answer(request, peer, router.clone(), limits));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_headers(limits.headers)
            .max_buf_size(limits.uri_bytes + limits.header_bytes)
            .serve_connection(TokioIo::new(stream), answer);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // The sender never sends: this is ready when it is dropped.
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: PeerAddr,
    router: Router,
    limits: Limits,
) -> Result<Response<Body>, Infallible> {
    if let Err(status) = check_head(&request, &limits) {
        return Ok(close(plain(status)));
    }
    // RFC 9112 §6.1: what follows a chunked body may be read differently by a front end; nothing does, if
    // the connection ends with it.
    let last = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut request = request.map(|body| BoundedBody::new(body, limits.body_bytes, limits.body_time));
    request.extensions_mut().insert(peer);
    let response = match timeout(limits.request_time, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => return Ok(close(plain(StatusCode::SERVICE_UNAVAILABLE))),
    };
    Ok(if last { close(response) } else { response })
}

fn check_head(request: &Request<Incoming>, limits: &Limits) -> Result<(), StatusCode> {
    let uri = request.uri();
    let uri_bytes = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1);
    if uri_bytes > limits.uri_bytes {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let headers = request.headers();
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if header_bytes > limits.header_bytes {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    // Stricter than RFC 9112 §6.3, which lets the coding win: two lengths are how requests are smuggled.
    if length.is_some() && headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let declared = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limits.body_bytes) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(())
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

fn close(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}
