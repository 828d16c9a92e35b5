//! Every parser of foreign text, fed with random and hostile text: it refuses it quickly, and never panics.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::authorize::check;
use protocol::claims::Catalog;
use protocol::client_auth::Credentials;
use protocol::issuer::Issuer;
use protocol::jwt::Compact;
use protocol::name::{CanonicalName, Identifier, is_email};
use protocol::origin;
use protocol::params::{Params, encode};
use protocol::pkce::{Challenge, Verifier};
use protocol::redirect_uri::{PrivateSchemes, check_after_logout, check_registrable, check_web};
use protocol::scope::Scope;
use protocol::{armor, base64url};
use std::thread;

/// Calls every parser. Only that they return matters here, not what.
fn read_by_all(text: &str) {
    let _ = Params::parse(text.as_bytes());
    let _ = Scope::parse(text);
    let _ = Issuer::parse(text);
    for private in [PrivateSchemes::None, PrivateSchemes::DomainNames, PrivateSchemes::Any] {
        let _ = (check_registrable(text, private), check_after_logout(text, private));
    }
    let _ = check_web(text);
    let _ = (origin::of_uri(text), origin::check(text).map_err(|why| why.message(text)));
    let _ = (CanonicalName::parse(text), Identifier::email(text), is_email(text));
    let _ = (Challenge::parse(text), Verifier::parse(text));
    let _ = (armor::unwrap(armor::CODE, text), base64url::decode(text));
    let _ = Compact::parse(text);
    let form = Params::from_pairs([("client_id", text), ("client_secret", text)]);
    let _ = (Credentials::read(None, &form), Credentials::read(Some(text), &form));
    let _ = Credentials::read(Some(&format!("Basic {text}")), &Params::default());
    for name in
        ["claims", "scope", "prompt", "max_age", "resource", "state", "code_challenge", "redirect_uri"]
    {
        let _ = check(&Params::from_pairs([(name, text)]), None, &Catalog::default());
    }
}

#[test]
fn n213_no_text_makes_a_parser_panic() {
    // The same texts each time.
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[213; 32]);
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, seed);
    let anything = prop_oneof![
        any::<String>(),
        "\\PC{0,64}",
        "[%&=+;:/?#@a-zA-Z0-9._~ \\-\"\\\\{}\\[\\]]{0,200}",
        "https?://[a-z0-9.:\\[\\]@%/?#-]{0,80}",
        "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}",
        "kw[crs]_[A-Za-z0-9_-]{0,200}",
    ];
    runner
        .run(&(anything, any::<Vec<u8>>()), |(text, bytes)| {
            read_by_all(&text);
            let _ = Params::parse(&bytes);
            let pair = format!("{0}={0}", encode(&text));
            if let Ok(params) = Params::parse(pair.as_bytes()) {
                prop_assert_eq!(params.all(&text).next().unwrap_or_default(), text.as_str());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn n212_what_would_make_an_expression_backtrack_is_read_once() {
    let long = 256 * 1024;
    let hostile: Vec<String> = [
        "a", "a.", ".", "..", "/../", "a@", "@", "%", "%2", "%25", "+", "=", "&", "a=&", ";", " ", "\"",
        "\\", "[", "{\"a\":", "(a+)+", "-", "_", "\u{e9}", "e\u{301}", "\u{fdfa}", "://", "::", "kwc_", "\0",
    ]
    .iter()
    .map(|piece| format!("{}!", piece.repeat(long / piece.len())))
    .collect();
    // A stack this small has no room for one call per character: a recursive parser would overflow it.
    let reader = thread::Builder::new().stack_size(256 * 1024);
    let read = reader.spawn(move || hostile.iter().for_each(|text| read_by_all(text))).unwrap();
    read.join().unwrap();
}
