//! S7: an API fetches the key set, the same with `If-None-Match`, and the metadata.

use super::testbed::Testbed;
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::Ask;
use crate::request::request;
use crate::results::Row;
use crate::server::Server;
use crate::token::Token;

fn keys(server: &Server) -> Ask {
    Ask::new(request("GET", "/jwks", server.address, "", ""), r#"{"keys":[{"#)
}

/// A request for the key set that the caller has already.
async fn unchanged(server: &Server) -> Outcome<Ask> {
    let mut connection = Connection::open(server.address).await?;
    let answer = connection.send(keys(server).request()).await?;
    let etag = answer.header("etag").ok_or("the keys come without an ETag")?;
    let head = format!("If-None-Match: {etag}\r\n");
    Ok(Ask::expecting(304, request("GET", "/jwks", server.address, &head, ""), ""))
}

fn metadata(server: &Server) -> Ask {
    let path = "/.well-known/openid-configuration";
    Ask::new(request("GET", path, server.address, "", ""), r#"{"issuer":""#)
}

/// Compares the two. The floor has no metadata: its key set is compared with both.
pub async fn run(testbed: &Testbed<'_>) -> Outcome<Vec<Row>> {
    let (server, floor) = (testbed.server, floor::start(&testbed.machine.runner(), Token::ES256)?);
    Ok(vec![
        testbed.compare("S7 JWKS", (&floor, keys(&floor)), keys(server)).await?,
        testbed.compare("S7 304", (&floor, unchanged(&floor).await?), unchanged(server).await?).await?,
        testbed.compare("S7 metadata", (&floor, keys(&floor)), metadata(server)).await?,
    ])
}
