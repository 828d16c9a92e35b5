//! The floor server as its driver knows it; the server itself is the binary `floor`.

use crate::Outcome;
use crate::kms::Kms;
use crate::product::Client;
use crate::runner::Runner;
use crate::server::Server;
use crate::token::Token;
use std::path::{Path, PathBuf};

/// How many clients it has: enough that finding one is real work.
pub const CLIENTS: usize = 1001;
/// The cookie of its only session.
pub const SESSION_COOKIE: &str = "floor-session";
/// That cookie's value; as long as one of the product's.
pub const SESSION: &str = concat!(
    "the-only-session-of-the-floor-as-long-as-a-sealed-one-of-the-product-that-holds-user-and-secret",
    "-and-when-it-was-last-used-0123456789"
);

/// The id of a client.
pub fn client_id(number: usize) -> String {
    format!("client-{number:015}")
}

/// The secret of a client; as long as one of the product's.
pub fn client_secret(number: usize) -> String {
    format!("floor-secret-of-a-client-that-is-number-{number:010}")
}

/// One of its clients.
pub fn client() -> Client {
    let number = CLIENTS / 2;
    Client { id: client_id(number), secret: client_secret(number) }
}

/// The path of the binary: next to the one that runs.
pub fn program() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("floor");
    match program.exists() {
        true => Ok(program),
        false => Err("the floor isn't built: `cargo build --release -p bench` makes all programs".into()),
    }
}

/// Starts it.
pub fn start(runner: &Runner, token: Token) -> Outcome<Server> {
    Server::start(runner.command(&program()?).arg(token.as_str()))
}

/// Starts it with a key that stays in KMS.
pub fn start_in_kms(runner: &Runner, kms: &Kms, arn: &str) -> Outcome<Server> {
    Server::start(runner.command(&program()?).args([Token::ES256.as_str(), arn, &kms.url()]))
}

/// Starts it with a file in `folder` for its grants.
pub fn start_storing(runner: &Runner, token: Token, folder: &Path) -> Outcome<Server> {
    Server::start(runner.command(&program()?).arg(token.as_str()).arg(folder.join("floor.db")))
}
