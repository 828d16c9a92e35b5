//! Client authentication and the token endpoint's decisions, by case number.

use crate::samples::{
    CODE, NOW, REDIRECT, SECRET, VERIFIER, client, grant, issued_code, on, redeemed, session, user,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::Refusal;
use protocol::client::{AuthMethod, BadClient, Client, GrantType, check_chosen_secret};
use protocol::client_auth::{Credentials, secret::authenticate};
use protocol::consent;
use protocol::error::ErrorCode;
use protocol::flow::{AuthorizationCode, Flow};
use protocol::grant::{DependsOn, Grant};
use protocol::id::{ClientId, RequestId};
use protocol::params::{Params, encode};
use protocol::pkce::{Pkce, Verifier};
use protocol::redirect::ProvenRedirect;
use protocol::redirect_uri::{BadRedirectUri, PrivateSchemes, check_after_logout, check_registrable};
use protocol::refusal::Consequence;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use protocol::token::{client_credentials, code};
use std::collections::HashSet;
use std::time::Duration;

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn form(text: &str) -> Params {
    Params::parse(text.as_bytes()).unwrap()
}

fn signed_in(header: Option<&str>, body: &str, client: &Client) -> Result<(), Refusal> {
    authenticate(&Credentials::read(header, &form(body))?, Some(client), NOW)
}

fn redeem(
    change: impl FnOnce(&mut Grant, &mut Client),
    verifier: Option<&str>,
    uri: Option<&str>,
    at: Timestamp,
) -> Result<(), Refusal> {
    let (mut grant, mut client) = (grant(), client());
    let call = grant.last_request;
    change(&mut grant, &mut client);
    let presented = code::CodeRequest {
        call,
        code: Digest::of(SecretKind::Code, CODE),
        redirect_uri: uri,
        verifier: verifier.map(|text| Verifier::parse(text).unwrap()),
        resource: None,
    };
    let (user, session) = (user(), session());
    code::decide(&presented, &grant, &DependsOn { session: Some(&session), ..on(&user, &client) }, at)
}

#[test]
fn basic_and_post_authenticate_their_own_clients_only() {
    let (mut one, id) = (client(), "client-a");
    assert_eq!(signed_in(Some(&basic(id, SECRET)), "", &one), Ok(()));
    let post = format!("client_id={id}&client_secret={SECRET}");
    assert_eq!(signed_in(None, &post, &one), Err(Refusal::AuthMethodWrong), "another method than registered");
    one.auth_method = AuthMethod::ClientSecretPost;
    assert_eq!(signed_in(None, &post, &one), Ok(()));
    assert_eq!(signed_in(None, &format!("client_id={id}"), &one), Err(Refusal::AuthMethodWrong), "no secret");
}

#[test]
fn n040_two_methods_are_one_too_many() {
    let header = basic("client-a", SECRET);
    for body in ["client_secret=x", "client_assertion=x"] {
        assert_eq!(signed_in(Some(&header), body, &client()), Err(Refusal::SeveralAuthentications));
    }
    assert_eq!(
        signed_in(Some(&header), "client_id=other", &client()),
        Err(Refusal::MalformedRequest),
        "N-038"
    );
}

#[test]
fn n041_wrong_unknown_disabled_expired_and_malformed_are_one_answer() {
    let mut disabled = client();
    disabled.disabled = true;
    let mut expired = client();
    expired.secrets.iter_mut().for_each(|secret| secret.expires_at = Some(NOW));
    let right = basic("client-a", SECRET);
    let answers = |outcome: Result<(), Refusal>| {
        let refusal = outcome.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.sentence()),
            (ErrorCode::InvalidClient, "Client authentication failed.")
        );
        refusal
    };
    assert_eq!(answers(signed_in(Some(&right), "", &disabled)), Refusal::CredentialsDisabled);
    assert_eq!(answers(signed_in(Some(&right), "", &expired)), Refusal::SecretExpired);
    let credentials = Credentials::read(Some(&right), &form("")).unwrap();
    assert_eq!(answers(authenticate(&credentials, None, NOW)), Refusal::CredentialsUnknown);
    assert_eq!(answers(signed_in(None, "", &client())), Refusal::CredentialsMissing);
    let long = basic(&"x".repeat(300), SECRET);
    for (header, refusal) in [
        (basic("client-a", "wrong"), Refusal::SecretWrong),
        (basic("client-b", SECRET), Refusal::CredentialsUnknown),
        ("Basic !!!".into(), Refusal::CredentialsMalformed),
        ("Basic".into(), Refusal::CredentialsMalformed),
        ("Bearer x".into(), Refusal::CredentialsMalformed),
        (format!("Basic {}", STANDARD.encode("no colon")), Refusal::CredentialsMalformed),
        (long, Refusal::CredentialsMalformed),
    ] {
        assert_eq!(answers(signed_in(Some(&header), "", &client())), refusal, "{header}");
    }
}

#[test]
fn n043_id_and_secret_of_basic_are_form_decoded() {
    let mut odd = client();
    let digest = Digest::of(SecretKind::ClientSecret, "a:b%c+d é".as_bytes());
    odd.secrets.iter_mut().for_each(|secret| secret.digest = digest);
    assert_eq!(signed_in(Some(&basic("client%2Da", "a%3Ab%25c%2Bd+%C3%A9")), "", &odd), Ok(()));
    assert_eq!(
        signed_in(Some(&basic("client-a", "a:b%25c%2Bd+%C3%A9")), "", &odd),
        Ok(()),
        "a raw colon in the secret"
    );
}

#[test]
fn clients_that_do_not_encode_basic_authenticate_where_it_can_be_understood() {
    let chosen = "fz+7%Kq/9=Rb3~2wPx:8dL4sTn6vYc1m";
    let knows = |id: &str, secret: &str| {
        let digest = Digest::of(SecretKind::ClientSecret, secret.as_bytes());
        let mut client = Client { id: ClientId::parse(id).unwrap(), ..client() };
        client.secrets.iter_mut().for_each(|own| own.digest = digest);
        client
    };
    let generated = "kws_5cQv3Wm1nTq8xYz0aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567";
    for id in [
        "urn:billing:worker",
        "https://app.example.com",
        "api://123",
        "a b",
        "50%",
        "a+b",
        "client-a",
        "(x):\"y\"",
    ] {
        for secret in [generated, chosen] {
            let encoded = basic(&encode(id).to_string(), &encode(secret).to_string());
            assert_eq!(signed_in(Some(&encoded), "", &knows(id, secret)), Ok(()), "{id}");
        }
    }
    for (id, secret) in [
        ("urn:billing:worker", generated),
        ("https://app.example.com", generated),
        ("api://123", generated),
        ("client-a", "base64+of/32+bytes=and%more+zzzzz"),
        ("urn:x", "base64+of/32+bytes=and%2Bmore+zzzzz"),
        ("client-a", "short:with:colons"),
    ] {
        assert_eq!(signed_in(Some(&basic(id, secret)), "", &knows(id, secret)), Ok(()), "{id}:{secret}");
        let other = knows(id, "another secret of the client, unknown");
        assert!(signed_in(Some(&basic(id, secret)), "", &other).is_err(), "{id}");
        let repeated = format!("client_id={}", encode(id));
        assert_eq!(signed_in(Some(&basic(id, secret)), &repeated, &knows(id, secret)), Ok(()), "{id}");
    }
}

#[test]
fn a_chosen_secret_is_long_and_has_nothing_that_gets_lost() {
    let longest = "0123456789abcdef".repeat(16);
    for secret in ["0123456789abcdef0123456789abcdef", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", &longest] {
        assert_eq!(check_chosen_secret(secret), Ok(()), "{secret}");
    }
    for secret in [
        "",
        "short",
        &format!("{longest}0"),
        &"abcdefg".repeat(9),
        "0123456789abcdef0123456789abcde",
        &"a".repeat(64),
        "0123456789abcdef 0123456789abcdef",
    ] {
        assert_eq!(check_chosen_secret(secret), Err(BadClient::Secret), "{secret}");
    }
    let edge = [
        "0123456789abcdef0123456789abcdef\n",
        " 0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdéf",
    ];
    assert!(edge.iter().all(|secret| check_chosen_secret(secret).is_err()));
}

#[test]
fn a_code_with_its_proofs_is_redeemed() {
    assert_eq!(redeem(|_, _| {}, Some(VERIFIER), Some(REDIRECT), NOW), Ok(()));
}

#[test]
fn n052_replay_denies_at_once_and_revokes_from_one_second_on() {
    let again = |after| {
        redeem(
            |grant, _| grant.flow = redeemed(NOW),
            Some(VERIFIER),
            Some(REDIRECT),
            NOW.plus(Duration::from_millis(after)),
        )
    };
    assert_eq!((again(0), again(999)), (Err(Refusal::CodeDoubleSubmit), Err(Refusal::CodeDoubleSubmit)));
    assert_eq!((again(1_000), again(30_000)), (Err(Refusal::CodeReplayed), Err(Refusal::CodeReplayed)));
}

#[test]
fn n240_a_code_that_another_process_redeemed_accuses_nobody_while_clocks_can_explain_it() {
    let millis = Duration::from_millis;
    let again = |at| {
        let elsewhere = |grant: &mut Grant, _: &mut Client| {
            (grant.flow, grant.last_request) = (redeemed(NOW), RequestId::from_bytes([7; 16]));
        };
        redeem(elsewhere, Some(VERIFIER), Some(REDIRECT), at)
    };
    for apart in [0, 1_000, 45_000, 60_000] {
        for at in [NOW.plus(millis(apart)), NOW.minus(millis(apart))] {
            assert_eq!(again(at), Err(Refusal::CodeDoubleSubmit), "{apart} ms apart");
        }
    }
    for at in [NOW.plus(millis(61_000)), NOW.plus(millis(120_000)), NOW.minus(millis(60_001))] {
        assert_eq!(again(at), Err(Refusal::CodeReplayed), "{at:?}");
    }
}

#[test]
fn n252_a_used_code_without_its_proofs_ends_nothing() {
    let wrong = "w".repeat(43);
    let other = "https://rp.example/other";
    for (verifier, uri) in [
        (None, Some(REDIRECT)),
        (Some(wrong.as_str()), Some(REDIRECT)),
        (Some(VERIFIER), None),
        (Some(VERIFIER), Some(other)),
        (None, None),
    ] {
        for after in [0, 1_000, 30_000, 120_000] {
            let at = NOW.plus(Duration::from_millis(after));
            let refused = redeem(|grant, _| grant.flow = redeemed(NOW), verifier, uri, at).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidGrant);
            assert_eq!(refused.consequence(), Consequence::Nothing, "{verifier:?} {uri:?} after {after} ms");
        }
    }
}

#[test]
fn n054_another_clients_code_changes_nothing_even_when_replayed() {
    let other = |grant: &mut Grant, client: &mut Client| {
        client.id = protocol::id::ClientId::parse("client-b").unwrap();
        grant.flow = redeemed(NOW.minus(Duration::from_secs(30)));
    };
    assert_eq!(redeem(other, Some(VERIFIER), Some(REDIRECT), NOW), Err(Refusal::CodeOfOtherClient));
}

#[test]
fn n055_redirect_uri_missing_different_or_respelt() {
    for uri in [
        None,
        Some("https://rp.example/cb/"),
        Some("https://rp.example/%63b"),
        Some("https://rp.example/other"),
    ] {
        assert_eq!(redeem(|_, _| {}, Some(VERIFIER), uri, NOW), Err(Refusal::RedirectUriDiffers), "{uri:?}");
    }
}

#[test]
fn n056_n057_verifier_missing_or_wrong_and_one_where_no_challenge_was() {
    let wrong = "w".repeat(43);
    assert_eq!(redeem(|_, _| {}, None, Some(REDIRECT), NOW), Err(Refusal::VerifierWrong));
    assert_eq!(redeem(|_, _| {}, Some(&wrong), Some(REDIRECT), NOW), Err(Refusal::VerifierWrong));
    let without = |grant: &mut Grant, _: &mut Client| {
        grant.flow = Flow::Code(AuthorizationCode { pkce: Pkce::None, ..issued_code() });
    };
    assert_eq!(redeem(without, Some(VERIFIER), Some(REDIRECT), NOW), Err(Refusal::VerifierWrong));
    assert_eq!(redeem(without, None, Some(REDIRECT), NOW), Ok(()));
}

#[test]
fn n059_expired_from_its_instant_on() {
    let at =
        |millis| redeem(|_, _| {}, Some(VERIFIER), Some(REDIRECT), NOW.plus(Duration::from_millis(millis)));
    assert_eq!(
        (at(59_999), at(60_000), at(61_000)),
        (Ok(()), Err(Refusal::CodeExpired), Err(Refusal::CodeExpired))
    );
}

#[test]
fn a_dead_grant_redeems_nothing() {
    let disabled = |_: &mut Grant, client: &mut Client| client.disabled = true;
    let voided = |_: &mut Grant, client: &mut Client| {
        client.generation = client.generation.next(RequestId::from_bytes([9; 16]), NOW)
    };
    assert_eq!(redeem(disabled, Some(VERIFIER), Some(REDIRECT), NOW), Err(Refusal::CodeEnded));
    assert_eq!(redeem(voided, Some(VERIFIER), Some(REDIRECT), NOW), Err(Refusal::CodeEnded));
}

#[test]
fn n083_client_credentials_are_for_confidential_clients_registered_for_them() {
    let mut machine = client();
    assert_eq!(client_credentials::decide(&machine, None, None), Err(Refusal::GrantTypeNotAllowed));
    machine.grant_types.push(GrantType::ClientCredentials);
    machine.scope = Scope::parse("openid read write").unwrap();
    machine.audiences = vec!["https://api.example".into(), "https://two.example".into()];
    let granted =
        |scope: Option<&str>, resource: Option<&str>| client_credentials::decide(&machine, scope, resource);
    let all = granted(None, None).unwrap();
    assert_eq!((all.scope.as_str(), all.audience), ("read write", Some("https://api.example")));
    let some = granted(Some("write admin"), Some("https://two.example")).unwrap();
    assert_eq!((some.scope.as_str(), some.audience), ("write", Some("https://two.example")));
    assert_eq!(granted(Some("admin"), None), Err(Refusal::ScopeEmpty));
    assert_eq!(granted(Some("openid"), None), Err(Refusal::ScopeEmpty));
    assert_eq!(granted(Some(&"x".repeat(60_000)), None), Err(Refusal::ScopeMalformed), "N-047");
    assert_eq!(granted(None, Some("https://evil.example")), Err(Refusal::ResourceInvalid));
    machine.auth_method = AuthMethod::None;
    assert_eq!(client_credentials::decide(&machine, None, None), Err(Refusal::GrantTypeNotAllowed));
}

#[test]
fn n002_n004_n005_a_redirect_is_proven_byte_for_byte() {
    let client = client();
    assert_eq!(
        ProvenRedirect::prove(&client, REDIRECT).map(|proven| proven.as_str().to_owned()).as_deref(),
        Some(REDIRECT)
    );
    for uri in [
        "https://rp.example/cb/",
        "https://rp.example/CB",
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rp.example:443/cb",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb/../cb",
        "https://rp.example/cb/..;/x",
        "https://rp.example%2fcb",
        "https://rp.example/%252fcb",
        "https://rp.example//cb",
        "https://rp.example/cb\t",
        "https://rp.example/cb ",
        "https://rp.example./cb",
        "https://rp.example.evil.example/cb",
        "https://evilrp.example/cb",
        "https://rpXexample/cb",
        "https://rp.example/cb#",
        "https://rp.example/cb#x",
        "https://rp.example/cb%23",
        "",
    ] {
        assert!(ProvenRedirect::prove(&client, uri).is_none(), "{uri:?}");
    }
}

#[test]
fn only_the_port_of_a_native_clients_loopback_address_varies() {
    let mut native = client();
    native.redirect_uris = vec!["http://127.0.0.1/cb".into(), "http://localhost:7000/callback".into()];
    assert!(ProvenRedirect::prove(&native, "http://127.0.0.1:51234/cb").is_none(), "not native");
    native.native = true;
    for (uri, proven) in [
        ("http://127.0.0.1:51234/cb", true),
        ("http://127.0.0.1/cb", true),
        ("http://127.0.0.1:0/cb", false),
        ("http://127.0.0.1:51234/other", false),
        ("http://[::1]:51234/cb", false),
        ("http://localhost:7001/callback", true),
        ("http://localhost/callback", true),
        ("http://localhost:7001/cb", false),
        ("http://localhost:0/callback", false),
        ("http://127.0.0.1:7000/callback", false),
        ("http://localhost.evil.example:7000/callback", false),
        ("http://localhost:7000@evil.example/callback", false),
        ("https://localhost:7001/callback", false),
        ("http://127.0.0.1:5@evil.example/cb", false),
        ("https://127.0.0.1:51234/cb", false),
    ] {
        assert_eq!(ProvenRedirect::prove(&native, uri).is_some(), proven, "{uri}");
    }
}

const WEB: PrivateSchemes = PrivateSchemes::None;
const NATIVE: PrivateSchemes = PrivateSchemes::DomainNames;

#[test]
fn n013_what_can_be_registered_as_a_redirect_uri() {
    for (uri, private) in [
        ("https://rp.example/cb?a=b", WEB),
        ("http://localhost:3000/cb", WEB),
        ("http://[::1]/cb", WEB),
        ("http://127.0.0.1:8080/cb", WEB),
        ("https://203.0.113.7/cb", WEB),
        ("https://[::ffff:cb00:7107]/cb", WEB),
        ("https://rp.example./cb", WEB),
        ("https://7.rp.example/cb", WEB),
        ("https://rp.0xfg/cb", WEB),
        ("https://xn--bcher-kva.example/b%C3%BCcher?error_page=a&q='b'", WEB),
        ("https://[2001:db8::a]:8443/cb", WEB),
        ("com.example.app:/cb", NATIVE),
        ("com.example.app:/cb", PrivateSchemes::Any),
        ("cursor://anysphere.cursor-retrieval/oauth/cb", PrivateSchemes::Any),
        ("vscode://example.extension/cb?windowId=_blank", PrivateSchemes::Any),
        ("myapp:/cb", PrivateSchemes::Any),
    ] {
        assert_eq!(check_registrable(uri, private), Ok(()), "{uri}");
    }
    use BadRedirectUri as Bad;
    let long = format!("https://rp.example/{}", "x".repeat(1024));
    for (uri, private, why) in [
        ("", WEB, Bad::Empty),
        (&long, WEB, Bad::TooLong),
        ("https://rp.example\\@evil/cb", WEB, Bad::Backslash),
        ("https://rp.example/a\\cb", WEB, Bad::Backslash),
        ("com.example.app:\\cb", NATIVE, Bad::Backslash),
        ("https://rp.example/c b", WEB, Bad::Space),
        ("https://rp.example/bücher", WEB, Bad::Characters),
        ("https://rp.example/a\tb", WEB, Bad::Characters),
        ("com.example.app:/bücher", NATIVE, Bad::Characters),
        ("https://rp.example/\"cb\"", WEB, Bad::NotOfUris),
        ("https://rp.example/<cb>", WEB, Bad::NotOfUris),
        ("https://rp.example/`cb`", WEB, Bad::NotOfUris),
        ("https://rp.example/{tenant}/cb", WEB, Bad::NotOfUris),
        ("https://rp.example/cb?a=b|c", WEB, Bad::NotOfUris),
        ("com.example.app:/<cb>", NATIVE, Bad::NotOfUris),
        ("https://rp.example/%zz", WEB, Bad::Escape),
        ("https://rp.example/100%", WEB, Bad::Escape),
        ("https://rp.example/cb?a=%2", WEB, Bad::Escape),
        ("com.example.app:/%zz", NATIVE, Bad::Escape),
        ("https://rp.example/cb?code=1", WEB, Bad::AnswersParameter),
        ("https://rp.example/cb?a=b&state", WEB, Bad::AnswersParameter),
        ("https://rp.example/cb?a=b&err%6Fr=", WEB, Bad::AnswersParameter),
        ("https://rp.example/cb?iss=https://rp.example", WEB, Bad::AnswersParameter),
        ("com.example.app:/cb?error_description=x", NATIVE, Bad::AnswersParameter),
        ("https://*.example/cb", WEB, Bad::Pattern),
        ("https://rp.example/*", WEB, Bad::Pattern),
        ("http://localhost:*/cb", NATIVE, Bad::Pattern),
        ("*", WEB, Bad::Pattern),
        ("https://rp.example/cb#x", WEB, Bad::Fragment),
        ("rp.example/cb", WEB, Bad::NoScheme),
        ("/cb?next=a:b", WEB, Bad::NoScheme),
        ("//rp.example:443/cb", WEB, Bad::NoScheme),
        ("localhost:3000/cb", NATIVE, Bad::NoScheme),
        ("rp.example:8443/cb", NATIVE, Bad::NoScheme),
        (":/cb", NATIVE, Bad::NoScheme),
        ("HTTPS://rp.example/cb", WEB, Bad::SchemeCase),
        ("Com.Example.App:/cb", NATIVE, Bad::SchemeCase),
        ("com.example.myApp://cb", NATIVE, Bad::SchemeCase),
        ("com.example_app:/cb", NATIVE, Bad::SchemeCharacters),
        ("1com.example:/cb", NATIVE, Bad::SchemeCharacters),
        ("cursor://anysphere.cursor-retrieval/oauth/cb", WEB, Bad::SchemeWithoutDot),
        ("cursor://anysphere.cursor-retrieval/oauth/cb", NATIVE, Bad::SchemeWithoutDot),
        ("myapp:/cb", NATIVE, Bad::SchemeWithoutDot),
        ("javascript:alert(1)", WEB, Bad::SchemeTaken),
        ("javascript:x", NATIVE, Bad::SchemeTaken),
        ("data:text/html,x", WEB, Bad::SchemeTaken),
        ("javascript:alert(1)", PrivateSchemes::Any, Bad::SchemeTaken),
        ("view-source:https://rp.example/cb", PrivateSchemes::Any, Bad::SchemeTaken),
        ("JavaScript:x", PrivateSchemes::Any, Bad::SchemeCase),
        ("http://rp.example/cb", PrivateSchemes::Any, Bad::Http),
        ("com.example.app:/cb", WEB, Bad::NotNative),
        ("http://rp.example/cb", WEB, Bad::Http),
        ("http://192.168.1.2:3000/cb", NATIVE, Bad::Http),
        ("https:/cb", WEB, Bad::NoHost),
        ("https:///cb", WEB, Bad::NoHost),
        ("https://:443/cb", WEB, Bad::NoHost),
        ("https://a@rp.example/cb", WEB, Bad::UserInfo),
        ("https://RP.example/cb", WEB, Bad::HostCase),
        ("https://[::A]/cb", WEB, Bad::HostCase),
        ("http://LOCALHOST:3000/cb", WEB, Bad::HostCase),
        ("https://my_app.example/cb", WEB, Bad::HostUnderscore),
        ("http://my_app:3000/cb", WEB, Bad::HostUnderscore),
        ("https://rp]example/cb", WEB, Bad::Host),
        ("https://[::1/cb", WEB, Bad::Host),
        ("https://[::x]/cb", WEB, Bad::Host),
        ("https://.example/cb", WEB, Bad::Host),
        ("https://rp.example:80:90/cb", WEB, Bad::Host),
        ("https://rp..example/cb", WEB, Bad::Host),
        ("https://bücher.example/cb", WEB, Bad::HostNotAscii),
        ("http://１２７.0.0.1/cb", WEB, Bad::HostNotAscii),
        ("http://%6cocalhost/cb", WEB, Bad::HostEscaped),
        ("https://rp%2eexample/cb", WEB, Bad::HostEscaped),
        ("http://127.1/cb", WEB, Bad::HostNumber),
        ("http://0x7f.1/cb", WEB, Bad::HostNumber),
        ("https://2130706433/cb", WEB, Bad::HostNumber),
        ("https://127.0.0.01/cb", WEB, Bad::HostNumber),
        ("https://127.0.0.1./cb", WEB, Bad::HostNumber),
        ("https://rp.0x/cb", WEB, Bad::HostNumber),
        ("https://rp.example.1/cb", WEB, Bad::HostNumber),
        ("http://[0:0:0:0:0:0:0:1]/cb", WEB, Bad::HostIpv6),
        ("https://[2001:db8::0:a]/cb", WEB, Bad::HostIpv6),
        ("https://[::ffff:203.0.113.7]/cb", WEB, Bad::HostIpv6),
        ("https://rp.example:+80/cb", WEB, Bad::Port),
        ("https://rp.example:65536/cb", WEB, Bad::Port),
        ("https://rp.example:/cb", WEB, Bad::Port),
        ("https://rp.example/a/../cb", WEB, Bad::DotSegments),
        ("https://rp.example/a/%2E%2e/cb", WEB, Bad::DotSegments),
    ] {
        assert_eq!(check_registrable(uri, private), Err(why), "{uri}");
    }
    let after_logout = |uri| check_after_logout(uri, WEB);
    assert_eq!(after_logout("https://rp.example/bye?error=none"), Ok(()));
    assert_eq!(after_logout("https://rp.example/bye?state=gone"), Err(Bad::State));
    assert_eq!(after_logout("https://rp.example/%zz"), Err(Bad::Escape));
    let sentences: HashSet<&str> = Bad::ALL.iter().map(|why| why.fix()).collect();
    assert_eq!(sentences.len(), Bad::ALL.len(), "each rule has a sentence of its own");
    assert!(Bad::Pattern.fix().contains("nothing is matched by pattern"));
}

#[test]
fn n034_a_public_client_is_never_trusted_without_consent() {
    let mut public = client();
    public.auth_method = AuthMethod::None;
    public.secrets.clear();
    assert_eq!(public.check(), Ok(()));
    public.first_party = true;
    let redirect = ProvenRedirect::prove(&public, "https://rp.example/cb").unwrap();
    assert!(public.check().is_err() && consent::is_required(&public, &redirect));
    assert!(
        !client().allows_origin("https://rp.example"),
        "N-046: a confidential client has no code in browsers"
    );
    assert!(public.allows_origin("https://rp.example") && !public.allows_origin("https://rp.example.evil"));
    assert!(!public.allows_origin("null"));
}
