//! Settings: every row of the table, the three layers, and what stops the start.

use super::env::Env;
use super::raw::Raw;
use super::resolve::{Surroundings, resolve};
use super::row::MASK;
use super::table::{self, ROWS};
use super::*;
use protocol::jwk::Algorithm;
use std::path::Path;
use std::time::Duration;

mod layers;
mod rows;
mod service_links;
mod unsafe_values;

/// Secrets of the required length.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const SECRETS: &str = "0123456789abcdef0123456789abcdef,fedcba9876543210fedcba9876543210";

/// The settings of a file.
fn of_file(body: &str) -> Result<Settings, BadSetting> {
    Raw::of(Some((Path::new("keyward.toml"), body)), &Env::default()).and_then(|raw| decide(&raw))
}

/// The settings of an environment.
fn of_env<const N: usize>(variables: [(&str, &str); N]) -> Result<Settings, BadSetting> {
    Raw::of(None, &Env::of(&variables)).and_then(|raw| decide(&raw))
}

fn decide(raw: &Raw) -> Result<Settings, BadSetting> {
    resolve(raw, Surroundings::default())
}

fn shown(settings: &Settings, key: &str) -> Option<String> {
    table::row(key).unwrap().shown(settings)
}

/// The line with which a start is refused. It names the key and, if there is one, the value.
fn complaint(result: Result<Settings, BadSetting>, key: &str) -> String {
    let bad = result.unwrap_err();
    assert_eq!(bad.key, key, "{bad}");
    let text = bad.to_string();
    assert!(text.starts_with(&format!("setting `{key}`")) && text.lines().count() == 1, "{text:?}");
    text
}
