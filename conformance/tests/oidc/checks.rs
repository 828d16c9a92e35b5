//! What is checked of every answer, whatever the module is about.

use super::relying_party::{ISSUER, RelyingParty};
use conformance::{Answer, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use keys::clock::Clock as _;
use protocol::base64url;
use protocol::claims::standard;
use protocol::params::{Params, encode};
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeSet;

/// More than 96 bits in the alphabet of base64url.
const RANDOM_CHARACTERS: usize = 17;

/// The answer in the query of a redirect to this URI.
pub(crate) fn by_query(answer: &Answer, redirect_uri: &str) -> Params {
    let (uri, _) = answer.location().split_once('?').unwrap();
    assert_eq!(uri, redirect_uri);
    answer.to_client()
}

/// The answer in a form that posts itself to this URI, and nothing of it in the URL.
pub(crate) fn by_form_post(answer: &Answer, redirect_uri: &str) -> Params {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    let action = format!(r#"<form method="post" action="{redirect_uri}">"#);
    assert!(text.contains(&action), "{text}");
    let names =
        text.split(r#"<input type="hidden" name=""#).skip(1).map(|piece| piece.split('"').next().unwrap());
    let pairs = names.map(|name| format!("{name}={}", encode(&answer.field(name))));
    Params::parse(pairs.collect::<Vec<_>>().join("&").as_bytes()).unwrap()
}

fn names(params: &Params) -> BTreeSet<&str> {
    let known =
        ["code", "error", "error_description", "error_uri", "state", "session_state", "iss", "id_token"];
    known.into_iter().filter(|name| params.get(name).is_some()).collect()
}

/// A successful authorization response.
pub(crate) fn success(params: &Params, state: &str) {
    assert_eq!(names(params), BTreeSet::from(["code", "iss", "state"]), "{params:?}");
    assert_eq!(params.get("state"), Some(state));
    assert_eq!(params.get("iss"), Some(ISSUER));
    assert!(params.get("code").unwrap().len() >= RANDOM_CHARACTERS);
}

/// An error response by redirect: one of these codes.
pub(crate) fn refusal(params: &Params, state: Option<&str>, codes: &[&str]) {
    assert!(codes.contains(&params.get("error").unwrap()), "{params:?}");
    assert_eq!(params.get("state"), state);
    assert_eq!(params.get("iss"), Some(ISSUER));
    let allowed =
        BTreeSet::from(["error", "error_description", "error_uri", "iss", "session_state", "state"]);
    assert!(names(params).is_subset(&allowed), "{params:?}");
    let described = params.get("error_description").unwrap_or_default();
    // RFC 6749 §4.1.2.1.
    assert!(described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{described}");
}

/// A token response.
pub(crate) fn token_response(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    assert!(json["access_token"].as_str().unwrap().len() >= RANDOM_CHARACTERS);
    assert!(json["token_type"].as_str().unwrap().eq_ignore_ascii_case("bearer"));
    assert!(json["expires_in"].as_u64().unwrap() > 0);
    if let Some(refresh) = json["refresh_token"].as_str() {
        assert!(refresh.len() >= RANDOM_CHARACTERS && refresh.bytes().all(|b| matches!(b, 0x20..=0x7E)));
    }
}

/// An ID token: verified by a library that isn't ours, and every claim plausible.
pub(crate) fn id_token(
    rp: &RelyingParty,
    token: &str,
    keys: &Value,
    access: &str,
    nonce: Option<&str>,
) -> Value {
    let set: JwkSet = serde_json::from_value(keys.clone()).unwrap();
    let head = header(token);
    let alg: Algorithm = head["alg"].as_str().unwrap().parse().unwrap();
    let key = DecodingKey::from_jwk(set.find(head["kid"].as_str().unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(alg);
    validation.set_audience(&[rp.party().id()]);
    validation.set_issuer(&[ISSUER]);
    // The world's clock isn't this machine's.
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims;

    let now = rp.world.clock.now().seconds();
    let second = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name} in {claims}"));
    assert!(
        second("exp") > now && second("iat").abs_diff(now) <= 300 && second("auth_time") <= now,
        "{claims}"
    );
    assert!(!claims["acr"].as_str().unwrap().is_empty());
    assert_eq!(claims["nonce"].as_str(), nonce);
    let subject = claims["sub"].as_str().unwrap();
    assert!((1..=255).contains(&subject.len()) && subject.bytes().all(|b| matches!(b, 0x21..=0x7E)));
    assert_eq!(subject, rp.user.subject.as_str());
    assert_eq!(claims["at_hash"], left_half(alg, access));
    // Claims about the user belong in userinfo unless they are requested for the ID token.
    let usual = [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "azp",
        "at_hash",
        "c_hash",
        "nbf",
        "jti",
        "sid",
        "s_hash",
        "txn",
    ];
    let strange: Vec<_> =
        claims.as_object().unwrap().keys().filter(|name| !usual.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
    claims
}

/// OIDC Core §3.1.3.6. The hash of EdDSA is Ed25519's.
fn left_half(alg: Algorithm, text: &str) -> String {
    if alg == Algorithm::EdDSA {
        return base64url::encode(&Sha512::digest(text)[..32]);
    }
    base64url::encode(&Sha256::digest(text)[..16])
}

/// A userinfo answer: about the same user, every claim well typed.
pub(crate) fn userinfo(answer: &Answer, id_token: &Value) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    let claims = answer.json();
    assert_eq!(claims["sub"], id_token["sub"]);
    for (name, value) in claims.as_object().unwrap() {
        let fine = match name.as_str() {
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "updated_at" => value.as_u64().is_some_and(|at| at > 631_152_000),
            "address" => value.as_object().unwrap().values().any(|part| is_filled(part.as_str())),
            "birthdate" => {
                value.as_str().is_some_and(|date| date.len() == 10 && date.matches('-').count() == 2)
            }
            _ => is_filled(value.as_str()),
        };
        assert!(fine, "{name}: {value}");
    }
    claims
}

fn is_filled(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty() && text != "null")
}

/// Userinfo holds every claim of these scopes, and none of another.
pub(crate) fn has_claims_of(userinfo: &Value, scopes: &[&str]) {
    for claim in standard::all() {
        let wanted = scopes.contains(&standard::scope_of(claim).unwrap());
        assert_eq!(userinfo.get(claim).is_some(), wanted, "{claim} for {scopes:?}: {userinfo}");
    }
}
