//! The command line: a face of `admin`, `keys`, `config` and the server. Each command has a file with its flags and its
//! work.

mod apply;
mod client;
mod client_metadata;
mod config;
mod context;
mod core_dumps;
mod dev;
mod doctor;
mod function;
mod gateway;
mod group;
mod input;
mod keys;
mod notify;
mod output;
pub mod page;
mod reach;
mod reload;
mod serve;
mod storage;
mod timeline;
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
    /// Settings file; the default is `keyward.toml` in the working directory, if it exists
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
    /// Run everything on loopback, to try it out: a demo application, and a demo user and demo clients, which stay in the store
    Dev(dev::Args),
    /// Run the server
    Serve(serve::Args),
    /// Manage clients: the applications and machines that get tokens
    #[command(subcommand)]
    Client(client::Command),
    /// Manage users
    #[command(subcommand)]
    User(user::Command),
    /// Create and change clients, groups and users to match a file, which can be kept in version control
    Apply(apply::Args),
    /// Manage groups of users
    #[command(subcommand)]
    Group(group::Command),
    /// Manage signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Print the configuration of a gateway that verifies the tokens for an API; run it where the server's store is
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Maintain and move the store
    #[command(subcommand)]
    Storage(storage::Command),
    /// Check and show settings
    #[command(subcommand)]
    Config(config::Command),
    /// Check issuer, storage, keys, clock and reachability, and say what to fix
    Doctor(doctor::Args),
}

/// Runs a command line. Exit code 0: done; 1: refused or failed; 2: usage.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Before anything is read: almost every command has keys or passwords in memory.
    core_dumps::forbid();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let env = Env::of_process();
    if function::is_function(&env, &arguments) {
        return exit_code(function::run(&Context { config: None, json: false, env }));
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Requested help is no error: clap prints it to standard output.
            let _nobody_reads = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    exit_code(dispatch(cli, env))
}

fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
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

fn dispatch(cli: Cli, env: Env) -> Outcome {
    let context = Context { config: cli.config, json: cli.json, env };
    match cli.command {
        Command::Dev(args) => dev::run(&context, args),
        Command::Serve(args) => serve::run(&context, args),
        Command::Client(command) => client::run(&context, command),
        Command::User(command) => user::run(&context, command),
        Command::Apply(args) => apply::run(&context, &args),
        Command::Group(command) => group::run(&context, command),
        Command::Keys(command) => keys::run(&context, command),
        Command::Gateway(command) => gateway::run(&context, command),
        Command::Storage(command) => storage::run(&context, &command),
        Command::Config(command) => config::run(&context, &command),
        Command::Doctor(args) => doctor::run(&context, &args),
    }
}
