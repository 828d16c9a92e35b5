//! Limits on connections and on the bytes of their requests: which are closed or refused first (N-251).

use crate::wire::{
    GRANT, GRANT_LENGTH, Server, Wire, get, head, router, token, token_head, waiting, within, world,
};
use axum::body::Bytes;
use axum::routing::post as on_post;
use conformance::{Harness, Party, World};
use server::transport::http::Limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

/// A connection from a loopback address.
async fn from(server: &Server, address: &str) -> Wire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    Wire::over(within(socket.connect(server.address)).await.unwrap())
}

async fn works(wire: &mut Wire) {
    assert_eq!(wire.ask(get("/healthz", &[])).await.status, 200);
}

#[tokio::test]
async fn n251_at_its_own_limit_an_address_loses_its_longest_idle_connection() {
    let (world, _) = world().await;
    let limits = Limits {
        connections: 8,
        connections_of_one: 2,
        evictable_after: Duration::ZERO,
        ..Limits::default()
    };
    let server = Server::start(router(&world), limits).await;
    let mut other = from(&server, "127.0.0.2").await;
    works(&mut other).await;
    let (mut first, mut second) = (from(&server, "127.0.0.1").await, from(&server, "127.0.0.1").await);
    for wire in [&mut first, &mut second] {
        works(wire).await;
    }
    works(&mut first).await;
    let mut third = from(&server, "127.0.0.1").await;
    works(&mut third).await;
    second.closed().await;
    works(&mut first).await;
    works(&mut other).await;
    // One that has begun to send is idle as well, and the longest.
    third.send("GET /healthz HTTP/1.1\r\nhost: op.ex").await;
    works(&mut first).await;
    works(&mut from(&server, "127.0.0.1").await).await;
    third.closed().await;
    works(&mut other).await;
}

#[tokio::test]
async fn n251_connections_being_served_stay_and_one_more_is_closed() {
    let (world, _) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let limits = Limits {
        connections: 8,
        connections_of_one: 2,
        evictable_after: Duration::ZERO,
        ..Limits::default()
    };
    let server = Server::start(waiting(router(&world), &begun, &permits), limits).await;
    let (mut first, mut second) = (from(&server, "127.0.0.1").await, from(&server, "127.0.0.1").await);
    for wire in [&mut first, &mut second] {
        wire.send(get("/wait", &[])).await;
        within(begun.acquire()).await.unwrap().forget();
    }
    for _ in 0..10 {
        from(&server, "127.0.0.1").await.closed().await;
    }
    works(&mut from(&server, "127.0.0.2").await).await;
    permits.add_permits(2);
    for wire in [&mut first, &mut second] {
        assert_eq!(wire.answer().await.text(), "waited");
    }
    works(&mut from(&server, "127.0.0.1").await).await;
}

#[tokio::test]
async fn n251_at_the_limit_the_longest_idle_connection_is_closed() {
    let (world, _) = world().await;
    let limits = Limits { connections: 3, evictable_after: Duration::from_millis(1), ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let mut held = [server.connect().await, server.connect().await, server.connect().await];
    for wire in &mut held {
        works(wire).await;
    }
    let [first, second, third] = &mut held;
    works(first).await;
    works(&mut server.connect().await).await;
    second.closed().await;
    works(first).await;
    works(third).await;
}

/// A POST with a body that is sent as far as `bytes` go.
fn posted(machine: &Party, path: &str, framing: &str, bytes: usize) -> String {
    let head = token_head(machine, &[framing]).replace("/token", path);
    format!("{head}{}", "x".repeat(bytes))
}

#[tokio::test]
async fn n251_bytes_of_requests_stay_within_one_budget() {
    let (world, machine) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    // Each request has 8 kB besides.
    let limits = Limits { request_bytes: 40 * 1024, request_bytes_of_one: 24 * 1024, ..Limits::default() };
    let hold = {
        let (begun, permits) = (Arc::clone(&begun), Arc::clone(&permits));
        async move |_: Bytes| {
            begun.add_permits(1);
            permits.acquire().await.unwrap().forget();
            "held"
        }
    };
    let server = Server::start(router(&world).route("/hold", on_post(hold)), limits).await;
    let large = posted(&machine, "/hold", "content-length: 24576", 24 * 1024);
    let too_much = posted(&machine, "/authorize", "content-length: 24576", 24 * 1024);
    let refused = async |address: &str| {
        let answer = from(&server, address).await.ask(&too_much).await;
        answer.assert_error_page(503, "temporarily_unavailable");
        assert!((1..=5).contains(&answer.header("retry-after").parse().unwrap()));
    };
    let mut first = from(&server, "127.0.0.1").await;
    // A pipelined request doesn't release what the one before it holds.
    first.send(format!("{large}{}", get("/healthz", &[]))).await;
    within(begun.acquire()).await.unwrap().forget();
    refused("127.0.0.1").await;
    // Small requests are served nevertheless.
    assert_eq!(from(&server, "127.0.0.1").await.ask(token(&machine)).await.status, 200);
    let mut second = from(&server, "127.0.0.2").await;
    second.send(&large).await;
    within(begun.acquire()).await.unwrap().forget();
    refused("127.0.0.3").await;
    // A head that is too large for what is left can't be answered.
    let long = head("GET", "/healthz", &[&format!("x: {}", "y".repeat(20 * 1024))]);
    from(&server, "127.0.0.3").await.drain_after(&long).await;
    assert_eq!(from(&server, "127.0.0.3").await.ask(token(&machine)).await.status, 200);
    permits.add_permits(2);
    assert_eq!(first.answer().await.text(), "held");
    // The next request releases what the last one held.
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(second.answer().await.text(), "held");
    works(&mut second).await;
    works(&mut from(&server, "127.0.0.3").await).await;
    assert_eq!(from(&server, "127.0.0.3").await.ask(long).await.status, 200);
}

/// More than its own share, however idle the server is.
#[tokio::test]
async fn n251_a_body_beyond_the_budget_is_refused_while_it_arrives() {
    let (world, machine) = world().await;
    let limits = Limits { request_bytes_of_one: 8 * 1024, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    for framing in ["content-length: 65536", "transfer-encoding: chunked"] {
        let mut wire = server.connect().await;
        let body = if framing.starts_with("t") { "5000\r\n" } else { "" };
        let head = token_head(&machine, &[framing]).replace("/token", "/authorize");
        wire.send(format!("{head}{body}{}", "x".repeat(20 * 1024))).await;
        wire.answer().await.assert_error_page(503, "temporarily_unavailable");
    }
    assert_eq!(server.ask(token(&machine)).await.status, 200);
}

/// Its connection may stay open.
#[tokio::test]
async fn n251_answered_and_refused_requests_hold_no_budget() {
    let (world, machine) = world().await;
    let limits = Limits { request_bytes_of_one: 8 * 1024, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let large = |length: usize| {
        let head =
            token_head(&machine, &[&format!("content-length: {length}")]).replace("/token", "/authorize");
        format!("{head}{}", "x".repeat(length.min(20 * 1024)))
    };
    let (mut answered, mut refused) = (server.connect().await, server.connect().await);
    assert_eq!(answered.ask(large(12 * 1024)).await.status, 400);
    assert_eq!(refused.ask(large(64 * 1024)).await.status, 503);
    assert_eq!(server.connect().await.ask(large(12 * 1024)).await.status, 400);
    assert_eq!(answered.ask(large(12 * 1024)).await.status, 400);
}

/// Its buffer would stay large as long as the connection.
#[tokio::test]
async fn n251_a_connection_ends_after_a_large_head() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    let asked = |length: usize| get("/healthz", &[&format!("x-large: {}", "x".repeat(length))]);
    assert!(wire.ask(asked(4 * 1024)).await.headers.get("connection").is_none());
    let last = wire.ask(asked(12 * 1024)).await;
    assert_eq!((last.status.as_u16(), last.header("connection")), (200, "close"));
    wire.closed().await;
}

/// They must not be read outside the limits of a request.
#[tokio::test]
async fn n251_empty_lines_before_a_request_count_as_part_of_it() {
    let (world, _) = world().await;
    let limits = Limits { request_bytes_of_one: 8 * 1024, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let empty = |lines: usize| format!("{}{}", "\r\n".repeat(lines), get("/healthz", &[]));
    assert_eq!(server.ask(empty(1)).await.status, 200);
    assert_eq!(server.ask(empty(4 * 1024)).await.status, 200);
    let mut wire = server.connect().await;
    wire.press(empty(15 * 1024).as_bytes()).await;
    assert_eq!(wire.drain().await, 0, "there is no room for them");
}

#[tokio::test]
async fn n251_a_refused_caller_that_continues_to_send_is_cut_off() {
    let (world, machine) = world().await;
    let limits = Limits {
        request_bytes_of_one: 8 * 1024,
        answer_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::start(router(&world), limits).await;
    let mut refused = server.connect().await;
    let head = token_head(&machine, &["content-length: 65536"]).replace("/token", "/authorize");
    refused.send(format!("{head}{}", "x".repeat(20 * 1024))).await;
    refused.answer().await.assert_error_page(503, "temporarily_unavailable");
    let cut_off = async {
        while refused.stream().try_write(b"x").is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(cut_off).await;
}

#[tokio::test]
async fn n251_one_caller_behind_a_front_end_leaves_half_of_the_connections_to_others() {
    let secret = "a-secret-of-the-front-end-0123456789";
    let settings = [("KEYWARD_ORIGIN_SECRET", secret), ("KEYWARD_CLIENT_IP", "header:x-real-ip")];
    let world = World::with(Harness::Router, &settings).await;
    let machine = world.machine().await;
    let limits = Limits {
        connections: 48,
        connections_of_one: 24,
        evictable_after: Duration::from_secs(3600),
        ..Limits::default()
    };
    let server = Server::start(router(&world), limits).await;
    let of = |caller: &str, request: &str| {
        let lines = format!("host: op.example\r\nx-keyward-origin: {secret}\r\nx-real-ip: {caller}\r\n");
        request.replace("host: op.example\r\n", &lines)
    };
    let slow = token_head(&machine, &["expect: 100-continue", GRANT_LENGTH]);
    let mut held = Vec::new();
    for _ in 0..12 {
        let mut wire = server.connect().await;
        assert_eq!(wire.ask(of("192.0.2.1", &slow)).await.status, 100);
        held.push(wire);
    }
    for n in 0..24 {
        let mut wire = server.connect().await;
        let answer = wire.ask(of("192.0.2.1", &slow)).await;
        answer.assert_token_error(503, "temporarily_unavailable");
        assert!((1..=5).contains(&answer.header("retry-after").parse().unwrap()));
        assert_eq!(answer.header("connection"), "close");
        wire.closed().await;
        let other = format!("192.0.2.{}", n + 2);
        assert_eq!(server.ask(of(&other, &token(&machine))).await.status, 200);
    }
    let page = get("/login", &["accept: text/html"]);
    server.ask(of("192.0.2.1", &page)).await.assert_error_page(503, "temporarily_unavailable");
    // Others have their share, and not more either.
    for status in [100, 100, 503] {
        let mut wire = server.connect().await;
        assert_eq!(wire.ask(of("192.0.2.2", &slow)).await.status, status);
        held.push(wire);
    }
    for wire in &mut held[..12] {
        assert_eq!(wire.ask(GRANT).await.status, 200);
    }
    assert_eq!(server.ask(of("192.0.2.1", &token(&machine))).await.status, 200);
}
