//! The authorization endpoint's checks, by case number.

use crate::samples::client;
use protocol::Refusal;
use protocol::authorize::{self, AuthorizationRequest, Delivery, Denied};
use protocol::base64url;
use protocol::claims::Catalog;
use protocol::client::{Client, GrantType};
use protocol::issuer::Issuer;
use protocol::params::{Params, encode};
use protocol::pkce::Pkce;
use protocol::redirect::ResponseMode;
use protocol::scope::Scope;
use std::time::Duration;

/// A valid request.
const GOOD: [(&str, &str); 7] = [
    ("client_id", "client-a"),
    ("redirect_uri", "https://rp.example/cb"),
    ("response_type", "code"),
    ("scope", "openid email"),
    ("state", "s"),
    ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
    ("code_challenge_method", "S256"),
];

/// The valid request with some parameters changed, added, or (by an empty value) omitted.
fn with(changes: &[(&str, &str)]) -> Params {
    let kept = GOOD.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let pairs: Vec<_> =
        kept.chain(changes).map(|(name, value)| format!("{name}={}", encode(value))).collect();
    Params::parse(pairs.join("&").as_bytes()).unwrap()
}

fn check(params: &Params, client: Option<&Client>) -> Result<AuthorizationRequest, Denied> {
    authorize::check(params, client, &Catalog::default())
}

fn ok(changes: &[(&str, &str)]) -> AuthorizationRequest {
    check(&with(changes), Some(&client())).unwrap()
}

/// The refusal in a redirect; a page or a success fails the test.
fn redirected(changes: &[(&str, &str)]) -> Refusal {
    match check(&with(changes), Some(&client())) {
        Err(Denied::Redirect(answer, refusal)) => {
            assert_eq!(answer.redirect.as_str(), "https://rp.example/cb");
            refusal
        }
        other => panic!("{changes:?}: {other:?}"),
    }
}

fn page(params: &Params) -> Refusal {
    match check(params, Some(&client())) {
        Err(Denied::ShowPage(refusal)) => refusal,
        other => panic!("{params:?}: {other:?}"),
    }
}

#[test]
fn a_good_request_passes_whole() {
    let request = ok(&[
        ("nonce", "n"),
        ("max_age", "0"),
        ("login_hint", "alice"),
        ("unknown", "x"),
        ("display", "page"),
    ]);
    assert_eq!(request.scope.as_str(), "openid email");
    assert_eq!((request.nonce.as_deref(), request.max_age), (Some("n"), Some(Duration::ZERO)));
    assert!(matches!(request.pkce, Pkce::S256(_)));
    assert_eq!((request.answer.mode, request.answer.state.as_deref()), (ResponseMode::Query, Some("s")));
}

#[test]
fn n001_n007_nothing_unproven_is_redirected() {
    for (change, refusal) in [
        (("client_id", ""), Refusal::ClientIdInvalid),
        (("client_id", "client-b"), Refusal::ClientUnknown),
        (("client_id", "client-a\r\n"), Refusal::ClientIdInvalid),
        (("redirect_uri", ""), Refusal::RedirectUriMissing),
        (("redirect_uri", "https://rp.example/cb/"), Refusal::RedirectUriUnregistered),
        (("redirect_uri", "https://evil.example/cb"), Refusal::RedirectUriUnregistered),
    ] {
        // The page takes precedence over every other error.
        assert_eq!(page(&with(&[change, ("response_type", "token")])), refusal, "{change:?}");
    }
    let mut disabled = client();
    disabled.disabled = true;
    for (known, refusal) in [(None, Refusal::ClientUnknown), (Some(&disabled), Refusal::ClientDisabled)] {
        assert_eq!(check(&with(&[]), known).unwrap_err(), Denied::ShowPage(refusal));
    }
    for name in ["client_id", "redirect_uri"] {
        let value = with(&[]).get(name).unwrap().to_owned();
        assert_eq!(page(&with(&[(name, &value), (name, &value)])), Refusal::RepeatedParameter);
    }
}

#[test]
fn n009_empty_counts_as_omitted() {
    let request = ok(&[("state", ""), ("nonce", "")]);
    assert_eq!((request.answer.state, request.nonce), (None, None));
}

#[test]
fn n019_without_a_scope_the_registered_one_is_requested() {
    let of = |registered: &str, grant_types: Vec<GrantType>| {
        let client = Client { scope: Scope::parse(registered).unwrap(), grant_types, ..client() };
        check(&with(&[("scope", "")]), Some(&client)).map(|request| request.scope.as_str().to_owned())
    };
    let code = || vec![GrantType::AuthorizationCode];
    let both = || vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    assert_eq!(of("openid email offline_access", both()).as_deref(), Ok("openid email offline_access"));
    assert_eq!(
        of("openid email offline_access", code()).as_deref(),
        Ok("openid email"),
        "nothing to refresh"
    );
    assert_eq!(of("read write", code()).as_deref(), Ok("read write"), "openid only if it is registered");
    for nothing in ["", "offline_access"] {
        assert!(matches!(of(nothing, code()), Err(Denied::Redirect(_, Refusal::ScopeEmpty))), "{nothing}");
    }
}

#[test]
fn n011_only_code() {
    for kind in ["token", "id_token", "code id_token", "none", "CODE", "code code"] {
        assert_eq!(redirected(&[("response_type", kind)]), Refusal::ResponseTypeUnsupported, "{kind}");
    }
    assert_eq!(redirected(&[("response_type", "")]), Refusal::ResponseTypeMissing);
}

#[test]
fn n012_an_unknown_response_mode_is_answered_by_query() {
    for mode in ["fragment", "query.jwt", "web_message", "x"] {
        let denied = check(&with(&[("response_mode", mode)]), Some(&client())).unwrap_err();
        let Denied::Redirect(answer, Refusal::ResponseModeUnsupported) = denied else { panic!("{denied:?}") };
        assert_eq!((answer.mode, answer.state.as_deref()), (ResponseMode::Query, Some("s")));
    }
    assert_eq!(ok(&[("response_mode", "form_post")]).answer.mode, ResponseMode::FormPost);
}

#[test]
fn n016_n017_n018_pkce() {
    let none = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(redirected(&none), Refusal::ChallengeMissing);
    assert_eq!(redirected(&[("code_challenge", "")]), Refusal::ChallengeMissing);
    for method in ["plain", "s256", "S512", ""] {
        assert_eq!(redirected(&[("code_challenge_method", method)]), Refusal::ChallengeMethod, "{method}");
    }
    assert_eq!(redirected(&[("code_challenge", &"A".repeat(42))]), Refusal::ChallengeShape);
    let mut without = client();
    without.pkce_required = false;
    assert_eq!(check(&with(&none), Some(&without)).unwrap().pkce, Pkce::None);
    let half = with(&[("code_challenge", "")]);
    assert!(matches!(check(&half, Some(&without)), Err(Denied::Redirect(_, Refusal::ChallengeMissing))));
    without.auth_method = protocol::client::AuthMethod::None;
    assert!(matches!(
        check(&with(&none), Some(&without)),
        Err(Denied::Redirect(_, Refusal::ChallengeMissing))
    ));
}

#[test]
fn n019_scopes_malformed_unknown_and_none_left() {
    for bad in ["a  b", "a\"b", "a\\b", &"x".repeat(5_000)] {
        assert_eq!(redirected(&[("scope", bad)]), Refusal::ScopeMalformed);
    }
    assert_eq!(redirected(&[("scope", "admin offline_access")]), Refusal::ScopeEmpty);
    assert_eq!(ok(&[("scope", "openid admin offline_access")]).scope.as_str(), "openid");
}

#[test]
fn n020_state_is_given_back_byte_for_byte() {
    let issuer = Issuer::parse("https://auth.example").unwrap();
    for state in ["a&b#c=d", "\r\nX: y", "😀<svg>", &"s".repeat(4096)] {
        let Delivery::Redirect(url) = ok(&[("state", state)]).answer.grant("kwc_x", &issuer) else {
            panic!()
        };
        let query = url.strip_prefix("https://rp.example/cb?").unwrap();
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url}");
        let sent = Params::parse(query.as_bytes()).unwrap();
        assert_eq!(
            sent.iter().collect::<Vec<_>>(),
            [("code", "kwc_x"), ("state", state), ("iss", "https://auth.example")]
        );
    }
    for (states, refusal, returned) in [
        (vec!["s".repeat(4097)], Refusal::RequestTooLong, Some("s".repeat(4097))),
        // The longest that a redirect returns, so that no front end finds its head too long.
        (vec!["s".repeat(8192)], Refusal::RequestTooLong, Some("s".repeat(8192))),
        (vec!["\n".repeat(4097)], Refusal::RequestTooLong, None),
        (vec!["s".into(), "s".into()], Refusal::RepeatedParameter, Some("s".into())),
        (vec!["s".into(), "t".into()], Refusal::RepeatedParameter, None),
        (vec!["s".into(), String::new()], Refusal::RepeatedParameter, None),
    ] {
        let pairs: Vec<_> = states.iter().map(|state| ("state", state.as_str())).collect();
        let denied = check(&with(&pairs), Some(&client())).unwrap_err();
        let Denied::Redirect(answer, why) = denied else { panic!("{denied:?}") };
        assert_eq!((why, answer.state), (refusal, returned), "{states:?}");
    }
    assert_eq!(redirected(&[("nonce", &"n".repeat(513))]), Refusal::RequestTooLong);
    assert!(ok(&[("nonce", &"n".repeat(512))]).nonce.is_some());
}

#[test]
fn n021_prompt() {
    for bad in ["none login", "consent none", "xyz", "login  consent"] {
        assert_eq!(redirected(&[("prompt", bad)]), Refusal::PromptInvalid, "{bad}");
    }
    let prompt = ok(&[("prompt", "consent select_account")]).prompt;
    assert!(prompt.login && prompt.consent && !prompt.none);
}

#[test]
fn n023_max_age() {
    for bad in ["-1", "+1", "abc", "1.5", "99999999999999999999", " 1"] {
        assert_eq!(redirected(&[("max_age", bad)]), Refusal::MaxAgeInvalid, "{bad}");
    }
}

#[test]
fn n025_request_objects_are_refused_not_ignored() {
    assert_eq!(redirected(&[("request", "x")]), Refusal::RequestObject);
    assert_eq!(redirected(&[("request_uri", "http://169.254.169.254/")]), Refusal::RequestUri);
}

#[test]
fn n025_the_refusal_of_a_request_object_goes_the_way_it_asks_for() {
    let object = |claims: &str| format!("e30.{}.", base64url::encode(claims.as_bytes()));
    let mode = |changes: &[(&str, &str)]| match check(&with(changes), Some(&client())) {
        Err(Denied::Redirect(answer, Refusal::RequestObject)) => answer.mode,
        other => panic!("{changes:?}: {other:?}"),
    };
    let form_post = object(r#"{"response_mode":"form_post","redirect_uri":"https://evil.example/"}"#);
    assert_eq!(mode(&[("request", &form_post)]), ResponseMode::FormPost);
    assert_eq!(mode(&[("request", &form_post), ("response_mode", "query")]), ResponseMode::Query);
    for other in [
        "x".into(),
        "a.b.c".into(),
        object("[]"),
        object(r#"{"response_mode":"fragment"}"#),
        object(r#"{"response_mode":"form_post","response_mode":"form_post"}"#),
    ] {
        assert_eq!(mode(&[("request", &other)]), ResponseMode::Query, "{other}");
    }
}

#[test]
fn n026_claims() {
    let good =
        r#"{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"sub":{"value":"me"}},"x":1}"#;
    let mut claims = ok(&[("claims", good)]).claims;
    claims.names.userinfo.sort();
    assert_eq!(claims.names.userinfo, ["email", "name"]);
    assert_eq!(claims.subject.unwrap().as_str(), "me");
    for bad in [
        "[]",
        "{",
        r#"{"userinfo":1}"#,
        r#"{"userinfo":{"name":true}}"#,
        r#"{"userinfo":{},"userinfo":{}}"#,
        &"[".repeat(100),
    ] {
        assert_eq!(redirected(&[("claims", bad)]), Refusal::ClaimsInvalid, "{bad}");
    }
    assert_eq!(redirected(&[("claims", &format!("{{{}", " ".repeat(1024)))]), Refusal::RequestTooLong);
    let acr = |wish: &str| format!(r#"{{"id_token":{{"acr":{wish}}}}}"#);
    assert_eq!(redirected(&[("claims", &acr(r#"{"essential":true,"values":["gold"]}"#))]), Refusal::AcrUnmet);
    ok(&[("claims", &acr(r#"{"values":["gold"]}"#))]);
    ok(&[("claims", &acr(r#"{"essential":true,"value":"urn:keyward:acr:password"}"#))]);
}

#[test]
fn n027_resource() {
    for bad in ["https://api.example#x", "relative", "https://other.example"] {
        assert_eq!(redirected(&[("resource", bad)]), Refusal::ResourceInvalid, "{bad}");
        assert_eq!(redirected(&[("audience", bad)]), Refusal::ResourceInvalid, "{bad}");
    }
    let two = [("resource", "https://a.example"), ("resource", "https://b.example")];
    assert_eq!(redirected(&two), Refusal::RepeatedResource);
    let mut owner = client();
    owner.audiences = vec!["https://api.example".into()];
    let asked = with(&[("resource", "https://api.example")]);
    assert_eq!(check(&asked, Some(&owner)).unwrap().resource.as_deref(), Some("https://api.example"));
}

#[test]
fn n028_an_error_answer_carries_state_and_one_issuer_and_keeps_the_query() {
    let issuer = Issuer::parse("https://auth.example/t1").unwrap();
    let mut queried = client();
    queried.redirect_uris = vec!["https://rp.example/cb?a=b".into()];
    let bad = with(&[("redirect_uri", "https://rp.example/cb?a=b"), ("prompt", "xyz")]);
    let Denied::Redirect(answer, refusal) = check(&bad, Some(&queried)).unwrap_err() else { panic!() };
    let Delivery::Redirect(url) = answer.refuse(refusal, &issuer) else { panic!() };
    assert_eq!(
        url,
        "https://rp.example/cb?a=b&error=invalid_request&error_description=The%20parameter%20prompt%20is%20not%20valid.&state=s&iss=https%3A%2F%2Fauth.example%2Ft1"
    );
}

#[test]
fn n013_form_post_fields_are_the_same_as_the_querys() {
    let issuer = Issuer::parse("https://auth.example").unwrap();
    let posted = ok(&[("response_mode", "form_post")]).answer.grant("kwc_x", &issuer);
    let fields = vec![
        ("code", "kwc_x".to_owned()),
        ("state", "s".to_owned()),
        ("iss", "https://auth.example".to_owned()),
    ];
    assert_eq!(posted, Delivery::FormPost { action: "https://rp.example/cb".into(), fields });
}
