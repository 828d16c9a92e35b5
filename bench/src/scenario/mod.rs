//! Scenarios: what is asked of a server, one a file. Each makes what it needs in the product, and compares the
//! two servers by a [`Flow`](crate::load::Flow).

pub mod s1;
pub mod s7;

use crate::rounds::Comparison;
use serde::Serialize;
use std::net::SocketAddr;

/// What a scenario found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The scenario and its variant.
    pub name: String,
    /// Costs.
    #[serde(flatten)]
    pub costs: Comparison,
}

/// The bytes of a request. `head` are further header lines, each with its end.
pub fn request(method: &str, path: &str, address: SocketAddr, head: &str, body: &str) -> Vec<u8> {
    // The issuer's own host: under another loopback name the product has more to think about.
    let host = format!("Host: localhost:{}\r\nContent-Length: {}\r\n", address.port(), body.len());
    format!("{method} {path} HTTP/1.1\r\n{host}{head}\r\n{body}").into_bytes()
}
