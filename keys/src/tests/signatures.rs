//! Our signatures as another implementation reads them, and tokens that we refuse as not ours.

use super::*;
use jsonwebtoken::jwk::{Jwk as TheirKey, ThumbprintHash};
use jsonwebtoken::{DecodingKey, Validation};
use protocol::base64url;
use protocol::jwk::Jwk;
use serde_json::{Value, json};

/// A ring's key of an algorithm, and its signer.
async fn made(world: &World, alg: Algorithm) -> (Jwk, Arc<dyn TokenSigner>) {
    let custody = world.local();
    let wrapping_key = custody.first_wrapping_key().await.unwrap();
    let NewKey { material, wrapped } = custody.new_signing_key(Some(&wrapping_key), alg).await.unwrap();
    let public = Jwk::new(alg, material);
    let key = RingKey {
        kid: public.kid.clone(),
        alg,
        public: public.clone(),
        wrapped,
        moved: None,
        publish_at: START,
        sign_from: START,
        retire_at: None,
        remove_at: None,
    };
    (public, custody.signer(Some(&wrapping_key), &key).await.unwrap())
}

fn theirs(key: &Jwk) -> TheirKey {
    serde_json::from_value(serde_json::to_value(key).unwrap()).unwrap()
}

/// Verified by the crate `jsonwebtoken`: header and claims.
pub(super) fn decoded(token: &str, key: &Jwk) -> Option<(jsonwebtoken::Header, Value)> {
    let mut validation = Validation::new(key.alg.as_str().parse().unwrap());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(&theirs(key)).unwrap();
    jsonwebtoken::decode(token, &key, &validation).ok().map(|data| (data.header, data.claims))
}

#[tokio::test]
async fn a_signature_of_each_algorithm_verifies_elsewhere() {
    let world = World::new();
    for alg in Algorithm::ALL {
        let (key, signer) = made(&world, alg).await;
        let claims = json!({ "iss": "https://auth.example", "sub": "zo\u{eb}", "n": 1 });
        let token = signed_by(&*signer, &claims).await;
        let (header, seen) = decoded(&token, &key).unwrap();
        assert_eq!(seen, claims, "{alg}");
        assert_eq!((header.kid, header.typ), (Some(key.kid.clone()), Some("JWT".into())));
        assert_eq!(signer.alg(), alg);
        let length = Compact::parse(&token).unwrap().signature.len();
        // RFC 7518 §3.4: r and s of 32 bytes each, never DER.
        assert_eq!(
            length,
            if matches!(alg, Algorithm::RS256 | Algorithm::PS256) { 256 } else { 64 },
            "{alg}"
        );
        let (input, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{input}.{}", base64url::encode(&vec![1; length]));
        assert_eq!(decoded(&forged, &key), None, "{alg}: they do look");
    }
}

#[tokio::test]
async fn a_kid_is_the_thumbprint_of_rfc_7638_as_others_compute_it() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let jwks: JwkSet = serde_json::from_slice(&keys.current().jwks(START).body).unwrap();
    for key in &jwks.keys {
        assert_eq!(theirs(key).thumbprint(ThumbprintHash::SHA256).unwrap(), key.kid);
    }
    assert_eq!(jwks.keys.len(), 4);
}

#[tokio::test]
async fn the_header_says_what_kind_of_token_it_is() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let snapshot = keys.current();
    let signer = snapshot.signer(None, START).unwrap();
    for (typ, name) in [(Typ::AccessToken, "at+jwt"), (Typ::Jwt, "JWT")] {
        let header: Value = serde_json::from_slice(&base64url::decode(signer.header(typ)).unwrap()).unwrap();
        assert_eq!(header, json!({ "alg": "ES256", "typ": name, "kid": signer.kid() }));
    }
}

#[tokio::test]
async fn n105_only_what_we_signed_is_ours() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let good = token(&keys).await;
    assert_eq!(accepts(&keys, &good), (true, true));
    let (header, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let flipped = |part: &str| {
        let mut bytes = base64url::decode(part).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        base64url::encode(&bytes)
    };
    let with_header =
        |header: Value| format!("{}.{payload}.{signature}", base64url::encode(header.to_string().as_bytes()));
    let kid = signing(&keys, TWO[0]).unwrap();
    let other = signing(&keys, TWO[1]).unwrap();
    for (what, bent) in [
        ("a bit of the claims", format!("{header}.{}.{signature}", flipped(payload))),
        ("a bit of the signature", format!("{header}.{payload}.{}", flipped(signature))),
        ("no signature", format!("{header}.{payload}.")),
        ("alg none", with_header(json!({ "alg": "none", "kid": kid }))),
        ("alg HS256", with_header(json!({ "alg": "HS256", "kid": kid }))),
        ("another alg", with_header(json!({ "alg": "ES256", "kid": kid }))),
        ("another key", with_header(json!({ "alg": "EdDSA", "kid": other }))),
        ("an unknown key", with_header(json!({ "alg": "EdDSA", "kid": "x" }))),
        ("no kid", with_header(json!({ "alg": "EdDSA" }))),
        ("the same header in other words", with_header(json!({ "alg": "EdDSA", "kid": kid, "typ": "jwt" }))),
    ] {
        assert_eq!(accepts(&keys, &bent), (false, false), "{what}");
    }
}

#[tokio::test]
async fn n105_a_right_signature_does_not_excuse_another_alg() {
    let world = World::new();
    let keys = world.open(&policy(TWO)).await;
    let signer = keys.current().signer(None, START).cloned().unwrap();
    for (alg, expected) in [("EdDSA", (true, true)), ("ES256", (false, false))] {
        let header = json!({ "alg": alg, "kid": signer.kid() }).to_string();
        let input = format!("{}.e30", base64url::encode(header.as_bytes()));
        let signature = signer.sign(input.as_bytes()).await.unwrap();
        assert_eq!(accepts(&keys, &jwt::assemble(input, &signature)), expected, "{alg}");
    }
}

#[tokio::test]
async fn n105_the_public_key_is_no_shared_secret() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let jwks = keys.current().jwks(START);
    let kid = signing(&keys, Algorithm::ES256).unwrap();
    let header = base64url::encode(json!({ "alg": "HS256", "kid": kid }).to_string().as_bytes());
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &jwks.body);
    let input = format!("{header}.e30");
    let tag = aws_lc_rs::hmac::sign(&secret, input.as_bytes());
    assert_eq!(accepts(&keys, &jwt::assemble(input, tag.as_ref())), (false, false));
}

#[tokio::test]
async fn a_foreign_server_s_token_is_not_ours() {
    let (world, other) = (World::new(), World::new());
    let keys = world.open(&policy(ES256)).await;
    let foreign = token(&*other.open(&policy(ES256)).await).await;
    assert_eq!(accepts(&keys, &foreign), (false, false));
}

#[tokio::test]
async fn a_pending_key_verifies_and_a_key_signs_only_for_its_own_algorithm() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let pending = only(&keys, KeyState::Pending).kid;
    let (_, ring) = world.stored().await;
    let key = ring.keys.iter().find(|key| key.kid == pending).unwrap();
    let early =
        signed_by(&*world.local().signer(ring.wrapping_key.as_deref(), key).await.unwrap(), &json!({})).await;
    assert_eq!(accepts(&keys, &early), (true, true), "another process' clock may be ahead");
    for alg in [Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA] {
        let error = keys.current().signer(Some(alg), START).err().map(|error| error.kind());
        assert_eq!(error, Some(SignErrorKind::Unavailable), "{alg}");
    }
}

#[tokio::test]
async fn a_private_key_beside_another_s_public_half_is_noticed_before_it_signs() {
    let world = World::new();
    let mine = signer::PrivateKey::generate(Algorithm::ES256).unwrap();
    let other = signer::PrivateKey::generate(Algorithm::ES256).unwrap();
    let public = Jwk::new(Algorithm::ES256, mine.material().unwrap());
    let (_, mut key) = (world.open(&policy(ES256)).await, world.stored().await.1.keys.remove(0));
    (key.kid, key.public) = (public.kid.clone(), public);
    assert!(signer::MemorySigner::new(&key, &mine.to_pkcs8().unwrap()).is_ok());
    let error = signer::MemorySigner::new(&key, &other.to_pkcs8().unwrap()).err().unwrap();
    assert_eq!(error.kind(), SignErrorKind::Corrupt);
    let ed = signer::PrivateKey::generate(Algorithm::EdDSA).unwrap();
    assert!(signer::MemorySigner::new(&key, &ed.to_pkcs8().unwrap()).is_err());
    assert!(signer::MemorySigner::new(&key, b"").is_err());
}

#[test]
fn headers_of_a_key_are_made_once() {
    let headers = Headers::new(Algorithm::EdDSA, "k");
    assert_eq!(headers.get(Typ::Jwt), jwt::encode_header(Algorithm::EdDSA, "k", "JWT"));
    assert_eq!(headers.get(Typ::AccessToken), jwt::encode_header(Algorithm::EdDSA, "k", "at+jwt"));
}
