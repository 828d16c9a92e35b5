//! The floor server as its driver knows it; the server itself is the binary `floor`.

use crate::Outcome;
use crate::runner::Runner;
use crate::server::Server;
use crate::token::Token;
use std::path::PathBuf;

/// How many clients it knows: enough that finding one is real work.
pub const CLIENTS: usize = 1001;

/// The id of a client.
pub fn client_id(number: usize) -> String {
    format!("client-{number:015}")
}

/// The secret of a client; as long as one of the product's.
pub fn client_secret(number: usize) -> String {
    format!("floor-secret-of-a-client-that-is-number-{number:010}")
}

/// Where the binary is: beside the one that runs.
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
