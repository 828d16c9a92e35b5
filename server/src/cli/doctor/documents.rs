//! What anyone gets without signing in: the documents, compared with what this program would serve from the same store, and
//! the challenges.

use super::check::{Check, Difference};
use super::headers;
use super::visitor::{Visitor, expect, json};
use crate::cli::reach::Answer;
use crate::config::Settings;
use http::HeaderName;
use http::header::AUTHORIZATION;
use keys::clock::{Clock as _, SystemClock};
use keys::{KeyState, Ring, snapshot};
use protocol::discovery::Metadata;
use protocol::jwk::Jwk;
use serde_json::Value;
use std::collections::BTreeSet;

const METADATA: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// Compares both metadata documents.
pub(super) async fn metadata(
    visitor: &mut Visitor,
    settings: &Settings,
    checks: &mut Vec<Check>,
) -> Result<(), Difference> {
    let ours = Metadata::new(&settings.issuer, &settings.signing_algs, settings.signup, &settings.claims);
    let ours = serde_json::to_value(ours).unwrap_or_default();
    for path in METADATA {
        let answer = expect(visitor.get(path, None).await?, path, 200)?;
        checks.push(Check::of("metadata", compare(path, &answer, &ours)));
        checks.push(headers::check(path, &answer, headers::METADATA, settings.issuer.is_https()));
    }
    Ok(())
}

fn compare(path: &str, answer: &Answer, ours: &Value) -> Result<String, Difference> {
    let theirs = json(answer);
    let names = |document: &Value| {
        document.as_object().map(|members| members.keys().cloned().collect::<BTreeSet<_>>())
    };
    let names: BTreeSet<String> = [ours, &theirs].into_iter().filter_map(names).flatten().collect();
    let differing: Vec<_> = names.iter().filter(|name| ours.get(name) != theirs.get(name)).collect();
    if differing.is_empty() {
        return Ok(format!("{path}: as this program would serve it"));
    }
    let values = |document: &Value| {
        let value = |name: &&String| match document.get(name.as_str()) {
            Some(value) => format!("{name} {value}"),
            None => format!("no {name}"),
        };
        differing.iter().map(value).collect::<Vec<_>>().join(", ")
    };
    let fix = "run this with the server's settings (`issuer`, `signing_algs`, `signup`) and its version; if it has them, \
               something in front of it serves an older document";
    Err(Difference::new(format!("{path}: {}", values(ours)), values(&theirs), fix))
}

/// Compares the published keys with those in the ring; returns them.
pub(super) async fn jwks(
    visitor: &mut Visitor,
    ring: Option<&Ring>,
    checks: &mut Vec<Check>,
) -> Result<Vec<Jwk>, Difference> {
    let answer = expect(visitor.get("/jwks", None).await?, "/jwks", 200)?;
    let https = visitor.server.issuer.is_https();
    checks.push(headers::check("/jwks", &answer, headers::JWKS, https));
    let served = json(&answer).get_mut("keys").map(Value::take).unwrap_or_default();
    let served: Vec<Jwk> = serde_json::from_value(served).map_err(|error| {
        Difference::new("public keys at /jwks", error.to_string(), "make the issuer lead to Keyward")
    })?;
    if let Some(ring) = ring {
        let listed = snapshot::list(ring, SystemClock.now());
        let stored = listed.into_iter().filter(|key| key.state != KeyState::Removed).map(|key| key.kid);
        let stored: BTreeSet<String> = stored.collect();
        let theirs: BTreeSet<String> = served.iter().map(|key| key.kid.clone()).collect();
        let shown = |kids: &BTreeSet<String>| kids.iter().cloned().collect::<Vec<_>>().join(" ");
        let outcome = if stored == theirs {
            Ok(format!("the {} keys of the store are published", served.len()))
        } else {
            let fix = "servers know a change within 60 s, and CloudFront after 15 minutes: run this again then; if it still \
                       differs, the server uses another store";
            Err(Difference::new(shown(&stored), shown(&theirs), fix))
        };
        checks.push(Check::of("jwks", outcome));
    }
    Ok(served)
}

/// The challenges, and the address that the server sees.
pub(super) async fn challenges(
    visitor: &mut Visitor,
    proof: Option<(HeaderName, &str)>,
    checks: &mut Vec<Check>,
) -> Result<(), Difference> {
    let https = visitor.server.issuer.is_https();
    let what = "/userinfo without a token";
    let answer = expect(visitor.get("/userinfo", proof).await?, what, 401)?;
    checks.push(headers::check(what, &answer, headers::BEARER, https));
    checks.push(headers::caller(&answer));
    let form = [("grant_type", "client_credentials")];
    // Nobody's id and secret.
    let basic = "Basic a2V5d2FyZC1kb2N0b3Itbm9ib2R5Onk=";
    let what = "/token with a wrong secret";
    let answer = expect(visitor.post("/token", &form, Some((AUTHORIZATION, basic))).await?, what, 401)?;
    checks.push(headers::check(what, &answer, headers::BASIC, https));
    Ok(())
}
