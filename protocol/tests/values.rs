//! Values of the protocol: what is accepted and refused, and the test vectors of RFCs.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use protocol::armor;
use protocol::base64url;
use protocol::issuer::{BadIssuer, Issuer};
use protocol::jwk::KeyMaterial;
use protocol::name::{BadName, CanonicalName, Identifier};
use protocol::params::{MAX_PARAMETERS, MalformedParams, Params};
use protocol::pkce::{Challenge, Verifier};
use protocol::scope::Scope;
use protocol::secret::{Secret, SecretKind};
use protocol::time::Timestamp;
use std::time::Duration;

fn params(text: &str) -> Result<Params, MalformedParams> {
    Params::parse(text.as_bytes())
}

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

#[test]
fn pkce_vector_of_rfc_7636_appendix_b() {
    let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
    let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
    assert!(challenge.is_met_by(&verifier));
    let challenge_as_verifier = Verifier::parse(challenge.as_str()).unwrap();
    assert!(!challenge.is_met_by(&challenge_as_verifier));
}

#[test]
fn n018_a_challenge_is_43_base64url_characters_that_end_canonically() {
    let right = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let cut = right.get(..42).unwrap().to_owned();
    let bad = [
        cut.clone(),
        format!("{right}A"),
        format!("{cut}="),
        format!("{cut}+"),
        format!("{cut}/"),
        "é".repeat(43),
        format!("{cut}\0"),
        "A".repeat(128),
        format!("{cut}N"),
    ];
    assert!(Challenge::parse(right).is_some());
    for text in bad {
        assert!(Challenge::parse(&text).is_none(), "{text:?}");
    }
}

#[test]
fn n057_a_verifier_has_43_to_128_unreserved_characters() {
    for length in [43, 128] {
        assert!(Verifier::parse(&"a".repeat(length)).is_some());
    }
    for text in
        ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43)), format!("{}\0", "a".repeat(43))]
    {
        assert!(Verifier::parse(&text).is_none(), "{text:?}");
    }
}

#[test]
fn thumbprint_vector_of_rfc_7638_section_3_1() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = KeyMaterial::Rsa { n: n.into(), e: "AQAB".into() };
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn n019_scope_syntax_is_that_of_rfc_6749_section_3_3() {
    for bad in ["a  b", " a", "a ", "a\"b", "a\\b", "a\tb", "a\u{7f}", "é", &"x".repeat(513)] {
        assert!(Scope::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(scope("b a b").as_str(), "b a");
    assert!(Scope::parse(&"x".repeat(512)).is_ok());
    assert!(scope("").is_empty());
}

#[test]
fn scope_algebra() {
    let (requested, allowed) = (scope("openid admin email"), scope("email openid profile"));
    assert_eq!(requested.intersect(&allowed).as_str(), "openid email");
    assert_eq!(requested.union(&allowed).as_str(), "openid admin email profile");
    assert_eq!(requested.without("admin").as_str(), "openid email");
    assert!(allowed.covers(&scope("openid")) && !allowed.covers(&requested));
    assert!(!scope("openidx").contains("openid"));
}

#[test]
fn n049_ambiguous_text_is_no_parameter() {
    for bad in ["a=%00", "a=%", "a=%4", "a=%u0041", "a=%ED%A0%80", "a=%C0%AF", "a=%ff", "%zz=1"] {
        assert_eq!(params(bad), Err(MalformedParams::Encoding), "{bad}");
    }
    assert_eq!(params("a=b+c%2B%C3%A9").unwrap().get("a"), Some("b c+é"));
}

#[test]
fn n038_n009_repeats_are_noticed_and_empty_counts_as_omitted() {
    let sent = params("a=1&b=2&a=3&c=&&d").unwrap();
    assert!(sent.repeated("a") && !sent.repeated("b") && sent.any_repeated());
    assert_eq!((sent.get("a"), sent.get("c"), sent.get("d")), (Some("1"), None, None));
}

#[test]
fn n030_an_escaped_ampersand_stays_inside_its_value() {
    let sent = params("client_id=a%26redirect_uri%3Dhttps://evil").unwrap();
    assert_eq!(sent.get("client_id"), Some("a&redirect_uri=https://evil"));
    assert_eq!(sent.get("redirect_uri"), None);
}

#[test]
fn n010_n035_parameters_are_bounded() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    assert!(params(&many(MAX_PARAMETERS)).is_ok());
    assert_eq!(params(&many(MAX_PARAMETERS + 1)), Err(MalformedParams::TooMany));
    assert_eq!(params(&format!("a={}", "x".repeat(9 * 1024))), Err(MalformedParams::TooLong));
    assert_eq!(params(&format!("scope={}", "x".repeat(9 * 1024))), Err(MalformedParams::ScopeTooLong));
}

#[test]
fn what_is_encoded_decodes_to_itself() {
    let text = "a b&c=d#%\r\n<svg>😀é+";
    let encoded = protocol::params::encode(text).to_string();
    assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"%-._~".contains(&b)));
    assert_eq!(protocol::params::decode(encoded.as_bytes()).unwrap(), text);
}

#[test]
fn armour_refuses_a_wrong_prefix_a_typo_and_a_cut() {
    let text = armor::wrap(armor::CODE, b"sealed bytes");
    assert_eq!(armor::unwrap(armor::CODE, &text).as_deref(), Some(&b"sealed bytes"[..]));
    assert!(armor::unwrap(armor::REFRESH_TOKEN, &text).is_none());
    for at in 0..text.len() {
        assert!(armor::unwrap(armor::CODE, text.get(..at).unwrap()).is_none());
        let mut bytes = text.clone().into_bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        assert!(armor::unwrap(armor::CODE, &String::from_utf8(bytes).unwrap()).is_none(), "{at}");
    }
    assert!(armor::unwrap(armor::CODE, "é").is_none());
}

#[test]
fn a_secret_of_one_kind_is_nothing_as_another_and_never_printed() {
    let secret = Secret::from_bytes([7; 32]);
    assert_eq!(secret.digest(SecretKind::Code), secret.digest(SecretKind::Code));
    assert_ne!(secret.digest(SecretKind::Code), secret.digest(SecretKind::Session));
    assert_eq!(format!("{secret:?} {:?}", secret.digest(SecretKind::Code)), "Secret(…) Digest(…)");
}

#[test]
fn base64url_has_one_text_for_one_value() {
    assert_eq!(base64url::decode("AB"), None, "non-zero trailing bits");
    assert_eq!(base64url::decode("AA=="), None, "padding");
    assert_eq!(base64url::decode_array::<1>("AA"), Some([0]));
}

#[test]
fn n217_an_issuer_is_https_or_loopback_and_nothing_else() {
    let issuer = Issuer::parse("https://auth.example:8443/t1").unwrap();
    assert_eq!(
        (issuer.host(), issuer.authority(), issuer.path(), issuer.origin()),
        ("auth.example", "auth.example:8443", "/t1", "https://auth.example:8443")
    );
    assert_eq!(issuer.url("/token"), "https://auth.example:8443/t1/token");
    let loopback = Issuer::parse("http://[::1]:8080").unwrap();
    assert_eq!((loopback.host(), loopback.is_loopback(), loopback.path()), ("[::1]", true, ""));
    assert_eq!(Issuer::parse("http://auth.example"), Err(BadIssuer::Insecure));
    assert_eq!(Issuer::parse("https://auth.example/"), Err(BadIssuer::TrailingSlash));
    for bad in [
        "auth.example",
        "https://",
        "https://:1",
        "https://A.example",
        "https://a@b",
        "https://a?b",
        "https://a#b",
        "https://a//b",
        "https://a/../b",
        "https://a:0",
        "https://a:443",
        "http://localhost:80",
        "https://a/:x",
        "https://a/[x]",
        "https://a:99999",
        "https://a\r\nb",
        "ftp://a",
    ] {
        assert_eq!(Issuer::parse(bad), Err(BadIssuer::Shape), "{bad:?}");
    }
}

#[test]
fn n173_spellings_of_a_name_are_one_name() {
    let alice = CanonicalName::parse("alice").unwrap();
    for spelling in ["Alice", "ALICE", " alice ", "ａｌｉｃｅ"] {
        assert_eq!(CanonicalName::parse(spelling), Ok(alice.clone()), "{spelling}");
    }
    assert_eq!(CanonicalName::parse("a@b.example"), Err(BadName::AtSign));
    assert_eq!(CanonicalName::parse("a＠b"), Err(BadName::AtSign), "full-width");
    assert_eq!(CanonicalName::claim("Admin"), Err(BadName::Reserved));
    assert_eq!(CanonicalName::parse(""), Err(BadName::Length));
    for bad in ["a b", "a\0b", "a\nb", "\u{202e}ab"] {
        assert_eq!(CanonicalName::parse(bad), Err(BadName::Characters), "{bad:?}");
    }
    assert!(
        CanonicalName::parse(&"x".repeat(128)).is_ok() && CanonicalName::parse(&"x".repeat(129)).is_err()
    );
}

#[test]
fn an_address_is_its_own_kind_of_identifier() {
    assert_eq!(Identifier::typed("A@B.example"), Identifier::email("a@b.example"));
    assert_eq!(Identifier::typed("alice").unwrap().kind(), "username");
    for bad in ["a@b", "@b.example", "a@", "a b@c.example", "a@@b.example", "a@b.example\r\n x"] {
        assert_eq!(Identifier::email(bad), None, "{bad:?}");
    }
}

#[test]
fn time_saturates_and_an_expiry_counts_from_its_instant() {
    let end = Timestamp::from_millis(u64::MAX);
    assert_eq!(end.plus(Duration::MAX), end);
    assert_eq!(Timestamp::EPOCH.minus(Duration::from_secs(1)), Timestamp::EPOCH);
    let at = Timestamp::from_millis(1_999);
    assert_eq!((at.seconds(), at.since(end)), (1, Duration::ZERO));
    assert!(at.has_passed(at) && !at.has_passed(Timestamp::from_millis(1_998)));
}

fn look(shown: &str) -> Identifier {
    Identifier::skeleton(shown)
}

#[test]
fn n249_names_that_look_alike_have_one_skeleton() {
    for (name, others) in [
        (
            "alice",
            &["аlice", "аӏісе", "alıce", "AIice", "aIice", "ALlCE", "a1ice", "ali\u{307}ce", "ALİCE"][..],
        ),
        ("alice", &["ɑlice", "ali\u{ad}ce", "ali\u{200b}ce", "ali\u{200d}ce", "ａlice", "𝐚lice", " alice "]),
        ("paypal", &["раураӏ", "РАУРАІ", "paypa1", "PaypaI"]),
        ("bob", &["ВОВ", "BOB", "b0b", "bοb", "BΟB"]),
        ("mary", &["rnary", "Mary", "RNARY"]),
        ("root", &["r00t", "rооt"]),
        ("yıldız", &["yildiz", "Yildiz", "YILDIZ"]),
        ("nik", &["ΝΙΚ"]),
        ("søs", &["so\u{338}s"]),
        ("二口", &["ニロ"]),
    ] {
        for other in others {
            assert_eq!(look(other), look(name), "{other}");
        }
    }
    for (name, other) in [
        ("alice", "alíce"),
        ("müller", "muller"),
        ("alice", "alice2"),
        ("ann", "anna"),
        ("иван", "ivan"),
        ("a-b", "ab"),
        ("bob", "rob"),
    ] {
        assert_ne!(look(name), look(other), "{name} {other}");
    }
}

#[test]
fn n249_a_name_of_one_script_and_of_everyday_letters_can_be_claimed() {
    for name in ["müller", "山田たろう", "ジョンsmith", "김john", "王x", "иван7", "Αλέξης", "+a.b_c!", "नरेंद्र"]
    {
        assert!(CanonicalName::claim(name).is_ok(), "{name}");
    }
    for (name, why) in [
        ("аlice", BadName::MixedScripts),
        ("αlice", BadName::MixedScripts),
        ("bօb", BadName::MixedScripts),
        ("김やま", BadName::MixedScripts),
        ("नa", BadName::MixedScripts),
        ("αβв", BadName::MixedScripts),
        ("ɑlice", BadName::Unusual),
        ("ㄅㄆ", BadName::Unusual),
        ("zo\u{323}\u{323}e", BadName::Unusual),
        ("a\u{300}\u{301}\u{302}\u{303}\u{304}", BadName::Unusual),
        ("ali\u{200d}ce", BadName::Characters),
        ("ali\u{ad}ce", BadName::Characters),
        ("𝐚lice", BadName::Characters),
        ("adm1n", BadName::Reserved),
        ("5uppоrt", BadName::MixedScripts),
        ("5upp0rt", BadName::Reserved),
        ("ádmin", BadName::Reserved),
        ("_r.o.o.t_", BadName::Reserved),
        ("adrnln", BadName::Reserved),
        ("K3YWARD", BadName::Reserved),
        // Alike in capitals only: all Cyrillic, and an eth.
        ("ЅУЅТЕМ", BadName::Reserved),
        ("ЅУ5ТЕМ", BadName::Reserved),
        (" ЅУЅТЕМ ", BadName::Reserved),
        ("AÐMIN", BadName::Reserved),
    ] {
        assert_eq!(CanonicalName::claim(name), Err(why), "{name:?}");
    }
    for fine in ["administratora", "rooty", "adminn", "supporter"] {
        assert!(CanonicalName::claim(fine).is_ok(), "{fine}");
    }
}

/// Skeletons are only compared with those of the same version of the Unicode tables.
#[test]
fn n249_other_tables_make_another_kind_of_skeleton() {
    let (version, ..) = unicode_security::UNICODE_VERSION;
    assert_eq!(
        look("alice").kind(),
        format!("skeleton{version}"),
        "the kind must name the version of the tables"
    );
}

#[test]
fn n249_what_could_be_claimed_once_still_signs_in() {
    for name in ["аlice", "ɑlice", "adm1n", "alıce", "admin", "zo\u{323}\u{323}e"] {
        let parsed = CanonicalName::parse(name).unwrap();
        assert_eq!(Identifier::typed(name), Some(Identifier::Username(parsed)), "{name}");
    }
    assert_ne!(Identifier::typed("аlice"), Identifier::typed("alice"));
}
