//! `keyward doctor --aws` at a server: it finds what is in front of it, and leaves nothing behind.

use crate::cloud::{Caller, Region};
use crate::commands::{SERVE, json};
use conformance::process::{Process, keyward, run_with};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// Without a grace period the run is short.
const SETTINGS: [(&str, &str); 3] =
    [("KEYWARD_SIGNING_ALGS", "ES256"), ("KEYWARD_REFRESH_REUSE_GRACE", "0s"), ("KEYWARD_ROTATION", "self")];

/// The checks that a document lists.
fn checks(document: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(document).unwrap_or_else(|_| panic!("{document}"));
    document["checks"].as_array().unwrap().clone()
}

/// Of each check that is not fine, its name and what was found.
fn problems(checks: &[Value]) -> Vec<(&str, &str)> {
    let bad = checks.iter().filter(|check| check["ok"] == false);
    bad.map(|check| (check["name"].as_str().unwrap(), check["found"].as_str().unwrap())).collect()
}

fn found<'a>(checks: &'a [Value], name: &str) -> &'a str {
    checks.iter().find(|check| check["name"] == name).unwrap()["found"].as_str().unwrap()
}

/// The settings of a server with keys in KMS.
fn in_kms<'a>(keys: &'a str, caller: &'a Caller) -> Vec<(&'a str, &'a str)> {
    SETTINGS.into_iter().chain([("KEYWARD_KEYS", keys)]).chain(caller.environment()).collect()
}

fn assert_nothing_is_left(folder: &TempDir) {
    for what in ["user", "client"] {
        assert_eq!(json(folder.path(), &[what, "list"], ""), Value::Array(Vec::new()), "{what}");
    }
}

async fn assert_is_fine(mode: &str, found_of_kms: [&str; 2]) {
    let (folder, region) = (TempDir::new().unwrap(), Region::new());
    let (keys, caller) = (format!("{mode}:{}", region.key().await), region.caller());
    let settings = in_kms(&keys, &caller);
    let _server = Process::start(folder.path(), &SERVE, &settings);
    let output = run_with(folder.path(), &["doctor", "--aws", "--disable-kms-key", "--json"], &settings, "");
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = checks(&text);
    assert_eq!(problems(&checks), [], "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    assert!(found(&checks, "race").ends_with("1 × 200, 63 × 400 invalid_grant"), "{text}");
    for part in found_of_kms {
        assert!(found(&checks, "kms").contains(part), "{text}");
    }
    for name in ["metadata", "jwks", "cookies", "sign-in", "refresh", "replay", "temporary"] {
        assert!(checks.iter().any(|check| check["name"] == name), "{name}: {text}");
    }
    for key in region.signing_keys().await.iter().chain([&keys.split_once(':').unwrap().1.to_owned()]) {
        assert_eq!(region.state(key).await, "Enabled", "{key}");
    }
    assert_nothing_is_left(&folder);
}

#[tokio::test]
async fn all_is_as_expected_with_keys_that_kms_wraps() {
    assert_is_fine("kms-envelope", ["10 of 10 requests got tokens", "enabled again"]).await;
}

#[tokio::test]
async fn all_is_as_expected_with_keys_that_stay_in_kms() {
    assert_is_fine("kms-sign", ["503 temporarily_unavailable with Retry-After", "enabled again"]).await;
}

/// A front end that changes the heads of answers, one connection per request. It lives as long as the test.
fn front(rewrite: fn(&str) -> String) -> (SocketAddr, Arc<Mutex<Option<SocketAddr>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, origin) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(None)));
    let target = Arc::clone(&origin);
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let (Ok(caller), Some(to)) = (caller, *target.lock().unwrap()) else { continue };
            std::thread::spawn(move || pass(caller, to, rewrite));
        }
    });
    (address, origin)
}

fn pass(mut caller: TcpStream, to: SocketAddr, rewrite: fn(&str) -> String) {
    let mut server = TcpStream::connect(to).unwrap();
    let (mut from, mut into) = (caller.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut into));
        drop(into.shutdown(std::net::Shutdown::Both));
    });
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && server.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    drop(caller.write_all(rewrite(std::str::from_utf8(&head).unwrap()).as_bytes()));
    drop(std::io::copy(&mut server, &mut caller));
}

#[tokio::test]
async fn what_a_front_end_changes_is_named_with_what_was_expected() {
    let (address, origin) = front(|head| {
        let head = head.replace("www-authenticate:", "x-amzn-remapped-www-authenticate:");
        head.replace("; HttpOnly", "").replace("x-frame-options: DENY\r\n", "")
    });
    let folder = TempDir::new().unwrap();
    let issuer = format!("http://{address}");
    let settings: Vec<_> = SETTINGS.into_iter().chain([("KEYWARD_ISSUER", issuer.as_str())]).collect();
    let server = Process::start(folder.path(), &SERVE, &settings);
    *origin.lock().unwrap() = Some(server.address);
    let other: Vec<_> = settings.into_iter().chain([("KEYWARD_SIGNUP", "open")]).collect();
    let output = run_with(folder.path(), &["doctor", "--aws", "--json"], &other, "");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = checks(&text);
    let problems = problems(&checks);
    let differs = |name: &str, parts: &[&str]| {
        let is_named =
            |(bad, found): &&(&str, &str)| *bad == name && parts.iter().all(|part| found.contains(part));
        problems.iter().filter(is_named).count()
    };
    let renamed = "found it as x-amzn-remapped-www-authenticate";
    assert_eq!(differs("headers", &["/userinfo without", "www-authenticate: Bearer", renamed]), 1, "{text}");
    assert_eq!(differs("headers", &["/token with a wrong", renamed]), 1, "{text}");
    assert_eq!(differs("headers", &["the sign-in page", "found no x-frame-options"]), 1, "{text}");
    let shown = ["found kw-b-", "; Path=/; SameSite=Lax"];
    assert_eq!(differs("cookies", &[&["the sign-in page", "HttpOnly"][..], &shown].concat()), 1, "{text}");
    assert_eq!(differs("cookies", &["the sign-in:", "kw-s-", "kw-d-"]), 1, "{text}");
    assert_eq!(differs("metadata", &["prompt_values_supported"]), 2, "{text}");
    // One more for the consent page, and no other: what follows is still checked.
    assert_eq!(problems.len(), 8, "{text}");
    assert!(found(&checks, "replay").contains("revoked"), "{text}");
    assert!(text.contains("deploy/README.md"), "{text}");
    assert_nothing_is_left(&folder);
}

#[tokio::test]
async fn an_interrupted_run_enables_the_key_and_removes_what_it_created() {
    assert_undoes_everything("-INT", false).await;
}

/// Its terminal was closed, so nothing can be written there.
#[tokio::test]
async fn a_run_whose_terminal_hangs_up_does_so_too() {
    assert_undoes_everything("-HUP", true).await;
}

async fn assert_undoes_everything(signal: &str, hangs_up: bool) {
    let (folder, region) = (TempDir::new().unwrap(), Region::new());
    let (key, caller) = (region.key().await, region.caller());
    let keys = format!("kms-envelope:{key}");
    let settings = in_kms(&keys, &caller);
    let _server = Process::start(folder.path(), &SERVE, &settings);
    let arguments = ["doctor", "--aws", "--disable-kms-key", "--json"];
    let mut command = keyward(folder.path(), &arguments, &settings);
    let mut doctor = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while region.state(&key).await == "Enabled" {
        sleep(Duration::from_millis(10)).await;
    }
    if hangs_up {
        drop(doctor.stderr.take());
    }
    assert!(Command::new("kill").args([signal, &doctor.id().to_string()]).status().unwrap().success());
    let output = doctor.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(problems(&checks(&text)), [("kms", "interrupted")], "{text}");
    let warned =
        String::from_utf8_lossy(&output.stderr).contains(&format!("aws kms enable-key --key-id {key}"));
    assert!(warned || hangs_up);
    assert_eq!(region.state(&key).await, "Enabled");
    assert_nothing_is_left(&folder);
}

#[tokio::test]
async fn a_key_that_is_disabled_already_is_left_as_it_is() {
    let (folder, region) = (TempDir::new().unwrap(), Region::new());
    let (key, caller) = (region.key().await, region.caller());
    let keys = format!("kms-envelope:{key}");
    let settings = in_kms(&keys, &caller);
    let _server = Process::start(folder.path(), &SERVE, &settings);
    region.disable(&key).await;
    let output = run_with(folder.path(), &["doctor", "--aws", "--disable-kms-key", "--json"], &settings, "");
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = checks(&text);
    let named: Vec<_> = problems(&checks).into_iter().map(|(name, _)| name).collect();
    assert_eq!(named, ["keys", "kms"], "{text}");
    assert_eq!(region.state(&key).await, "Disabled");
    assert_nothing_is_left(&folder);
}

#[tokio::test]
async fn without_keys_in_kms_doctor_names_the_command_that_makes_them() {
    let (folder, region) = (TempDir::new().unwrap(), Region::new());
    let (keys, caller) = (format!("kms-envelope:{}", region.key().await), region.caller());
    let settings: Vec<_> =
        [("KEYWARD_KEYS", keys.as_str())].into_iter().chain(caller.environment()).collect();
    assert!(run_with(folder.path(), &["storage", "migrate"], &settings, "").status.success());
    let output = run_with(folder.path(), &["doctor", "--json"], &settings, "");
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = checks(&text);
    let fix = checks.iter().find(|check| check["name"] == "keys").unwrap()["fix"].as_str().unwrap();
    assert!(fix.contains("`keyward keys rotate --if-due`"), "{text}");
}
