//! Connections from request to request, next to others, and to their end.

use crate::wire::{
    GRANT, GRANT_LENGTH, Server, Wire, get, head, router, token, token_head, waiting, within, world,
};
use server::transport::http::Limits;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test]
async fn answers_come_in_the_order_of_the_requests() {
    let (world, machine) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = Server::start(waiting(router(&world), &begun, &permits), Limits::default()).await;
    let mut wire = server.connect().await;
    for _ in 0..3 {
        assert_eq!(wire.ask(token(&machine)).await.status, 200, "one after the other");
    }
    let together = [
        get("/wait", &[]),
        token(&machine),
        get("/healthz", &[]),
        get("/nowhere", &[]),
        head("HEAD", "/healthz", &[]),
        token(&machine),
        get("/jwks", &["connection: close"]),
        get("/healthz", &[]),
    ];
    wire.send(together.concat()).await;
    permits.add_permits(1);
    assert_eq!(wire.answer().await.text(), "waited");
    assert!(wire.answer().await.json()["access_token"].is_string());
    assert_eq!(wire.answer().await.text(), "ok");
    assert_eq!(wire.answer().await.status, 404);
    assert_eq!(wire.head().await.header("content-length"), "2");
    assert!(wire.answer().await.json()["access_token"].is_string());
    let last = wire.answer().await;
    assert!(last.json()["keys"].is_array());
    assert_eq!(last.header("connection"), "close");
    wire.closed().await;
}

#[tokio::test]
async fn a_request_may_come_in_any_pieces() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    let request = token(&machine);
    for size in [1, 2, 3, 7, 64] {
        for piece in request.as_bytes().chunks(size) {
            wire.send(piece).await;
        }
        assert_eq!(wire.answer().await.status, 200, "pieces of {size}");
    }
}

#[tokio::test]
async fn an_older_client_gets_one_answer_unless_it_asks() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let old = |headers: &[&str]| get("/healthz", headers).replace("HTTP/1.1", "HTTP/1.0");
    let mut wire = server.connect().await;
    assert_eq!(wire.ask(old(&[])).await.text(), "ok");
    wire.closed().await;
    let mut wire = server.connect().await;
    for _ in 0..2 {
        assert_eq!(wire.ask(old(&["connection: keep-alive"])).await.header("connection"), "keep-alive");
    }
}

#[tokio::test]
async fn head_gets_the_head_only() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    for path in ["/jwks", "/.well-known/openid-configuration", "/healthz"] {
        let whole = wire.ask(get(path, &[])).await;
        wire.send(head("HEAD", path, &[])).await;
        let without = wire.head().await;
        assert_eq!((without.status, without.body.len()), (whole.status, 0));
        for name in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(without.header(name), whole.header(name), "{path} {name}");
        }
    }
    for path in ["/token", "/authorize", "/nowhere", "/userinfo"] {
        wire.send(head("HEAD", path, &[])).await;
        assert!(wire.head().await.status.is_client_error());
    }
    assert_eq!(wire.ask(get("/healthz", &[])).await.text(), "ok", "no stray body before it");
    let etag = wire.ask(get("/jwks", &[])).await.header("etag").to_owned();
    assert_eq!(wire.ask(get("/jwks", &[&format!("if-none-match: {etag}")])).await.status, 304);
    assert_eq!(wire.ask(get("/healthz", &[])).await.text(), "ok");
}

#[tokio::test]
async fn what_a_handler_left_unread_is_no_request() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let smuggled = get("/healthz", &[]);
    let length = format!("content-length: {}", smuggled.len());
    for path in ["/nowhere", "/jwks", "/token/"] {
        let mut wire = server.connect().await;
        let request = token_head(&machine, &[&length]).replace("/token", path);
        let answer = wire.ask(format!("{request}{smuggled}")).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        // Either the connection continues after the body, or it ends.
        if answer.has("connection") {
            wire.closed().await;
        } else {
            assert!(wire.ask(get("/jwks", &[])).await.json()["keys"].is_array());
        }
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait_to_be_accepted() {
    let (world, _) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let limits = Limits { connections: 2, ..Limits::default() };
    let server = Server::start(waiting(router(&world), &begun, &permits), limits).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for wire in [&mut first, &mut second] {
        wire.send(get("/wait", &[])).await;
        within(begun.acquire()).await.unwrap().forget();
    }
    let mut third = server.connect().await;
    third.send(get("/healthz", &[])).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(third.is_silent());
    }
    permits.add_permits(1);
    assert_eq!(first.answer().await.text(), "waited", "who is in is served");
    drop(first);
    assert_eq!(third.answer().await.status, 200, "a place got free");
    permits.add_permits(1);
    assert_eq!(second.answer().await.text(), "waited");
}

#[tokio::test]
async fn a_stop_lets_open_requests_end_and_nothing_begin() {
    let (world, machine) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = Server::start(waiting(router(&world), &begun, &permits), Limits::default()).await;
    let (mut fresh, mut idle) = (server.connect().await, server.connect().await);
    assert_eq!(idle.ask(get("/healthz", &[])).await.status, 200);
    let mut sending = server.connect().await;
    let expecting = token_head(&machine, &["expect: 100-continue", GRANT_LENGTH]);
    assert_eq!(sending.ask(expecting).await.status, 100);
    let mut open = server.connect().await;
    open.send([get("/wait", &[]), get("/healthz", &[])].concat()).await;
    within(begun.acquire()).await.unwrap().forget();
    let stopped = server.stop().await;
    idle.closed().await;
    fresh.closed().await;
    let late = sending.ask(GRANT).await;
    assert_eq!((late.status.as_u16(), late.header("connection")), (200, "close"));
    sending.closed().await;
    assert!(!stopped.is_finished(), "one request is still open");
    permits.add_permits(1);
    let last = open.answer().await;
    assert_eq!((last.text(), last.header("connection")), ("waited", "close"));
    open.closed().await;
    within(stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_works_at_the_connection_limit() {
    let (world, _) = world().await;
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Server::start(router(&world), limits).await;
    let mut only = server.connect().await;
    assert_eq!(only.ask(get("/healthz", &[])).await.status, 200);
    let stopped = server.stop().await;
    only.closed().await;
    within(stopped).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_leaves_early_delays_nobody() {
    let (world, machine) = world().await;
    let (begun, permits) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let server = Server::start(waiting(router(&world), &begun, &permits), Limits::default()).await;
    let request = token(&machine);
    for cut in 0..request.len() {
        let mut wire = server.connect().await;
        wire.send(&request[..cut]).await;
        drop(wire);
    }
    for _ in 0..20 {
        let mut wire: Wire = server.connect().await;
        wire.send(get("/wait", &[])).await;
    }
    assert_eq!(server.ask(token(&machine)).await.status, 200);
    let stopped = server.stop().await;
    within(stopped).await.unwrap().unwrap();
}
