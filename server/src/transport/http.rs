//! The HTTP listener: HTTP/1.1 only, over TCP or TLS, with a limit on everything a caller controls.
//!
//! Absent on purpose: HTTP/2 (front ends speak it to browsers, and deal with its floods), and any use of the content of
//! `Host` or forwarding headers.

use super::body::BoundedBody;
use super::bounds::{self, BODY_BYTES, HEADER_BYTES, HEADERS, REQUEST_TIME, URI_BYTES, bare, check_size};
use super::slots::{Slot, Slots};
use super::wire::{ConnectionState, Times, Wire};
use crate::budget::{Budget, Reservation};
use crate::metrics::Connections;
use crate::peer::{PeerAddr, PeerLimit, Unfit};
use crate::web::failure::Failure;
use ::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use protocol::Refusal;
use protocol::attempts::Network;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// What one caller, and all together, may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. One more closes the one that has been idle the longest; if none is idle, it waits.
    pub connections: usize,
    /// The same from one address, or IPv6 /64 network; if none of them is idle, one more is closed without an answer.
    pub connections_of_one: usize,
    /// How long a connection must have waited for a complete request before it may be closed for another.
    pub evictable_after: Duration,
    /// What all requests hold together, in bytes of heads and bodies, besides the first 8 kB of each. Beyond that a body is
    /// answered by 503, and a head ends its connection.
    pub request_bytes: usize,
    /// The same for one address or network.
    pub request_bytes_of_one: usize,
    /// The time for a handshake, and for a request's head: from its first byte, or from the connection's start if it is the
    /// first one.
    pub head_time: Duration,
    /// How long a connection is kept after an answer without another request.
    pub idle_time: Duration,
    /// The time for a request's body.
    pub body_time: Duration,
    /// The time for a whole request from the end of its head; longer is 503.
    pub request_time: Duration,
    /// The time for the caller to take an answer that can't be sent at once.
    pub answer_time: Duration,
    /// The time for open requests to finish after the shutdown began.
    pub drain_time: Duration,
    /// Whether the router answers requests with a head that is refused, which are marked [`Unfit`]: so they get an id and a
    /// line in the log. If not, it never sees them.
    pub router_refuses: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_of_one: 128,
            evictable_after: Duration::from_secs(1),
            request_bytes: 8 * 1024 * 1024,
            request_bytes_of_one: 512 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            body_time: Duration::from_secs(10),
            request_time: REQUEST_TIME,
            answer_time: Duration::from_secs(10),
            drain_time: Duration::from_secs(10),
            router_refuses: true,
        }
    }
}

/// What a listener serves. A process that reloads its settings or its certificate replaces it: open connections continue,
/// and their next request is answered by the new router.
pub struct Served {
    /// For TLS; `None` stays `None`.
    pub tls: Option<TlsAcceptor>,
    /// What answers.
    pub router: Router,
    /// The times are those of each new connection; the numbers stay as they were at the start.
    pub limits: Limits,
}

/// Serves until `shutdown` is ready, then lets open requests finish for at most the drain time.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let served = Arc::new(ArcSwap::from_pointee(Served { tls, router, limits }));
    serve_current(listener, served, Arc::default(), shutdown).await
}

/// The same with what is in `served` at the time, and with the connections counted.
pub async fn serve_current(
    listener: TcpListener,
    served: Arc<ArcSwap<Served>>,
    counts: Arc<Connections>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let limits = served.load().limits;
    let slots = Slots::new(limits.connections, limits.connections_of_one, limits.evictable_after, counts);
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
        // No connection is accepted meanwhile: with all slots taken, callers wait in the system's queue.
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = slots.take(network) => slot,
        };
        let Some(slot) = slot else { continue };
        let (stopping, slot) = (stopping.clone(), Arc::new(slot));
        let reserved = budget.reservation(network);
        let connection = Connection {
            peer: PeerAddr(peer),
            limits: served.load().limits,
            served: Arc::clone(&served),
            stopping,
            slot: Arc::clone(&slot),
        };
        connections.spawn(async move {
            tokio::select! {
                () = slot.evicted() => tracing::debug!("an idle connection was closed for another"),
                () = connection.run(stream, reserved) => {}
            }
        });
    }
    drop(listener);
    drop(stop);
    drain(connections, limits.drain_time).await;
    Ok(())
}

/// A failed accept concerns one caller, who is gone already, or all of them: no file descriptors are left, which passes.
async fn wait_out(error: &io::Error) {
    let of_one_caller = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    );
    if !of_one_caller {
        tracing::warn!(%error, "accepting connections fails; it is tried again");
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
    served: Arc<ArcSwap<Served>>,
    limits: Limits,
    stopping: watch::Receiver<()>,
    slot: Arc<Slot>,
}

impl Connection {
    async fn run(self, stream: TcpStream, reserved: Reservation) {
        // Answers are small and written as a whole: waiting to fill a packet only delays them.
        let _best_effort = stream.set_nodelay(true);
        let tls = self.served.load().tls.clone();
        match tls {
            None => self.serve_http(stream, reserved).await,
            Some(tls) => {
                let handshake = timeout(self.limits.head_time, tls.accept(stream));
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    // Scanners fail handshakes all the time; those are not logged.
                    done = handshake => if let Ok(Ok(stream)) = done {
                        self.serve_http(stream, reserved).await;
                    },
                    _ = stopping.changed() => {}
                }
            }
        }
    }

    async fn serve_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        reserved: Reservation,
    ) {
        let Self { peer, served, limits, mut stopping, slot } = self;
        let times = Times { head: limits.head_time, idle: limits.idle_time, answer: limits.answer_time };
        let stream = Wire::new(stream, reserved, times);
        let state = stream.state();
        let answer = service_fn(move |request| {
            state.begin_answer();
            let (router, state, slot) = (served.load().router.clone(), state.clone(), Arc::clone(&slot));
            async move {
                let answer = answer(request, peer, router, limits, &state, &slot).await;
                state.end_answer();
                slot.begin_waiting();
                answer
            }
        });
        // Heads are timed by the wire: hyper doesn't distinguish a slow head from an idle connection.
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_headers(HEADERS)
            .max_buf_size(URI_BYTES + HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), answer);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // The sender never sends: this is ready when the sender is dropped.
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended with an error");
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: PeerAddr,
    router: Router,
    limits: Limits,
    state: &ConnectionState,
    slot: &Arc<Slot>,
) -> Result<Response<Body>, Infallible> {
    // Whichever request of the connection it was: the ones before it lose only their answer.
    let head = if state.is_ambiguous() { Err(Refusal::HeadMalformed) } else { check_head(&request) };
    if let Err(refusal) = head
        && !limits.router_refuses
    {
        return Ok(bare_and_close(Failure::from(refusal).status(), request.uri().path()));
    }
    // RFC 9112 §6.1: a front end may read differently what follows a chunked body. If the connection ends with it,
    // nothing follows.
    let last =
        head.is_err() || request.headers().contains_key(header::TRANSFER_ENCODING) || state.had_large_head();
    let bounded = |body| BoundedBody::new(body, BODY_BYTES, limits.body_time, Arc::clone(slot));
    let mut request = request.map(bounded);
    if let Err(refusal) = head {
        request.extensions_mut().insert(Unfit(refusal));
    }
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(PeerLimit(limits.connections_of_one));
    let uri = request.uri().clone();
    let answered = bounds::answer(router, request.map(Body::new), limits.request_time).await;
    let Some(response) = answered else {
        return Ok(bare_and_close(StatusCode::SERVICE_UNAVAILABLE, uri.path()));
    };
    // The rest of the body is still to come, and nothing reads it: without saying so, a front end would send its next
    // request on a connection that ends (RFC 9112 §9.6).
    let unread = !slot.is_serving();
    Ok(if last || unread { close(response) } else { response })
}

fn check_head(request: &Request<Incoming>) -> Result<(), Refusal> {
    let headers = request.headers();
    check_size(request.uri(), headers)?;
    let mut hosts = headers.get_all(header::HOST).iter();
    // RFC 9112 §3.2: exactly one Host.
    if request.version() == Version::HTTP_11 && (hosts.next().is_none() || hosts.next().is_some()) {
        return Err(Refusal::HeadMalformed);
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    // RFC 9112 §6.1: no other coding is supported. hyper checks only the last one.
    if codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some() {
        return Err(Refusal::HeadMalformed);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let declared = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > BODY_BYTES) {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}

/// The answer of the transport itself, and the end of the connection.
fn bare_and_close(status: StatusCode, path: &str) -> Response<Body> {
    close(bare(status, path))
}

fn close(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
