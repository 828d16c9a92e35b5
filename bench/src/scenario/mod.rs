//! Scenarios: what is asked of a server, one a file. Each makes what it needs in the product, and compares the
//! two servers by a [`Flow`].

pub mod pile;
pub mod s1;
pub mod s10;
pub mod s2;
pub mod s3;
pub mod s4;
pub mod s5;
pub mod s6;
pub mod s7;
pub mod s8;
pub mod s9;

use crate::Outcome;
use crate::load::Flow;
use crate::machine::Machine;
use crate::product::Product;
use crate::rounds::{Comparison, Plan, Subject, compare};
use crate::server::Server;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::net::SocketAddr;

/// The header line of a form.
pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
/// The user that all sign in as.
pub const USERNAME: &str = "bench";
/// That user's password.
pub const PASSWORD: &str = "a password nobody else has";

/// Where a scenario runs.
pub struct Setting<'a> {
    /// On what.
    pub machine: &'a Machine,
    /// Whose clients and users are made.
    pub product: &'a Product,
    /// The product's server.
    pub server: &'a Server,
    /// How long and how hard.
    pub plan: Plan,
}

/// What a scenario found.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The scenario and its variant.
    pub name: String,
    /// Costs.
    #[serde(flatten)]
    pub costs: Comparison,
}

impl Setting<'_> {
    /// Compares the product to a floor.
    async fn compare<A: Flow, B: Flow>(
        &self,
        name: impl Into<String>,
        floor: (&Server, A),
        product: B,
    ) -> Outcome<Row> {
        let floor = Subject { server: floor.0, flow: floor.1 };
        let product = Subject { server: self.server, flow: product };
        Ok(Row { name: name.into(), costs: compare(&floor, &product, self.plan).await? })
    }
}

/// The bytes of a request. `head` are further header lines, each with its end.
pub fn request(method: &str, path: &str, address: SocketAddr, head: &str, body: &str) -> Vec<u8> {
    // The issuer's own host: under another loopback name the product has more to think about.
    let host = format!("Host: localhost:{}\r\nContent-Length: {}\r\n", address.port(), body.len());
    format!("{method} {path} HTTP/1.1\r\n{host}{head}\r\n{body}").into_bytes()
}

/// Pairs as `application/x-www-form-urlencoded`.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, ESCAPED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_encoded() {
        assert_eq!(encode(&[("a", "1 2"), ("b", "x&y~")]), "a=1%202&b=x%26y~");
        assert_eq!(encode(&[]), "");
    }
}
