//! Test vectors of RFCs, and tokens that must be refused.

use super::*;
use crate::jwk::{Jwk, KeyMaterial};

const RFC7515_A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn token(header: &str) -> String {
    format!("{}.e30.AA", base64url::encode(header.as_bytes()))
}

#[test]
fn the_example_of_rfc_7515_a3_comes_apart() {
    let compact = Compact::parse(RFC7515_A3).unwrap();
    assert_eq!(compact.header, Header { alg: Algorithm::ES256, kid: None, typ: None });
    assert_eq!(compact.signature.len(), 64);
    assert_eq!(compact.signing_input.len(), RFC7515_A3.len() - 87);
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
        exp: NumericDate,
    }
    let claims: Claims = compact.claims().unwrap();
    assert_eq!((claims.iss.as_str(), claims.exp.seconds()), ("joe", 1_300_819_380));
}

#[test]
fn n_087_none_empty_signature_and_missing_parts() {
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "RS512", "", "es256"] {
        assert!(Compact::parse(&token(&format!(r#"{{"alg":"{alg}"}}"#))).is_none(), "{alg}");
    }
    let good = token(r#"{"alg":"ES256"}"#);
    assert!(Compact::parse(&good).is_some());
    let (two, _) = good.rsplit_once('.').unwrap();
    for broken in [two.to_owned(), format!("{two}."), format!("..{good}"), format!(".{two}"), String::new()] {
        assert!(Compact::parse(&broken).is_none(), "{broken}");
    }
    assert!(Compact::parse(&good.replace(".e30.", "..")).is_none(), "empty claims");
}

#[test]
fn n_089_kid_is_one_short_text() {
    let with = |kid: &str| token(&format!(r#"{{"alg":"ES256","kid":{kid}}}"#));
    for kid in ["[\"a\"]", "1", "null", "{}", "true"] {
        assert!(Compact::parse(&with(kid)).is_none(), "{kid}");
    }
    assert!(Compact::parse(&with(&format!("\"{}\"", "k".repeat(256)))).is_some());
    assert!(Compact::parse(&with(&format!("\"{}\"", "k".repeat(257)))).is_none());
    assert!(Compact::parse(&token(r#"{"alg":"ES256","kid":"a","kid":"a"}"#)).is_none());
}

#[test]
fn n_090_keys_in_the_header_are_not_read() {
    let header = r#"{"alg":"ES256","jku":"https://evil.example","jwk":{"kty":"oct"},"x5c":["x"],"x5u":1}"#;
    let text = token(header);
    let compact = Compact::parse(&text).unwrap();
    assert_eq!(compact.header, Header { alg: Algorithm::ES256, kid: None, typ: None });
}

#[test]
fn n_096_five_parts_are_never_decoded() {
    assert!(Compact::parse(&format!("{}.e30.e30", token(r#"{"alg":"ES256"}"#))).is_none());
    for extra in [r#""enc":"A128GCM""#, r#""zip":"DEF""#] {
        assert!(Compact::parse(&token(&format!(r#"{{"alg":"ES256",{extra}}}"#))).is_none(), "{extra}");
    }
}

#[test]
fn n_097_critical_unencoded_and_twice() {
    for header in [
        r#"{"alg":"ES256","crit":["x"]}"#,
        r#"{"alg":"ES256","crit":[]}"#,
        r#"{"alg":"ES256","crit":"x"}"#,
        r#"{"alg":"ES256","b64":false}"#,
        r#"{"alg":"ES256","b64":true}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        "\u{feff}{\"alg\":\"ES256\"}",
        r#"["ES256"]"#,
        r#"{"typ":"JWT"}"#,
    ] {
        assert!(Compact::parse(&token(header)).is_none(), "{header}");
    }
    let twice =
        format!("{}.{}.AA", base64url::encode(br#"{"alg":"ES256"}"#), base64url::encode(br#"{"a":1,"a":1}"#));
    assert_eq!(Compact::parse(&twice).unwrap().claims::<Map<String, Value>>(), None);
}

#[test]
fn only_canonical_base64url_within_the_length() {
    let good = token(r#"{"alg":"ES256"}"#);
    for broken in
        [format!("{good}="), good.replace(".AA", ".AB"), good.replace(".AA", ".A+"), format!("{good} ")]
    {
        assert!(Compact::parse(&broken).is_none(), "{broken}");
    }
    let head = "eyJhbGciOiJFUzI1NiJ9.e30.";
    let filled = |length: usize| format!("{head}{}", "A".repeat(length - head.len()));
    assert!(Compact::parse(&filled(MAX_LENGTH)).is_some());
    assert!(Compact::parse(&filled(MAX_LENGTH + 1)).is_none());
}

#[test]
fn typ_may_leave_out_application() {
    let header = |typ: &str| Header { alg: Algorithm::ES256, kid: None, typ: Some(typ.to_owned()) };
    assert!(header("at+jwt").is_typ("at+jwt"));
    assert!(header("application/at+JWT").is_typ("at+jwt"));
    assert!(!header("JWT").is_typ("at+jwt"));
    assert!(!header("application/").is_typ("at+jwt"));
    assert!(!Header { alg: Algorithm::ES256, kid: None, typ: None }.is_typ("JWT"));
}

#[test]
fn dates_are_whole_seconds_until_9999() {
    let parse =
        |text: &str| json::typed::<std::collections::BTreeMap<String, NumericDate>>(text.as_bytes(), 100);
    for good in ["0", "1300819380", "253402300799"] {
        assert_eq!(parse(&format!(r#"{{"exp":{good}}}"#)).unwrap()["exp"].seconds().to_string(), good);
    }
    for bad in [
        "-1",
        "1.0",
        "1.5",
        "1e3",
        "\"1\"",
        "null",
        "253402300800",
        "9223372036854775808",
        "1e19",
        "1e300",
        "[1]",
    ] {
        assert!(parse(&format!(r#"{{"exp":{bad}}}"#)).is_none(), "{bad}");
    }
    assert_eq!(NumericDate::floor(Timestamp::from_millis(1999)).seconds(), 1);
    assert_eq!(NumericDate::floor(Timestamp::from_millis(u64::MAX)).seconds(), LAST_SECOND);
}

#[test]
fn our_own_tokens_come_apart_again() {
    let header = encode_header(Algorithm::EdDSA, "a\"b", "at+jwt");
    let input = signing_input(&header, &json!({"sub": "x"})).unwrap();
    let token = assemble(input.clone(), &[7; 64]);
    let compact = Compact::parse(&token).unwrap();
    assert_eq!(compact.signing_input, input);
    assert_eq!(compact.signature, [7; 64]);
    assert_eq!(compact.header.kid.as_deref(), Some("a\"b"));
    assert!(compact.header.is_typ("at+jwt"));
    assert!(!format!("{compact:?}").contains("sub"));
}

#[test]
fn at_hash_of_oidc_core() {
    // OIDC Core, Appendix A.3: the access token and the hash in its ID token.
    assert_eq!(
        at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::RS256),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
    assert_eq!(at_hash("a", Algorithm::ES256).len(), 22);
    assert_eq!(base64url::decode(&at_hash("a", Algorithm::EdDSA)).unwrap(), Sha512::digest(b"a")[..32]);
}

#[test]
fn thumbprints_of_the_rfcs() {
    // RFC 7638 §3.1.
    let rsa = KeyMaterial::Rsa {
        n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw".into(),
        e: "AQAB".into(),
    };
    assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037 A.3.
    let okp =
        KeyMaterial::Okp { crv: "Ed25519".into(), x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into() };
    assert_eq!(Jwk::new(Algorithm::EdDSA, okp).kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}
