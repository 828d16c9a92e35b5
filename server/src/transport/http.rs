//! The HTTP listener: HTTP/1.1 only, over TCP or TLS, with a bound on everything a caller controls.
//!
//! Absent on purpose: HTTP/2 (front ends speak it to browsers, and its floods stay theirs), and any reading of
//! what `Host` or forwarding headers say.

use super::body::BoundedBody;
use super::budget::{Budget, Purse};
use super::places::{Place, Places};
use super::wire::{Talk, Wire};
use crate::web::headers::{NO_STORE, harden};
use ::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::attempts::Network;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// What one caller, or all of them, may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. One more ends the one that has been idle the longest; if none is, it waits.
    pub connections: usize,
    /// The same from one address, or IPv6 network of 64 bits; if none of them is idle, one more is closed unheard.
    pub connections_of_one: usize,
    /// After so long without a request that is wholly there, a connection counts as idle, and makes room for others.
    pub idle_time: Duration,
    /// What requests hold together, in bytes of heads and bodies, besides the first 8 kB of each; beyond, a body is
    /// 503 and a head ends its connection.
    pub request_bytes: usize,
    /// The same of one address or network.
    pub request_bytes_of_one: usize,
    /// Bytes of path and query; more is 414.
    pub uri_bytes: usize,
    /// Bytes of header names and values together; more is 431.
    pub header_bytes: usize,
    /// Header lines; more is 431.
    pub headers: usize,
    /// Bytes of a body; more is 413. Most routes take less (`web::form`).
    pub body_bytes: u64,
    /// For a handshake, and for a request's head (an idle connection is one whose head doesn't come).
    pub head_time: Duration,
    /// For a request's body.
    pub body_time: Duration,
    /// For the whole request once its head is there; longer is 503.
    pub request_time: Duration,
    /// For the caller to take an answer that can't be sent at once.
    pub answer_time: Duration,
    /// For open requests to end after the shutdown began.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_of_one: 128,
            idle_time: Duration::from_secs(1),
            request_bytes: 8 * 1024 * 1024,
            request_bytes_of_one: 512 * 1024,
            uri_bytes: 8 * 1024,
            header_bytes: 32 * 1024,
            headers: 100,
            body_bytes: 64 * 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            answer_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// The other end of the connection; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// How many connections the other end may have at a time; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRoom(pub usize);

/// Serves until `shutdown` is ready, then lets open requests end, at most for the drain time.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let places = Places::new(limits.connections, limits.connections_of_one, limits.idle_time);
    let budget = Budget::new(limits.request_bytes, limits.request_bytes_of_one);
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                wait_out(&error).await;
                continue;
            }
        };
        let network = Network::of(Some(peer.ip()));
        // Nobody is accepted meanwhile, so that a full house leaves callers in the system's queue.
        let place = tokio::select! {
            () = &mut shutdown => break,
            place = places.enter(network) => place,
        };
        let Some(place) = place else { continue };
        let (router, stopping, place) = (router.clone(), stopping.clone(), Arc::new(place));
        let purse = budget.purse(network);
        let connection =
            Connection { peer: PeerAddr(peer), router, limits, stopping, place: Arc::clone(&place) };
        let tls = tls.clone();
        connections.spawn(async move {
            tokio::select! {
                () = place.asked_to_leave() => tracing::debug!("an idle connection made room for another"),
                () = connection.run(stream, purse, tls) => {}
            }
        });
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
    place: Arc<Place>,
}

impl Connection {
    async fn run(self, stream: TcpStream, purse: Purse, tls: Option<TlsAcceptor>) {
        // Answers are small and whole: waiting to fill a packet only delays them.
        let _best_effort = stream.set_nodelay(true);
        match tls {
            None => self.talk(stream, purse).await,
            Some(tls) => {
                let handshake = timeout(self.limits.head_time, tls.accept(stream));
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    // Scanners fail handshakes all day; that is not worth a line.
                    done = handshake => if let Ok(Ok(stream)) = done {
                        self.talk(stream, purse).await;
                    },
                    _ = stopping.changed() => {}
                }
            }
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, purse: Purse) {
        let Self { peer, router, limits, mut stopping, place } = self;
        let stream = Wire::new(stream, purse, limits.answer_time);
        let talk = stream.talk();
        let answer = service_fn(move |request| {
            talk.begin_answer();
            let (router, talk, place) = (router.clone(), talk.clone(), Arc::clone(&place));
            async move {
                let answer = answer(request, peer, router, limits, &talk, &place).await;
                talk.end_answer();
                place.wait();
                answer
            }
        });
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
    talk: &Talk,
    place: &Arc<Place>,
) -> Result<Response<Body>, Infallible> {
    // Whichever request of the connection it was: those before it lose nothing but an answer.
    if talk.is_doubtful() {
        return Ok(bare(StatusCode::BAD_REQUEST));
    }
    if let Err(status) = check_head(&request, &limits) {
        return Ok(bare(status));
    }
    // RFC 9112 §6.1: what follows a chunked body may be read differently by a front end; nothing does, if
    // the connection ends with it.
    let last = request.headers().contains_key(header::TRANSFER_ENCODING) || talk.is_swollen();
    let bounded = |body| BoundedBody::new(body, limits.body_bytes, limits.body_time, Arc::clone(place));
    let mut request = request.map(bounded);
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(PeerRoom(limits.connections_of_one));
    let response = match timeout(limits.request_time, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => return Ok(bare(StatusCode::SERVICE_UNAVAILABLE)),
    };
    // Behind these, the rest of the body is still to come, and nobody reads it (RFC 9110 §15.5.9, §15.5.14).
    let unread = match response.status() {
        StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => true,
        StatusCode::SERVICE_UNAVAILABLE => !place.is_served(),
        _ => false,
    };
    Ok(if last || unread { close(response) } else { response })
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
    let mut hosts = headers.get_all(header::HOST).iter();
    // RFC 9112 §3.2: a request says once whom it means.
    if request.version() == Version::HTTP_11 && (hosts.next().is_none() || hosts.next().is_some()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    // RFC 9112 §6.1: no other coding is understood here. hyper looks only at what stands last.
    if codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let declared = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limits.body_bytes) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(())
}

/// What the transport says by itself: a status, and that the connection ends.
fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    harden(headers, false);
    headers.extend(NO_STORE);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    close(response)
}

fn close(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
