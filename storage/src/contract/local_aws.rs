//! DynamoDB on this machine for tests: the emulator `conformance/local-aws`, built and started at the first use. All
//! tests of a program share one process, which ends with the program.

use crate::dynamodb::DynamoDb;
use crate::dynamodb::connect::{self, Patience};
use crate::{Store, StoreError};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use protocol::id::Realm;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No test depends on the speed of this machine.
const PATIENCE: Patience = Patience::Operator;

struct Process {
    endpoint: String,
    /// Holds the process's standard input; the process ends when it is closed.
    _child: Child,
}

/// The emulator's endpoint.
pub fn endpoint() -> &'static str {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    &PROCESS.get_or_init(start).endpoint
}

/// A client of the emulator over the given connection; `None`: over a plain one.
pub fn client(http: Option<SharedHttpClient>) -> Client {
    let plain = || aws_smithy_http_client::Builder::new().build_http();
    let settings = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint())
        // All clients of a process share one budget of retries, which injected faults would use up.
        .retry_partition(RetryPartition::custom("test").token_bucket(TokenBucket::unlimited()).build())
        .http_client(http.unwrap_or_else(plain));
    Client::from_conf(connect::within(settings, PATIENCE, Duration::from_millis(1)).build())
}

/// The environment in which another program finds the emulator.
pub fn environment() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]
}

/// The name of a table that no other test of this program uses.
pub fn table_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("keyward-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A store in a table of its own, over the given connection.
pub async fn empty_over(http: Option<SharedHttpClient>) -> Result<DynamoDb, StoreError> {
    let store = DynamoDb::over(client(http), &table_name(), Realm::main(), PATIENCE);
    store.migrate().await?;
    Ok(store)
}

/// A store in a table of its own.
pub async fn empty() -> Arc<dyn Store> {
    Arc::new(empty_over(None).await.unwrap())
}

fn start() -> Process {
    let mut command = Command::new(build());
    command.args(["--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let endpoint = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    assert!(endpoint.starts_with("http://"), "local-aws ended before it was ready: {line}");
    Process { endpoint, _child: child }
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
