//! The other parameters of a request, and their limits.

use super::requests::*;
use conformance::Harness;

#[tokio::test]
async fn n009_an_empty_parameter_is_an_omitted_one() {
    let (world, _) = people().await;
    let url = with(&[("state", ""), ("prompt", "none")]);
    let answer = world.send(get(&format!("{url}&state=&nonce=&login_hint="))).await;
    answer.assert_error_redirect(REDIRECT, ISSUER, "login_required", None);
    let empty = format!("{}&nonce=&resource=&claims=", with(&[]));
    let answer = Browser::new().authorize(&world, &empty).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    assert_eq!(tokens.claims("id_token").get("nonce"), None);
}

#[tokio::test]
async fn n019_without_a_scope_the_registered_one_is_requested() {
    let (world, _) = people().await;
    for plain in [with(&[("scope", "")]), format!("{}&scope=", with(&[("scope", "")]))] {
        let answer = Browser::new().authorize(&world, &plain).await;
        let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
        assert_eq!(tokens.json()["scope"], "openid profile email address phone");
        assert!(tokens.json().get("id_token").is_some());
    }
    let metadata = json!({ "client_id": "api", "redirect_uris": [REDIRECT], "scope": "read write" });
    world.client(metadata).await;
    let code = code(&world, &[("client_id", "api"), ("scope", "")]).await;
    let tokens = redeem_as(&world, "api", &code).await.json();
    assert_eq!((&tokens["scope"], tokens.get("id_token")), (&json!("read write"), None), "plain OAuth 2.0");
    let page = Browser::new().visit(&world, &with(&[("client_id", "api"), ("scope", "")])).await;
    assert!(page.is_page("Sign in"));
}

#[tokio::test]
async fn n010_unknown_parameters_are_ignored_but_not_without_end() {
    let (world, _) = people().await;
    let many = |count: usize| (0..count).map(|n| format!("&unknown{n}=echo")).collect::<String>();
    let answer = world.send(get(&format!("{}{}", with(&[]), many(50)))).await;
    assert!(leads_to_sign_in(&answer));
    let page = Browser::new().visit(&world, &format!("{}{}", with(&[]), many(50))).await;
    assert!(!page.text().contains("echo"));
    world.send(get(&format!("{}{}", with(&[]), many(100)))).await.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn n019_scopes_are_well_formed_known_and_allowed() {
    let (world, _) = people().await;
    let long = "s".repeat(5 * 1024);
    for scope in ["open\"id", "open\\id", "openid\u{7}", "openid  profile", " openid", "openid ", &long, "é"]
    {
        assert_error_to_client(&world, &[("scope", scope)], "invalid_scope").await;
    }
    for scope in ["admin", "admin write"] {
        assert_error_to_client(&world, &[("scope", scope)], "invalid_scope").await;
    }
    let tokens = redeem(&world, &code(&world, &[("scope", "openid admin email")]).await).await;
    assert_eq!(tokens.json()["scope"], "openid email", "the dropped scopes are missing from the answer");
}

#[tokio::test]
async fn n020_state_and_nonce_come_back_byte_for_byte() {
    let (world, _) = people().await;
    let long = "s".repeat(4096);
    for state in ["&error=x", "#", "\r\nSet-Cookie: a=b", "🦀", "<svg onload=alert(1)>", "%41", &long] {
        let answer = ask(&world, &[("prompt", "none"), ("state", state)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some(state));
    }
    for longer in [format!("{long}s"), "s".repeat(6500)] {
        let answer = ask(&world, &[("state", &longer)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some(&longer));
        let posted = with(&[("state", &longer)]);
        let (_, body) = posted.split_once('?').unwrap();
        let answer = world.send(post("/authorize", FORM, body.to_owned())).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some(&longer));
    }
    let broker = with(&[("state", &long), ("nonce", &"n".repeat(64)), ("scope", "openid profile email")]);
    let code = Browser::new().authorize(&world, &broker).await.to_client();
    assert_eq!(code.get("state"), Some(long.as_str()), "through all pages");
    let nonce = "n".repeat(512);
    assert!(leads_to_sign_in(&ask(&world, &[("nonce", &nonce), ("state", &long)]).await));
    assert_error_to_client(&world, &[("nonce", &format!("{nonce}n"))], "invalid_request").await;
}

#[tokio::test]
async fn n025_request_objects_are_refused_unseen() {
    let (world, _) = people().await;
    assert_error_to_client(&world, &[("request", "eyJhbGciOiJub25lIn0.e30.")], "request_not_supported").await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    for uri in [
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "urn:ietf:params:oauth:request_uri:x",
        &format!("http://{}/request.jwt", listener.local_addr().unwrap()),
    ] {
        assert_error_to_client(&world, &[("request_uri", uri)], "request_uri_not_supported").await;
    }
    let visitor = listener.accept().unwrap_err();
    assert_eq!(visitor.kind(), std::io::ErrorKind::WouldBlock, "nothing was fetched");
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
        assert_error_to_client(&world, &[("claims", claims)], "invalid_request").await;
    }
    let unknown = r#"{"userinfo":{"shoe_size":{"essential":true}},"other":{}}"#;
    assert!(leads_to_sign_in(&ask(&world, &[("claims", unknown)]).await));
    let huge = format!("{}&claims={}", with(&[]).split_once('?').unwrap().1, "[".repeat(1024 * 1024));
    world.counts.take();
    assert_eq!(world.send(post("/authorize", FORM, huge)).await.status, 413);
    assert_eq!(world.counts.take(), (0, 0), "refused by size");
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
        assert_error_to_client(
            &world,
            &[("client_id", "api-user"), ("resource", resource)],
            "invalid_target",
        )
        .await;
    }
    let twice = format!(
        "{}&resource=https%3A%2F%2Fapi.example&resource=https%3A%2F%2Ftwo.example",
        with(&[("client_id", "api-user")])
    );
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_target", Some("s"));
    for name in ["resource", "audience"] {
        assert!(leads_to_sign_in(
            &ask(&world, &[("client_id", "api-user"), (name, "https://two.example")]).await
        ));
    }
}

#[tokio::test]
async fn what_is_wrongly_encoded_is_refused_to_the_client_that_sent_it() {
    let (world, _) = people().await;
    let query = with(&[]);
    for broken in ["login_hint=m%fcller", "unknown=%zz", "%00=1", "nonce=%", "scope=%c3"] {
        let sent = world.send(get(&format!("{query}&{broken}"))).await;
        sent.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
        let posted = format!("{broken}&{}", query.split_once('?').unwrap().1);
        let sent = world.send(post("/authorize", FORM, posted)).await;
        sent.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    }
    // Of two values, the one that can be read counts for nothing.
    for name in ["client_id", "redirect_uri", "response_mode"] {
        let sent = world.send(get(&format!("{query}&{name}=%ff"))).await;
        sent.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    }
    for (name, broken) in [("client_id=rp", "client_id=rp%ff"), ("redirect_uri=http", "redirect_uri=%fehttp")]
    {
        assert!(query.contains(name), "{query}");
        world.send(get(&query.replace(name, broken))).await.assert_error_page(400, "invalid_request");
    }
    let state = world.send(get(&query.replace("state=s", "state=%ff"))).await;
    state.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", None);
}

#[tokio::test]
async fn n035_overlong_requests_cost_no_read() {
    let (world, _) = people().await;
    for length in [9 * 1024, 16 * 1024] {
        let answer = ask(&world, &[("unknown", &"x".repeat(length))]).await;
        // A transport refuses it first.
        let has_transport = matches!(crate::HARNESS, Harness::Http | Harness::Lambda);
        let status = if has_transport { 414 } else { 400 };
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(!answer.has("location"));
    }
    let posted = format!("{}&unknown={}", with(&[]).split_once('?').unwrap().1, "x".repeat(9 * 1024));
    world.send(post("/authorize", FORM, posted)).await.assert_error_page(400, "invalid_request");
    assert_eq!(world.counts.take(), (0, 0));
    assert_error_to_client(&world, &[("unknown", &"x".repeat(7 * 1024))], "invalid_request").await;
}
