//! Starting, stopping, killing, and settings that stop the start.

use crate::commands::{QUICK, SERVE, json, logging, machine};
use conformance::get;
use conformance::process::{Process, keyward, run_with};
use tempfile::TempDir;

#[tokio::test]
async fn a_killed_server_restarts_with_everything() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), &SERVE, &QUICK);
    let (_, ask) = machine(folder.path());
    assert_eq!(first.send(ask()).await.status, 200);
    let keys = first.send(get("/jwks")).await;
    first.kill();
    let second = Process::start(folder.path(), &SERVE, &QUICK);
    assert_eq!(second.send(get("/jwks")).await.json(), keys.json());
    assert_eq!(second.send(ask()).await.status, 200);
    assert!(second.stop(), "on SIGTERM it exits successfully");
}

#[cfg(unix)]
#[tokio::test]
async fn n226_a_server_whose_file_was_replaced_refuses_until_it_is_restarted() {
    let folder = TempDir::new().unwrap();
    let first = Process::start(folder.path(), &SERVE, &QUICK);
    let (id, ask) = machine(folder.path());
    assert!(first.stop());
    let [file, backup] = ["keyward-data/keyward.db", "backup.db"].map(|name| folder.path().join(name));
    std::fs::copy(&file, &backup).unwrap();
    let server = Process::start(folder.path(), &SERVE, &QUICK);
    std::fs::rename(&backup, &file).unwrap();
    let disabled = json(folder.path(), &["client", "disable", &id], "");
    assert_eq!(disabled["client_id"], id);
    for _ in 0..10 {
        assert_eq!(server.send(ask()).await.status, 503, "as if nobody had disabled it, otherwise");
        assert_eq!(server.send(get("/readyz")).await.status, 503);
    }
    server.kill();
    let anew = Process::start(folder.path(), &SERVE, &QUICK);
    assert_eq!(anew.send(ask()).await.status, 401, "disabled");
    json(folder.path(), &["client", "enable", &id], "");
    anew.kill();
    let last = Process::start(folder.path(), &SERVE, &QUICK);
    assert_eq!(last.send(ask()).await.status, 200);
}

#[test]
fn n217_a_wrong_setting_stops_the_start_with_key_value_and_fix() {
    let folder = TempDir::new().unwrap();
    for (key, value, fix) in [
        ("KEYWARD_ISSUER", "http://auth.example.com", "https"),
        ("KEYWARD_ISSUER", "https://auth.example.com/", "slash"),
        ("KEYWARD_ACCESS_TOKEN_TTL", "-5m", "duration"),
        ("KEYWARD_ACCES_TOKEN_TTL", "5m", "did you mean `access_token_ttl`"),
        ("KEYWARD_SIGNING_ALGS", "HS256", "RS256"),
        ("KEYWARD_LISTEN", "localhost", "address with a port"),
        ("KEYWARD_LISTEN", "0.0.0.0:0", "issuer"),
        ("KEYWARD_STORAGE", "postgres:x", "sqlite:PATH"),
        ("KEYWARD_ORIGIN_SECRET", "short", "32"),
        ("KEYWARD_ORIGIN_SECRET", "0123456789abcdef0123456789abcdef", "write header:NAME"),
    ] {
        let output = run_with(folder.path(), &["serve"], &[(key, value)], "");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{key}={value}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(fix), "{message}");
        let secret = key.contains("SECRET");
        assert!(
            secret != message.contains(value) || key.contains("ACCES_") || value == "0.0.0.0:0",
            "{message}"
        );
        assert!(!folder.path().join("keyward-data").exists(), "nothing is made");
    }
}

#[test]
fn n217_service_links_of_kubernetes_are_no_settings() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let links = [
        QUICK[0],
        ("KEYWARD_PORT", "tcp://10.43.0.17:8080"),
        ("KEYWARD_PORT_8080_TCP_ADDR", "10.43.0.17"),
        ("KEYWARD_SERVICE_HOST", "10.43.0.17"),
        ("KEYWARD_SERVICE_PORT_HTTP", "8080"),
    ];
    Process::spawn(logging(&keyward(folder.path(), &SERVE, &links), &log)).kill();
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("10.43") || line.contains("KEYWARD_")).collect();
    let [line] = lines[..] else { panic!("{text}") };
    assert!(links[1..].iter().all(|(name, _)| line.contains(name)), "{line}");
    assert!(run_with(folder.path(), &["config", "check"], &links, "").status.success());
    let with_a_typo = [&links[..], &[("KEYWARD_SIGN_UP", "open")]].concat();
    let refused = run_with(folder.path(), &SERVE, &with_a_typo, "");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("did you mean `signup`"));
}

#[test]
fn a_store_belongs_to_one_issuer() {
    let folder = TempDir::new().unwrap();
    let with = |issuer| [QUICK[0], ("KEYWARD_ISSUER", issuer)];
    Process::start(folder.path(), &SERVE, &with("https://one.example")).kill();
    let refused = run_with(folder.path(), &SERVE, &with("https://two.example"), "");
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(message.contains("https://one.example") && message.contains("--change-issuer"), "{message}");
    let changing = ["serve", "--listen", "127.0.0.1:0", "--change-issuer"];
    Process::start(folder.path(), &changing, &with("https://two.example")).kill();
    Process::start(folder.path(), &SERVE, &with("https://two.example")).kill();
}

#[test]
fn a_ring_without_its_master_key_refuses_to_start() {
    let folder = TempDir::new().unwrap();
    Process::start(folder.path(), &SERVE, &QUICK).kill();
    std::fs::rename(folder.path().join("keyward-data/master.key"), folder.path().join("away")).unwrap();
    let refused = run_with(folder.path(), &SERVE, &QUICK, "");
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("master.key is missing") && message.contains("backup"), "{message}");
    assert!(!folder.path().join("keyward-data/master.key").exists(), "no new one is made in its place");
    std::fs::rename(folder.path().join("away"), folder.path().join("keyward-data/master.key")).unwrap();
    Process::start(folder.path(), &SERVE, &QUICK).kill();
}

#[test]
fn dev_listens_on_loopback_only() {
    let folder = TempDir::new().unwrap();
    for arguments in [["dev", "--listen", "0.0.0.0:0"], ["dev", "--listen", "[::]:0"]] {
        let refused = run_with(folder.path(), &arguments, &[], "");
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8(refused.stderr).unwrap().contains("loopback"));
    }
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_and_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let check = |environment: &[(&str, &str)]| {
        let output = run_with(folder.path(), &["doctor", "--json"], environment, "");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.success(), document["ok"] == true);
        let bad = document["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
        bad.map(|check| check["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(check(&[]), ["storage", "store", "reachability"], "nothing was ever started");
    let server = Process::start(folder.path(), &SERVE, &QUICK);
    let issuer = server.issuer.clone();
    let named = [QUICK[0], ("KEYWARD_ISSUER", issuer.as_str())];
    assert!(check(&named).is_empty());
    let made = run_with(
        folder.path(),
        &["client", "create", "--name", "Machine", "--signing-alg", "ES256", "--json"],
        &named,
        "",
    );
    assert!(made.status.success(), "{made:?}");
    let dropped = [named[1], ("KEYWARD_SIGNING_ALGS", "EdDSA")];
    assert_eq!(check(&dropped), ["clients", "keys"], "nothing signs by ES256 any more");
    server.kill();
    assert_eq!(check(&named), ["reachability"]);
    assert_eq!(check(&[("KEYWARD_ISSUER", "nonsense")]), ["settings"]);
}
