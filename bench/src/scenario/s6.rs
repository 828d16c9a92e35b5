//! S6: an application reads its user's claims (/userinfo). The floor verifies the signature of its own token, and
//! reads nothing.

use super::s2::{self, CodeFlow};
use super::s5::floor_token;
use super::testbed::Testbed;
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::Ask;
use crate::request::request;
use crate::results::Row;
use crate::server::Server;
use crate::token::Token;

fn ask(server: &Server, token: &str) -> Ask {
    let head = format!("Authorization: Bearer {token}\r\n");
    Ask::new(request("GET", "/userinfo", server.address, &head, ""), r#"{"sub":""#)
}

/// Compares the two.
pub async fn run(testbed: &Testbed<'_>) -> Outcome<Row> {
    let floor = floor::start(&testbed.machine.runner(), Token::ES256)?;
    let client = s2::client(testbed.product, "curious-application")?;
    let mut connection = Connection::open(testbed.server.address).await?;
    let token = CodeFlow::sign_in(testbed.server, client).await?.tokens(&mut connection).await?.access_token;
    let known = floor_token(&floor).await?;
    testbed.compare("S6 userinfo", (&floor, ask(&floor, &known)), ask(testbed.server, &token)).await
}
