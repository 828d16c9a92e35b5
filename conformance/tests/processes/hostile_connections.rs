//! Four hostile addresses hold as much of a real process as they can: what it costs in memory, and whether others are
//! served (N-251). Nothing here waits for a time-out: connections that the server has closed meanwhile cost it less.
#![cfg(target_os = "linux")]

use crate::commands::{QUICK, SERVE, json};
use conformance::process::{Process, keyward};
use conformance::{With as _, basic, form};
use server::transport::descriptors::connections;
use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream as Stream;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// How much memory may be added to that of an idle server, in kB: 64 for each of four times 128 connections, less than
/// SECURITY.md says, and the request bytes of each address.
const MOST_MORE: u64 = 4 * (128 * 64 + 512);

/// Loopback addresses other than the one that tokens are requested from.
const HOSTILE: [&str; 4] = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"];

/// What a connection sends and then leaves unfinished.
fn worst() -> [String; 7] {
    let long = format!("x: {}", "y".repeat(30 * 1024));
    let form = "host: localhost\r\ncontent-type: application/x-www-form-urlencoded";
    let many: String = (0..90).map(|n| format!("x-{n}: {}\r\n", "y".repeat(60))).collect();
    let just_free = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}", "y".repeat(7000));
    [
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".into(),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n{long}", "a".repeat(8000)),
        format!("POST /authorize HTTP/1.1\r\n{form}\r\ncontent-length: 65536\r\n\r\n{}", "a".repeat(65_535)),
        format!(
            "POST /authorize HTTP/1.1\r\n{form}\r\n{long}\r\ncontent-length: 65536\r\n\r\n{}",
            "a".repeat(65_535)
        ),
        format!("POST /token HTTP/1.1\r\n{form}\r\ncontent-length: 16384\r\n\r\n{}", "a".repeat(16_383)),
        format!("POST /token HTTP/1.1\r\n{form}\r\ncontent-length: 9000\r\n{many}\r\na"),
        format!("{}{just_free}", format!("{just_free}\r\n\r\n").repeat(14)),
    ]
}

async fn connect(server: &Process, address: &str) -> Option<Stream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_nodelay(true).unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let stream =
        tokio::time::timeout(std::time::Duration::from_secs(30), socket.connect(server.address)).await;
    stream.ok()?.ok()?.into_std().ok()
}

/// Sends as much as the server reads now.
fn press(stream: &mut Stream, bytes: &mut &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => *bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => *bytes = &[],
        }
    }
}

fn resident(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The connections that the server has accepted and not closed. Its descriptors can be listed by root only.
fn accepted(server: &Process) -> usize {
    let port = format!(":{:04X}", server.address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Columns: local address, state (01 is established), inode (0: of no process).
    let accepted = rows.filter(|row| row[1].ends_with(&port) && row[3] == "01" && row[9] != "0");
    // A row can appear twice while connections come and go.
    accepted.map(|row| row[9]).collect::<HashSet<_>>().len()
}

/// The limits of open files: soft, hard.
fn limits(server: &Process) -> (u64, u64) {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    (soft.parse().unwrap(), hard.parse().unwrap())
}

/// A client that gets tokens.
struct Client(String);

impl Client {
    fn create(folder: &Path) -> Self {
        let client = json(folder, &["client", "create", "--name", "M", "--scope", "read"], "");
        let member = |name: &str| client[name].as_str().unwrap().to_owned();
        Self(basic(&member("client_id"), &member("client_secret")))
    }

    async fn token(&self, server: &Process) {
        let ask = form("/token", &[("grant_type", "client_credentials")]).with("authorization", &self.0);
        assert_eq!(server.send(ask).await.status, 200);
    }
}

#[tokio::test]
async fn n251_four_hostile_addresses_leave_memory_and_service_to_others() {
    server::transport::descriptors::raise();
    for (kind, worst) in worst().iter().enumerate() {
        let folder = TempDir::new().unwrap();
        let server = Process::start(folder.path(), &SERVE, &QUICK);
        let client = Client::create(folder.path());
        client.token(&server).await;
        let (idle, mut held, mut most) = (resident(&server), Vec::new(), 0);
        for _ in 0..140 {
            for address in HOSTILE {
                let Some(stream) = connect(&server, address).await else { continue };
                held.push((stream, worst.as_bytes()));
            }
            let late = held.len().saturating_sub(64);
            held[late..].iter_mut().for_each(|(stream, bytes)| press(stream, bytes));
        }
        client.token(&server).await;
        for _ in 0..5 {
            held.iter_mut().for_each(|(stream, bytes)| press(stream, bytes));
            client.token(&server).await;
            most = most.max(resident(&server));
        }
        assert!(most < idle + MOST_MORE, "{kind}: {idle} kB became {most}");
    }
}

/// If the pieces were kept, each would keep a buffer of the connection alive.
#[tokio::test]
async fn n251_a_body_in_single_bytes_costs_no_more_than_its_size() {
    let folder = TempDir::new().unwrap();
    let server = Process::start(folder.path(), &SERVE, &QUICK);
    let client = Client::create(folder.path());
    client.token(&server).await;
    let idle = resident(&server);
    let mut streams = Vec::new();
    for _ in 0..32 {
        let mut stream = connect(&server, HOSTILE[0]).await.unwrap();
        let head = "POST /token HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
                    content-type: application/x-www-form-urlencoded\r\ncontent-length: 16384\r\n\r\n";
        stream.set_nonblocking(false).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        // It waits for the body now.
        stream.read_exact(&mut [0; 12]).unwrap();
        streams.push(stream);
    }
    for _ in 0..300 {
        streams.iter_mut().for_each(|stream| drop(stream.write(b"a")));
        client.token(&server).await;
    }
    let now = resident(&server);
    assert!(now < idle + 8 * 1024, "{idle} kB became {now}");
}

#[tokio::test]
async fn n251_descriptors_are_raised_to_what_is_allowed_and_never_used_up() {
    let folder = TempDir::new().unwrap();
    let serve = |limits: &str| {
        let keyward = keyward(folder.path(), &SERVE, &QUICK);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")])
            .arg(keyward.get_program())
            .args(keyward.get_args());
        let settings = keyward.get_envs().filter_map(|(name, value)| Some((name, value?)));
        shell.current_dir(folder.path()).env_clear().envs(settings);
        shell
    };
    let raised = Process::spawn(serve("ulimit -S -n 300; ulimit -H -n 1000"));
    assert_eq!(limits(&raised), (1000, 1000));
    raised.kill();
    let few = Process::spawn(serve("ulimit -n 256"));
    let client = Client::create(folder.path());
    client.token(&few).await;
    let (mut held, mut most) = (Vec::new(), 0);
    for n in 0..100 {
        for third in 0..4 {
            // Each from a network of its own, so that only all of them together fill it.
            held.push(connect(&few, &format!("127.0.{third}.{}", n + 2)).await);
        }
        most = most.max(accepted(&few));
    }
    // Not exactly: one is accepted before another is closed to make room.
    assert!((connections(256) / 2..connections(256) + 16).contains(&most), "{most} were open");
    client.token(&few).await;
    drop(few);
    let message = Process::try_spawn(serve("ulimit -n 100")).err().unwrap();
    assert!(message.contains("raise the hard limit"), "{message}");
}
