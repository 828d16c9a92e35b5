//! The binary as operators and programs use it: what it prints where, and how it ends.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod documents;

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Ended {
    /// The one JSON document on standard output.
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// Runs a command line in a folder, with nothing in the environment and nothing to read.
fn keyward(folder: &TempDir, arguments: &[&str]) -> Ended {
    keyward_reading(folder, arguments, "")
}

/// The same with a text on standard input.
fn keyward_reading(folder: &TempDir, arguments: &[&str], text: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_keyward"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who doesn't read it has hung up.
    let _unread = child.stdin.take().unwrap().write_all(text.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn migrated() -> TempDir {
    let folder = TempDir::new().unwrap();
    assert_eq!(keyward(&folder, &["storage", "migrate"]).code, 0);
    folder
}

#[test]
fn help_and_version_go_to_standard_output() {
    let folder = TempDir::new().unwrap();
    let help = keyward(&folder, &["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    for command in ["dev", "serve", "client", "user", "keys", "storage", "config", "doctor"] {
        assert!(
            help.out.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}: {}",
            help.out
        );
    }
    let version = keyward(&folder, &["--version"]);
    assert_eq!((version.code, version.out), (0, format!("keyward {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is made");
}

#[test]
fn what_nobody_can_mean_is_a_usage_error() {
    let folder = TempDir::new().unwrap();
    for (arguments, named) in [
        (&[][..], "Usage"),
        (&["sing"], "sing"),
        (&["serve", "--loud"], "--loud"),
        (&["serve", "--tls-cert", "chain.pem"], "--tls-key"),
        (&["client", "create"], "--name"),
        (&["client", "create", "--name", "x", "--grant", "password"], "client_credentials"),
        (&["client", "create", "--name", "x", "--signing-alg", "none"], "ES256"),
        (&["user", "create", "--password", "secret"], "--password"),
    ] {
        let ended = keyward(&folder, arguments);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(named), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn config_check_names_key_value_and_mend() {
    let folder = TempDir::new().unwrap();
    let check = |arguments: &[&str]| keyward(&folder, &[&["config", "check"], arguments].concat());
    assert_eq!(check(&["--json"]).json(), json!({ "ok": true }));
    let file = folder.path().join("keyward.toml");
    for (text, named) in [
        ("code_ttl = \"2h\"", ["code_ttl", "2h"]),
        ("isuer = \"https://auth.example\"", ["isuer", "keyward.toml"]),
        ("issuer = \"http://auth.example\"", ["issuer", "https"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let ended = check(&[]);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{text}: {ended:?}");
        assert!(named.iter().all(|word| ended.err.contains(word)), "{text}: {ended:?}");
    }
    std::fs::write(&file, "origin_secret = \"hunter2\"").unwrap();
    let ended = check(&[]);
    assert!(ended.err.contains("origin_secret") && !ended.err.contains("hunter2"), "{ended:?}");
}

#[test]
fn client_create_prints_one_document_with_the_secret_once() {
    let folder = migrated();
    let create = ["client", "create", "--json", "--name", "Photo Albums"];
    let made = keyward(&folder, &[&create[..], &["--redirect-uri", "https://rp.example/cb"]].concat());
    let made = made.json();
    assert!(made["client_secret"].as_str().unwrap().starts_with("kws_"), "{made}");
    assert_eq!(made["redirect_uris"], json!(["https://rp.example/cb"]));
    assert_eq!(made["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(made["scope"], "openid profile email offline_access");
    assert_eq!(made["token_endpoint_auth_method"], "client_secret_basic");

    let shown = keyward(&folder, &["client", "show", "--json", made["client_id"].as_str().unwrap()]).json();
    let mut without_secret = made.clone();
    for member in ["client_secret", "client_secret_expires_at"] {
        without_secret.as_object_mut().unwrap().remove(member);
    }
    assert_eq!(shown, without_secret);
    assert_eq!(keyward(&folder, &["client", "list", "--json"]).json(), json!([shown]));
}

#[test]
fn a_client_nobody_knows_is_refused_with_the_mend() {
    let folder = migrated();
    for command in ["show", "disable", "enable", "delete"] {
        let ended = keyward(&folder, &["client", command, "nobody", "--json"]);
        let said = "keyward: there is no client `nobody`; `keyward client list` shows them\n";
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (1, "", said), "{command}");
    }
}

#[test]
fn an_operators_command_makes_no_store() {
    let folder = TempDir::new().unwrap();
    let ended = keyward(&folder, &["client", "list"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("keyward.db") && ended.err.contains("storage migrate"), "{ended:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "{ended:?}");
}

#[test]
fn dev_shows_secrets_to_this_machine_only() {
    let folder = TempDir::new().unwrap();
    let ended = keyward(&folder, &["dev", "--listen", "0.0.0.0:0"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("loopback"), "{ended:?}");
}
