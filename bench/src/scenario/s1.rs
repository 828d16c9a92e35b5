//! S1: a client gets a token for itself (client_credentials, `client_secret_basic`); its record is in the cache.

use super::testbed::Testbed;
use crate::Outcome;
use crate::floor;
use crate::load::{Ask, Pace};
use crate::machine::Machine;
use crate::product::{Client, Product};
use crate::request::request;
use crate::results::{Latency, Row};
use crate::rounds::{Plan, Sample, Spread, Subject};
use crate::server::Server;
use crate::token::Token;

/// A client of the product whose tokens are signed by this algorithm.
pub fn client(product: &Product, token: Token) -> Outcome<Client> {
    let (id, alg) = (format!("machine-{token}"), token.as_str());
    let flags = ["--id", &id, "--signing-alg", alg, "--scope", "orders", "--audience", "https://api.example"];
    product.create_client(&flags)
}

/// Asks the product.
pub fn ask(server: &Server, client: &Client) -> Ask {
    let body = "grant_type=client_credentials&scope=orders";
    Ask::new(request("POST", "/token", server.address, &client.head(), body), r#"{"access_token":""#)
}

/// Asks the floor.
pub fn ask_floor(server: &Server) -> Ask {
    ask(server, &floor::client())
}

/// What an opaque token costs the floor, in microseconds: everything but the signature.
pub async fn opaque_floor(machine: &Machine, plan: Plan) -> Outcome<Spread> {
    let server = floor::start(&machine.runner(), Token::Opaque)?;
    let samples = Subject { server: &server, flow: ask_floor(&server) }.rounds(plan).await?;
    Ok(Spread::of(samples.iter().map(|sample| sample.micros)))
}

/// Compares the two for each kind of token.
pub async fn run(testbed: &Testbed<'_>, clients: &[(Token, Client)]) -> Outcome<Vec<Row>> {
    let mut rows = Vec::with_capacity(clients.len());
    for (token, client) in clients {
        let floor = floor::start(&testbed.machine.runner(), *token)?;
        let product = ask(testbed.server, client);
        rows.push(testbed.compare(format!("S1 {token}"), (&floor, ask_floor(&floor)), product).await?);
    }
    Ok(rows)
}

/// The wall-clock time of a token of the product: on one connection, and on all of them at half the rate that the
/// server reaches.
pub async fn latency(product: &Server, client: &Client, plan: Plan) -> Outcome<Latency> {
    let subject = Subject { server: product, flow: ask(product, client) };
    let full = subject.sample(plan.connections, Pace::Closed, plan.time).await?;
    let alone = subject.sample(1, Pace::Closed, plan.time).await?;
    let half = Pace::Open { per_second: full.per_second / 2.0 };
    let half_load = subject.sample(plan.connections, half, plan.time).await?;
    let times = |sample: Sample| (sample.p50, sample.p99);
    Ok(Latency { alone: times(alone), half_load: times(half_load) })
}
