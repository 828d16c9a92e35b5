//! Runs every command of the guides in `docs/start` and `docs/guides`. A block marked `sh server` or `sh emulator`
//! keeps running in the background, and `sh restart` replaces what was started last; all other `sh` blocks have to
//! succeed, one after the other, in one folder. `console` blocks are not run. (`docs/guides/connect` is followed by the
//! browser tests.)

use crate::programs::built;
use conformance::keyward_binary;
use conformance::ports::free_port;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use storage::contract::local_aws;
use tempfile::TempDir;

const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Sends to the emulator what the AWS CLI would send.
const AWS: &str = include_str!("aws.sh");
/// The guide whose programs call KMS, each by the access key that its policy is named after.
const KMS: &str = "guides/aws-kms.md";

#[test]
fn every_command_of_the_guides_works() {
    for folder in ["start", "guides"] {
        for entry in std::fs::read_dir(docs().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !path.ends_with(KMS) {
                Followed::new(&path);
            }
        }
    }
}

#[test]
fn the_policies_of_the_guide_to_kms_allow_what_each_program_calls_and_no_more() {
    let followed = Followed::new(&docs().join(KMS));
    for role in ["server", "rotation", "sign-server", "sign-rotation", "move"] {
        let mut allowed = actions(&followed.policy(role));
        // A key is made with its tags, which is one call.
        allowed.remove("TagResource");
        assert_eq!(allowed, followed.called_by(role), "{role}");
    }
    let tags = followed.tags_of_a_signing_key();
    assert!(tags["keyward-wrapping-key"].len() == 36 && tags.len() == 3, "{tags:?}");
    for (role, action, prefix) in [
        ("sign-server", "kms:Sign", "aws:ResourceTag/"),
        ("sign-rotation", "kms:CreateKey", "aws:RequestTag/"),
    ] {
        assert_eq!(tags_in(&followed.policy(role), action, prefix), tags, "{role}");
    }
}

#[test]
fn the_program_of_the_guide_to_protecting_an_api_is_the_example_that_is_run() {
    let guide = std::fs::read_to_string(docs().join("start/protect-an-api.md")).unwrap();
    let shown = guide.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    let example = std::fs::read_to_string(docs().join("../guard/examples/orders.rs")).unwrap();
    // Without the exception to a rule of ours.
    let lines = example.split_inclusive('\n').filter(|line| !line.starts_with("#![expect("));
    assert_eq!(shown, lines.collect::<String>());
}

/// The tags that a policy demands for an action.
fn tags_in(policy: &Value, action: &str, prefix: &str) -> BTreeMap<String, String> {
    let mut statements = policy["Statement"].as_array().unwrap().iter();
    let of_action = |it: &&Value| it["Action"].as_array().unwrap().iter().any(|allowed| allowed == action);
    let demanded = statements.find(of_action).unwrap()["Condition"]["StringEquals"].as_object().unwrap();
    let tag = |(key, value): (&String, &Value)| {
        Some((key.strip_prefix(prefix)?.to_owned(), value.as_str()?.to_owned()))
    };
    demanded.iter().filter_map(tag).collect()
}

/// The actions of KMS that a policy allows.
fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().strip_prefix("kms:").unwrap().to_owned()).collect()
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// A guide whose commands were run, with what still runs.
struct Followed {
    folder: TempDir,
    emulator: String,
    _servers: Vec<Server>,
}

impl Followed {
    fn new(guide: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let programs = TempDir::new().unwrap();
        let text = std::fs::read_to_string(guide).unwrap();
        let aws = programs.path().join("aws");
        std::fs::write(&aws, AWS).unwrap();
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
        if text.contains("cargo run") {
            let cargo = programs.path().join("cargo");
            let example = built("keyward-guard", ["--example", "orders"]);
            std::fs::write(&cargo, format!("#!/bin/sh\nshift 2\nexec {} \"$@\"\n", example.display()))
                .unwrap();
            std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        // The files that the repository has for operators.
        symlink(docs().join("../deploy"), folder.path().join("deploy")).unwrap();
        let shell = |commands: &str| shell(folder.path(), programs.path(), commands);
        // Ports of its own instead of the guide's, so that guides can't meet each other or somebody's server.
        let port = free_port(20_000).to_string();
        let emulator = free_port(10_000).to_string();
        let api = free_port(15_000).to_string();
        let mut servers = Vec::new();
        for block in text.split("\n```sh").skip(1) {
            let (kind, rest) = block.split_once('\n').unwrap();
            let commands = rest
                .split("\n```")
                .next()
                .unwrap()
                .replace("8080", &port)
                .replace("9443", &port)
                .replace("8000", &emulator)
                .replace("3000", &api);
            match kind.trim() {
                "emulator" => {
                    local_aws::build();
                    servers.push(Server::start(shell, &commands));
                }
                "server" => servers.push(Server::start(shell, &commands)),
                "restart" => {
                    drop(servers.pop());
                    servers.push(Server::start(shell, &commands));
                }
                _ => {
                    let done = shell(&commands).output().unwrap();
                    let told = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
                    assert!(done.status.success(), "{}: {commands}\n{told:?}", guide.display());
                }
            }
        }
        Self { folder, emulator, _servers: servers }
    }

    /// The operations of KMS that an access key called.
    fn called_by(&self, access_key: &str) -> BTreeSet<String> {
        let address = format!("http://127.0.0.1:{}/_kms/calls?caller={access_key}", self.emulator);
        let answer = Command::new("curl").args(["-sf", &address]).output().unwrap();
        let calls: BTreeMap<String, u64> = serde_json::from_slice(&answer.stdout).unwrap();
        calls.into_keys().collect()
    }

    /// A policy that the guide wrote.
    fn policy(&self, role: &str) -> Value {
        let text = std::fs::read(self.folder.path().join(format!("{role}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The tags of one of the keys that sign in KMS.
    fn tags_of_a_signing_key(&self) -> BTreeMap<String, String> {
        let call = |operation: &str, body: Value| -> Value {
            let signed = "Authorization: AWS4-HMAC-SHA256 Credential=reader/20270101/eu-central-1/kms/aws4_request, \
                          SignedHeaders=host, Signature=0";
            let target = format!("X-Amz-Target: TrentService.{operation}");
            let address = format!("http://127.0.0.1:{}", self.emulator);
            let mut curl = Command::new("curl");
            curl.args(["-sf", &address, "-H", signed, "-H", &target, "-d", &body.to_string()]);
            serde_json::from_slice(&curl.output().unwrap().stdout).unwrap()
        };
        let keys = call("ListKeys", json!({}));
        let tags = keys["Keys"].as_array().unwrap().iter().map(|key| {
            let tags = call("ListResourceTags", json!({ "KeyId": key["KeyId"] }));
            let text = |tag: &Value, name: &str| tag[name].as_str().unwrap().to_owned();
            let named = |tag: &Value| (text(tag, "TagKey"), text(tag, "TagValue"));
            tags["Tags"].as_array().unwrap().iter().map(named).collect::<BTreeMap<_, _>>()
        });
        tags.into_iter().find(|tags| !tags.is_empty()).unwrap()
    }
}

fn shell(folder: &Path, programs: &Path, commands: &str) -> Command {
    let programs = programs.display();
    let binaries = keyward_binary().parent().unwrap().display().to_string();
    let mut shell = Command::new("sh");
    // Without this machine's environment: a guide starts from nothing.
    shell
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{programs}:{binaries}:{SYSTEM_PATH}"))
        .args(["-ec", commands]);
    shell
}

/// Killed when dropped.
struct Server(Child);

impl Server {
    fn start(shell: impl Fn(&str) -> Command, commands: &str) -> Self {
        // In place of the shell, so that what is killed is the server.
        let commands = commands.trim();
        let last = if commands.contains("exec ") { commands.to_owned() } else { format!("exec {commands}") };
        let mut child = shell(&last).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains(" listening on "), "{line}");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _gone_already = self.0.wait();
    }
}
