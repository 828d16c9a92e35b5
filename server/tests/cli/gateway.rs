//! `keyward gateway`: what it prints for each gateway, and what it refuses.

use super::{Ended, begin, command, keyward, migrated};
use std::io::{BufRead as _, BufReader};
use tempfile::TempDir;

const GATEWAYS: [&str; 6] = ["aws-http", "aws-rest", "alb", "apim", "envoy", "nginx"];
const AUDIENCE: &str = "https://orders.example.com";

fn gateway(folder: &TempDir, name: &str, flags: &[&str]) -> Ended {
    keyward(folder, &[&["gateway", name], flags].concat())
}

/// A store on which a server with a public issuer has run.
fn public() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut serve = command(&folder, &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = serve.env("KEYWARD_ISSUER", "https://auth.example.com/t1").spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.starts_with("keyward listening on "), "{ready}");
    server.kill().unwrap();
    server.wait().unwrap();
    folder
}

#[test]
fn every_gateway_gets_its_configuration() {
    let folder = public();
    for name in GATEWAYS {
        let printed = gateway(&folder, name, &["--audience", AUDIENCE, "--scope", "orders:read"]);
        assert_eq!((printed.code, printed.err.as_str()), (0, ""), "{name}");
        insta::assert_snapshot!(format!("gateway_{name}"), printed.out);

        let without_scope = gateway(&folder, name, &["--audience", AUDIENCE, "--json"]).json();
        let text = without_scope["configuration"].as_str().unwrap();
        assert!(text.contains(AUDIENCE) && !text.contains("orders:read"), "{text}");
    }
}

#[test]
fn a_gateway_that_verifies_none_of_the_keys_is_refused_with_the_setting_to_change() {
    let folder = TempDir::new().unwrap();
    begin(&folder); // with ES256 only
    for name in GATEWAYS {
        let ended = gateway(&folder, name, &["--audience", AUDIENCE]);
        if matches!(name, "aws-http" | "alb" | "apim") {
            assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{name}");
            assert!(ended.err.contains("add RS256 to the setting `signing_algs`"), "{ended:?}");
        } else {
            assert_eq!(ended.code, 0, "{name}: {ended:?}");
            assert!(!ended.out.contains("RS256"), "{name}: {ended:?}");
        }
    }
}

#[test]
fn what_a_gateway_would_not_take_literally_is_a_usage_error() {
    let folder = public();
    for (audience, scope) in [
        ("orders", "orders:read"),
        ("https://orders.example.com#a", "orders:read"),
        ("https://orders.example.com/{{resolve:ssm:a}}", "orders:read"),
        (AUDIENCE, ""),
        (AUDIENCE, "orders:read orders:write"),
        (AUDIENCE, "{{name}}"),
        (AUDIENCE, "@(context.Variables)"),
        (AUDIENCE, "a\"b"),
    ] {
        let ended = gateway(&folder, "apim", &["--audience", audience, "--scope", scope]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{audience} {scope}");
    }
}

#[test]
fn before_a_server_has_run_there_is_no_issuer_to_name() {
    let ended = gateway(&migrated(), "envoy", &["--audience", AUDIENCE]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains("start the server once"), "{ended:?}");
}
