//! Ports for programs that can't be told to choose one themselves.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

/// Below the ephemeral ports, so that nothing else takes it meanwhile, and never the same twice.
pub fn free_port(from: u16) -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let from = from + u16::try_from(std::process::id() % 10_000).unwrap();
    let is_free = |port: &u16| !given.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (from..from + 2_000).find(is_free).unwrap();
    given.insert(port);
    port
}
