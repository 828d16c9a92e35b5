//! How much one caller may send (N-050, N-210). The numbers are those of `Limits::default()`.

use crate::wire::{GRANT, GRANT_LENGTH, Server, Wire, get, head, router, token, token_head, within, world};
use conformance::{Answer, Harness, Log, World};
use server::transport::http::Limits;
use std::collections::BTreeSet;
use tokio::net::TcpSocket;

const BODY: usize = 64 * 1024;
const SMALL: usize = 16 * 1024;
const HEADERS: usize = 32 * 1024;
const URI: usize = 8 * 1024;

/// An answer of the transport itself: only the status, and the connection ends.
fn assert_bare(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.text(), "");
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

/// The body of a valid token request, padded to some size.
fn padded(bytes: usize) -> String {
    format!("{GRANT}&pad={}", "x".repeat(bytes - GRANT.len() - 5))
}

#[tokio::test]
async fn n050_a_body_has_64_kb_whatever_frames_it() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let head_of = |path: &str, framing: &str| token_head(&machine, &[framing]).replace("/token", path);
    let declared = |path: &str, bytes: usize| {
        format!("{}{}", head_of(path, &format!("content-length: {bytes}")), padded(bytes))
    };
    let chunked = |path: &str, bytes: usize| {
        let body = padded(bytes);
        let pieces = body.as_bytes().chunks(1000).map(|piece| std::str::from_utf8(piece).unwrap());
        let chunks: String = pieces.map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
        format!("{}{chunks}0\r\n\r\n", head_of(path, "transfer-encoding: chunked"))
    };
    // A single value over 8 kB is refused, but for what it is.
    for path in ["/authorize", "/logout"] {
        server.ask(declared(path, BODY)).await.assert_error_page(400, "invalid_request");
        server.ask(chunked(path, BODY)).await.assert_error_page(400, "invalid_request");
        assert_bare(&server.ask(declared(path, BODY + 1)).await, 413);
        server.ask(chunked(path, BODY + 1)).await.assert_error_page(413, "invalid_request");
    }
    // Neither a token nor a form of ours is as long.
    for path in ["/token", "/introspect", "/revoke"] {
        server.ask(declared(path, SMALL)).await.assert_token_error(400, "invalid_request");
        server.ask(chunked(path, SMALL)).await.assert_token_error(400, "invalid_request");
        for request in [declared(path, SMALL + 1), chunked(path, SMALL + 1)] {
            let answer = server.ask(request).await;
            answer.assert_token_error(413, "invalid_request");
            assert_eq!(answer.header("connection"), "close");
        }
        assert_bare(&server.ask(declared(path, BODY + 1)).await, 413);
    }
    let bare_of = |request: String| request.replace("authorization: ", "x-none: ");
    for request in [declared("/userinfo", SMALL + 1), chunked("/userinfo", SMALL + 1)] {
        assert_eq!(server.ask(bare_of(request)).await.status, 413);
    }
    for path in ["/login", "/consent", "/account/password"] {
        for request in [declared(path, SMALL + 1), chunked(path, SMALL + 1)] {
            let request = request.replace("\r\nhost:", "\r\norigin: https://op.example\r\nhost:");
            server.ask(request).await.assert_error_page(413, "invalid_request");
        }
    }
}

/// A connection with small buffers on both sides, so that accepted bytes were read.
async fn tight(router: axum::Router) -> (Server, Wire) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let server = Server::on(socket.listen(16).unwrap(), None, router, Limits::default());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(8 * 1024).unwrap();
    let wire = Wire::over(within(socket.connect(server.address)).await.unwrap());
    (server, wire)
}

#[tokio::test]
async fn n050_ten_megabytes_are_not_taken() {
    let (world, machine) = world().await;
    let head_of = |path: &str, framing: &str| token_head(&machine, &[framing]).replace("/token", path);
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let many_small = "1\r\nx\r\n".repeat(10 * 1024 * 1024 / 6);
    for (head, body) in [
        (head_of("/token", "content-length: 10485760"), "x".repeat(10 * 1024 * 1024)),
        (head_of("/token", "content-length: 18446744073709551615"), "x".repeat(10 * 1024 * 1024)),
        (head_of("/token", "transfer-encoding: chunked"), chunk.repeat(10 * 1024)),
        (head_of("/token", "transfer-encoding: chunked"), many_small.clone()),
        (
            head_of("/token", "transfer-encoding: chunked"),
            format!("a00000\r\n{}", "x".repeat(10 * 1024 * 1024)),
        ),
        (head_of("/token", "transfer-encoding: chunked"), format!("1;{}", "x".repeat(10 * 1024 * 1024))),
        (
            head_of("/token", "transfer-encoding: chunked"),
            format!("0\r\nx: {}", "x".repeat(10 * 1024 * 1024)),
        ),
        (head_of("/jwks", "transfer-encoding: chunked"), chunk.repeat(10 * 1024)),
        (head_of("/nowhere", "transfer-encoding: chunked"), chunk.repeat(10 * 1024)),
        (head_of("/token", "transfer-encoding: chunked").replace("form-urlencoded", "y"), many_small),
    ] {
        let (_server, mut wire) = tight(router(&world)).await;
        wire.send(&head).await;
        let taken = wire.press(body.as_bytes()).await;
        // A body of one-byte chunks is six times its size on the wire.
        assert!(taken < 8 * BODY, "{taken} bytes were taken after {head}{}", &body[..10]);
    }
}

#[tokio::test]
async fn n050_a_length_that_lies() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    // More than was said: the rest is no request.
    let mut wire = server.connect().await;
    let short = token_head(&machine, &["content-length: 5"]);
    wire.send(format!("{short}{GRANT}\r\n\r\n")).await;
    wire.answer().await.assert_token_error(400, "invalid_request");
    assert_eq!(wire.answer().await.status, 400);
    wire.closed().await;
    // Less than was said, and then no more.
    for framing in ["content-length: 30", "content-length: 16384"] {
        let mut wire = server.connect().await;
        wire.send(format!("{}{GRANT}", token_head(&machine, &[framing]))).await;
        wire.end().await;
        wire.answer().await.assert_token_error(400, "invalid_request");
        wire.closed().await;
    }
    // The server still works.
    assert_eq!(server.ask(token(&machine)).await.status, 200);
}

#[tokio::test]
async fn n050_with_expect_continue_the_body_is_not_sent_in_vain() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let expecting = |framing: &str| token_head(&machine, &["expect: 100-continue", framing]);
    let mut wire = server.connect().await;
    let proceed = wire.ask(expecting(GRANT_LENGTH)).await;
    assert_eq!(proceed.status, 100);
    assert_eq!(wire.ask(GRANT).await.status, 200);
    assert_eq!(wire.ask(token(&machine)).await.status, 200, "the connection lives on");
    assert_bare(&server.ask(expecting("content-length: 65537")).await, 413);
    let nowhere = expecting(GRANT_LENGTH).replace("/token", "/nowhere");
    assert_eq!(server.ask(nowhere).await.status, 404);
    let other = expecting(GRANT_LENGTH).replace("100-continue", "a-miracle");
    assert_eq!(server.ask(format!("{other}{GRANT}")).await.status, 200);
}

#[tokio::test]
async fn n210_a_hundred_headers() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let lines = |count: usize| (1..count).map(|n| format!("x-{n}: y")).collect::<Vec<_>>();
    let request = |count: usize| {
        let lines = lines(count);
        get("/jwks", &lines.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(server.ask(request(100)).await.status, 200);
    for count in [101, 200, 2000] {
        let mut wire = server.connect().await;
        let answer = wire.ask(request(count)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (431, ""));
        wire.closed().await;
    }
    let cookies: Vec<_> = (0..200).map(|n| format!("cookie: c{n}=v")).collect();
    let request = get("/authorize", &cookies.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(server.ask(request).await.status, 431);
}

#[tokio::test]
async fn n210_headers_have_32_kb_together() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    // `host: op.example` is 14 of them, `x:` one.
    let one = |bytes: usize| get("/jwks", &[&format!("x: {}", "y".repeat(bytes - 15))]);
    let four = |bytes: usize| {
        let line = |bytes: usize| format!("x: {}", "y".repeat(bytes - 1));
        let quarter = (bytes - 14) / 4;
        let lines = [line(quarter), line(quarter), line(quarter), line(bytes - 14 - 3 * quarter)];
        get("/jwks", &lines.each_ref().map(String::as_str))
    };
    for request in [one(HEADERS), four(HEADERS)] {
        assert_eq!(server.ask(request).await.status, 200);
    }
    for request in [one(HEADERS + 1), four(HEADERS + 1)] {
        assert_bare(&server.ask(request).await, 431);
    }
    // Even a head that never ends is not buffered.
    let (_server, mut wire) = tight(router(&world)).await;
    wire.send("GET /jwks HTTP/1.1\r\nhost: op.example\r\nx: ").await;
    let taken = wire.press("y".repeat(10 * 1024 * 1024).as_bytes()).await;
    assert!(taken < 8 * HEADERS, "{taken} bytes");
    let (_server, mut wire) = tight(router(&world)).await;
    let taken = wire.press("\r\n".repeat(5 * 1024 * 1024).as_bytes()).await;
    assert!(taken < 8 * HEADERS, "{taken} bytes");
}

#[tokio::test]
async fn n210_odd_lists_are_skipped_or_read_once() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let plain = server.ask(get("/jwks", &[])).await.shown();
    let commas = ",".repeat(16 * 1024);
    let qs = ";q=0.5".repeat(4 * 1024);
    for line in [
        format!("accept: */*;q=99999999999999999999,text/html;q=-1,;;,{commas}"),
        format!("accept: */*{qs}"),
        format!("accept-language: {commas}"),
        "accept-language: *-*-*;q=nan".into(),
        format!("accept-encoding: gzip{qs}"),
        format!("te: trailers{commas}"),
        format!("range: bytes=0-0,{}", "1-2,".repeat(4 * 1024)),
        format!("if-none-match: {commas}"),
        format!("if-none-match: {}", "W/\"a\", ".repeat(2 * 1024)),
        "if-modified-since: Fri, 99 Foo 99999 99:99:99 GMT".into(),
        format!("forwarded: for={}", "\"[::1]\",for=".repeat(1024)),
        format!("x-forwarded-for: {}", "1.2.3.4, ".repeat(2 * 1024)),
        format!("cookie: {}", "a=b; ".repeat(4 * 1024)),
        format!("cookie: {}", ";".repeat(16 * 1024)),
        format!("cookie: {}", "=".repeat(16 * 1024)),
    ] {
        let answer = server.ask(get("/jwks", &[&line])).await;
        assert_eq!(answer.shown(), plain, "{}", &line[..30]);
    }
    let page = server.ask(get("/authorize", &[&format!("cookie: {}", "c=v; ".repeat(200))])).await;
    page.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n210_a_uri_has_8_kb() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let path = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
    let query = |bytes: usize| format!("/jwks?{}", "a".repeat(bytes - 6));
    assert_eq!(server.ask(get(&path(URI), &[])).await.status, 404);
    assert_eq!(server.ask(get(&query(URI), &[])).await.status, 200);
    for bytes in [URI + 1, 3 * URI] {
        for uri in [path(bytes), query(bytes)] {
            assert_bare(&server.ask(get(&uri, &[])).await, 414);
        }
    }
    for bytes in [64 * 1024, 70_000] {
        let answer = server.ask(get(&path(bytes), &[])).await;
        assert!([414, 431].contains(&answer.status.as_u16()), "{answer:?}");
    }
}

/// A front end must not send its next request on a connection that ends.
#[tokio::test]
async fn an_answer_before_the_body_says_that_the_connection_ends() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let with_body = |method: &str, path: &str| head(method, path, &["content-length: 100"]);
    for (request, status) in [
        (with_body("POST", "/nowhere"), 404),
        (with_body("PUT", "/token"), 405),
        (with_body("POST", "/token"), 415),
        (with_body("GET", "/healthz"), 200),
    ] {
        let mut wire = server.connect().await;
        wire.send(request).await;
        let answer = wire.head().await;
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (status, "close"));
    }
    let mut wire = server.connect().await;
    for _ in 0..2 {
        assert_eq!(wire.ask(token(&machine)).await.header("connection"), "", "the connection stays");
    }
}

#[tokio::test]
async fn a_refused_head_is_answered_whatever_its_method() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let mut seen = BTreeSet::new();
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW", "CONNECT"] {
        let mut wire = server.connect().await;
        wire.send(head(method, &format!("/{}", "a".repeat(URI)), &[])).await;
        let answer = wire.head().await;
        seen.insert((answer.status.as_u16(), answer.header("connection").to_owned()));
        wire.closed().await;
    }
    assert_eq!(seen, BTreeSet::from([(414, "close".into())]));
}

#[tokio::test]
async fn what_the_transport_and_the_routes_refuse_has_an_id_and_a_line() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let log = Log::open();
    let long = "a".repeat(URI);
    for (request, status, refusal) in [
        (get(&format!("/authorize?state={long}"), &[]), 414, "UriTooLong"),
        (get("/jwks", &[&format!("cookie: {}", "a".repeat(HEADERS))]), 431, "HeadersTooLarge"),
        (head("POST", "/token", &["content-length: 70000"]), 413, "BodyTooLarge"),
        (get("/token", &["host: other.example"]), 400, "HeadMalformed"),
        (head("POST", "/token", &["transfer-encoding: gzip, chunked"]), 400, "HeadMalformed"),
        (head("PUT", "/token", &[]), 405, "MethodNotAllowed"),
        (get("/tokens", &[]), 404, "NoSuchPath"),
    ] {
        let answer = server.ask(request).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, ""), "{refusal}");
        let id = answer.header("x-request-id");
        let line = log.text().lines().find(|line| line.contains(id)).unwrap_or_default().to_owned();
        assert!(!id.is_empty() && line.contains(refusal), "{refusal}: {line}");
    }
}

#[tokio::test]
async fn n029_other_origins_read_the_transports_answers_only_where_they_read_the_servers() {
    for issuer in ["https://op.example", "https://op.example/t1"] {
        let world = World::with(Harness::Router, &[("KEYWARD_ISSUER", issuer)]).await;
        let server = Server::of(&world).await;
        let long = "a".repeat(URI);
        let below = issuer.strip_prefix("https://op.example").unwrap();
        for (path, readable) in [
            ("/authorize", false),
            ("/login", false),
            ("/account", false),
            ("/introspect", false),
            ("/", false),
            ("/nowhere", false),
            ("/token", true),
            ("/revoke", true),
            ("/userinfo", true),
            ("/jwks", true),
            ("/.well-known/openid-configuration", true),
        ] {
            let answer =
                server.ask(get(&format!("{below}{path}?{long}"), &["origin: https://rp.example"])).await;
            assert_bare(&answer, 414);
            let allowed = answer.has("access-control-allow-origin");
            assert_eq!(allowed, readable, "{below}{path}: {answer:?}");
        }
        let metadata = format!("/.well-known/oauth-authorization-server{below}?{long}");
        assert!(server.ask(get(&metadata, &[])).await.has("access-control-allow-origin"), "{metadata}");
    }
}
