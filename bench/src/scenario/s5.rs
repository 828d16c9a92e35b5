//! S5: introspection (RFC 7662) of a user's access token, again and again as an API does; of the same after it was
//! revoked; of text that is no token; and the first introspection of a new token, together with getting it. The floor
//! verifies the signature of its own tokens each time, and reads nothing.

use super::s1;
use super::s2::{self, CodeFlow};
use super::s8::GetAndSend;
use super::testbed::Testbed;
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::{Ask, Flow as _};
use crate::product::Client;
use crate::request::{encode, request};
use crate::results::Row;
use crate::server::Server;
use crate::token::Token;
use serde::Deserialize;

const ACTIVE: &str = r#"{"active":true"#;
const INACTIVE: &str = r#"{"active":false"#;
/// As long as a token, but none.
const GARBAGE: &str =
    "this-is-no-token-but-somebody-asks-about-it-all-the-same-and-again-and-again-and-again";

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

/// Asks about a token.
fn ask(server: &Server, client: &Client, token: &str, begins: &'static str) -> Ask {
    let body = encode(&[("token", token)]);
    Ask::new(request("POST", "/introspect", server.address, &client.head(), &body), begins)
}

/// A token of the floor.
pub async fn floor_token(floor: &Server) -> Outcome<String> {
    let mut connection = Connection::open(floor.address).await?;
    let answer = connection.send(s1::ask_floor(floor).request()).await?;
    Ok(serde_json::from_slice::<Issued>(answer.body)?.access_token)
}

/// Compares the two; `machine` gets tokens for itself.
pub async fn run(testbed: &Testbed<'_>, machine: &Client) -> Outcome<Vec<Row>> {
    let (server, floor) = (testbed.server, floor::start(&testbed.machine.runner(), Token::ES256)?);
    let (client, of_floor) = (s2::client(testbed.product, "asking-application")?, floor::client());
    let mut connection = Connection::open(server.address).await?;
    let mut code = CodeFlow::sign_in(server, client.clone()).await?;
    let token = code.tokens(&mut connection).await?.access_token;
    let known = floor_token(&floor).await?;
    let floors = |token: &str, begins| (&floor, ask(&floor, &of_floor, token, begins));
    let products = |token: &str, begins| ask(server, &client, token, begins);
    let active = testbed.compare("S5 active", floors(&known, ACTIVE), products(&token, ACTIVE)).await?;
    let revoke = request("POST", "/revoke", server.address, &client.head(), &encode(&[("token", &token)]));
    Ask::new(revoke, "").once(&mut Connection::open(server.address).await?).await?;
    let first = |server, client| GetAndSend::new(server, client, "/introspect");
    let firsts = ((&floor, first(&floor, floor::client())), first(server, machine.clone()));
    Ok(vec![
        testbed.compare("S5 first", firsts.0, firsts.1).await?,
        active,
        testbed.compare("S5 revoked", floors(&known, ACTIVE), products(&token, INACTIVE)).await?,
        testbed.compare("S5 garbage", floors(GARBAGE, INACTIVE), products(GARBAGE, INACTIVE)).await?,
    ])
}
