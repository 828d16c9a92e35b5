//! S7: an API fetches the keys that verify tokens.

use super::{Row, request};
use crate::Outcome;
use crate::floor;
use crate::load::Ask;
use crate::machine::Machine;
use crate::rounds::{Plan, Subject, compare};
use crate::server::Server;
use crate::token::Token;

/// Compares the two for `GET /jwks`.
pub async fn run(machine: &Machine, product: &Server, plan: Plan) -> Outcome<Row> {
    let floor = floor::start(&machine.runner(), Token::ES256)?;
    let floor = Subject { server: &floor, flow: ask(&floor) };
    let product = Subject { server: product, flow: ask(product) };
    Ok(Row { name: "S7 JWKS".into(), costs: compare(&floor, &product, plan).await? })
}

fn ask(server: &Server) -> Ask {
    Ask::new(request("GET", "/jwks", server.address, "", ""), r#"{"keys":[{"#)
}
