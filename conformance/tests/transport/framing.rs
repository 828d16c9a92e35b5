//! Where a request ends. What two readers could understand differently is refused, and the connection ends with
//! it, so that nothing can hide behind it (N-207).

use crate::wire::{GRANT, GRANT_LENGTH, Server, Wire, get, token, token_head, world};
use conformance::{Answer, Party};

/// 29 bytes as one chunk.
const CHUNKS: &str = "1d\r\ngrant_type=client_credentials\r\n0\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked";

/// Sends bytes with a good request behind them: 400, the end, and no answer to the second.
async fn refuse(server: &Server, bytes: impl AsRef<[u8]>) {
    let shown = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    let mut wire = server.connect().await;
    wire.send([bytes.as_ref(), get("/jwks", &[]).as_bytes()].concat()).await;
    let answer = wire.answer().await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (400, "close"), "{shown}: {answer:?}");
    wire.closed().await;
}

/// The same, with framing lines in a request that is good but for them.
async fn refuse_framed(server: &Server, machine: &Party, lines: &[&str]) {
    let body = if lines.iter().any(|line| line.contains("hunked")) { CHUNKS } else { GRANT };
    refuse(server, format!("{}{body}", token_head(machine, lines))).await;
}

async fn last(wire: &mut Wire, bytes: String) -> Answer {
    let answer = wire.ask(bytes).await;
    assert_eq!(answer.header("connection"), "close", "{answer:?}");
    wire.closed().await;
    answer
}

#[tokio::test]
async fn n207_one_length_and_no_other_framing_next_to_it() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    for lines in [
        [GRANT_LENGTH, CHUNKED],
        [CHUNKED, GRANT_LENGTH],
        [CHUNKED, "content-length: 0"],
        ["Content-Length: 29", "Transfer-Encoding: Chunked"],
        [GRANT_LENGTH, "content-length: 5"],
        [GRANT_LENGTH, GRANT_LENGTH],
        ["content-length: 5", GRANT_LENGTH],
        ["CONTENT-LENGTH: 29", GRANT_LENGTH],
    ] {
        refuse_framed(&server, &machine, &lines).await;
    }
}

#[tokio::test]
async fn n207_a_length_is_digits() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    for length in [
        "",
        "+29",
        "-29",
        "0x1d",
        "2 9",
        "29,",
        "29, 29",
        "29;",
        "29.0",
        "2e1",
        "29a",
        "\"29\"",
        "18446744073709551645",
        "99999999999999999999999",
    ] {
        refuse_framed(&server, &machine, &[&format!("content-length: {length}")]).await;
    }
}

#[tokio::test]
async fn n207_the_only_coding_is_chunked() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    for coding in [
        "",
        "identity",
        "x",
        "gzip",
        "xchunked",
        "chunkedx",
        "\"chunked\"",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, chunked",
        "chunked,",
        ", chunked",
        "chunked; q=1",
        "\x0bchunked",
        "chunked\x00",
    ] {
        refuse_framed(&server, &machine, &[&format!("transfer-encoding: {coding}")]).await;
    }
    for lines in [[CHUNKED, CHUNKED], ["transfer-encoding: x", CHUNKED], [CHUNKED, "transfer-encoding: x"]] {
        refuse_framed(&server, &machine, &lines).await;
    }
    let old = token_head(&machine, &[CHUNKED]).replace("HTTP/1.1", "HTTP/1.0");
    refuse(&server, format!("{old}{CHUNKS}")).await;
}

#[tokio::test]
async fn n207_lines_end_and_are_shaped_in_one_way() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let good = get("/jwks", &["x: y"]);
    assert_eq!(server.ask(&good).await.status, 200);
    for bad in [
        good.replace("\r\n", "\n"),
        good.replace("1.1\r\n", "1.1\n"),
        good.replace("y\r\n", "y\n"),
        good.replace("y\r\n\r\n", "y\r\n\n"),
        good.replace("y\r\n", "y\r"),
        good.replace("x: y", "x: a\rb"),
        good.replace("x: y", "x: a\0b"),
        good.replace("x: y", "x: a\r\n b"),
        good.replace("x: y", "x: a\r\n\tb"),
        good.replace("x: y", "x : y"),
        good.replace("x: y", "x\t: y"),
        good.replace("x: y", " x: y"),
        good.replace("x: y", "x y"),
        good.replace("x: y", ": y"),
        good.replace("x: y", "x(): y"),
        good.replace("host", " host"),
        good.replace("GET ", "GET  "),
        good.replace("GET ", "GET\t"),
        good.replace("GET ", "G(T "),
        good.replace("GET ", ""),
        good.replace("/jwks", "/jw\0ks"),
        good.replace("/jwks", "/jw ks"),
        good.replace(" HTTP/1.1", ""),
        good.replace(" HTTP/1.1", "  HTTP/1.1"),
        good.replace("HTTP/1.1", "HTTP/1.1 "),
        good.replace("HTTP/1.1", "HTTP/1.2"),
        good.replace("HTTP/1.1", "HTTP/2.0"),
        good.replace("HTTP/1.1", "http/1.1"),
    ] {
        refuse(&server, bad).await;
    }
    for framing in
        ["content-length : 29", "content-length\t: 29", "transfer-encoding : chunked", " content-length: 29"]
    {
        refuse_framed(&server, &machine, &[framing]).await;
    }
    refuse_framed(&server, &machine, &["x: y\n transfer-encoding: chunked", GRANT_LENGTH]).await;
    refuse_framed(&server, &machine, &["x: y\ntransfer-encoding: chunked"]).await;
}

#[tokio::test]
async fn n207_a_later_request_is_read_as_strictly() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let doubtful = format!("{}{CHUNKS}", token_head(&machine, &[GRANT_LENGTH, CHUNKED]));
    for cut in [1, 30, 60, 90, 150, 200, doubtful.len()] {
        let mut wire = server.connect().await;
        assert_eq!(wire.ask(token(&machine)).await.status, 200);
        assert_eq!(wire.ask(get("/jwks", &[])).await.status, 200);
        wire.send(&doubtful[..cut.min(doubtful.len())]).await;
        wire.send(&doubtful[cut.min(doubtful.len())..]).await;
        assert_eq!(wire.answer().await.status, 400, "cut at {cut}");
        wire.closed().await;
    }
    // Text in a body is no header.
    let mut wire = server.connect().await;
    let innocent = format!("{}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\n", "x".repeat(20));
    let length = format!("content-length: {}", innocent.len());
    for _ in 0..3 {
        let answer = wire.ask(format!("{}{innocent}", token_head(&machine, &[&length]))).await;
        answer.assert_token_error(400, "invalid_request");
        assert!(!answer.has("connection"));
    }
    assert_eq!(wire.ask(get("/jwks", &[])).await.status, 200);
}

#[tokio::test]
async fn n207_chunks_have_one_grammar() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let head = token_head(&machine, &[CHUNKED]);
    for bad in [
        CHUNKS.replace("1d", "+1d"),
        CHUNKS.replace("1d", "0x1d"),
        CHUNKS.replace("1d", "1d 1"),
        CHUNKS.replace("1d", " 1d"),
        CHUNKS.replace("1d", "-1"),
        CHUNKS.replace("1d", "g"),
        CHUNKS.replace("1d", ""),
        CHUNKS.replace("1d", "1000000000000001d"),
        CHUNKS.replace("1d\r\n", "1d\n"),
        CHUNKS.replace("1d\r\n", "1d\r"),
        CHUNKS.replace("1d\r\n", "1d;a\nb\r\n"),
        CHUNKS.replace("1d\r\n", &format!("1d;{}\r\n", "x".repeat(32 * 1024))),
        CHUNKS.replace("s\r\n0", "s\n0"),
        CHUNKS.replace("s\r\n0", "s0"),
        CHUNKS.replace("1d", "1c"),
        CHUNKS.replace("0\r\n\r\n", &format!("0\r\nx: {}\r\n\r\n", "x".repeat(32 * 1024))),
        CHUNKS.replace("0\r\n\r\n", "0\r\nx y\r\n\r\n"),
    ] {
        refuse(&server, format!("{head}{bad}")).await;
    }
}

#[tokio::test]
async fn n207_a_chunked_request_is_the_last_of_its_connection() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let head = token_head(&machine, &[CHUNKED]);
    for chunks in [
        CHUNKS.to_owned(),
        "A\r\ngrant_type\r\n013\r\n=client_credentials\r\n00\r\n\r\n".into(),
        CHUNKS.replace("1d", "1D;a=b;c=\"d\""),
        CHUNKS.replace("0\r\n\r\n", "0\r\nx-trailer: y\r\ncontent-length: 7\r\n\r\n"),
    ] {
        let mut wire = server.connect().await;
        let answer = last(&mut wire, format!("{head}{chunks}{}", get("/jwks", &[]))).await;
        assert_eq!(answer.status, 200, "{chunks}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_allowed_is_served() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    for good in [
        format!("\r\n{}", get("/jwks", &[])),
        get("/jwks", &["X:y", "x:  \t y \t ", "X-Empty:"]),
        get("/jwks", &[]).replace("host: ", "hOsT:"),
        get("/jwks", &["content-length: 0"]),
        get("/jwks", &["Content-Length:\t 000 "]),
        format!("{}{GRANT}", token_head(&machine, &["cOnTeNt-LeNgTh:29"])),
        get("/jwks", &["x-latin: \u{e9}"]),
    ] {
        assert_eq!(wire.ask(&good).await.status, 200, "{good}");
    }
}

#[tokio::test]
async fn n208_another_version_of_http_is_not_spoken() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    let answer = wire.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert_eq!(answer.status, 400);
    wire.closed().await;
    // An offer to upgrade is ignored.
    let upgrade = ["connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"];
    let answer = server.ask(get("/jwks", &upgrade)).await;
    assert_eq!((answer.status.as_u16(), answer.has("upgrade")), (200, false));
    for upgrade in
        [["connection: upgrade", "upgrade: websocket"], ["connection: upgrade", "upgrade: TLS/1.0"]]
    {
        let mut wire = server.connect().await;
        assert_eq!(wire.ask(get("/jwks", &upgrade)).await.status, 200);
        assert_eq!(wire.ask(get("/jwks", &[])).await.status, 200, "the same connection, the same language");
    }
}
