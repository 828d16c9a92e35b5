//! Error answers reveal nothing about the server (N-213, N-215).

use crate::wire::{Server, get, head, token, world};
use conformance::{Answer, FORM, Harness, Party, World};
use protocol::id::Realm;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use storage::tap::{Observer, Operation, Tap, When};
use storage::{Location, Sqlite, Store, StoreError, StoreErrorKind};

/// Panics in a chosen call of the store, a given number of times.
#[derive(Default)]
struct Panics(AtomicU64);

impl Panics {
    const WORDS: &str = "SELECT secret FROM vault -- 4711";
}

impl Observer for Panics {
    fn before(&self, call: Operation) -> Result<(), StoreError> {
        let left = self.0.load(Ordering::SeqCst);
        if call.name != "client" || left == 0 {
            return Ok(());
        }
        self.0.store(left - 1, Ordering::SeqCst);
        panic!("{}", Self::WORDS);
    }
}

async fn brittle() -> (World, Party, Arc<Panics>) {
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap());
    let panics = Arc::new(Panics::default());
    let world = World::on(Arc::new(Tap::new(store, Arc::clone(&panics))), Harness::Router, &[]).await;
    let machine = world.machine().await;
    (world, machine, panics)
}

#[tokio::test]
async fn n213_a_panic_is_one_answer_and_no_more() {
    let (world, machine, panics) = brittle().await;
    let server = Server::of(&world).await;
    let mut wire = server.connect().await;
    let authorize = get("/authorize?client_id=machine&redirect_uri=https://rp.example/cb", &[]);
    for request in [token(&machine), authorize] {
        for _ in 0..3 {
            world.app.distrust_caches();
            panics.0.store(1, Ordering::SeqCst);
            let answer = wire.ask(&request).await;
            if request.contains("/authorize") {
                answer.assert_error_page(500, "server_error");
                assert_eq!(answer.element("error-request-id"), Some(answer.header("x-request-id")));
            } else {
                answer.assert_token_error(500, "server_error");
            }
            assert!(!answer.text().contains("vault") && answer.has("x-request-id"), "{answer:?}");
            assert_eq!(panics.0.load(Ordering::SeqCst), 0, "the panic happened");
            assert_eq!(
                wire.ask(token(&machine)).await.status,
                200,
                "the next request on the same connection"
            );
        }
    }
    assert_eq!(server.ask(token(&machine)).await.status, 200);
}

/// Words that would reveal what the server is made of.
const TELLING: [&str; 33] = [
    "panic",
    "panicked",
    "backtrace",
    "handler",
    "thread",
    ".rs",
    "src/",
    "target/",
    "/root",
    "/home",
    "/tmp",
    "hyper",
    "axum",
    "tokio",
    "tower",
    "rustls",
    "rustc",
    "rust",
    "sqlite",
    "sql",
    "select",
    "insert",
    "update",
    "constraint",
    "database",
    "arn",
    "dynamodb",
    "127.0.0.1",
    "localhost",
    "0.1.0",
    "vault",
    "injected",
    "probe",
];

fn assert_discreet(answer: &Answer, request: &str) {
    let status = answer.status.as_u16();
    assert!((400..600).contains(&status), "{request}: {answer:?}");
    for name in ["server", "x-powered-by", "via", "x-aspnet-version"] {
        assert!(!answer.has(name), "{request}: {answer:?}");
    }
    let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    let all = format!("{}{}", headers.collect::<String>(), answer.text()).to_lowercase();
    for word in TELLING {
        // Random text may contain any letters, but hardly a whole word.
        let is_word = |at: usize| {
            let (before, after) = (all[..at].chars().next_back(), all[at + word.len()..].chars().next());
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        };
        let mut found = all.match_indices(word).map(|(at, _)| at);
        assert!(!found.any(is_word), "{word:?} in the answer to {request}: {all}");
    }
    // A page says more, and has its own tests; everything else is empty, a fixed word, or JSON of two members.
    if !answer.header("content-type").starts_with("text/html") {
        assert!(answer.body.len() < 200, "{request}: {answer:?}");
    }
}

fn bad_requests(machine: &Party) -> Vec<String> {
    let form = |path: &str, body: &str| {
        let length = format!("content-length: {}", body.len());
        let lines =
            [&format!("content-type: {FORM}"), &length, &format!("authorization: {}", machine.basic())];
        format!("{}{body}", head("POST", path, &lines.map(String::as_str)))
    };
    let mut bad: Vec<String> = ["/nowhere", "/%00", "/<probe>", "/token/", "/jwks/x", "/.well-known/x"]
        .iter()
        .flat_map(|path| ["GET", "POST", "PUT", "OPTIONS"].map(|method| head(method, path, &[])))
        .collect();
    for path in ["/token", "/userinfo", "/jwks", "/authorize", "/login", "/consent", "/healthz", "/readyz"] {
        bad.extend(
            ["PUT", "DELETE", "TRACE", "PATCH", "CONNECT", "<probe>"].map(|method| head(method, path, &[])),
        );
    }
    for path in ["/token", "/userinfo", "/authorize", "/login", "/consent"] {
        for body in [
            "",
            "%",
            "%00",
            "%ff",
            "a=b&a=b",
            "<probe>=<probe>",
            "grant_type=<probe>",
            "grant_type=%27%20OR%201=1--",
            "grant_type=authorization_code&code='||(select%201)||'",
            "grant_type=client_credentials&scope=%22",
            "grant_type=client_credentials&resource=%3Cprobe%3E",
            "grant_type=client_credentials&client_id=%3Cprobe%3E",
            "client_id=%3Cprobe%3E&redirect_uri=%3Cprobe%3E&access_token=%3Cprobe%3E",
            "r=%3Cprobe%3E&csrf=%3Cprobe%3E&username=%3Cprobe%3E&password=%3Cprobe%3E",
        ] {
            bad.push(form(path, body));
        }
        bad.push(form(path, "x=y").replace("urlencoded", "<probe>"));
        bad.push(form(path, "x=y").replace("content-length: 3", "content-length: 99999999"));
        bad.push(form(path, "x=y").replace("content-length: 3", "content-length: <probe>"));
        bad.push(form(path, "x=y").replace("content-length: 3", "transfer-encoding: <probe>"));
        bad.push(form(path, "x=y").replace("content-length: 3", "transfer-encoding: chunked"));
        bad.push(form(path, "x=y").replace("Basic ", "<probe> "));
        bad.push(form(path, "x=y").replace("Basic ", "Bearer "));
        bad.push(form(path, "x=y").replace("Basic ", "Bearer eyJ"));
    }
    for query in ["", "?", "?client_id=<probe>", "?client_id=%00", "?r=<probe>", "?%", "?client_id=machine"] {
        bad.extend(
            ["/authorize", "/login", "/consent", "/userinfo"].map(|path| get(&format!("{path}{query}"), &[])),
        );
    }
    bad.push(get("/<probe>", &["accept: text/html"]));
    bad.push(get("/jwks", &["<probe>: x"]));
    bad.push(get("/jwks", &[]).replace("HTTP/1.1", "HTTP/<probe>"));
    bad.push(get(&format!("/{}", "x".repeat(9000)), &[]));
    bad.push(get("/jwks", &[&format!("x: {}", "x".repeat(33_000))]));
    bad.push(get("/jwks", &["x: y"; 101]));
    bad
}

#[tokio::test]
async fn n215_no_refusal_reveals_internals() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    for request in bad_requests(&machine) {
        assert_discreet(&server.ask(&request).await, &request);
    }
}

#[tokio::test]
async fn n215_no_failure_reveals_internals() {
    let (world, machine) = world().await;
    let server = Server::of(&world).await;
    let authorize = get("/authorize?client_id=machine&redirect_uri=https://rp.example/cb", &[]);
    for kind in [StoreErrorKind::Busy, StoreErrorKind::Unavailable, StoreErrorKind::Corrupt] {
        for request in [token(&machine), authorize.clone()] {
            world.app.distrust_caches();
            world.faults.fail("client", 1, When::Before, kind);
            let answer = server.ask(&request).await;
            if answer.status != 200 {
                assert_discreet(&answer, &request);
            }
        }
        world.faults.fail("probe", 1, When::Before, kind);
        world.pass(1);
        let answer = server.ask(get("/readyz", &[])).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (503, "unready"));
        assert_discreet(&answer, "/readyz");
    }
    let (world, machine, panics) = brittle().await;
    let server = Server::of(&world).await;
    for request in [token(&machine), authorize] {
        world.app.distrust_caches();
        panics.0.store(1, Ordering::SeqCst);
        let answer = server.ask(request).await;
        assert_eq!(answer.status, 500);
        assert_discreet(&answer, "a panic");
    }
}
