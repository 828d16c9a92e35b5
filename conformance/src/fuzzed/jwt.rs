//! Signed JWTs in compact form: the whole, the header, the claims.

use protocol::base64url;
use protocol::claims::access_token::VerifiedAccessToken;
use protocol::json::MAX_DEPTH;
use protocol::jwk::Algorithm;
use protocol::jwt::{Compact, Header, MAX_LENGTH};
use serde_json::{Map, Value};

/// Members that would change how a token is read.
const REFUSED: [&str; 4] = ["crit", "b64", "enc", "zip"];

/// A token: what parses has three parts, each in its only encoding.
pub fn jwt_compact(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(token) = Compact::parse(text) else { return };
    assert!(text.len() <= MAX_LENGTH);
    let parts: Vec<_> = text.split('.').collect();
    assert!(parts.len() == 3 && parts.iter().all(|part| !part.is_empty()), "five parts are encrypted");
    assert_eq!(token.signing_input, format!("{}.{}", parts[0], parts[1]));
    assert_eq!(base64url::encode(&token.payload), parts[1]);
    assert_eq!(base64url::encode(&token.signature), parts[2]);
    assert_eq!(Header::parse(&base64url::decode(parts[0]).unwrap()), Some(token.header.clone()));
    assert_eq!(protocol::jwt::assemble(token.signing_input.to_owned(), &token.signature), text);
    assert_eq!(
        format!("{token:?}"),
        format!("Compact {{ header: {:?}, .. }}", token.header),
        "and no credential"
    );
}

/// A decoded header.
pub fn jwt_header(data: &[u8]) {
    let plain = serde_json::from_slice::<Map<String, Value>>(data).ok();
    if let Some(header) = Header::parse(data) {
        let plain = plain.as_ref().unwrap();
        assert!(data.len() <= MAX_LENGTH && depth_of(plain) <= MAX_DEPTH);
        assert_eq!(accepted(plain), Some(header), "another reader reads another header");
    }
    // Written again, without repeated names, a header is accepted or refused by its members alone.
    if let Some(plain) = plain.filter(|plain| depth_of(plain) <= MAX_DEPTH) {
        let written = serde_json::to_vec(&plain).unwrap();
        let expected = accepted(&plain).filter(|_| written.len() <= MAX_LENGTH);
        assert_eq!(Header::parse(&written), expected);
    }
}

/// The rule for a header without repeated names.
fn accepted(plain: &Map<String, Value>) -> Option<Header> {
    let text = |name: &str| plain.get(name).map(|value| value.as_str().map(str::to_owned));
    let (kid, typ) = (text("kid"), text("typ"));
    let legal = !REFUSED.iter().any(|name| plain.contains_key(*name))
        && kid != Some(None)
        && typ != Some(None)
        && kid.iter().flatten().all(|kid| kid.len() <= 256);
    let alg =
        Algorithm::ALL.into_iter().find(|alg| text("alg").flatten().as_deref() == Some(alg.as_str()))?;
    legal.then_some(Header { alg, kid: kid.flatten(), typ: typ.flatten() })
}

/// Decoded claims of an access token that is presented.
pub fn jwt_claims(data: &[u8]) {
    let strict = read(data);
    let plain = serde_json::from_slice::<VerifiedAccessToken>(data);
    if let Some(claims) = &strict {
        assert_eq!(
            format!("{claims:?}"),
            format!("{:?}", plain.unwrap()),
            "another reader reads other claims"
        );
        for at in [claims.issued_at(), claims.expires_at()] {
            assert!(at.seconds() <= 253_402_300_799, "beyond the year 9999");
        }
    }
    let Ok(plain) = serde_json::from_slice::<Map<String, Value>>(data) else {
        assert!(strict.is_none(), "no object");
        return;
    };
    if depth_of(&plain) > MAX_DEPTH {
        assert!(strict.is_none(), "too deep");
        return;
    }
    let written = serde_json::to_vec(&plain).unwrap();
    let expected = serde_json::from_slice::<VerifiedAccessToken>(&written).ok().filter(|_| fits(&written));
    let read = read(&written);
    assert_eq!(format!("{read:?}"), format!("{expected:?}"));
}

/// The header of an unsigned-looking token, whose signature nobody checks here.
const HEADER: &[u8] = br#"{"alg":"ES256","typ":"at+jwt"}"#;

fn token(claims: &[u8]) -> String {
    format!("{}.{}.AA", base64url::encode(HEADER), base64url::encode(claims))
}

fn fits(claims: &[u8]) -> bool {
    token(claims).len() <= MAX_LENGTH
}

fn read(claims: &[u8]) -> Option<VerifiedAccessToken> {
    let token = token(claims);
    let parsed = Compact::parse(&token);
    assert_eq!(parsed.is_some(), fits(claims) && !claims.is_empty());
    parsed?.claims()
}

/// How deep arrays and objects nest.
fn depth_of(object: &Map<String, Value>) -> usize {
    fn below(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(below).max().unwrap_or_default(),
            Value::Object(members) => 1 + members.values().map(below).max().unwrap_or_default(),
            _ => 0,
        }
    }
    1 + object.values().map(below).max().unwrap_or_default()
}
