//! What pages of other origins may call and read (N-046).

use super::requests::*;
use axum::body::Body;
use conformance::{FORM, basic, get, post};
use http::{Method, Request};
use server::reference::endpoints::{ENDPOINTS, Endpoint};
use server::web::route::Caller;
use storage::StoreErrorKind;
use storage::tap::When;

const PAGE: &str = "https://page.example";

/// What tracing libraries and the Model Context Protocol add to requests.
const ADDED: &str = "authorization,baggage,content-type,mcp-protocol-version,sentry-trace,traceparent,tracestate,\
                     x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id";

fn of(method: Method, path: &str, origin: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap().with("origin", origin)
}

fn preflight(path: &str, origin: &str, headers: &str) -> Request<Body> {
    let request = of(Method::OPTIONS, path, origin).with("access-control-request-method", "POST");
    request.with("access-control-request-headers", headers)
}

/// The paths of a kind of caller.
fn paths(caller: Caller) -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(move |endpoint| endpoint.caller == caller)
}

/// The page on `origin` can read an answer, and nothing lets it send cookies.
fn assert_readable(answer: &Answer, origin: &str) {
    let allowed: Vec<_> = answer.headers.get_all("access-control-allow-origin").iter().collect();
    assert_eq!(allowed, [origin], "{answer:?}");
    assert!(!answer.has("access-control-allow-credentials"), "{answer:?}");
}

#[tokio::test]
async fn n046_preflights_allow_the_headers_that_a_page_wants_to_send() {
    let world = World::new(crate::HARNESS).await;
    world.counts.take();
    for (caller, allowed, vary) in [
        (Caller::Client, PAGE, "Origin, Access-Control-Request-Headers"),
        (Caller::Anyone, "*", "Access-Control-Request-Headers"),
    ] {
        for Endpoint { path, methods, .. } in paths(caller) {
            let answer = world.send(preflight(path, PAGE, ADDED)).await;
            assert_eq!((answer.status.as_u16(), answer.header("vary")), (204, vary), "{path}");
            assert_readable(&answer, allowed);
            assert_eq!(answer.header("access-control-allow-methods"), *methods, "{path}");
            assert_eq!(answer.header("access-control-allow-headers"), ADDED.replace(',', ", "), "{path}");
            let opaque = world.send(preflight(path, "null", ADDED)).await;
            assert_eq!(opaque.has("access-control-allow-origin"), caller == Caller::Anyone, "{path}");
        }
    }
    for caller in [Caller::Person, Caller::Server, Caller::Monitor] {
        for Endpoint { path, .. } in paths(caller) {
            let answer = world.send(preflight(path, PAGE, ADDED)).await;
            assert!(answer.status == 405 && !answer.has("access-control-allow-origin"), "{path}: {answer:?}");
        }
    }
    assert_eq!(world.counts.take(), (0, 0), "a preflight costs nothing");
}

#[tokio::test]
async fn n046_only_header_names_are_repeated_and_not_without_end() {
    let world = World::new(crate::HARNESS).await;
    let allowed = async |requested: &str| {
        let answer = world.send(preflight("/token", PAGE, requested)).await;
        answer.header("access-control-allow-headers").to_owned()
    };
    assert_eq!(allowed("X-A, x-b ,,x-c").await, "x-a, x-b, x-c");
    let twice = preflight("/token", PAGE, "x-a").with("access-control-request-headers", "x-b");
    assert_eq!(world.send(twice).await.header("access-control-allow-headers"), "x-a, x-b");
    let usual = "authorization, content-type";
    let without = of(Method::OPTIONS, "/token", PAGE).with("access-control-request-method", "POST");
    assert_eq!(world.send(without).await.header("access-control-allow-headers"), usual);
    let many = vec!["x-header"; 409].join(",");
    assert_eq!(allowed(&many).await, many.replace(',', ", "));
    for bad in ["", ",", "x a", "x-a: b", "x-a, \"x\"", "x-a;q=1", "*/*", &format!("{many},x-header")] {
        assert_eq!(allowed(bad).await, usual, "{bad:.20}");
    }
}

/// What a page of any client may have caused, it can read: the request failed before the client was known.
#[tokio::test]
async fn n046_every_refusal_before_the_client_is_known_can_be_read() {
    let (world, _) = people().await;
    let long = "x".repeat(17 * 1024);
    let requests = |path: &str| {
        let known = [("client_id", "rp"), ("client_secret", "wrong")];
        [
            (415, post(path, "application/json", "{}")),
            (415, post(path, "", "")),
            (400, post(path, FORM, "a=%zz&client_id=rp")),
            (400, form(path, &[("client_id", "rp"), ("client_id", "rp")])),
            (400, form(&format!("{path}?client_id=rp"), &[])),
            (413, form(path, &[("client_id", &long)])),
            (401, form(path, &[("client_id", "nobody")])),
            (401, form(path, &known)),
            (401, form(path, &[]).with("authorization", &basic("nobody", "x"))),
            (405, of(Method::PUT, path, "null")),
        ]
    };
    let mut all: Vec<_> = ["/token", "/revoke"].into_iter().flat_map(requests).collect();
    all.extend([
        (401, get("/userinfo")),
        (401, get("/userinfo").with("authorization", "Bearer x")),
        (400, get("/userinfo?access_token=x")),
        (405, of(Method::DELETE, "/userinfo", "null")),
    ]);
    for (status, mut request) in all {
        request.headers_mut().insert("origin", PAGE.parse().unwrap());
        let shown = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let answer = world.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.header("vary")), (status, "Origin"), "{shown}");
        assert_readable(&answer, PAGE);
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, "WWW-Authenticate, Retry-After, X-Request-Id", "{shown}");
    }
    for path in ["/token", "/revoke", "/userinfo"] {
        for request in [form(path, &[]), form(path, &[]).with("origin", "null")] {
            let answer = world.send(request).await;
            assert!(!answer.has("access-control-allow-origin"), "{answer:?}");
            assert_eq!(answer.header("vary"), "Origin", "a cache must not give it to a page");
        }
    }
}

#[tokio::test]
async fn n046_failures_can_be_read() {
    let (world, _) = people().await;
    world.faults.fail("client", 1, When::Before, StoreErrorKind::Busy);
    let answer = world.send(form("/token", &[("client_id", "spa")]).with("origin", PAGE)).await;
    assert_eq!(answer.status, 503);
    assert_readable(&answer, PAGE);
    // Documents, whatever happens to them.
    for Endpoint { path, .. } in paths(Caller::Anyone) {
        for (method, origin) in
            [(Method::GET, PAGE), (Method::GET, "null"), (Method::HEAD, PAGE), (Method::PUT, PAGE)]
        {
            assert_readable(&world.send(of(method, path, origin)).await, "*");
        }
    }
    let etag = world.send(get("/jwks")).await.header("etag").to_owned();
    let known = world.send(get("/jwks").with("if-none-match", &etag)).await;
    assert_eq!(known.status, 304);
    assert_readable(&known, "*");
    world.pass(16 * 60);
    world.faults.fail("ring", 1, When::Before, StoreErrorKind::Busy);
    let busy = world.send(get("/jwks")).await;
    assert_eq!(busy.status, 503);
    assert_readable(&busy, "*");
}
