//! Foreign signatures: the vectors of the RFCs verify, and nothing that was altered does.

use super::*;
use protocol::base64url;
use protocol::jwk::Algorithm;

/// RFC 7515 A.2.1.
const RS256_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const RS256_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
/// RFC 7515 A.3.1.
const ES256_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 8037 A.4.
const EDDSA_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// The order of P-256 (FIPS 186-4 D.1.2.3).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn rsa(alg: Algorithm) -> Jwk {
    Jwk::new(alg, KeyMaterial::Rsa { n: RS256_N.into(), e: "AQAB".into() })
}

fn ec() -> Jwk {
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".to_owned();
    let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".to_owned();
    Jwk::new(Algorithm::ES256, KeyMaterial::Ec { crv: "P-256".into(), x, y })
}

/// RFC 8037 A.2.
fn ed() -> Jwk {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
    Jwk::new(Algorithm::EdDSA, KeyMaterial::Okp { crv: "Ed25519".into(), x })
}

fn vectors() -> [(&'static str, Jwk); 3] {
    [(RS256_TOKEN, rsa(Algorithm::RS256)), (ES256_TOKEN, ec()), (EDDSA_TOKEN, ed())]
}

fn verify(token: &Compact<'_>, key: &Jwk) -> bool {
    PublicKey::parse(key).is_some_and(|key| key.verify(token))
}

/// As a request is checked: parsed first, then the signature.
fn accepted(token: &str, key: &Jwk) -> bool {
    Compact::parse(token).is_some_and(|token| verify(&token, key))
}

fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", base64url::encode(header.as_bytes()))
}

fn with_signature(token: &str, signature: &[u8]) -> String {
    let (input, _) = token.rsplit_once('.').unwrap();
    format!("{input}.{}", base64url::encode(signature))
}

fn signature(token: &str) -> Vec<u8> {
    Compact::parse(token).unwrap().signature
}

#[test]
fn the_vectors_of_rfc_7515_and_rfc_8037_verify() {
    for (token, key) in vectors() {
        assert!(accepted(token, &key), "{}", key.alg);
        let parsed = PublicKey::parse(&key).unwrap();
        let token = Compact::parse(token).unwrap();
        assert!(parsed.verify(&token) && parsed.verify(&token), "{}: a parsed key is used again", key.alg);
    }
}

#[test]
fn rfc_8037_appendix_a3_thumbprint_is_our_kid() {
    assert_eq!(ed().kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn no_key_verifies_the_token_of_another() {
    let keys = || vectors().map(|(_, key)| key).into_iter().chain([rsa(Algorithm::PS256)]);
    for (token, own) in vectors() {
        for key in keys().filter(|key| *key != own) {
            assert!(!accepted(token, &key), "{} by {}", own.alg, key.alg);
        }
    }
    let other = "PfVuzBGg2s9iYKj-QkIcQaFwdJ3UAUJPjxGgHP5j9Xs";
    let other = Jwk::new(Algorithm::EdDSA, KeyMaterial::Okp { crv: "Ed25519".into(), x: other.into() });
    assert!(!accepted(EDDSA_TOKEN, &other), "another key of the same kind");
}

#[test]
fn n105_no_flipped_bit_verifies() {
    for (token, key) in vectors() {
        let good = signature(token);
        for byte in [0, good.len() / 2, good.len() - 1] {
            let mut bent = good.clone();
            bent[byte] ^= 1;
            assert!(!accepted(&with_signature(token, &bent), &key), "{} byte {byte}", key.alg);
        }
        let (header, rest) = token.split_once('.').unwrap();
        let payload = rest.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Yi", 1).replacen("RXhh", "RXhi", 1);
        assert!(!accepted(&format!("{header}.{payload}"), &key), "{} payload", key.alg);
    }
}

#[test]
fn n105_the_header_chooses_nothing() {
    for (token, key) in vectors() {
        for alg in ["none", "HS256", "RS384", "RS512", "ES384", "Ed25519", "RS256", "PS256", "ES256", "EdDSA"]
        {
            let bent = with_header(token, &format!(r#"{{"alg":"{alg}"}}"#));
            assert_eq!(accepted(&bent, &key), alg == key.alg.as_str(), "{alg} with a key for {}", key.alg);
        }
    }
    // The public key as an HMAC secret (CVE-2015-9235).
    let header = base64url::encode(br#"{"alg":"HS256"}"#);
    let secret = serde_json::to_vec(&rsa(Algorithm::RS256)).unwrap();
    let input = format!("{header}.e30");
    let tag = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret),
        input.as_bytes(),
    );
    let forged = format!("{input}.{}", base64url::encode(tag.as_ref()));
    assert!(!accepted(&forged, &rsa(Algorithm::RS256)));
}

#[test]
fn n096_encrypted_tokens_are_refused_before_any_key_is_used() {
    let dir = base64url::encode(br#"{"alg":"dir","enc":"A256GCM"}"#);
    let pbes2 =
        base64url::encode(br#"{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":2147483648,"p2s":"AA"}"#);
    let bomb = base64url::encode(br#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#);
    for header in [dir, pbes2, bomb] {
        assert!(Compact::parse(&format!("{header}..AAAA.AAAA.AAAA")).is_none());
    }
    let nested = with_header(ES256_TOKEN, r#"{"alg":"ES256","enc":"A256GCM"}"#);
    assert!(Compact::parse(&nested).is_none());
    assert!(Compact::parse(&with_header(ES256_TOKEN, r#"{"alg":"ES256","zip":"DEF"}"#)).is_none());
}

/// A key that signs what the test wants, so that a refusal can only come from what the test shows.
fn signed(header: &[u8], payload: &[u8]) -> (String, Jwk) {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = base64url::encode(pair.public_key().as_ref());
    let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
    let token = format!("{input}.{}", base64url::encode(pair.sign(input.as_bytes()).as_ref()));
    (token, Jwk::new(Algorithm::EdDSA, KeyMaterial::Okp { crv: "Ed25519".into(), x }))
}

#[test]
fn n097_a_right_signature_does_not_excuse_the_header() {
    let (good, key) = signed(br#"{"alg":"EdDSA","typ":"JWT"}"#, b"{}");
    assert!(accepted(&good, &key));
    for header in [
        r#"{"alg":"EdDSA","crit":["x"],"x":1}"#,
        r#"{"alg":"EdDSA","crit":[]}"#,
        r#"{"alg":"EdDSA","crit":"x"}"#,
        r#"{"alg":"EdDSA","crit":["b64"],"b64":false}"#,
        r#"{"alg":"EdDSA","b64":false}"#,
        r#"{"alg":"none","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        "\u{feff}{\"alg\":\"EdDSA\"}",
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"none"}"#,
    ] {
        let (token, key) = signed(header.as_bytes(), b"{}");
        assert!(!accepted(&token, &key), "{header}");
    }
}

#[test]
fn n097_a_right_signature_does_not_excuse_the_claims() {
    #[derive(serde::Deserialize)]
    struct Claims {
        exp: protocol::jwt::NumericDate,
    }
    let exp = |payload: &str| {
        let (token, key) = signed(br#"{"alg":"EdDSA"}"#, payload.as_bytes());
        let token = Compact::parse(&token).filter(|token| verify(token, &key)).unwrap();
        token.claims::<Claims>().map(|claims| claims.exp.seconds())
    };
    assert_eq!(exp(r#"{"exp":253402300799}"#), Some(253_402_300_799));
    for payload in [
        r#"{"exp":1,"exp":2}"#,
        r#"{"exp":9223372036854775808}"#,
        r#"{"exp":1e300}"#,
        r#"{"exp":1.5}"#,
        r#"{"exp":-1}"#,
        r#"{"exp":"1"}"#,
        "\u{feff}{\"exp\":1}",
        "{}",
        "[]",
    ] {
        assert_eq!(exp(payload), None, "{payload}");
    }
}

#[test]
fn n098_psychic_signatures() {
    let good = signature(ES256_TOKEN);
    let (r, s) = good.split_at(32);
    let zero = [0; 32];
    let der = [&[0x30, 70, 2, 33, 0][..], r, &[2, 33, 0], s].concat();
    for (what, bent) in [
        ("r = s = 0 (CVE-2022-21449)", [zero, zero].concat()),
        ("r = 0", [&zero, s].concat()),
        ("s = 0", [r, &zero].concat()),
        ("r = n", [&P256_ORDER, s].concat()),
        ("s = n", [r, &P256_ORDER].concat()),
        ("r = s = n", [P256_ORDER, P256_ORDER].concat()),
        ("DER instead of r and s", der),
        ("63 bytes", good[1..].to_vec()),
        ("65 bytes", [good.as_slice(), &[0]].concat()),
        ("a zero before it", [&[0], good.as_slice()].concat()),
    ] {
        assert!(!accepted(&with_signature(ES256_TOKEN, &bent), &ec()), "{what}");
    }
    assert!(!accepted(&with_signature(EDDSA_TOKEN, &[0; 64]), &ed()));
    assert!(!accepted(&with_signature(RS256_TOKEN, &[0; 256]), &rsa(Algorithm::RS256)));
    assert!(!accepted(&with_signature(RS256_TOKEN, &signature(RS256_TOKEN)[..255]), &rsa(Algorithm::RS256)));
}

#[test]
fn n099_what_is_no_sound_key_for_its_algorithm_is_no_key() {
    let number = |bytes: usize| base64url::encode(&[&[0xc0], vec![1; bytes - 1].as_slice()].concat());
    let rsa_of = |bytes: usize| KeyMaterial::Rsa { n: number(bytes), e: "AQAB".into() };
    let exponent = |e: &str| KeyMaterial::Rsa { n: RS256_N.into(), e: e.into() };
    let ec_of = |crv: &str, x: &str, y: &str| KeyMaterial::Ec { crv: crv.into(), x: x.into(), y: y.into() };
    let okp_of = |crv: &str, x: &str| KeyMaterial::Okp { crv: crv.into(), x: x.into() };
    let KeyMaterial::Ec { x, y, .. } = ec().material else { unreachable!() };
    for (what, alg, material) in [
        ("RSA-1024", Algorithm::RS256, rsa_of(128)),
        ("RSA-1024", Algorithm::PS256, rsa_of(128)),
        ("RSA-2040", Algorithm::RS256, rsa_of(255)),
        ("no modulus", Algorithm::RS256, KeyMaterial::Rsa { n: String::new(), e: "AQAB".into() }),
        ("no exponent", Algorithm::RS256, exponent("")),
        ("exponent 0", Algorithm::RS256, exponent("AA")),
        ("exponent 1: everybody could sign", Algorithm::RS256, exponent("AQ")),
        ("exponent 1 with a zero", Algorithm::PS256, exponent("AAE")),
        ("exponent 2", Algorithm::RS256, exponent("Ag")),
        ("exponent 65536", Algorithm::PS256, exponent("AQAA")),
        ("secp256k1", Algorithm::ES256, ec_of("secp256k1", &x, &y)),
        ("P-384", Algorithm::ES256, ec_of("P-384", &x, &y)),
        ("a point off the curve", Algorithm::ES256, ec_of("P-256", &y, &x)),
        ("a point at infinity", Algorithm::ES256, ec_of("P-256", &"A".repeat(43), &"A".repeat(43))),
        ("X25519", Algorithm::EdDSA, okp_of("X25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
        ("31 bytes", Algorithm::EdDSA, okp_of("Ed25519", &base64url::encode(&[1; 31]))),
        ("an RSA key for ES256", Algorithm::ES256, rsa(Algorithm::RS256).material),
        ("an EC key for RS256", Algorithm::RS256, ec().material),
        ("an Ed25519 key for ES256", Algorithm::ES256, ed().material),
    ] {
        assert!(PublicKey::parse(&Jwk::new(alg, material)).is_none(), "{what}");
    }
    for e in ["Aw", "AQAB", "AAEAAQ"] {
        assert!(PublicKey::parse(&Jwk::new(Algorithm::RS256, exponent(e))).is_some(), "{e}");
    }
}

#[test]
fn a_key_for_which_anybody_can_sign_is_refused() {
    let hex = |text: &str| -> Vec<u8> {
        (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    // The points of small order in all their encodings: y of order 8 (both), then 0, 1, p - 1, p, p + 1.
    let near_p = |low: &str| format!("{low}{}7f", "ff".repeat(30));
    let ys = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
        "00".repeat(32),
        format!("01{}", "00".repeat(31)),
        near_p("ec"),
        near_p("ed"),
        near_p("ee"),
    ];
    for y in ys {
        for sign in [0, 0x80] {
            let mut key = hex(&y);
            key[31] |= sign;
            let x = base64url::encode(&key);
            let key = Jwk::new(Algorithm::EdDSA, KeyMaterial::Okp { crv: "Ed25519".into(), x });
            assert!(PublicKey::parse(&key).is_none(), "{y} {sign}");
        }
    }
    assert!(PublicKey::parse(&ed()).is_some());
}
