//! A server with limits of a test's own, and a connection to it that sends bytes and reads answers.

use axum::Router;
use axum::routing::get as on_get;
use conformance::{Answer, Harness, Party, World};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use server::routes;
use server::transport::http::{Limits, serve};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Longer than anything that works takes, so that a broken test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The result, or a failure of the test after the time-out.
pub(crate) async fn within<T>(coming: impl Future<Output = T>) -> T {
    timeout(PATIENCE, coming).await.unwrap_or_else(|_| panic!("nothing came"))
}

/// A server on a port of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(router: Router, limits: Limits) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), None, router, limits)
    }

    /// The real router with the usual limits.
    pub(crate) async fn of(world: &World) -> Self {
        Self::start(router(world), Limits::default()).await
    }

    pub(crate) fn on(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        router: Router,
        limits: Limits,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let serving = tokio::spawn(serve(listener, tls, router, limits, shutdown));
        Self { address, stop, serving }
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire::over(within(TcpStream::connect(self.address)).await.unwrap())
    }

    /// The first answer to some bytes, on a connection of their own.
    pub(crate) async fn ask(&self, bytes: impl AsRef<[u8]>) -> Answer {
        self.connect().await.ask(bytes).await
    }

    /// Tells the server to stop, and returns when no new connection is accepted. The returned future is ready when all
    /// connections have ended.
    pub(crate) async fn stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        let refused = |error: std::io::Error| error.kind() == ErrorKind::ConnectionRefused;
        while !within(TcpStream::connect(self.address)).await.is_err_and(refused) {}
        self.serving
    }
}

/// The real router.
pub(crate) fn router(world: &World) -> Router {
    routes::router(world.app.clone(), None)
}

/// The real router, and `/wait`, which signals that it began and answers when it gets a permit.
pub(crate) fn waiting(router: Router, begun: &Arc<Semaphore>, permits: &Arc<Semaphore>) -> Router {
    let (begun, permits) = (Arc::clone(begun), Arc::clone(permits));
    let wait = async move || {
        begun.add_permits(1);
        permits.acquire().await.unwrap().forget();
        "waited"
    };
    router.route("/wait", on_get(wait))
}

/// A world with a client that may get tokens for itself.
pub(crate) async fn world() -> (World, Party) {
    let world = World::new(Harness::Router).await;
    let machine = world.machine().await;
    (world, machine)
}

/// A connection.
pub(crate) struct Wire<S = TcpStream> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.stream.write_all(bytes.as_ref())).await.unwrap();
        within(self.stream.flush()).await.unwrap();
    }

    /// Sends as long as the server reads, and returns how much it read.
    pub(crate) async fn press(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match within(self.stream.write(rest)).await {
                Ok(count) => taken += count,
                Err(_) => break,
            }
        }
        taken
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end(&mut self) {
        within(self.stream.shutdown()).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        self.send(bytes).await;
        self.answer().await
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.headers.get("content-length").map_or(0, |v| v.to_str().unwrap().parse().unwrap());
        while self.read.len() < length {
            assert!(self.more().await, "the body broke off: {answer:?}");
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }

    /// The next answer's head, which is all of it after HEAD.
    pub(crate) async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "no answer, only {:?}", String::from_utf8_lossy(&self.read));
        };
        let text = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = text.split_terminator("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.").unwrap()[2..5].parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter(|line| !line.is_empty()).map(|line| line.split_once(": ").unwrap())
        {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        assert!(!headers.contains_key("transfer-encoding"), "our answers are whole: {text}");
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Vec::new() }
    }

    /// Waits until the server closes without sending anything more.
    pub(crate) async fn closed(&mut self) {
        let more = self.more().await;
        assert!(!more && self.read.is_empty(), "more came: {:?}", String::from_utf8_lossy(&self.read));
    }

    /// The next byte.
    pub(crate) async fn byte(&mut self) -> u8 {
        assert!(!self.read.is_empty() || self.more().await, "not a byte");
        self.read.remove(0)
    }

    /// The underlying stream.
    pub(crate) fn stream(&self) -> &S {
        &self.stream
    }

    /// Reads until the server closes, and returns how many bytes came.
    pub(crate) async fn drain(&mut self) -> usize {
        while self.more().await {}
        self.read.drain(..).len()
    }

    /// Sends as much as the server reads, and waits until it closes without an answer.
    pub(crate) async fn drain_after(&mut self, bytes: &str) {
        self.press(bytes.as_bytes()).await;
        assert_eq!(self.drain().await, 0);
    }

    /// Reads once. A reset counts as the end: bytes that were never read cause one.
    async fn more(&mut self) -> bool {
        match within(self.stream.read_buf(&mut self.read)).await {
            Ok(count) => count > 0,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Wire<TcpStream> {
    /// Whether nothing at all can be read now, not even an end.
    pub(crate) fn is_silent(&self) -> bool {
        let mut byte = [0];
        self.read.is_empty()
            && self.stream.try_read(&mut byte).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// A GET as bytes, with more header lines if wanted.
pub(crate) fn get(path: &str, headers: &[&str]) -> String {
    head("GET", path, headers)
}

/// A request without a body.
pub(crate) fn head(method: &str, path: &str, headers: &[&str]) -> String {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nhost: op.example\r\n{lines}\r\n")
}

/// The head of a client's token request; the given header lines frame its body.
pub(crate) fn token_head(machine: &Party, framing: &[&str]) -> String {
    let credentials = format!("authorization: {}", machine.basic());
    let mut lines = vec!["content-type: application/x-www-form-urlencoded", &credentials];
    lines.extend(framing);
    head("POST", "/token", &lines)
}

/// The body that goes with it, and its length.
pub(crate) const GRANT: &str = "grant_type=client_credentials";
pub(crate) const GRANT_LENGTH: &str = "content-length: 29";

/// A client's whole token request.
pub(crate) fn token(machine: &Party) -> String {
    format!("{}{GRANT}", token_head(machine, &[GRANT_LENGTH]))
}
