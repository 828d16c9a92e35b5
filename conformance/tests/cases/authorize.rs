//! `/authorize`, never a redirect until client and URI are proven.

use super::*;
use conformance::{FORM, get, post};
use http::{Method, Request};
use serde_json::json;

/// Sends the good request with changes, without a session.
async fn ask(world: &World, changes: &[(&str, &str)]) -> Answer {
    world.send(get(&with(changes))).await
}

/// Whether the request is on its way to the sign-in page.
fn goes_on(answer: &Answer) -> bool {
    answer.location().starts_with("/login?r=")
}

#[tokio::test]
async fn n001_no_client_no_redirect() {
    let (world, _) = people().await;
    let disabled = world.client(json!({ "client_id": "gone", "redirect_uris": [REDIRECT] })).await;
    world.admin.set_client_disabled(disabled.id(), true).await.unwrap();
    let long = "x".repeat(300);
    let mut pages = Vec::new();
    for id in ["", "unknown", "gone", &long, "rp\0", "rp\r\n", "rp%00", " rp"] {
        let answer = ask(&world, &[("client_id", id)]).await;
        answer.assert_error_page(400, "invalid_request");
        pages.push(answer);
    }
    let bad_uri = ask(&world, &[("redirect_uri", "https://evil.example/")]).await;
    let sentence = |answer: &Answer| answer.text().split("role=\"alert\">").nth(1).unwrap()[..60].to_owned();
    let malformed = |answer: &Answer| answer.text().contains("malformed");
    for page in pages.iter().filter(|page| !malformed(page)) {
        assert_eq!(sentence(page), sentence(&bad_uri), "one text for all");
    }
}

#[tokio::test]
async fn n002_n004_n005_redirect_uris_are_compared_byte_for_byte() {
    let (world, _) = people().await;
    for uri in [
        "https://rp.example/cb/",
        "https://rp.example/CB",
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rp.example:443/cb",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb/../cb",
        "https://rp.example/cb/..;/x",
        "https://rp.example/cb%2f",
        "https://rp.example/cb%252f",
        "https://rp.example//cb",
        "https://rp.example/cb\t",
        "https://rp.example/cb ",
        "https://rp.example./cb",
        "https://rp.example.evil.example/cb",
        "https://evilrp.example/cb",
        "https://rpXexample/cb",
        "https://rр.example/cb",
        "https://rp.example/cb#",
        "https://rp.example/cb#x",
        "https://rp.example/cb%23",
        "https://rp.example@evil.example/cb",
        "//rp.example/cb",
        "javascript:alert(1)",
    ] {
        ask(&world, &[("redirect_uri", uri)]).await.assert_error_page(400, "invalid_request");
    }
    assert!(goes_on(&ask(&world, &[("redirect_uri", "https://rp.example/other")]).await));
}

#[tokio::test]
async fn n007_a_redirect_uri_is_never_defaulted() {
    let world = World::new(crate::HARNESS).await;
    world.client(json!({ "client_id": "rp", "redirect_uris": [REDIRECT] })).await;
    ask(&world, &[("redirect_uri", "")]).await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n009_an_empty_parameter_is_an_omitted_one() {
    let (world, _) = people().await;
    let url = with(&[("state", ""), ("prompt", "none")]);
    let answer = world.send(get(&format!("{url}&state=&nonce=&login_hint="))).await;
    answer.assert_error_redirect(REDIRECT, ISSUER, "login_required", None);
    let no_scope = format!("{}&scope=", with(&[("scope", "")]));
    world.send(get(&no_scope)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_scope", Some("s"));
}

#[tokio::test]
async fn n010_unknown_parameters_are_ignored_but_not_without_end() {
    let (world, _) = people().await;
    let many = |count: usize| (0..count).map(|n| format!("&unknown{n}=echo")).collect::<String>();
    let answer = world.send(get(&format!("{}{}", with(&[]), many(50)))).await;
    assert!(goes_on(&answer));
    let page = Browser::new().visit(&world, &format!("{}{}", with(&[]), many(50))).await;
    assert!(!page.text().contains("echo"));
    world.send(get(&format!("{}{}", with(&[]), many(100)))).await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n011_code_is_the_only_response_type() {
    let (world, _) = people().await;
    for response_type in
        ["token", "id_token", "code id_token", "code token", "id_token token", "none", "CODE", "code code"]
    {
        let answer = ask(&world, &[("response_type", response_type)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "unsupported_response_type", Some("s"));
        assert!(!answer.location().contains('#'), "nothing in a fragment");
    }
    ask(&world, &[("response_type", "")]).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "invalid_request",
        Some("s"),
    );
}

#[tokio::test]
async fn n012_query_and_form_post_are_the_only_response_modes() {
    let (world, _) = people().await;
    for mode in ["fragment", "query.jwt", "web_message", "x"] {
        let answer = ask(&world, &[("response_mode", mode)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
        ask(&world, &[("response_mode", mode), ("redirect_uri", "https://evil.example/")])
            .await
            .assert_error_page(400, "invalid_request");
    }
    assert!(goes_on(&ask(&world, &[("response_mode", "query")]).await));
}

#[tokio::test]
async fn n013_form_post_escapes_and_runs_one_script() {
    let (world, _) = people().await;
    let state = "\"><script>alert(1)</script>";
    let answer = authorized(&world, &[("response_mode", "form_post"), ("state", state)]).await;
    assert_eq!(answer.status, 200);
    answer.assert_page_headers();
    let text = answer.text();
    assert!(!answer.header("content-security-policy").contains("form-action"));
    assert!(text.contains(&format!(r#"action="{REDIRECT}""#)), "{text}");
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    assert_eq!(answer.field("state").replace("&#62;", ">"), state);
    assert_eq!(answer.field("iss"), ISSUER);
    assert!(answer.field("code").starts_with("kwc_"));
    let denied = ask(&world, &[("response_mode", "form_post"), ("prompt", "none")]).await;
    assert_eq!((denied.status.as_u16(), denied.field("error").as_str()), (200, "login_required"));
}

#[tokio::test]
async fn n014_n029_other_methods_are_refused_and_no_other_origin_reads_pages() {
    let (world, _) = people().await;
    for path in ["/authorize", "/login", "/consent"] {
        for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let request = Request::builder().method(method.clone()).uri(path).body(axum::body::Body::empty());
            let answer = world.send(request.unwrap().with("origin", "https://rp.example")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("allow")),
                (405, "GET, POST"),
                "{method} {path}"
            );
            assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
        }
    }
    let answer = world.send(get(&with(&[])).with("origin", "https://rp.example")).await;
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
}

#[tokio::test]
async fn n015_a_post_becomes_a_get_that_has_the_cookies() {
    let (world, _) = people().await;
    let (_, body) =
        with(&[]).split_once('?').map(|(path, query)| (path.to_owned(), query.to_owned())).unwrap();
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    // As a browser sends it from another site: without our Lax cookies.
    let crossing = post("/authorize", FORM, body.clone()).with("origin", "https://rp.example");
    let answer = world.send(crossing.with("sec-fetch-site", "cross-site")).await;
    assert!(answer.location().starts_with("/authorize?r="), "{answer:?}");
    assert!(answer.cookies().is_empty());
    let answer = browser.follow(&world, answer).await;
    assert!(answer.to_client().get("code").is_some(), "no second login: {answer:?}");
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
        let answer = world.send(post("/authorize", kind, body.clone())).await;
        answer.assert_error_page(415, "invalid_request");
    }
    world
        .send(post("/authorize", FORM, body.replace("rp.example", "evil.example")))
        .await
        .assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n016_n017_n018_pkce_is_s256_and_nothing_less() {
    let (world, _) = people().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let refused = async |changes: &[(&str, &str)]| {
        ask(&world, changes).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    };
    refused(&without).await;
    for method in ["plain", "s256", "S512", ""] {
        refused(&[("code_challenge_method", method)]).await;
    }
    let long = "E".repeat(128);
    let short = &CHALLENGE[..42];
    let extended = format!("{CHALLENGE}A");
    for challenge in [
        short,
        &extended,
        &long,
        &format!("{short}="),
        &format!("{short}+"),
        &format!("{short}/"),
        &format!("{short}é"),
    ] {
        refused(&[("code_challenge", challenge)]).await;
    }
    ask(&world, &[("code_challenge", &format!("{short}\0"))]).await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn a_confidential_client_may_be_registered_without_pkce() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "old", "redirect_uris": [REDIRECT], "pkce_required": false })).await;
    let without = [("client_id", "old"), ("code_challenge", ""), ("code_challenge_method", "")];
    assert!(goes_on(&ask(&world, &without).await));
    assert!(goes_on(&ask(&world, &[("client_id", "old")]).await));
}

#[tokio::test]
async fn n019_scopes_are_well_formed_known_and_allowed() {
    let (world, _) = people().await;
    let long = "a ".repeat(1000);
    for scope in ["open\"id", "open\\id", "openid\u{7}", "openid  profile", " openid", "openid ", &long, "é"]
    {
        ask(&world, &[("scope", scope)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_scope",
            Some("s"),
        );
    }
    for scope in ["admin", "admin write", "offline_access"] {
        ask(&world, &[("scope", scope)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_scope",
            Some("s"),
        );
    }
    let tokens = redeem(&world, &code(&world, &[("scope", "openid admin email")]).await).await;
    assert_eq!(tokens.json()["scope"], "openid email", "what is dropped is told");
}

#[tokio::test]
async fn n020_state_and_nonce_come_back_byte_for_byte() {
    let (world, _) = people().await;
    let long = "s".repeat(2048);
    for state in ["&error=x", "#", "\r\nSet-Cookie: a=b", "🦀", "<svg onload=alert(1)>", "%41", &long] {
        let answer = ask(&world, &[("prompt", "none"), ("state", state)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some(state));
    }
    ask(&world, &[("state", &format!("{long}s"))]).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "invalid_request",
        None,
    );
    let nonce = "n".repeat(512);
    assert!(goes_on(&ask(&world, &[("nonce", &nonce), ("state", &long)]).await));
    ask(&world, &[("nonce", &format!("{nonce}n"))]).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "invalid_request",
        Some("s"),
    );
}

#[tokio::test]
async fn n021_prompt_none_never_shows_a_page() {
    let (world, _) = people().await;
    ask(&world, &[("prompt", "none")]).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    for prompt in ["none login", "none consent", "xyz", "login  consent"] {
        ask(&world, &[("prompt", prompt)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_request",
            Some("s"),
        );
    }
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let silent = browser.visit(&world, &with(&[("prompt", "none")])).await;
    assert!(silent.to_client().get("code").is_some());
    let more = browser.visit(&world, &with(&[("prompt", "none"), ("scope", "openid email")])).await;
    more.assert_error_redirect(REDIRECT, ISSUER, "consent_required", Some("s"));
}

#[tokio::test]
async fn n022_prompt_login_needs_a_sign_in_of_its_own() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let before = browser.cookie("kw-s-").unwrap().to_owned();
    world.pass(60);
    let started_at = conformance::BEGIN.seconds() + 60;
    let page = browser.visit(&world, &with(&[("prompt", "login")])).await;
    assert!(page.is_page("Sign in"));
    // Going back, or straight to the consent page, upgrades nothing.
    let consent = format!("/consent?r={}", page.field("r"));
    assert!(browser.visit(&world, &consent).await.is_page("Sign in"));
    world.pass(5);
    let answer = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    let code = answer.to_client().get("code").unwrap().to_owned();
    let tokens = redeem(&world, &code).await;
    assert!(tokens.claims("id_token")["auth_time"].as_u64().unwrap() >= started_at);
    // D-16: the cookie from before is dead.
    browser.set_cookie("kw-s-", &before);
    let silent = browser.visit(&world, &with(&[("prompt", "none")])).await;
    silent.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
}

#[tokio::test]
async fn n023_max_age_is_seconds_and_counts() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    world.pass(2);
    for age in ["0", "1"] {
        assert!(browser.visit(&world, &with(&[("max_age", age)])).await.is_page("Sign in"), "{age}");
    }
    assert!(browser.visit(&world, &with(&[("max_age", "3")])).await.to_client().get("code").is_some());
    for age in ["-1", "abc", "99999999999999999999", "1.5", "+1", " 1"] {
        ask(&world, &[("max_age", age)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_request",
            Some("s"),
        );
    }
}

#[tokio::test]
async fn max_age_is_decided_once_at_the_start() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let consent = browser.visit(&world, &with(&[("max_age", "10"), ("prompt", "consent")])).await;
    world.pass(600);
    let answer = browser.consent(&world, &consent, "approve").await;
    assert!(answer.to_client().get("code").is_some(), "reading took long, signing in did not");
}

#[tokio::test]
async fn n025_request_objects_are_refused_unseen() {
    let (world, _) = people().await;
    ask(&world, &[("request", "eyJhbGciOiJub25lIn0.e30.")]).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "request_not_supported",
        Some("s"),
    );
    for uri in [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "urn:ietf:params:oauth:request_uri:x",
    ] {
        ask(&world, &[("request_uri", uri)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "request_uri_not_supported",
            Some("s"),
        );
    }
}

#[tokio::test]
async fn n026_claims_are_bounded_and_unknown_ones_ignored() {
    let (world, _) = people().await;
    let deep = format!("{}{}", "{\"a\":".repeat(100), "}".repeat(100));
    let large = format!("{{\"userinfo\":{{\"{}\":null}}}}", "x".repeat(1024));
    for claims in [
        large.as_str(),
        &deep,
        r#"{"userinfo":{"name":null,"name":null}}"#,
        "[]",
        "{",
        r#"{"userinfo":[]}"#,
        r#"{"userinfo":{"name":1}}"#,
    ] {
        ask(&world, &[("claims", claims)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_request",
            Some("s"),
        );
    }
    let unknown = r#"{"userinfo":{"shoe_size":{"essential":true}},"other":{}}"#;
    assert!(goes_on(&ask(&world, &[("claims", unknown)]).await));
}

#[tokio::test]
async fn single_claims_are_agreed_to_and_shown() {
    let (world, _) = people().await;
    let claims = r#"{"userinfo":{"name":{"essential":true}},"id_token":{"email":null,"name":null}}"#;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[("claims", claims)])).await;
    let consent = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    assert_eq!(consent.scopes(), ["openid", "profile", "email"], "what the claims belong to is asked");
    let (r, csrf) = (consent.field("r"), consent.field("csrf"));
    let fields = [
        ("r", r.as_str()),
        ("csrf", &csrf),
        ("decision", "approve"),
        ("scope", "openid"),
        ("scope", "profile"),
    ];
    let answer = browser.submit(&world, "/consent", &fields).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let id_token = tokens.claims("id_token");
    assert_eq!((&id_token["name"], id_token.get("email")), (&json!("Alice Adams"), None), "left unchecked");
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await;
    assert_eq!(userinfo.json()["name"], "Alice Adams");
    assert_eq!(userinfo.json().get("birthdate"), None, "asked for by name, not by scope");
}

#[tokio::test]
async fn n027_a_resource_is_one_of_the_clients() {
    let (world, _) = people().await;
    let metadata = json!({
        "client_id": "api-user",
        "redirect_uris": [REDIRECT],
        "audiences": ["https://api.example", "https://two.example"],
    });
    world.client(metadata).await;
    for resource in ["https://api.example#f", "/relative", "https://other.example", "https://api.example/"] {
        ask(&world, &[("client_id", "api-user"), ("resource", resource)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_target",
            Some("s"),
        );
    }
    let twice = format!(
        "{}&resource=https%3A%2F%2Fapi.example&resource=https%3A%2F%2Ftwo.example",
        with(&[("client_id", "api-user")])
    );
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_target", Some("s"));
    for name in ["resource", "audience"] {
        assert!(goes_on(&ask(&world, &[("client_id", "api-user"), (name, "https://two.example")]).await));
    }
}

#[tokio::test]
async fn n028_every_answer_says_who_gives_it() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let granted = browser.authorize(&world, &with(&[])).await;
    let page = browser.visit(&world, &with(&[("prompt", "consent")])).await;
    let denied = browser.consent(&world, &page, "deny").await;
    let refused = ask(&world, &[("prompt", "none")]).await;
    for answer in [granted, denied, refused] {
        assert_eq!(answer.status, 303);
        let to_client = answer.to_client();
        assert!(!to_client.any_repeated());
        assert_eq!((to_client.get("iss"), to_client.get("state")), (Some(ISSUER), Some("s")));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn n030_an_escaped_parameter_is_one_value() {
    let (world, _) = people().await;
    let sneaky =
        with(&[]).replace("client_id=rp", "client_id=rp%26redirect_uri%3Dhttps%3A%2F%2Fevil.example");
    world.send(get(&sneaky)).await.assert_error_page(400, "invalid_request");
    for name in ["client_id", "redirect_uri"] {
        let twice = format!("{}&{name}=x", with(&[]));
        world.send(get(&twice)).await.assert_error_page(400, "invalid_request");
    }
    let twice = format!("{}&scope=email", with(&[]));
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    let twice = format!("{}&state=other", with(&[]));
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", None);
}

#[tokio::test]
async fn n032_a_request_in_progress_is_sealed_ends_and_answers_once() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let r = page.field("r");
    let mut altered = r.clone();
    altered.replace_range(40..41, if &r[40..41] == "A" { "B" } else { "A" });
    for path in ["/login", "/consent", "/authorize"] {
        for wrong in [altered.as_str(), "", "x", &r[..r.len() - 1]] {
            let answer = browser.get(&world, &format!("{path}?r={wrong}")).await;
            answer.assert_error_page(400, "invalid_request");
        }
    }
    let consent = browser.sign_in(&world, &page, "alice", conformance::PASSWORD).await;
    let first = browser.consent(&world, &consent, "approve").await;
    let again = browser.consent(&world, &consent, "approve").await;
    assert_eq!(first.location(), again.location(), "a double click gets the same code");
    let code = first.to_client().get("code").unwrap().to_owned();
    assert_eq!(redeem(&world, &code).await.status, 200);
    browser.consent(&world, &consent, "approve").await.assert_error_page(400, "invalid_request");
    // Two tabs, each with a request of its own.
    let (one, two) = (
        browser.visit(&world, &with(&[("state", "1"), ("prompt", "consent")])).await,
        browser.visit(&world, &with(&[("state", "2"), ("prompt", "consent")])).await,
    );
    let (two, one) =
        (browser.consent(&world, &two, "approve").await, browser.consent(&world, &one, "approve").await);
    assert_eq!((one.to_client().get("state"), two.to_client().get("state")), (Some("1"), Some("2")));
    let late = browser.visit(&world, &with(&[("prompt", "login")])).await;
    world.pass(30 * 60);
    browser
        .get(&world, &format!("/login?r={}", late.field("r")))
        .await
        .assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n033_a_form_cannot_change_the_request() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "other", "redirect_uris": ["https://evil.example/cb"] })).await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let extra =
        [("client_id", "other"), ("redirect_uri", "https://evil.example/cb"), ("scope", "openid email")];
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let mut fields =
        vec![("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", conformance::PASSWORD)];
    fields.extend(extra);
    let consent = browser.submit(&world, "/login", &fields).await;
    assert_eq!(consent.scopes(), ["openid"]);
    let (r, csrf) = (consent.field("r"), consent.field("csrf"));
    let mut fields = vec![("r", r.as_str()), ("csrf", &csrf), ("decision", "approve"), ("scope", "openid")];
    fields.extend(extra);
    let answer = browser.submit(&world, "/consent", &fields).await;
    assert!(answer.location().starts_with(&format!("{REDIRECT}?")), "{answer:?}");
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    assert_eq!(tokens.json()["scope"], "openid");
}

#[tokio::test]
async fn n034_only_confidential_first_party_clients_skip_consent() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "own", "redirect_uris": [REDIRECT], "first_party": true })).await;
    let native = json!({
        "client_id": "app",
        "redirect_uris": ["com.example.app:/cb", "http://127.0.0.1/cb"],
        "first_party": true,
        "application_type": "native",
    });
    world.client(native).await;
    let public =
        json!({ "client_id": "spa", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    world.client(public).await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let own = browser.visit(&world, &with(&[("client_id", "own")])).await;
    assert!(own.to_client().get("code").is_some());
    let asks = |answer: &Answer| answer.status == 200 && answer.text().contains("consent-approve");
    assert!(asks(&browser.visit(&world, &with(&[("client_id", "own"), ("prompt", "consent")])).await));
    assert!(asks(&browser.visit(&world, &with(&[("client_id", "spa")])).await));
    for uri in ["com.example.app:/cb", "http://127.0.0.1:51004/cb"] {
        assert!(
            asks(&browser.visit(&world, &with(&[("client_id", "app"), ("redirect_uri", uri)])).await),
            "{uri}"
        );
    }
    let registration = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none", "first_party": true, "client_name": "x" });
    let refused = world.admin.create_client(&serde_json::from_value(registration).unwrap(), &[]).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("--first-party")));
}

#[tokio::test]
async fn n035_what_is_too_long_costs_nothing() {
    let (world, _) = people().await;
    let answer = ask(&world, &[("unknown", &"x".repeat(9 * 1024))]).await;
    let refused = answer.status.as_u16();
    assert!(refused == 400 || refused == 414, "{answer:?}");
    assert_eq!(world.counts.take(), (0, 0));
    let answer = ask(&world, &[("unknown", &"x".repeat(7 * 1024))]).await;
    answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    if crate::HARNESS == conformance::Harness::Http {
        assert_eq!(ask(&world, &[("unknown", &"x".repeat(16 * 1024))]).await.status, 414);
    }
}

#[tokio::test]
async fn hints_lead_to_the_right_person_or_to_an_error() {
    let (world, _) = people().await;
    world.user("bob", None, json!({})).await;
    let mut browser = Browser::new();
    let answer = browser.authorize(&world, &with(&[("login_hint", "alice")])).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let hint = tokens.json()["id_token"].as_str().unwrap().to_owned();
    let own = browser.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await;
    assert!(own.to_client().get("code").is_some());
    world.pass(3 * 3600);
    let expired = browser.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await;
    assert!(expired.to_client().get("code").is_some(), "a hint may be expired");
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let ((said, _), (_, signature)) = (hint.rsplit_once('.').unwrap(), access.rsplit_once('.').unwrap());
    for wrong in ["x", &access, &format!("{said}.{signature}")] {
        ask(&world, &[("id_token_hint", wrong)]).await.assert_error_redirect(
            REDIRECT,
            ISSUER,
            "invalid_request",
            Some("s"),
        );
    }
    // Somebody else is signed in: asked for a sign-in, and only the one of the hint will do.
    let mut other = Browser::new();
    let page = other.visit(&world, &with(&[])).await;
    other.sign_in(&world, &page, "bob", conformance::PASSWORD).await;
    other.visit(&world, &with(&[("prompt", "none"), ("id_token_hint", &hint)])).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
    let page = other.visit(&world, &with(&[("id_token_hint", &hint)])).await;
    assert!(page.is_page("Sign in"));
    other.sign_in(&world, &page, "bob", conformance::PASSWORD).await.assert_error_redirect(
        REDIRECT,
        ISSUER,
        "login_required",
        Some("s"),
    );
}
