//! How long one caller may take (N-206). The runtime's clock stands still and moves when a test moves it.

use crate::tls::Files;
use crate::wire::{
    GRANT, GRANT_LENGTH, Server, Wire, get, router, token, token_head, waiting, within, world,
};
use axum::Router;
use axum::routing::get as on_get;
use conformance::{Party, World};
use server::transport::http::Limits;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::{advance, pause};

const HEAD: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(75);
const BODY: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);
const TAKING: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(10);

/// Time stands still as long as this value lives. A runtime whose clock is paused jumps to its next timer when it has
/// nothing to do, which bytes on their way don't prevent; work on another thread does. That work ends by itself
/// at last, so that a test that waits for what never comes fails.
struct Still(std::sync::mpsc::Sender<()>);

impl Drop for Still {
    fn drop(&mut self) {
        let held = self.0.send(()).is_ok();
        assert!(held || std::thread::panicking(), "the clock moved although the test held it");
    }
}

fn stop_time() -> Still {
    pause();
    let (still, over) = std::sync::mpsc::channel();
    spawn_blocking(move || over.recv_timeout(Duration::from_secs(60)));
    Still(still)
}

async fn server() -> (World, Party, Server, Still) {
    let (world, machine) = world().await;
    let still = stop_time();
    let server = Server::of(&world).await;
    (world, machine, server, still)
}

/// A server with a request that never ends, and its connection.
async fn hanging() -> (Server, Wire, Still) {
    let (world, _) = world().await;
    let (begins, mut begun) = mpsc::unbounded_channel();
    let hang = move || {
        begins.send(()).unwrap();
        pending::<()>()
    };
    let still = stop_time();
    let server = Server::start(router(&world).route("/hang", on_get(hang)), Limits::default()).await;
    let mut wire = server.connect().await;
    wire.send(get("/hang", &[])).await;
    within(begun.recv()).await.unwrap();
    (server, wire, still)
}

/// Announces a body. The answer shows that the server waits for it.
async fn promise(wire: &mut Wire, machine: &Party) {
    let head = token_head(machine, &["expect: 100-continue", GRANT_LENGTH]);
    assert_eq!(wire.ask(head).await.status, 100);
}

/// The server has read everything sent before, and works.
async fn others_are_served(server: &Server) {
    assert_eq!(server.ask(get("/healthz", &["connection: close"])).await.status, 200);
}

#[tokio::test]
async fn n206_a_head_has_ten_seconds() {
    let (_world, machine, server, _still) = server().await;
    let request = token(&machine);
    let mut quick = server.connect().await;
    let mut slow = server.connect().await;
    let mut mute = server.connect().await;
    quick.send(&request[..20]).await;
    slow.send(&request[..20]).await;
    others_are_served(&server).await;
    advance(HEAD - MOMENT).await;
    assert_eq!(quick.ask(&request[20..]).await.status, 200, "just in time");
    others_are_served(&server).await;
    assert!(slow.is_silent() && mute.is_silent());
    advance(2 * MOMENT).await;
    slow.closed().await;
    mute.closed().await;
    others_are_served(&server).await;
}

#[tokio::test]
async fn n206_single_bytes_win_no_time() {
    let (_world, _, server, _still) = server().await;
    let mut wire = server.connect().await;
    for byte in "GET /jwks".bytes() {
        wire.send([byte]).await;
        others_are_served(&server).await;
        advance(Duration::from_secs(1)).await;
    }
    assert!(wire.is_silent(), "nine seconds");
    advance(Duration::from_secs(1) + MOMENT).await;
    wire.closed().await;
}

#[tokio::test]
async fn n206_an_idle_connection_ends() {
    let (_world, machine, server, _still) = server().await;
    let mut wire = server.connect().await;
    for _ in 0..3 {
        assert_eq!(wire.ask(token(&machine)).await.status, 200);
        others_are_served(&server).await;
        advance(IDLE - MOMENT).await;
        others_are_served(&server).await;
        assert!(wire.is_silent());
    }
    assert_eq!(wire.ask(token(&machine)).await.status, 200, "each request has its own time");
    others_are_served(&server).await;
    advance(IDLE + MOMENT).await;
    wire.closed().await;
}

/// The time begins with the answer, however long that took.
#[tokio::test]
async fn n206_a_connection_that_was_answered_late_ends_as_well() {
    let (world, _) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let _still = stop_time();
    let server = Server::start(waiting(router(&world), &begun, &permits), Limits::default()).await;
    let mut wire = server.connect().await;
    wire.send(get("/wait", &[])).await;
    within(begun.acquire()).await.unwrap().forget();
    advance(WHOLE - MOMENT).await;
    permits.add_permits(1);
    assert_eq!(wire.answer().await.text(), "waited");
    others_are_served(&server).await;
    advance(IDLE - MOMENT).await;
    others_are_served(&server).await;
    assert!(wire.is_silent());
    advance(2 * MOMENT).await;
    wire.closed().await;
}

/// However long the connection was idle before, and whatever it is given for that.
#[tokio::test]
async fn n206_every_head_has_its_own_time() {
    let (_world, machine, server, _still) = server().await;
    let request = token(&machine);
    let (mut quick, mut slow) = (server.connect().await, server.connect().await);
    for wire in [&mut quick, &mut slow] {
        assert_eq!(wire.ask(&request).await.status, 200);
    }
    others_are_served(&server).await;
    advance(IDLE - MOMENT).await;
    for wire in [&mut quick, &mut slow] {
        wire.send(&request[..20]).await;
    }
    others_are_served(&server).await;
    advance(HEAD - MOMENT).await;
    assert_eq!(quick.ask(&request[20..]).await.status, 200, "just in time");
    others_are_served(&server).await;
    assert!(slow.is_silent());
    advance(2 * MOMENT).await;
    slow.closed().await;
    others_are_served(&server).await;
    assert!(quick.is_silent(), "idle again");
}

/// Connections are kept for long, but none is refused for the sake of one that does nothing.
#[tokio::test]
async fn n206_an_idle_connection_makes_room_for_another() {
    let (world, machine) = world().await;
    let _still = stop_time();
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for wire in [&mut first, &mut second] {
        assert_eq!(wire.ask(token(&machine)).await.status, 200);
        advance(limits.evictable_after).await;
    }
    let mut third = server.connect().await;
    assert_eq!(third.ask(token(&machine)).await.status, 200);
    first.closed().await;
    assert_eq!(second.ask(token(&machine)).await.status, 200);
}

#[tokio::test]
async fn n206_a_body_has_ten_seconds() {
    let (_world, machine, server, _still) = server().await;
    let (mut quick, mut slow, mut mute) =
        (server.connect().await, server.connect().await, server.connect().await);
    for wire in [&mut quick, &mut slow, &mut mute] {
        promise(wire, &machine).await;
    }
    quick.send(&GRANT[..5]).await;
    for byte in GRANT.bytes().take(9) {
        slow.send([byte]).await;
        others_are_served(&server).await;
        advance(Duration::from_secs(1)).await;
    }
    advance(BODY - Duration::from_secs(9) - MOMENT).await;
    assert_eq!(quick.ask(&GRANT[5..]).await.status, 200, "just in time");
    others_are_served(&server).await;
    assert!(slow.is_silent() && mute.is_silent());
    advance(2 * MOMENT).await;
    for mut wire in [slow, mute] {
        let answer = wire.answer().await;
        answer.assert_token_error(408, "invalid_request");
        assert_eq!(answer.header("connection"), "close");
        wire.closed().await;
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn n206_a_request_has_thirty_seconds() {
    let (server, mut wire, _still) = hanging().await;
    advance(WHOLE - MOMENT).await;
    others_are_served(&server).await;
    assert!(wire.is_silent());
    advance(2 * MOMENT).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status.as_u16(), answer.text()), (503, ""));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    wire.closed().await;
}

#[tokio::test]
async fn n206_many_waiting_connections_delay_nobody() {
    let (world, machine) = world().await;
    let _still = stop_time();
    let limits = Limits { connections_of_one: 1000, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let mut waiting = Vec::new();
    for n in 0..500 {
        let mut wire = server.connect().await;
        match n % 3 {
            0 => {}
            1 => wire.send("POST /token HTTP/1.1\r\nx: ").await,
            _ => promise(&mut wire, &machine).await,
        }
        waiting.push(wire);
    }
    assert_eq!(server.ask(token(&machine)).await.status, 200);
    advance(HEAD + MOMENT).await;
    for (n, wire) in waiting.iter_mut().enumerate() {
        if n % 3 == 2 {
            assert_eq!(wire.answer().await.status, 408);
        }
        wire.closed().await;
    }
    assert_eq!(server.ask(token(&machine)).await.status, 200);
}

/// A server whose answers soon fill the buffers when nobody reads them.
async fn narrow(router: Router) -> Server {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Server::on(socket.listen(16).unwrap(), None, router, Limits::default())
}

async fn thirsty(server: &Server) -> Wire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    Wire::over(within(socket.connect(server.address)).await.unwrap())
}

#[tokio::test]
async fn n206_a_caller_that_reads_no_answer_is_disconnected() {
    let (world, _) = world().await;
    let (serves, mut served) = mpsc::unbounded_channel();
    let count = move || {
        serves.send(()).unwrap();
        async { "x".repeat(1000) }
    };
    let _still = stop_time();
    let server = narrow(router(&world).route("/count", on_get(count))).await;
    let mut wire = thirsty(&server).await;
    wire.send(get("/count", &[]).repeat(400)).await;
    within(served.recv()).await.unwrap();
    // As long as the system has room for another answer, the time starts again; it has room for few.
    for _ in 0..50 {
        others_are_served(&server).await;
        advance(TAKING + MOMENT).await;
    }
    let before = std::iter::from_fn(|| served.try_recv().ok()).count();
    assert!(before < 50, "{before} answers fit");
    assert!(wire.drain().await > 0, "what was sent before is there");
    assert!(served.try_recv().is_err(), "and nothing was done for it any more");
}

#[tokio::test]
async fn n206_a_handshake_has_ten_seconds() {
    let (world, _) = world().await;
    let _still = stop_time();
    let server = Files::new().serve(router(&world)).await;
    let (mut mute, mut begun) = (server.connect().await, server.connect().await);
    begun.send([0x16, 3, 1]).await;
    let mut stranger = server.connect().await;
    stranger.send(get("/healthz", &[])).await;
    stranger.drain().await;
    advance(HEAD + MOMENT).await;
    mute.closed().await;
    begun.closed().await;
}

#[tokio::test]
async fn a_drain_has_ten_seconds() {
    let (server, mut wire, _still) = hanging().await;
    let stopped = server.stop().await;
    advance(DRAIN - MOMENT).await;
    assert!(wire.is_silent() && !stopped.is_finished());
    advance(2 * MOMENT).await;
    within(stopped).await.unwrap().unwrap();
    wire.closed().await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_requests_that_have_not_begun() {
    let (world, _) = world().await;
    let _still = stop_time();
    let server = Files::new().serve(router(&world)).await;
    let mut mute = server.connect().await;
    let mut stranger = server.connect().await;
    stranger.send(get("/healthz", &[])).await;
    stranger.drain().await;
    let stopped = server.stop().await;
    within(stopped).await.unwrap().unwrap();
    mute.closed().await;
}
