//! DynamoDB on this machine for tests: the emulator `conformance/local-aws`, built and started at the first use. All
//! tests of a program share one process, which ends with the program.

use super::emulator::Emulator;
pub use super::emulator::table_name;
use crate::dynamodb::DynamoDb;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::SharedHttpClient;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;

/// The emulator, started at the first use.
pub fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(start)
}

/// A client of the emulator over the given connection; `None`: over a plain one.
pub fn client(http: Option<SharedHttpClient>) -> Client {
    emulator().client(http)
}

/// The environment in which another program finds the emulator.
pub fn environment() -> [(&'static str, &'static str); 5] {
    emulator().environment()
}

/// A store in a table of its own, over the given connection.
pub async fn empty_over(http: Option<SharedHttpClient>) -> Result<DynamoDb, StoreError> {
    emulator().empty_over(http).await
}

/// A store in a table of its own.
pub async fn empty() -> Arc<dyn Store> {
    emulator().empty().await
}

fn start() -> Emulator {
    let mut command = Command::new(build());
    command.args(["--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let endpoint = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(endpoint.starts_with("http://"), "local-aws ended before it was ready: {line}");
    Emulator { endpoint, _child: child }
}

/// Builds the emulator next to the tests and returns its path; cargo's lock lets several test programs do so at once.
pub fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let (profile, target) = (test.ancestors().nth(2).unwrap(), test.ancestors().nth(3).unwrap());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/local-aws/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
    let (folder, optimised): (&str, &[&str]) =
        if profile.ends_with("release") { ("release", &["--release"]) } else { ("debug", &[]) };
    cargo.args(optimised).arg("--target-dir").arg(target);
    assert!(cargo.status().unwrap().success(), "local-aws can't be built");
    target.join(folder).join("local-aws").with_extension(std::env::consts::EXE_EXTENSION)
}
