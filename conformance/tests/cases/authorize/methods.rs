//! By which method a request comes, and from which origin.

use super::requests::*;

/// The pages of a sign-in.
const PAGES: [&str; 5] = ["/authorize", "/login", "/consent", "/signup", "/logout"];

fn by(method: &Method, path: &str) -> Request<axum::body::Body> {
    Request::builder().method(method.clone()).uri(path).body(axum::body::Body::empty()).unwrap()
}

fn assert_no_cors(answer: &Answer) {
    let names = answer.headers.keys().map(http::HeaderName::as_str);
    let found: Vec<&str> = names.filter(|name| name.starts_with("access-control-")).collect();
    assert!(found.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn n014_other_methods_are_refused() {
    let (world, _) = people().await;
    for path in PAGES {
        for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = world.send(by(&method, path)).await;
            let refusal = (answer.status.as_u16(), answer.header("allow"));
            assert_eq!(refusal, (405, "GET, POST"), "{method} {path}");
            assert_no_cors(&answer);
        }
    }
}

#[tokio::test]
async fn n029_no_other_origin_reads_pages() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, &with(&[])).await;
    let (signing_in, r) = (browser.clone(), login.field("r"));
    let consent = browser.sign_in(&world, &login, "alice", conformance::PASSWORD).await;
    let pages = [
        (&mut signing_in.clone(), format!("/login?r={r}")),
        (&mut browser.clone(), format!("/consent?r={}", consent.field("r"))),
        (&mut browser.clone(), "/logout".into()),
        (&mut browser.clone(), "/account".into()),
        (&mut Browser::new(), with(&[])),
        (&mut Browser::new(), "/authorize".into()),
    ];
    for (browser, path) in pages {
        for origin in ["https://rp.example", "https://evil.example", "null"] {
            let answer = browser.send(&world, get(&path).with("origin", origin)).await;
            assert!(answer.status.as_u16() < 405, "{path}: {answer:?}");
            assert_no_cors(&answer);
        }
    }
    for path in PAGES.into_iter().chain(["/account", "/account/password"]) {
        let preflight = by(&Method::OPTIONS, path)
            .with("origin", "https://rp.example")
            .with("access-control-request-method", "POST")
            .with("access-control-request-headers", "content-type");
        let answer = world.send(preflight).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_no_cors(&answer);
    }
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
