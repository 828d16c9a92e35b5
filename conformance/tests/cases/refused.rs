//! Each refused request is one line of the log, with the reason that the answer does not give.

use super::requests::*;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use conformance::{Log, get, post};
use http::Request;
use serde_json::{Value, json};
use std::time::Duration;

/// The lines about refused requests.
fn refusals(log: &Log) -> Vec<Value> {
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"] == "keyward::refusal").collect()
}

/// Sends a request that is refused. Returns the answer, and the one line about it.
async fn refused(world: &World, request: Request<Body>) -> (Answer, Value) {
    let log = Log::open();
    let answer = world.send(request).await;
    let [line] = refusals(&log).try_into().unwrap_or_else(|all| panic!("{all:?}: {answer:?}"));
    assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("a request was refused")));
    assert_eq!(line["request"], answer.header("x-request-id"), "{line}");
    (answer, line)
}

/// The members of a line that say what was refused.
fn told<'a>(line: &'a Value, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| line[*name].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn an_authorization_request_says_what_came_and_what_is_registered() {
    let (world, _) = people().await;
    let metadata =
        json!({ "client_id": "api", "redirect_uris": [REDIRECT], "audiences": ["https://api.example"] });
    world.client(metadata).await;
    let gone = world.client(json!({ "client_id": "gone", "redirect_uris": [REDIRECT] })).await;
    world.admin().set_client_disabled(gone.id(), true).await.unwrap();
    let uris = "https://rp.example/cb https://rp.example/other";
    let page = "The application or its return address is not known here.";
    for (changes, on_page, refusal, [client, error, sent, registered]) in [
        (
            vec![("redirect_uri", "https://evil.example/cb")],
            true,
            "RedirectUriUnregistered",
            ["rp", "invalid_request", "redirect_uri=https://evil.example/cb", uris],
        ),
        (vec![("redirect_uri", "")], true, "RedirectUriMissing", ["rp", "invalid_request", "-", uris]),
        (vec![("client_id", "nobody")], true, "ClientUnknown", ["nobody", "invalid_request", "-", "-"]),
        (vec![("client_id", "gone")], true, "ClientDisabled", ["gone", "invalid_request", "-", "-"]),
        (vec![("client_id", "")], true, "ClientIdInvalid", ["-", "invalid_request", "-", "-"]),
        (
            vec![("client_id", "r\u{e9}p")],
            true,
            "ClientIdInvalid",
            ["***", "invalid_request", "client_id=***", "-"],
        ),
        (
            vec![("code_challenge", ""), ("code_challenge_method", "")],
            false,
            "ChallengeMissing",
            ["rp", "invalid_request", "-", "-"],
        ),
        (
            vec![("code_challenge_method", "plain")],
            false,
            "ChallengeMethod",
            ["rp", "invalid_request", "code_challenge_method=plain", "-"],
        ),
        (
            vec![("scope", "admin root")],
            false,
            "ScopeEmpty",
            ["rp", "invalid_scope", "scope=\"admin root\"", "openid profile email address phone"],
        ),
        (
            vec![("scope", "open\"id")],
            false,
            "ScopeMalformed",
            ["rp", "invalid_scope", "scope=open%22id", "-"],
        ),
        (
            vec![("client_id", "api"), ("resource", "https://other.example")],
            false,
            "ResourceInvalid",
            ["api", "invalid_target", "resource=https://other.example", "https://api.example"],
        ),
        (
            vec![("response_type", "token")],
            false,
            "ResponseTypeUnsupported",
            ["rp", "unsupported_response_type", "response_type=token", "-"],
        ),
        (
            vec![("response_mode", "fragment")],
            false,
            "ResponseModeUnsupported",
            ["rp", "invalid_request", "response_mode=fragment", "-"],
        ),
        (vec![("prompt", "none")], false, "LoginRequired", ["rp", "login_required", "prompt=none", "-"]),
        (vec![("prompt", "later")], false, "PromptInvalid", ["rp", "invalid_request", "prompt=later", "-"]),
    ] {
        let (answer, line) = refused(&world, get(&with(&changes))).await;
        let names = ["endpoint", "refusal", "client", "error", "sent", "registered"];
        assert_eq!(told(&line, &names), ["/authorize", refusal, client, error, sent, registered], "{line}");
        assert!(line["reason"].as_str().unwrap().ends_with('.'), "{line}");
        if on_page {
            answer.assert_error_page(400, error);
            let text = answer.text();
            assert!(text.contains(line["request"].as_str().unwrap()), "the id that is in the log: {text}");
            assert!(text.contains(page) && !text.contains(line["reason"].as_str().unwrap()), "{text}");
        } else {
            answer.assert_error_redirect(REDIRECT, ISSUER, error, Some("s"));
        }
    }
}

#[tokio::test]
async fn client_authentication_says_which_part_of_it_was_wrong() {
    let (world, party) = people().await;
    world.single_page().await;
    let gone = world.client(json!({ "client_id": "gone", "redirect_uris": [REDIRECT] })).await;
    world.admin().set_client_disabled(gone.id(), true).await.unwrap();
    let grant = ("grant_type", "authorization_code");
    let by_header = |header: &str| form("/token", &[grant]).with("authorization", header);
    let basic = conformance::basic;
    let posted = form("/token", &[grant, ("client_id", "rp"), ("client_secret", &party.secret)]);
    let bearer = "Bearer x".to_owned();
    for (request, refusal, [client, sent, registered]) in [
        (by_header(&basic("rp", "wrong")), "SecretWrong", ["rp", "client_secret_basic", "-"]),
        (by_header(&basic("nobody", "x")), "CredentialsUnknown", ["nobody", "client_secret_basic", "-"]),
        (by_header(&basic("gone", "x")), "CredentialsDisabled", ["gone", "client_secret_basic", "-"]),
        (posted, "AuthMethodWrong", ["rp", "client_secret_post", "client_secret_basic"]),
        (
            form("/token", &[grant, ("client_id", "rp")]),
            "AuthMethodWrong",
            ["rp", "none", "client_secret_basic"],
        ),
        (by_header(&basic("spa", "x")), "AuthMethodWrong", ["spa", "client_secret_basic", "none"]),
        (by_header(&bearer), "CredentialsMalformed", ["-", "-", "-"]),
        (form("/token", &[grant]), "CredentialsMissing", ["-", "-", "-"]),
    ] {
        let (answer, line) = refused(&world, request).await;
        answer.assert_token_error(401, "invalid_client");
        let body = r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;
        assert_eq!(answer.text(), body, "one answer for all");
        let sent = if sent == "-" { sent.to_owned() } else { format!("token_endpoint_auth_method={sent}") };
        let names = ["endpoint", "error", "refusal", "client", "sent", "registered"];
        let expected = ["/token", "invalid_client", refusal, client, &sent, registered];
        assert_eq!(told(&line, &names), expected, "{line}");
    }
    let (_, line) = refused(&world, form("/introspect", &[("client_id", "spa"), ("token", "x")])).await;
    assert_eq!(told(&line, &["endpoint", "refusal", "client"]), ["/introspect", "ConfidentialOnly", "spa"]);
    let request = form("/revoke", &[]).with("authorization", &party.basic());
    let (_, line) = refused(&world, request).await;
    assert_eq!(told(&line, &["endpoint", "refusal", "client"]), ["/revoke", "TokenMissing", "rp"]);
    world.admin().rotate_secret("rp", Duration::from_secs(10)).await.unwrap();
    world.pass(61);
    let (_, line) = refused(&world, by_header(&party.basic())).await;
    assert_eq!(line["refusal"], "SecretExpired", "{line}");
}

#[tokio::test]
async fn a_token_request_says_what_is_wrong_with_it() {
    let (world, party) = people().await;
    world.single_page().await;
    let machine = world.machine().await;
    let redeem = |code: &str, uri: &str, verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        form("/token", &fields).with("authorization", &party.basic())
    };
    let of_machine = |fields: &[(&str, &str)]| form("/token", fields).with("authorization", &machine.basic());
    let refresh = |token: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
        form("/token", &fields)
    };
    let used = code(&world, &[]).await;
    assert_eq!(world.send(redeem(&used, REDIRECT, VERIFIER)).await.status, 200);
    let one = code(&world, &[]).await;
    let other = "https://rp.example/other";
    let (tokens, late) = (spa_tokens(&world).await, spa_tokens(&world).await);
    let (token, late) = (member(&tokens, "refresh_token"), member(&late, "refresh_token"));
    assert_eq!(world.send(refresh(&token)).await.status, 200);
    world.pass(61);
    let uris = "https://rp.example/cb https://rp.example/other";
    let none = ["-", "-"];
    for (request, error, refusal, [sent, registered], public) in [
        (
            redeem(&used, REDIRECT, VERIFIER),
            "invalid_grant",
            "CodeReplayed",
            none,
            "The authorization code was used before.",
        ),
        (
            redeem(&one, REDIRECT, VERIFIER),
            "invalid_grant",
            "CodeExpired",
            none,
            "The authorization code has expired.",
        ),
        (
            redeem("kwc_x", REDIRECT, VERIFIER),
            "invalid_grant",
            "CodeInvalid",
            none,
            "The authorization code is not valid.",
        ),
        (refresh(&token), "invalid_grant", "RefreshReused", none, "The refresh token was used before."),
        (
            of_machine(&[("grant_type", "password")]),
            "unsupported_grant_type",
            "GrantTypeUnsupported",
            ["grant_type=password", "-"],
            "This grant type is not supported.",
        ),
        (
            of_machine(&[("grant_type", "refresh_token")]),
            "unauthorized_client",
            "GrantTypeNotAllowed",
            ["grant_type=refresh_token", "client_credentials"],
            "This application may not use this grant type.",
        ),
        (
            of_machine(&[("grant_type", "client_credentials"), ("scope", "admin")]),
            "invalid_scope",
            "ScopeEmpty",
            ["scope=admin", "read write"],
            "None of the requested scopes can be granted.",
        ),
        (
            of_machine(&[("grant_type", "client_credentials"), ("audience", "https://three.example")]),
            "invalid_target",
            "ResourceInvalid",
            ["audience=https://three.example", "https://api.example https://two.example"],
            "The requested resource is not valid for this application.",
        ),
        (
            of_machine(&[("grant_type", "client_credentials"), ("scope", "read"), ("scope", "write")]),
            "invalid_request",
            "RepeatedParameter",
            ["scope", "-"],
            "A parameter was sent more than once.",
        ),
    ] {
        let (answer, line) = refused(&world, request).await;
        let body = format!(r#"{{"error":"{error}","error_description":"{public}"}}"#);
        assert_eq!(answer.text(), body, "{line}");
        let names = ["endpoint", "error", "refusal", "sent", "registered"];
        assert_eq!(told(&line, &names), ["/token", error, refusal, sent, registered], "{line}");
    }
    let fresh = code(&world, &[]).await;
    let (_, line) = refused(&world, redeem(&fresh, other, VERIFIER)).await;
    let names = ["client", "refusal", "sent", "registered"];
    let sent = "redirect_uri=https://rp.example/other";
    assert_eq!(told(&line, &names), ["rp", "RedirectUriDiffers", sent, uris], "{line}");
    let fresh = code(&world, &[]).await;
    let (_, line) = refused(&world, redeem(&fresh, REDIRECT, &"w".repeat(43))).await;
    assert_eq!(told(&line, &names), ["rp", "VerifierWrong", "-", "-"], "{line}");
    let json = post("/token", "application/json; pw=hunter2", "{}").with("authorization", &party.basic());
    let (_, line) = refused(&world, json).await;
    assert_eq!(told(&line, &["refusal", "sent"]), ["ContentType", "content-type=application/json"], "{line}");
    world.pass(31 * 24 * 3600);
    let (answer, line) = refused(&world, refresh(&late)).await;
    answer.assert_token_error(400, "invalid_grant");
    assert_eq!(told(&line, &["client", "refusal"]), ["spa", "RefreshExpired"], "{line}");
}

#[tokio::test]
async fn userinfo_says_what_is_wrong_with_a_token() {
    let (world, _) = people().await;
    world.single_page().await;
    let machine = world.machine().await;
    let fields = [("grant_type", "client_credentials")];
    let own = world.send(form("/token", &fields).with("authorization", &machine.basic())).await;
    let (own, users) = (member(&own, "access_token"), member(&spa_tokens(&world).await, "access_token"));
    let bearer = |token: &str| get("/userinfo").with("authorization", &format!("Bearer {token}"));
    let body = r#"{"error":"invalid_token","error_description":"The access token is not valid."}"#;
    for (token, refusal, client) in
        [("nonsense", "TokenInvalid", "-"), (own.as_str(), "TokenElsewhere", "machine")]
    {
        let (answer, line) = refused(&world, bearer(token)).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (401, body), "{line}");
        let names = ["endpoint", "error", "refusal", "client"];
        assert_eq!(told(&line, &names), ["/userinfo", "invalid_token", refusal, client], "{line}");
    }
    let (answer, line) = refused(&world, get("/userinfo")).await;
    assert_eq!((answer.status.as_u16(), answer.text(), &line["refusal"]), (401, "", &json!("BearerMissing")));
    assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="keyward""#);
    world.pass(601);
    let (answer, line) = refused(&world, bearer(&users)).await;
    assert_eq!(answer.text(), body);
    assert_eq!(told(&line, &["refusal", "client"]), ["TokenExpired", "spa"], "{line}");
}

#[tokio::test]
async fn a_sign_out_to_an_unregistered_address_says_which() {
    let (world, _) = people().await;
    let id = member(&redeem(&world, &code(&world, &[]).await).await, "id_token");
    let asked = query(&[("id_token_hint", &id), ("post_logout_redirect_uri", "https://evil.example/")]);
    let (answer, line) = refused(&world, get(&format!("/logout?{asked}"))).await;
    answer.assert_error_page(400, "invalid_request");
    let names = ["endpoint", "refusal", "client", "sent"];
    let sent = "post_logout_redirect_uri=https://evil.example/";
    assert_eq!(told(&line, &names), ["/logout", "LogoutRedirectUnknown", "rp", sent], "{line}");
}

/// The page is the same whether the client exists or not.
#[tokio::test]
async fn a_sign_out_that_is_refused_says_why_in_the_log() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "gone", "redirect_uris": [REDIRECT], "first_party": true })).await;
    let tokens = redeem_as(&world, "gone", &code(&world, &[("client_id", "gone")]).await).await;
    let id = member(&tokens, "id_token");
    world.admin().set_client_disabled("gone", true).await.unwrap();
    world.pass(60);
    let home = ("post_logout_redirect_uri", "https://rp.example/");
    for (sent, refusal, client) in [
        (query(&[("client_id", "nobody"), home]), "LogoutClientUnknown", Some("nobody")),
        (query(&[("client_id", "gone"), home]), "LogoutClientUnknown", Some("gone")),
        (query(&[("id_token_hint", "x"), ("client_id", "rp")]), "LogoutHintInvalid", Some("rp")),
        (query(&[("id_token_hint", &id), ("client_id", "rp")]), "LogoutHintOfOther", Some("rp")),
        (query(&[("id_token_hint", &id)]), "LogoutHintEnded", None),
        (query(&[("client_id", "rp"), ("client_id", "rp")]), "RepeatedParameter", Some("rp")),
    ] {
        let (answer, line) = refused(&world, get(&format!("/logout?{sent}"))).await;
        answer.assert_error_page(400, "invalid_request");
        assert_eq!((&line["refusal"], line["client"].as_str()), (&json!(refusal), client), "{line}");
    }
}

/// Whatever is sent, a line is one line of plain text and not long.
#[tokio::test]
async fn what_callers_send_cannot_forge_or_flood_the_log() {
    let (world, party) = people().await;
    let forged = "x\n{\"level\":\"ERROR\",\"message\":\"forged\"}\r\n\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\"\\";
    let long = "y".repeat(6000);
    for value in [forged, &long, &"\u{1b}".repeat(2000)] {
        for request in [
            get(&with(&[("redirect_uri", value)])),
            get(&with(&[("client_id", value)])),
            get(&with(&[("scope", value)])),
            get(&with(&[("resource", value)])),
            get(&with(&[("response_type", value)])),
            get(&with(&[("prompt", value)])),
            form("/token", &[("grant_type", value)]).with("authorization", &party.basic()),
            form("/token", &[(value, "1"), (value, "2")]).with("authorization", &party.basic()),
            form("/token", &[("client_id", value)]),
            form("/token", &[]).with("authorization", &conformance::basic(value, value)),
        ] {
            let log = Log::open();
            let path = request.uri().path().to_owned();
            world.send(request).await;
            for line in refusals(&log) {
                assert_eq!(line["endpoint"], path.as_str());
            }
            for line in log.text().lines().filter(|line| line.contains("keyward::refusal")) {
                assert!(
                    line.len() < 1500 && line.bytes().all(|b| b.is_ascii_graphic() || b == b' '),
                    "{line}"
                );
                assert!(!line.contains("\\u") && !line.contains("\\n"), "{line}");
            }
            assert!(!refusals(&log).is_empty() || value != forged, "{path}");
            world.pass(60);
        }
    }
}

/// A secret in the wrong place is not written, neither by this line nor by an audit event.
#[tokio::test]
async fn secrets_in_the_wrong_place_are_not_logged() {
    let (world, party) = people().await;
    world.single_page().await;
    let tokens = spa_tokens(&world).await;
    let mut secrets = vec![party.secret.clone(), code(&world, &[]).await];
    secrets.extend(["access_token", "refresh_token", "id_token"].map(|name| member(&tokens, name)));
    let encoded: Vec<String> = secrets.iter().map(|secret| BASE64.encode(format!("app1:{secret}"))).collect();
    secrets.extend(encoded);
    secrets.extend([party.secret.to_uppercase(), party.secret.replace('_', "%5F")]);
    let log = Log::open();
    for secret in &secrets {
        for request in [
            get(&with(&[("redirect_uri", &format!("https://rp.example/cb?code={secret}"))])),
            get(&with(&[("client_id", secret)])),
            get(&with(&[("scope", secret)])),
            get(&with(&[("resource", secret), ("state", secret), ("nonce", secret)])),
            get(&with(&[("code_challenge", secret)])),
            form("/token", &[("grant_type", secret)]).with("authorization", &party.basic()),
            form("/token", &[("client_id", secret), ("client_secret", secret)]),
            form("/token", &[]).with("authorization", &conformance::basic(secret, "rp")),
            form("/token", &[(secret, "1"), (secret, "2")]).with("authorization", &party.basic()),
            get("/userinfo").with("authorization", &format!("Bearer {secret}x")),
        ] {
            world.send(request).await;
        }
        world.pass(60);
    }
    assert!(refusals(&log).len() > 40);
    let text = log.text();
    let ours: Vec<&str> = text.lines().filter(|line| !line.contains(r#""target":"hyper"#)).collect();
    for secret in &secrets {
        let found: Vec<_> = ours.iter().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[tokio::test]
async fn a_flood_of_one_refusal_hides_no_other() {
    let (world, party) = people().await;
    let evil = || get(&with(&[("redirect_uri", "https://evil.example/cb")]));
    let log = Log::open();
    for _ in 0..100 {
        world.send(evil()).await;
    }
    assert_eq!(refusals(&log).len(), 10);
    let unknown = form("/token", &[("grant_type", "x")]).with("authorization", &party.basic());
    refused(&world, unknown).await;
    world.pass(61);
    world.send(evil()).await;
    let left_out = log.event("log.left_out");
    assert_eq!((&left_out["of"], &left_out["lines"]), (&json!("RedirectUriUnregistered"), &json!(90)));
}
