//! The listener for metrics of a real process: what it serves, to whom, and how much of it.

use crate::commands::{QUICK, SERVE, json, machine};
use conformance::process::{Process, piped, run_with};
use conformance::{Answer, get};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;
use storage::contract::tool::{environment, go_without};
use tempfile::TempDir;

/// Reads a text with the parser of Prometheus's client, and prints `family type samples` of each family.
const PARSE: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    assert family.documentation and family.samples is not None, family
    for sample in family.samples:
        assert sample.name.startswith(family.name), sample
        if family.type == 'histogram' and sample.name.endswith('_bucket'):
            assert 'le' in sample.labels, sample
    print(family.name, family.type, len(family.samples))
";

const MISSING: &str = "set PROMETHEUS_PYTHON to a Python with the packages of conformance/prometheus.txt";

/// What the parser reads in the text; `None`: this machine doesn't have it.
fn parsed(text: &str) -> Option<String> {
    let Some(python) = environment("PROMETHEUS_PYTHON") else {
        go_without("PROMETHEUS", "a test of metrics passes without Prometheus's parser", MISSING);
        return None;
    };
    let mut command = Command::new(python);
    command.args(["-c", PARSE]);
    let output = piped(command, text);
    assert!(output.status.success(), "it can't be parsed: {text}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// A server with a listener for metrics.
fn start(folder: &TempDir) -> (Process, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = free.to_string();
    let server = Process::start(folder.path(), &SERVE, &[QUICK[0], ("KEYWARD_METRICS_LISTEN", &address)]);
    (server, free)
}

/// Sends bytes on a connection of its own, and returns all that comes back.
fn exchange(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may be refused before all of it is sent.
    let _refused = stream.write_all(bytes.as_bytes());
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn scrape(address: SocketAddr) -> String {
    exchange(address, "GET /metrics HTTP/1.1\r\nhost: monitored\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn prometheus_reads_what_the_server_has_counted() {
    let folder = TempDir::new().unwrap();
    let (server, metrics) = start(&folder);
    let (_, ask) = machine(folder.path());
    for _ in 0..3 {
        assert_eq!(server.send(ask()).await.status, 200);
    }
    json(folder.path(), &["user", "create", "--username", "ada", "--password-stdin"], "a good password");
    let answer = scrape(metrics);
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    for header in ["content-type: text/plain; version=0.0.4; charset=utf-8", "cache-control: no-store"] {
        assert!(head.contains(header), "{head}");
    }
    for line in [
        r#"keyward_requests_total{endpoint="/token",status="2xx",error=""} 3"#,
        r#"keyward_request_duration_seconds_count{endpoint="/token"} 3"#,
        r#"keyward_signing_keys{state="active"} 1"#,
        "keyward_key_rotation_overdue 0",
        // A request of this test has a connection of its own.
        r#"keyward_connections_total{event="accepted"} 3"#,
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in {text}");
    }
    let ring =
        text.lines().find_map(|line| line.strip_prefix("keyward_store_calls_total{operation=\"ring\""));
    assert!(ring.is_some_and(|rest| !rest.ends_with(" 0")), "calls of the start count, too: {text}");
    if let Some(families) = parsed(text) {
        let expected = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(families.lines().count(), expected, "{families}");
        for family in [
            "keyward_requests counter 1",
            "keyward_request_duration_seconds histogram 17",
            "keyward_key_ring_age_seconds gauge 1",
        ] {
            assert!(families.contains(family), "{family} is not in {families}");
        }
    }
    assert!(server.stop());
}

#[tokio::test]
async fn metrics_are_served_on_their_listener_only_and_nothing_else_is() {
    let folder = TempDir::new().unwrap();
    let (server, metrics) = start(&folder);
    let Answer { status, .. } = server.send(get("/metrics")).await;
    assert_eq!(status, 404, "the public listener has no metrics");
    for path in ["/", "/token", "/jwks", "/healthz", "/metrics/", "/metrics/x", "/debug"] {
        let answer =
            exchange(metrics, &format!("GET {path} HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    for (request, status) in [
        (
            "POST /metrics HTTP/1.1\r\nhost: m\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
            405,
        ),
        ("POST /metrics HTTP/1.1\r\nhost: m\r\ncontent-length: 70000\r\n\r\nhello".to_owned(), 413),
        (format!("GET /metrics?{} HTTP/1.1\r\nhost: m\r\n\r\n", "x".repeat(9_000)), 414),
    ] {
        let answer = exchange(metrics, &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        let is_hardened = answer.contains("x-content-type-options: nosniff");
        assert!(is_hardened || status == 405, "{status}: {answer}");
    }
    assert!(server.stop());
}

#[tokio::test]
async fn idle_connections_do_not_keep_prometheus_out() {
    let folder = TempDir::new().unwrap();
    let (server, metrics) = start(&folder);
    let mut held: Vec<_> = (0..40).map(|_| TcpStream::connect(metrics).unwrap()).collect();
    for stream in &mut held {
        let _closed = stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: m\r\n");
    }
    // Those of one address are closed unanswered until one of them has been idle for a second.
    let mut answer = String::new();
    for _ in 0..100 {
        answer = scrape(metrics);
        if !answer.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.send(get("/healthz")).await.status, 200);
    assert!(server.stop(), "held connections don't delay the end");
}

#[test]
fn an_address_that_cannot_be_bound_stops_the_start_with_the_fix() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [&SERVE[..], &["dev", "--listen", "127.0.0.1:0"]] {
        for (value, fix) in
            [(address.as_str(), "choose another address or port"), ("localhost", "127.0.0.1:9090")]
        {
            let output = run_with(folder.path(), arguments, &[("KEYWARD_METRICS_LISTEN", value)], "");
            let message = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
            for part in ["setting `metrics_listen`", value, "KEYWARD_METRICS_LISTEN", fix] {
                assert!(message.contains(part), "{part}: {message}");
            }
            assert!(!folder.path().join("keyward-data").exists(), "nothing is made");
        }
    }
}
