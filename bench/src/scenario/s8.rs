//! S8: a client gets a token for itself and revokes it (RFC 7009): two requests, one write.

use super::s1;
use super::testbed::Testbed;
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::{Ask, Flow};
use crate::product::Client;
use crate::request::{encode, request};
use crate::results::Row;
use crate::server::Server;
use crate::token::Token;
use serde_json::Value;
use std::rc::Rc;
use tempfile::TempDir;

/// Gets a token and sends it to a path.
#[derive(Clone)]
pub struct GetAndSend {
    get: Ask,
    client: Rc<Client>,
    path: &'static str,
}

impl GetAndSend {
    /// A client's.
    pub fn new(server: &Server, client: Client, path: &'static str) -> Self {
        Self { get: s1::ask(server, &client), client: client.into(), path }
    }
}

impl Flow for GetAndSend {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let address = connection.address()?;
        let answer = connection.send(self.get.request()).await?;
        let issued: Value = serde_json::from_slice(answer.body)?;
        let token = issued.get("access_token").and_then(Value::as_str).ok_or_else(|| answer.unexpected())?;
        let body = encode(&[("token", token)]);
        let sent = request("POST", self.path, address, &self.client.head(), &body);
        let answer = connection.send(&sent).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.unexpected()) }
    }
}

/// Compares the two.
pub async fn run(testbed: &Testbed<'_>, client: &Client) -> Outcome<Row> {
    let folder = TempDir::with_prefix("keyward-bench-")?;
    let floor = floor::start_storing(&testbed.machine.runner(), Token::ES256, folder.path())?;
    let floors = GetAndSend::new(&floor, floor::client(), "/revoke");
    let products = GetAndSend::new(testbed.server, client.clone(), "/revoke");
    testbed.compare("S8 revocation", (&floor, floors), products).await
}
