//! S8: a machine gets a token and gives it back (RFC 7009): two requests, one write.

use super::{Row, Setting, encode, request, s1};
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::{Ask, Flow};
use crate::product::Client;
use crate::server::Server;
use crate::token::Token;
use serde_json::Value;
use std::rc::Rc;
use tempfile::TempDir;

#[derive(Clone)]
struct GiveBack {
    get: Ask,
    client: Rc<Client>,
}

impl GiveBack {
    fn new(server: &Server, client: Client) -> Self {
        Self { get: s1::ask(server, &client), client: client.into() }
    }
}

impl Flow for GiveBack {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let address = connection.address()?;
        let answer = connection.send(self.get.request()).await?;
        let issued: Value = serde_json::from_slice(answer.body)?;
        let token = issued.get("access_token").and_then(Value::as_str).ok_or_else(|| answer.unexpected())?;
        let body = encode(&[("token", token)]);
        let revoke = request("POST", "/revoke", address, &self.client.head(), &body);
        let answer = connection.send(&revoke).await?;
        if answer.status == 200 { Ok(()) } else { Err(answer.unexpected()) }
    }
}

/// Compares the two.
pub async fn run(setting: &Setting<'_>, client: &Client) -> Outcome<Row> {
    let folder = TempDir::with_prefix("keyward-bench-")?;
    let floor = floor::start_storing(&setting.machine.runner(), Token::ES256, folder.path())?;
    let floors = GiveBack::new(&floor, floor::client());
    let products = GiveBack::new(setting.server, client.clone());
    setting.compare("S8 revocation", (&floor, floors), products).await
}
