//! The command line: a face on `admin`, `keys`, `config` and the server. Each command is a file with its flags
//! and what it does.

mod client;
mod config;
mod context;
mod dev;
mod doctor;
mod keys;
mod output;
pub mod page;
mod reach;
mod serve;
mod storage;
mod transfer;
mod user;

use crate::config::env::Env;
use clap::{CommandFactory as _, Parser, Subcommand};
use context::Context;
use output::{Outcome, note};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// A self-hostable OAuth 2.0 / OpenID Connect authorization server.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, propagate_version = true, subcommand_required = true)]
pub struct Cli {
    /// Settings file; without it `keyward.toml` in the working directory, if it is there
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print exactly one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on loopback, to try it: a demo application, and a demo user and demo clients that stay in the store
    Dev(dev::Args),
    /// Serve
    Serve(serve::Args),
    /// Applications and machines that get tokens
    #[command(subcommand)]
    Client(client::Command),
    /// People
    #[command(subcommand)]
    User(user::Command),
    /// Signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// The store
    #[command(subcommand)]
    Storage(storage::Command),
    /// Settings
    #[command(subcommand)]
    Config(config::Command),
    /// Check issuer, storage, keys, clock and reachability; say what to mend
    Doctor,
}

/// Runs a command line. Exit code 0: done; 1: refused or failed; 2: usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Asked for help is no error, and goes to standard output.
            let _nobody_reads = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            note(format_args!("keyward: {failed}"));
            ExitCode::FAILURE
        }
    }
}

/// The commands and their flags, for the reference page.
pub fn command() -> clap::Command {
    Cli::command()
}

fn dispatch(cli: Cli) -> Outcome {
    let context = Context { config: cli.config, json: cli.json, env: Env::of_process() };
    match cli.command {
        Command::Dev(args) => dev::run(&context, args),
        Command::Serve(args) => serve::run(&context, args),
        Command::Client(command) => client::run(&context, command),
        Command::User(command) => user::run(&context, command),
        Command::Keys(command) => keys::run(&context, command),
        Command::Storage(command) => storage::run(&context, &command),
        Command::Config(command) => config::run(&context, &command),
        Command::Doctor => doctor::run(&context),
    }
}
