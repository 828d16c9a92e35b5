//! The headers of answers as they arrive: front ends rename, drop, merge and add some.

use super::check::{Check, Difference};
use super::visitor::header;
use crate::cli::reach::Answer;
use crate::web::caller::{CALLER, UNREADABLE};
use http::HeaderName;
use http::header::SET_COOKIE;
use std::collections::BTreeSet;

/// What the value of a header has to be.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Any,
    Is(&'static str),
    Begins(&'static str),
}

type Expected = &'static [(&'static str, Value)];

/// What every answer has.
const ALL: Expected = &[("x-content-type-options", Value::Is("nosniff")), ("x-request-id", Value::Any)];
const HTTPS: Expected = &[("strict-transport-security", Value::Is("max-age=31536000"))];

pub(super) const METADATA: Expected = &[
    ("content-type", Value::Is("application/json")),
    ("cache-control", Value::Is("public, max-age=3600")),
    ("access-control-allow-origin", Value::Is("*")),
];
pub(super) const JWKS: Expected = &[
    ("content-type", Value::Is("application/json")),
    ("cache-control", Value::Is("public, max-age=900")),
    ("access-control-allow-origin", Value::Is("*")),
    ("etag", Value::Begins("\"")),
];
pub(super) const BEARER: Expected = &[
    ("www-authenticate", Value::Begins("Bearer realm=\"keyward\"")),
    ("cache-control", Value::Is("no-store")),
    ("pragma", Value::Is("no-cache")),
];
pub(super) const BASIC: Expected = &[
    ("www-authenticate", Value::Is("Basic realm=\"keyward\", charset=\"UTF-8\"")),
    ("content-type", Value::Is("application/json")),
    ("cache-control", Value::Is("no-store")),
    ("pragma", Value::Is("no-cache")),
];
pub(super) const TOKENS: Expected = &[
    ("content-type", Value::Is("application/json")),
    ("cache-control", Value::Is("no-store")),
    ("pragma", Value::Is("no-cache")),
];
pub(super) const REDIRECT: Expected = &[
    ("location", Value::Any),
    ("cache-control", Value::Is("no-store")),
    ("pragma", Value::Is("no-cache")),
    ("referrer-policy", Value::Is("no-referrer")),
];
pub(super) const PAGE: Expected = &[
    ("content-type", Value::Is("text/html; charset=utf-8")),
    ("cache-control", Value::Is("no-store")),
    ("content-security-policy", Value::Begins("default-src 'none'; script-src 'nonce-")),
    ("referrer-policy", Value::Is("same-origin")),
    ("x-frame-options", Value::Is("DENY")),
    ("cross-origin-opener-policy", Value::Is("same-origin")),
    ("permissions-policy", Value::Begins("accelerometer=()")),
];

/// Compares the headers of the answer to `what` with those that Keyward sends.
pub(super) fn check(what: &str, answer: &Answer, expected: Expected, https: bool) -> Check {
    let expected: Vec<_> = [expected, ALL, if https { HTTPS } else { &[] }].concat();
    let wrong: Vec<_> =
        expected.iter().filter_map(|(name, value)| difference(answer, name, *value)).collect();
    let ours: BTreeSet<&str> = expected.iter().map(|(name, _)| *name).chain(["set-cookie"]).collect();
    let added: BTreeSet<&str> =
        answer.headers().keys().map(HeaderName::as_str).filter(|name| !ours.contains(name)).collect();
    let added = added.into_iter().collect::<Vec<_>>().join(", ");
    Check::of(
        "headers",
        if wrong.is_empty() {
            Ok(format!("{what}: all {} as sent; besides them: {added}", expected.len()))
        } else {
            let (expected, found): (Vec<_>, Vec<_>) = wrong.into_iter().unzip();
            let fix = if expected.iter().any(|expected| expected.starts_with("www-authenticate")) {
                "clients don't see the challenge (RFC 6750 §3): section \"WWW-Authenticate\" of deploy/README.md \
                 says how to restore it"
            } else {
                "let what is in front of the server pass its headers on unchanged"
            };
            Err(Difference::new(
                format!("{what}: {}", expected.join(", ")),
                format!("{}; besides it: {added}", found.join(", ")),
                fix,
            ))
        },
    )
}

/// What was expected of a header, and what is there instead.
fn difference(answer: &Answer, name: &str, value: Value) -> Option<(String, String)> {
    let lines = answer.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
    let lines: Vec<_> = lines.collect();
    let expected = match value {
        Value::Any if lines.len() == 1 => return None,
        Value::Is(value) if lines == [value] => return None,
        Value::Begins(value) if matches!(&lines[..], [line] if line.starts_with(value)) => return None,
        Value::Any => name.to_owned(),
        Value::Is(value) => format!("{name}: {value}"),
        Value::Begins(value) => format!("{name}: {value}…"),
    };
    let renamed = || answer.headers().keys().find(|other| other.as_str().ends_with(&format!("-{name}")));
    let found = match (&lines[..], renamed()) {
        ([], Some(other)) => format!("it as {other}"),
        ([], None) => format!("no {name}"),
        // A location can have a secret in it.
        _ if matches!(value, Value::Any) => format!("{} lines of {name}", lines.len()),
        (lines, _) => format!("{name}: {}", lines.join(" | ")),
    };
    Some((expected, found))
}

/// Checks that the cookies of an answer arrive, each with its attributes. `kinds`: parts of their names.
pub(super) fn cookies(what: &str, answer: &Answer, kinds: &[&str], https: bool) -> Check {
    let lines = answer.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let arrived: Vec<_> = lines.map(without_value).collect();
    let secure: &[&str] = if https { &["Secure"] } else { &[] };
    let attributes = [&["Path=/", "HttpOnly", "SameSite=Lax"], secure].concat();
    let prefix = if https { "__Host-" } else { "" };
    let is_whole = |kind: &&str| {
        arrived.iter().any(|(name, found)| {
            let found: Vec<&str> =
                found.iter().map(String::as_str).filter(|it| !it.starts_with("Max-Age=")).collect();
            name.starts_with(&format!("{prefix}{kind}"))
                && found.len() == attributes.len()
                && attributes.iter().all(|attribute| found.contains(attribute))
        })
    };
    let shown = |(name, attributes): &(String, Vec<String>)| format!("{name}; {}", attributes.join("; "));
    let found = arrived.iter().map(shown).collect::<Vec<_>>().join(" | ");
    let names = kinds.iter().map(|kind| format!("{prefix}{kind}…")).collect::<Vec<_>>().join(" and ");
    let outcome = if arrived.len() == kinds.len() && kinds.iter().all(is_whole) {
        Ok(format!("{what}: {names}, with {}", attributes.join(", ")))
    } else {
        Err(Difference::new(
            format!("{what}: {names}, each in a line of its own with {}", attributes.join(", ")),
            if found.is_empty() { "none".to_owned() } else { found },
            "let what is in front of the server pass Set-Cookie on unchanged",
        ))
    };
    Check::of("cookies", outcome)
}

/// A cookie's name and its attributes.
fn without_value(line: &str) -> (String, Vec<String>) {
    let mut parts = line.split(';').map(str::trim);
    let name = parts.next().and_then(|pair| pair.split('=').next()).unwrap_or_default();
    (name.to_owned(), parts.map(str::to_owned).collect())
}

/// The address that the server takes for this machine's.
pub(super) fn caller(answer: &Answer) -> Check {
    match header(answer, &CALLER) {
        Some(UNREADABLE) => Check::bad(
            "caller",
            "the server can't read its callers' addresses, so limits by address don't work",
            "let the front end send them in the header that `client_ip` names",
        ),
        Some(address) => {
            Check::good("caller", format!("to the server, this machine has the address {address}"))
        }
        None => Check::skipped(
            "caller",
            "the server doesn't say which address it takes for this machine's",
            "it does if it has an `origin_secret` and this command has the same",
        ),
    }
}
