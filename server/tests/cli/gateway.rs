//! `keyward gateway`: what it prints for each gateway, and what it refuses.

use super::{Ended, begin, begin_with, command, keyward, migrated};
use tempfile::TempDir;

const GATEWAYS: [&str; 6] = ["aws-http", "aws-rest", "alb", "apim", "envoy", "nginx"];
const AUDIENCE: &str = "https://orders.example.com";

fn gateway(folder: &TempDir, name: &str, flags: &[&str]) -> Ended {
    keyward(folder, &[&["gateway", name], flags].concat())
}

/// A store on which a server with these settings has run.
fn served<const N: usize>(settings: [(&str, &str); N]) -> TempDir {
    let folder = TempDir::new().unwrap();
    begin_with(&folder, settings);
    folder
}

fn public() -> TempDir {
    served([("KEYWARD_ISSUER", "https://auth.example.com/t1")])
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
    begin(&folder);
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

#[test]
fn the_issuer_of_the_settings_has_to_be_that_of_the_store() {
    let folder = public();
    let flags = ["gateway", "envoy", "--audience", AUDIENCE];
    for (issuer, code) in [("https://auth.example.com", 1), ("https://auth.example.com/t1", 0)] {
        let done = command(&folder, &flags).env("KEYWARD_ISSUER", issuer).output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{issuer}: {done:?}");
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(said.contains("the store belongs to https://auth.example.com/t1"), code == 1, "{said}");
    }
}

#[test]
fn a_gateway_in_a_cloud_cannot_reach_this_machine() {
    let folder = served([]);
    for name in GATEWAYS {
        let printed = gateway(&folder, name, &["--audience", AUDIENCE]);
        assert_eq!(printed.code, 0, "{name}: {printed:?}");
        let warned = printed.err.contains("the gateway can't reach the issuer http://localhost:");
        assert_eq!(warned, !matches!(name, "envoy" | "nginx"), "{name}: {printed:?}");
    }
}

#[test]
fn tokens_that_the_gateway_would_refuse_by_default_are_a_warning() {
    let folder = served([("KEYWARD_SIGNING_ALGS", "EdDSA,RS256")]);
    std::fs::write(folder.path().join("keyward.toml"), r#"signing_algs = ["EdDSA", "RS256"]"#).unwrap();
    for name in GATEWAYS {
        let printed = gateway(&folder, name, &["--audience", AUDIENCE]);
        let warned = printed.err.contains("the gateway refuses EdDSA");
        assert_eq!(warned, !matches!(name, "envoy" | "nginx"), "{name}: {printed:?}");
        assert!(!warned || printed.err.contains("with `--signing-alg RS256`"), "{name}: {printed:?}");
    }
}
