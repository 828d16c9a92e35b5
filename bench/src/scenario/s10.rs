//! S10: four addresses hold all the connections they can get: idle, or with heads and bodies that don't end. What that
//! costs in memory, and what another caller's token costs meanwhile. There is no floor: the product is compared with
//! itself without the attack.

use super::s1;
use crate::Outcome;
use crate::load::Pace;
use crate::machine::Machine;
use crate::product::{Client, Product};
use crate::results::Stall;
use crate::rounds::{Plan, Spread, Subject};
use crate::server::Server;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

/// The last bytes of the addresses; tokens come from 127.0.0.1.
const HOSTILE: [u8; 4] = [2, 3, 4, 5];
/// Connections that each of them asks for: more than it may have.
const EACH: usize = 400;
/// How many of them send at a time.
const AT_ONCE: usize = 100;
/// Bytes of the largest head and body that the product takes.
const HEAD: usize = 38 * 1024;
const BODY: usize = 64 * 1024;

/// Measures each way on a server of its own.
pub async fn run(product: &Product, machine: &Machine, client: &Client, plan: Plan) -> Outcome<Vec<Stall>> {
    allow_descriptors()?;
    let mut stalls = Vec::new();
    for (way, bytes) in ways() {
        let server = product.serve(&machine.runner())?;
        let token = Subject { server: &server, flow: s1::ask(&server, client) };
        let (mut before, mut meanwhile) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            before.push(token.sample(plan.connections, Pace::Closed, plan.time).await?.micros);
            let held = hold(&server, &bytes).await;
            meanwhile.push(token.sample(plan.connections, Pace::Closed, plan.time).await?.micros);
            drop(held);
        }
        stalls.push(Stall {
            way,
            ratio: Spread::of(meanwhile.iter().zip(&before).map(|(meanwhile, before)| meanwhile / before)),
            before: Spread::of(before.into_iter()),
            meanwhile: Spread::of(meanwhile.into_iter()),
            peak: server.peak()?,
        });
    }
    Ok(stalls)
}

/// What each connection sends.
fn ways() -> [(&'static str, Vec<u8>); 4] {
    let head = |request: &str| format!("{request} HTTP/1.1\r\nHost: localhost\r\n");
    let form = format!("{}Content-Type: application/x-www-form-urlencoded\r\n", head("POST /authorize"));
    let long = format!("X: {}\r\n", "y".repeat(30 * 1024));
    let unfinished = |begin: String, bytes: usize| {
        let more = bytes.saturating_sub(begin.len());
        (begin + &"a".repeat(more)).into_bytes()
    };
    let promise = format!("Content-Length: {BODY}\r\n\r\n");
    let body = |begin: String| unfinished(begin.clone(), begin.len() + BODY - 1);
    [
        ("idle", format!("{}\r\n", head("GET /healthz")).into_bytes()),
        ("head", unfinished(format!("{}{long}X: ", head("GET /")), HEAD)),
        ("body", body(format!("{form}{promise}"))),
        ("head and body", body(format!("{form}{long}{promise}"))),
    ]
}

/// Opens as many connections as the server lets in.
async fn hold(server: &Server, bytes: &[u8]) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..EACH * HOSTILE.len() / AT_ONCE {
        let mut rests = Vec::new();
        for address in HOSTILE.iter().cycle().take(AT_ONCE) {
            if let Ok(stream) = connect(server.address, Ipv4Addr::new(127, 0, 0, *address)).await {
                rests.push((stream, bytes));
            }
        }
        // What the server doesn't take is not waited for: it may refuse to.
        for _ in 0..10 {
            rests.iter_mut().for_each(|(stream, rest)| press(stream, rest));
            sleep(Duration::from_millis(2)).await;
        }
        held.extend(rests.into_iter().map(|(stream, _)| stream));
    }
    held
}

async fn connect(server: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(server).await
}

fn press(stream: &TcpStream, rest: &mut &[u8]) {
    while !rest.is_empty() {
        match stream.try_write(rest) {
            Ok(written) => *rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // Closed already.
            Err(_) => *rest = &[],
        }
    }
}

/// The driver needs a file descriptor for each connection.
fn allow_descriptors() -> Outcome<()> {
    let most = (EACH * HOSTILE.len() + 1024).to_string();
    let id = std::process::id().to_string();
    let done = Command::new("prlimit")
        .args(["--pid", &id, &format!("--nofile={most}:")])
        .stdout(Stdio::null())
        .status()?;
    if done.success() {
        Ok(())
    } else {
        Err(format!("the driver needs {most} descriptors: raise `ulimit -Hn`").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_sent_is_whole_but_what_idles() {
        for (way, bytes) in ways() {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            match way {
                "idle" => assert_eq!(end, Some(bytes.len())),
                "head" => assert_eq!((end, bytes.len()), (None, HEAD)),
                _ => assert_eq!(bytes.len() - end.unwrap(), BODY - 1, "{way}"),
            }
        }
    }
}
