//! What may be registered about a client's tokens and its start address.

use protocol::claims::custom::{BadClaims, MAX_BYTES};
use protocol::client::{BadClient, Client};
use protocol::client_tokens::{AccessTokenTyp, BadTokens, ClientTokens};
use protocol::id::ClientId;
use protocol::lifetimes::Seconds;
use protocol::redirect_uri::BadRedirectUri;
use protocol::samples;
use serde_json::{Value, json};

fn client() -> Client {
    let redirect_uris = vec!["https://rp.example/cb".into()];
    let grant_types = vec![protocol::client::GrantType::AuthorizationCode];
    Client { redirect_uris, grant_types, ..samples::client(ClientId::parse("rp").unwrap()) }
}

fn check(tokens: ClientTokens) -> Result<(), BadTokens> {
    Client { tokens, ..client() }.check().map_err(|bad| match bad {
        BadClient::Tokens(bad) => bad,
        other => panic!("{other:?}"),
    })
}

fn check_claims(claims: &Value) -> Result<(), BadClaims> {
    let claims = claims.as_object().cloned().unwrap();
    check(ClientTokens { claims, ..ClientTokens::default() }).map_err(|bad| match bad {
        BadTokens::Claims(bad) => bad,
        other => panic!("{other:?}"),
    })
}

#[test]
fn lifetimes_are_within_the_bounds_of_the_settings() {
    let (day, two_years) = (24 * 3600, 730 * 24 * 3600);
    for (access, idle, wrong) in [
        (Some(1), Some(1), None),
        (Some(day), Some(two_years), None),
        (Some(0), None, Some("access_token_ttl must be from 1s to 24h")),
        (Some(day + 1), None, Some("access_token_ttl must be from 1s to 24h")),
        (None, Some(0), Some("refresh_token_idle_ttl must be from 1s to 17520h")),
        (None, Some(two_years + 1), Some("refresh_token_idle_ttl must be from 1s to 17520h")),
    ] {
        let checked = check(ClientTokens {
            access_token_ttl: access.map(Seconds),
            refresh_token_idle_ttl: idle.map(Seconds),
            ..ClientTokens::default()
        });
        let said = checked.map_err(|bad| bad.message());
        assert_eq!(said.is_ok(), wrong.is_none(), "{access:?} {idle:?}");
        assert!(said.err().unwrap_or_default().starts_with(wrong.unwrap_or_default()));
    }
}

#[test]
fn claims_have_names_that_are_not_the_protocols() {
    let names = |name: &str| ClientTokens { id_token_claims: vec![name.into()], ..ClientTokens::default() };
    for name in
        ["email", "groups", "https://rp.example/roles", "urn:rp:tenant", "cognito:groups", &"x".repeat(128)]
    {
        assert_eq!(check(names(name)), Ok(()), "{name}");
        assert_eq!(check_claims(&json!({ name: 1 })), Ok(()), "{name}");
    }
    for name in ["", "two words", "a\"b", "a\\b", "größe", "a\n", &"x".repeat(129)] {
        assert_eq!(check(names(name)), Err(BadTokens::Claims(BadClaims::Name(name.into()))), "{name}");
        assert_eq!(check_claims(&json!({ name: 1 })), Err(BadClaims::Name(name.into())), "{name}");
    }
    for name in ["roles", "permissions", "entitlements", "username", "tenant"] {
        assert_eq!(check_claims(&json!({ name: "x" })), Ok(()), "{name}: what a user is, operators say");
    }
    let of_protocols =
        ["iss", "sub", "aud", "exp", "jti", "client_id", "scope", "acr", "cnf", "sid", "at_hash"];
    let too = [
        "sub_id",
        "authorization_details",
        "act",
        "events",
        "azp",
        "_claim_sources",
        "sub_jwk",
        "vot",
        "s_hash",
    ];
    let of_others = ["scp", "cid", "appid", "token_use"];
    for name in of_protocols.into_iter().chain(too).chain(of_others) {
        assert_eq!(check_claims(&json!({ name: "x" })), Err(BadClaims::Reserved(name.into())), "{name}");
        assert_eq!(check(names(name)), Err(BadTokens::Claims(BadClaims::Reserved(name.into()))), "{name}");
    }
    let many = |count: usize| (0..count).map(|n| format!("claim{n}")).collect();
    let of = |count| ClientTokens { access_token_claims: many(count), ..ClientTokens::default() };
    assert_eq!((check(of(32)), check(of(33))), (Ok(()), Err(BadTokens::TooManyNames)));
}

#[test]
fn claims_have_values_that_every_store_keeps_and_every_reader_understands() {
    let exact = 1_u64 << 53;
    for value in [
        json!(exact),
        json!(-(1_i64 << 53)),
        json!(null),
        json!([[[[["deep"]]]]]),
        json!({ "a": { "b": [true] } }),
    ] {
        assert_eq!(check_claims(&json!({ "x": value })), Ok(()), "{value}");
    }
    for value in [
        json!(exact + 1),
        json!(u64::MAX),
        json!(-(1_i64 << 53) - 1),
        json!(0.5),
        json!(1e30),
        json!([{ "a": 1.0 }]),
    ] {
        assert_eq!(check_claims(&json!({ "x": value })), Err(BadClaims::Number("x".into())), "{value}");
    }
    for value in [json!([[[[[["too deep"]]]]]]), json!({ "": 1 }), json!([{ "": 1 }])] {
        assert_eq!(check_claims(&json!({ "x": value })), Err(BadClaims::Nesting("x".into())), "{value}");
    }
    let filled = |bytes: usize| json!({ "x": "y".repeat(bytes - r#"{"x":""}"#.len()) });
    assert_eq!(check_claims(&filled(MAX_BYTES)), Ok(()));
    assert_eq!(check_claims(&filled(MAX_BYTES + 1)), Err(BadClaims::TooLarge));
}

#[test]
fn a_start_address_is_of_the_web() {
    let check = |uri: &str| Client { start_url: Some(uri.into()), ..client() }.check();
    for uri in
        ["https://rp.example", "https://rp.example/#/home?a=*", "http://localhost:3000/", "http://[::1]/a?b"]
    {
        assert_eq!(check(uri), Ok(()), "{uri}");
    }
    use BadRedirectUri as Bad;
    for (uri, why) in [
        ("", Bad::Empty),
        ("https://rp.example/two words", Bad::Space),
        ("https://rp.example/#/%zz", Bad::Escape),
        ("https://127.1/", Bad::HostNumber),
        ("javascript:alert(1)", Bad::NotWeb),
        ("com.example.app:/start", Bad::NotWeb),
        ("//rp.example/", Bad::NotWeb),
        ("HTTPS://rp.example/", Bad::NotWeb),
        ("http://rp.example/", Bad::Http),
        ("http://localhost@rp.example/", Bad::UserInfo),
        ("https://#rp.example", Bad::NoHost),
    ] {
        assert_eq!(check(uri), Err(BadClient::StartUrl(uri.into(), why)), "{uri}");
    }
}

#[test]
fn what_is_registered_already_may_stay() {
    let mut before = client();
    before.redirect_uris.push("https://127.1/cb".into());
    before.post_logout_redirect_uris.push("https://rp.example/bye?state=a".into());
    before.origins.push("https://rp.example/".into());
    before.start_url = Some("https://rp.example/%zz".into());
    before.tokens.id_token_claims.push("sub".into());
    before.tokens.claims.insert("scope".into(), "x".into());
    let disabled = Client { disabled: true, ..before.clone() };
    assert_eq!(disabled.problems(None).len(), 6, "{disabled:?}");
    assert_eq!(disabled.problems(Some(&before)), []);
    let all_new = Client { redirect_uris: vec!["https://127.2/cb".into()], ..before.clone() };
    assert!(matches!(all_new.problems(Some(&before))[..], [BadClient::RedirectUri(..)]));
    let origin = Client { origins: vec!["https://RP.example".into()], ..before.clone() };
    assert!(matches!(origin.problems(Some(&before))[..], [BadClient::Origin(..)]));
    let mut claims = before.clone();
    claims.tokens.claims.insert("exp".into(), 1.into());
    assert!(matches!(claims.problems(Some(&before))[..], [BadClient::Tokens(_)]));

    let native = Client { native: true, redirect_uris: vec!["com.example.app:/cb".into()], ..client() };
    let web = Client { native: false, ..native.clone() };
    assert_eq!(web.problems(Some(&native)).len(), 1, "what a URI may be depends on the kind of the client");
}

#[test]
fn the_type_of_access_tokens_is_stored_as_it_is_sent() {
    for typ in AccessTokenTyp::ALL {
        assert_eq!(serde_json::to_value(typ).unwrap(), json!(typ.as_str()));
    }
}
