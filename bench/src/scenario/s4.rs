//! S4: refreshing. Each connection has a chain of refresh tokens of its own, and each refresh rotates (a public client,
//! the grace period set to zero), signs an access and an ID token and waits for a durable write. Then what a token
//! costs that was used before: its grant ended with the first reuse.

use super::s2::{CodeFlow, floor_flow, public_client, redeem};
use super::testbed::Testbed;
use crate::Outcome;
use crate::connection::Connection;
use crate::floor;
use crate::load::{Ask, Flow};
use crate::product::Client;
use crate::request::{encode, request};
use crate::results::Row;
use crate::rounds::Plan;
use crate::server::Server;
use crate::token::Token;
use tempfile::TempDir;

/// The setting that this needs: a token may rotate as soon as it is issued.
pub const SETTINGS: &[(&str, &str)] = &[("KEYWARD_REFRESH_REUSE_GRACE", "0s")];

/// A chain.
#[derive(Clone)]
struct Chain {
    code: CodeFlow,
    tip: Option<String>,
}

impl Chain {
    const fn new(code: CodeFlow) -> Self {
        Self { code, tip: None }
    }

    /// The first token of a chain.
    async fn begin(&mut self, connection: &mut Connection) -> Outcome<String> {
        let first = self.code.tokens(connection).await?.refresh_token;
        self.tip = Some(first.clone());
        Ok(first)
    }
}

impl Flow for Chain {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let used = match self.tip.take() {
            Some(tip) => tip,
            None => self.begin(connection).await?,
        };
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &used)];
        let address = connection.address()?;
        let next = redeem(connection, address, self.code.client(), &fields).await?.refresh_token;
        if next == used {
            return Err("a refresh token did not rotate".into());
        }
        self.tip = Some(next);
        Ok(())
    }
}

/// Presents a token that was used before, again and again.
async fn replay(server: &Server, mut chain: Chain, refusal: &'static str) -> Outcome<Ask> {
    let mut connection = Connection::open(server.address).await?;
    let first = chain.begin(&mut connection).await?;
    chain.once(&mut connection).await?;
    let client: &Client = chain.code.client();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &first), ("client_id", &client.id)];
    let asked = request("POST", "/token", server.address, &client.head(), &encode(&fields));
    Ok(Ask::expecting(400, asked, refusal))
}

/// Compares the two: many chains at once, one alone, and a used token.
pub async fn run(testbed: &Testbed<'_>) -> Outcome<Vec<Row>> {
    let folder = TempDir::with_prefix("keyward-bench-")?;
    let floor = floor::start_storing(&testbed.machine.runner(), Token::ES256, folder.path())?;
    let public = Client { secret: String::new(), ..floor::client() };
    let floors = Chain::new(floor_flow(&floor, public));
    let client = public_client(testbed.product, "public-application")?;
    let products = Chain::new(CodeFlow::sign_in(testbed.server, client).await?);
    let alone = Testbed { plan: Plan { connections: 1, ..testbed.plan }, ..*testbed };
    let asks = (replay(&floor, floors.clone(), "").await?, {
        replay(testbed.server, products.clone(), r#"{"error":"invalid_grant""#).await?
    });
    Ok(vec![
        testbed.compare("S4 refresh", (&floor, floors.clone()), products.clone()).await?,
        alone.compare("S4 alone", (&floor, floors), products).await?,
        testbed.compare("S4 replay", (&floor, asks.0), asks.1).await?,
    ])
}
