//! A path is compared byte for byte (N-211) and never leads to a file (N-216).

use crate::wire::{GRANT, GRANT_LENGTH, Server, get, head, token_head, world};
use std::collections::BTreeSet;

#[tokio::test]
async fn n211_a_path_has_one_spelling() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let request = format!("{}{GRANT}", token_head(&machine, &[GRANT_LENGTH]));
    assert_eq!(server.ask(&request).await.status, 200);
    for path in [
        "/token/",
        "//token",
        "/token//",
        "/TOKEN",
        "/Token",
        "/token;x",
        "/token;x=y",
        "/%74oken",
        "/toke%6e",
        "/token%20",
        "/token%00",
        "/token%3f",
        "/token%2f",
        "/./token",
        "/x/../token",
        "/token/.",
        "/token/..",
        "/token/../token",
        "/%2e/token",
        "/%2e%2e/token",
        "/..%2ftoken",
        "/..;/token",
        "/.;/token",
        "/\\token",
        "/token\\",
        "/token:",
        "/tokens",
        "/token.json",
        "/x/token",
        "/token/x",
        "/jwks/../token",
    ] {
        let answer = server.ask(request.replace("/token HTTP", &format!("{path} HTTP"))).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, ""), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(server.ask(request.replace("/token HTTP", "/ HTTP")).await.status, 405);
    for path in
        ["/jwks/", "//jwks", "/JWKS", "/jwks;x", "/%6awks", "/./jwks", "/.well-known/../jwks", "/jwks%3f"]
    {
        assert_eq!(server.ask(get(path, &[])).await.status, 404, "{path}");
    }
    // A query doesn't change a path, and a fragment never comes from an honest client.
    assert_eq!(server.ask(get("/jwks?", &[])).await.status, 200);
    assert_eq!(server.ask(get("/jwks?/../token", &[])).await.status, 200);
}

#[tokio::test]
async fn n211_other_targets_lead_nowhere_else() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    // RFC 9112 §3.2.2: the absolute form is understood; its authority changes nothing.
    let absolute = server.ask(get("http://evil.example/.well-known/openid-configuration", &[])).await;
    assert_eq!(absolute.json()["issuer"], "https://op.example");
    let statuses = async |requests: &[String]| {
        let mut seen = BTreeSet::new();
        for request in requests {
            let answer = server.ask(request).await;
            assert_eq!(answer.text(), "", "{request}");
            seen.insert(answer.status.as_u16());
        }
        seen
    };
    let nowhere = [
        head("OPTIONS", "*", &[]),
        head("GET", "*", &[]),
        head("CONNECT", "op.example:443", &[]),
        head("CONNECT", "127.0.0.1:22", &[]),
        head("CONNECT", "/jwks", &[]),
        head("GET", "op.example:443", &[]),
        head("GET", "jwks", &[]),
        head("GET", "file:///etc/passwd", &[]),
        head("GET", "http://", &[]),
        head("GET", "http:/jwks", &[]),
        head("GET", "?", &[]),
        head("GET", "/\u{e9}", &[]),
    ];
    let seen = statuses(&nowhere).await;
    assert!(seen.is_subset(&BTreeSet::from([400, 404, 405])), "{seen:?}");
    let methods = ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "get", "POST"].map(|m| head(m, "/jwks", &[]));
    assert_eq!(statuses(&methods).await, BTreeSet::from([405]));
}

#[tokio::test]
async fn n216_no_path_reaches_a_file() {
    let (world, _) = world().await;
    let server = Server::of(&world).await;
    for path in [
        "/etc/passwd",
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/....//....//etc/passwd",
        "/..%5c..%5cwindows%5cwin.ini",
        "/.%00./etc/passwd",
        "/static/../../Cargo.toml",
        "/keyward-data/keyward.db",
        "/keyward-data/master.key",
        "/keyward.toml",
        "/.git/config",
        "/.env",
        "/favicon.ico",
        "/robots.txt",
        "/index.html",
        "/.well-known/",
        "/.well-known/host-meta",
        "/.well-known/openid-configuration/../../etc/passwd",
    ] {
        let answer = server.ask(get(path, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, ""), "{path}");
        for upload in ["PUT", "POST", "MKCOL", "MOVE"] {
            let answer = server.ask(format!("{}x", head(upload, path, &["content-length: 1"]))).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (404, ""), "{upload} {path}");
        }
    }
    for path in ["/jwks", "/healthz", "/authorize", "/token", "/nowhere"] {
        let answer = server.ask(get(path, &[])).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}
