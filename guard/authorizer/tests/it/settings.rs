//! The environment's variables.

use crate::fixture::jwks;
use keyward_authorizer::{Mistake, Settings};

const LEAST: [(&str, &str); 2] =
    [("GUARD_ISSUER", "https://login.example"), ("GUARD_AUDIENCE", "https://orders.example")];

/// What is said about the variables that are needed, with others added or replaced.
fn mistake(others: &[(&str, &str)]) -> Option<String> {
    let all = LEAST.iter().chain(others).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    // The last value of a name counts.
    let all: std::collections::BTreeMap<_, _> = all.collect();
    Settings::read(all).err().map(|mistake| mistake.to_string())
}

#[test]
fn two_variables_are_enough_and_others_are_not_ours() {
    assert_eq!(mistake(&[("PATH", "/bin"), ("AWS_REGION", "eu-central-1"), ("LAMBDA_GUARD_X", "")]), None);
}

#[test]
fn all_of_them_are_read() {
    let file = std::env::temp_dir().join(format!("keyward-authorizer-{}.json", std::process::id()));
    std::fs::write(&file, jwks()).unwrap();
    let all = [
        ("GUARD_AUDIENCE", "https://orders.example orders"),
        ("GUARD_ALGORITHMS", "ES256 EdDSA"),
        ("GUARD_JWKS_FILE", file.to_str().unwrap()),
        ("GUARD_SCOPE", "orders:read orders:write"),
        ("GUARD_INTROSPECTION_ENDPOINT", "https://login.example/introspect"),
        ("GUARD_CLIENT_ID", "orders"),
        ("GUARD_CLIENT_SECRET", "secret"),
        ("GUARD_PRIVATE_NETWORK", "true"),
        ("GUARD_ANY_JWT", "true"),
        ("GUARD_QUERY_TOKEN", "true"),
    ];
    assert_eq!(mistake(&all), None);
    let all = LEAST.iter().chain(&all).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = Settings::read(all).unwrap();
    assert!(settings.is_query_read);
    assert!(!format!("{settings:?}").contains("secret"));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn each_mistake_is_named() {
    for (others, message) in [
        ([("GUARD_SCOPES", "a")].as_slice(), "GUARD_SCOPES is not read here: correct its name or remove it"),
        (&[("GUARD_ISSUER", "")], "GUARD_ISSUER is missing or empty"),
        (&[("GUARD_AUDIENCE", "  ")], "GUARD_AUDIENCE is missing or empty"),
        (&[("GUARD_SCOPE", "")], "GUARD_SCOPE is missing or empty"),
        (
            &[("GUARD_ISSUER", "http://login.example")],
            "http://login.example is not a URL with https: plain http is for issuers on localhost only",
        ),
        (
            &[("GUARD_ALGORITHMS", "HS256")],
            "GUARD_ALGORITHMS must be one or more of RS256, PS256, ES256 and EdDSA",
        ),
        (&[("GUARD_QUERY_TOKEN", "yes")], "GUARD_QUERY_TOKEN must be true or false"),
        (
            &[("GUARD_JWKS_FILE", "/absent")],
            "GUARD_JWKS_FILE: /absent can't be read: No such file or directory",
        ),
        (
            &[("GUARD_JWKS_FILE", "Cargo.toml")],
            "the embedded keys of https://login.example are not a JWK Set with a usable key",
        ),
        (
            &[("GUARD_INTROSPECTION_ENDPOINT", "https://login.example/introspect")],
            "GUARD_CLIENT_ID is missing or empty",
        ),
        (&[("GUARD_CLIENT_ID", "orders")], "GUARD_INTROSPECTION_ENDPOINT is missing or empty"),
    ] {
        let said = mistake(others).unwrap_or_default();
        assert!(said.starts_with(message), "{said}");
    }
    assert_eq!(Settings::read([]).unwrap_err(), Mistake::Missing("GUARD_AUDIENCE"));
}
