//! The product as an operator runs it: the release binary, a store and keys in a temporary folder, clients and users
//! made by its command line.

use crate::Outcome;
use crate::request::FORM;
use crate::runner::Runner;
use crate::server::Server;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// An installed product.
pub struct Product {
    program: PathBuf,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

/// A client that may ask for tokens.
#[derive(Clone, Debug, Deserialize)]
pub struct Client {
    /// Its id.
    #[serde(rename = "client_id")]
    pub id: String,
    /// Its secret; empty for a public client.
    #[serde(rename = "client_secret", default)]
    pub secret: String,
}

impl Client {
    /// Header lines of a form that it sends.
    pub fn head(&self) -> String {
        match self.secret.as_str() {
            "" => FORM.to_owned(),
            secret => {
                let credentials = STANDARD.encode(format!("{}:{secret}", self.id));
                format!("Authorization: Basic {credentials}\r\n{FORM}")
            }
        }
    }
}

impl Product {
    /// Makes a store and the first keys. `settings` are further environment variables.
    pub fn install(program: &Path, settings: &[(&str, &str)]) -> Outcome<Self> {
        let program = program.canonicalize().map_err(|error| {
            format!("{}: {error}; build it with `cargo build --release`, or say --keyward", program.display())
        })?;
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let product = Self { program, folder: TempDir::with_prefix("keyward-bench-")?, settings };
        product.serve(&Runner::Plain)?.stop()?;
        Ok(product)
    }

    /// Registers a client; `flags` are those of `keyward client create`.
    pub fn create_client(&self, flags: &[&str]) -> Outcome<Client> {
        let mut command = self.command(&Runner::Plain);
        command.args(["client", "create", "--json", "--name", "bench"]).args(flags).stderr(Stdio::inherit());
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("{command:?} failed").into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Makes a user.
    pub fn create_user(&self, name: &str, password: &str) -> Outcome<()> {
        let mut command = self.command(&Runner::Plain);
        command.args(["user", "create", "--username", name, "--password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{password}")?;
        }
        if child.wait()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
    }

    /// Starts the server on a free port.
    pub fn serve(&self, runner: &Runner) -> Outcome<Server> {
        Server::start(self.command(runner).args(["serve", "--listen", "127.0.0.1:0"]))
    }

    /// The file of its store.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("keyward.db")
    }

    /// The size of the binary in bytes.
    pub fn size(&self) -> Outcome<u64> {
        Ok(self.program.metadata()?.len())
    }

    fn command(&self, runner: &Runner) -> Command {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut command = runner.command(&self.program);
        command
            .current_dir(self.folder.path())
            .env("KEYWARD_STORAGE", format!("sqlite:{}", self.store().display()))
            .env("KEYWARD_KEYS", format!("local:{}", path("master.key")))
            .env("KEYWARD_SIGNING_ALGS", "RS256,ES256,EdDSA")
            .env("RUST_LOG", "warn")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}
