//! `Host`: on loopback only the issuer's own is answered; elsewhere any, since it is never read. And requests that
//! bypass the front end (`origin_secret`).

use crate::wire::{Server, get, head, token, world};
use conformance::{Answer, Harness, Log, World};

const FIRST: &str = "a-secret-of-the-front-end-0123456789";
const SECOND: &str = "another-secret-of-the-front-end-0123";
/// The setting that it needs.
const CLIENT_IP: (&str, &str) = ("KEYWARD_CLIENT_IP", "header:x-real-ip");

/// A server whose issuer is on loopback.
async fn at(issuer: &str) -> (World, Server) {
    let world = World::with(Harness::Router, &[("KEYWARD_ISSUER", issuer)]).await;
    let server = Server::of(&world).await;
    (world, server)
}

/// A request under a name.
fn under(host: &str, request: &str) -> String {
    request.replace("op.example", host)
}

async fn ask(server: &Server, host: &str, request: &str) -> Answer {
    server.ask(under(host, request)).await
}

#[tokio::test]
async fn on_loopback_pages_are_at_our_name_only() {
    for (issuer, own, others) in [
        ("http://localhost:8080", "localhost", ["127.0.0.1", "[::1]"]),
        ("http://127.0.0.1:8080", "127.0.0.1", ["localhost", "[::1]"]),
        ("http://[::1]:8080", "[::1]", ["localhost", "127.0.0.1"]),
        ("https://localhost", "localhost", ["127.0.0.1", "[::1]"]),
    ] {
        let (_world, server) = at(issuer).await;
        for port in ["", ":8080", ":1", ":65535"] {
            let page = ask(&server, &format!("{own}{port}"), &get("/authorize?x=y", &[])).await;
            page.assert_error_page(400, "invalid_request");
        }
        let shouted = own.to_uppercase();
        assert_eq!(ask(&server, &shouted, &get("/authorize", &[])).await.status, 400, "names have no case");
        for other in others {
            for name in
                [other.to_owned(), format!("{other}:8080"), format!("{other}:9"), other.to_uppercase()]
            {
                for path in ["/authorize?x=y&z=%20", "/login?r=1", "/consent", "/nowhere", "//evil.example/x"]
                {
                    let answer = ask(&server, &name, &get(path, &[])).await;
                    let mark = if path.contains('?') { "&kw-moved=1" } else { "?kw-moved=1" };
                    assert_eq!(answer.location(), format!("{issuer}{path}{mark}"), "{name}");
                    assert_eq!(answer.text(), "");
                }
                // A form can't be redirected; it is refused for its missing fields, not for its host.
                let form = head("POST", "/login", &["content-length: 0"]);
                assert_eq!(ask(&server, &name, &form).await.status, 415);
                assert_eq!(ask(&server, &name, &head("HEAD", "/login", &[])).await.status, 405);
            }
        }
    }
}

#[tokio::test]
async fn on_loopback_programs_may_use_any_name_of_this_machine() {
    let (world, server) = at("http://localhost:8080").await;
    let machine = world.machine().await;
    for name in ["localhost", "127.0.0.1", "[::1]", "127.0.0.1:8080", "[::1]:8080", "localhost:9"] {
        assert_eq!(ask(&server, name, &token(&machine)).await.status, 200, "{name}");
        assert_eq!(ask(&server, name, &get("/userinfo", &[])).await.status, 401, "{name}");
        for path in ["/jwks", "/.well-known/openid-configuration", "/healthz", "/readyz"] {
            assert_eq!(ask(&server, name, &get(path, &[])).await.status, 200, "{name} {path}");
        }
        let metadata = ask(&server, name, &get("/.well-known/oauth-authorization-server", &[])).await;
        assert_eq!(metadata.json()["issuer"], "http://localhost:8080");
    }
}

#[tokio::test]
async fn on_loopback_the_names_of_others_are_refused() {
    let (world, server) = at("http://localhost:8080").await;
    let machine = world.machine().await;
    for name in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "evil.example/localhost",
        "localhost.",
        "xlocalhost",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "::1",
        "localhost:8080:8080",
        "localhost@evil.example",
        "user@localhost",
        "localhost#evil.example",
        ":8080",
    ] {
        for request in [token(&machine), get("/jwks", &[]), get("/authorize", &[]), get("/healthz", &[])] {
            let answer = ask(&server, name, &request).await;
            assert_eq!(answer.status, 421, "{name}");
            if request.contains("/authorize") {
                answer.assert_error_page(421, "invalid_request");
                assert_eq!(answer.element("host-came"), Some(name), "{name}");
                assert_eq!(answer.element("host-ours"), Some("http://localhost:8080"));
            } else {
                answer.assert_token_error(421, "invalid_request");
            }
            assert!(!answer.has("location"));
            // As under our own name: the key set is for every page.
            assert_eq!(answer.has("access-control-allow-origin"), request.contains("/jwks"), "{answer:?}");
        }
    }
    // A host that an attacker controls is refused even next to ours.
    let both = get("/jwks", &["host: localhost:8080"]);
    assert_ne!(server.ask(both).await.status, 200);
    let absolute = get("http://evil.example/jwks", &[]);
    assert_eq!(ask(&server, "localhost:8080", &absolute).await.status, 421);
    let absolute = get("http://localhost:8080/jwks", &[]);
    assert_eq!(ask(&server, "localhost:8080", &absolute).await.status, 200);
}

/// A proxy that puts its own name into `Host` brings the redirect back, which used to go on without end.
#[tokio::test]
async fn a_proxy_that_changes_the_host_gets_a_page_and_no_endless_redirect() {
    for (issuer, host) in [
        ("http://localhost:3000", "127.0.0.1:8080"),
        ("http://127.0.0.1:3000", "localhost:8080"),
        ("https://localhost", "[::1]:8080"),
        ("http://localhost:3000/t1", "127.0.0.1"),
    ] {
        let (world, server) = at(issuer).await;
        world.single_page().await;
        let path = world.issuer().path();
        for begin in ["/login?r=1", "/authorize?client_id=spa", "/account", "/nowhere", "/"] {
            let log = Log::open();
            let mut answer = ask(&server, host, &get(&format!("{path}{begin}"), &[])).await;
            for _ in 0..3 {
                let Some(to) = answer.headers.get("location") else { break };
                let to = to.to_str().unwrap().strip_prefix(world.issuer().origin()).unwrap().to_owned();
                answer = ask(&server, host, &get(&to, &[])).await;
            }
            answer.assert_error_page(421, "invalid_request");
            assert_eq!(answer.element("host-came"), Some(host), "{begin}");
            assert_eq!(answer.element("host-ours"), Some(issuer), "{begin}");
            assert!(answer.text().contains("KEYWARD_ISSUER"), "what to set");
            let line = log.text().lines().find(|line| line.contains("keyward::refusal")).unwrap().to_owned();
            for part in [r#""refusal":"WrongHost""#, &format!(r#""sent":"host={host}""#), issuer] {
                assert!(line.contains(part), "{part} in {line}");
            }
            let direct = ask(&server, world.issuer().authority(), &get(&format!("{path}{begin}"), &[])).await;
            assert_ne!(direct.status, 421, "{begin}");
        }
        // With the issuer's name the mark means nothing.
        let own =
            ask(&server, world.issuer().authority(), &get(&format!("{path}/login?kw-moved=1"), &[])).await;
        assert_eq!(own.status, 400);
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_shown_as_text() {
    let (_world, server) = at("http://localhost:8080").await;
    for host in ["<script>alert(1)</script>", "evil.example\"><img", &"x".repeat(2000)] {
        let answer = ask(&server, host, &get("/login", &[])).await;
        if answer.status == 421 {
            let text = answer.text();
            assert!(!text.contains("<script>alert") && !text.contains("<img"), "{text}");
            assert!(!text.contains(&"x".repeat(300)));
        }
    }
}

#[tokio::test]
async fn on_loopback_below_a_path() {
    let (_world, server) = at("http://localhost:8080/t1").await;
    let metadata = "/.well-known/oauth-authorization-server/t1";
    for name in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        for path in ["/t1/jwks", "/t1/.well-known/openid-configuration", "/t1/healthz", metadata] {
            assert_eq!(ask(&server, name, &get(path, &[])).await.status, 200, "{name} {path}");
        }
    }
    let moved = ask(&server, "127.0.0.1:8080", &get("/t1/login?r=1", &[])).await;
    assert_eq!(moved.location(), "http://localhost:8080/t1/login?r=1&kw-moved=1");
    for path in ["/", "/jwks", "/t1/", "/t1jwks", "/t10/jwks", "/t1//jwks"] {
        assert_eq!(ask(&server, "localhost:8080", &get(path, &[])).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn every_request_names_one_host_once() {
    for issuer in ["https://op.example", "http://localhost:8080"] {
        let (_world, server) = at(issuer).await;
        let own = issuer.split("//").nth(1).unwrap();
        let none = get("/jwks", &[]).replace("host: op.example\r\n", "");
        let twice = under(own, &get("/jwks", &["host: op.example"]));
        for request in [none.clone(), twice] {
            // RFC 9112 §3.2.
            assert_eq!(server.ask(&request).await.status, 400, "{request}");
        }
        assert_eq!(server.ask(none.replace("HTTP/1.1", "HTTP/1.0")).await.status, 200);
    }
}

#[tokio::test]
async fn n180_elsewhere_no_name_in_a_request_builds_anything() {
    let (world, machine) = world().await;
    world.relying_party().await;
    let server = Server::of(&world).await;
    let challenge = conformance::CHALLENGE;
    let authorize = format!(
        "/authorize?client_id=rp&redirect_uri=https://rp.example/cb&response_type=code&scope=openid&state=s\
         &code_challenge={challenge}&code_challenge_method=S256"
    );
    let poison = [
        "x-forwarded-host: evil.example",
        "x-forwarded-proto: http",
        "x-forwarded-port: 1",
        "x-forwarded-prefix: /evil",
        "x-forwarded-server: evil.example",
        "x-original-url: /evil",
        "x-rewrite-url: /evil",
        "x-original-host: evil.example",
        "x-host: evil.example",
        "forwarded: host=evil.example;proto=http;for=6.6.6.6",
        "x-http-method-override: PUT",
    ];
    for request in [
        get("/.well-known/openid-configuration", &poison),
        get("/.well-known/oauth-authorization-server", &poison),
        get("/jwks", &poison),
        get(&authorize, &poison),
        get("/authorize", &poison),
        get("/login", &poison),
        get("/nowhere", &poison),
        get("/userinfo", &poison),
        token(&machine).replace("\r\n\r\n", &format!("\r\n{}\r\n\r\n", poison.join("\r\n"))),
    ] {
        let clean =
            server.ask(poison.iter().fold(request.clone(), |r, line| r.replace(&format!("{line}\r\n"), "")));
        let clean = clean.await;
        for host in ["op.example", "evil.example", "evil.example:1", "127.0.0.1", "localhost", "x", "\"<>"] {
            let answer = ask(&server, host, &request).await;
            assert_eq!(answer.status, clean.status, "{host}: {request}");
            let shown = answer.shown();
            assert!(!shown.contains("evil") && !shown.contains("6.6.6.6"), "{host}: {shown}");
            if answer.status == 303 {
                assert!(answer.location().starts_with("/login?r="), "{answer:?}");
            }
        }
    }
    let metadata =
        ask(&server, "evil.example", &get("/.well-known/openid-configuration", &poison)).await.json();
    for (name, value) in metadata.as_object().unwrap() {
        if name == "issuer" || name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("https://op.example"), "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn requests_that_bypass_the_front_end_are_refused() {
    let world =
        World::with(Harness::Router, &[("KEYWARD_ORIGIN_SECRET", &format!("{FIRST},{SECOND}")), CLIENT_IP])
            .await;
    let machine = world.machine().await;
    let server = Server::of(&world).await;
    let bearing = |request: &str, lines: &[String]| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        request.replace("host: op.example\r\n", &format!("host: op.example\r\n{lines}"))
    };
    let requests = [token(&machine), get("/jwks", &[]), get("/.well-known/openid-configuration", &[])];
    for request in &requests {
        for secret in [FIRST, SECOND] {
            for name in ["x-keyward-origin", "X-Keyward-Origin"] {
                let answer = server.ask(bearing(request, &[format!("{name}: {secret}")])).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
        let named = |secret: &str| format!("x-keyward-origin: {secret}");
        for lines in [
            vec![],
            vec![named("")],
            vec![named("wrong")],
            vec![named(&FIRST.to_uppercase())],
            vec![named(&FIRST[1..])],
            vec![named(&format!("{FIRST}0"))],
            vec![named(&format!("{FIRST},{SECOND}"))],
            vec![named(&format!("{FIRST}, {SECOND}"))],
            vec![named("\u{e9}")],
            vec![named("wrong"), named(FIRST)],
            vec![format!("x-origin: {FIRST}")],
        ] {
            let answer = server.ask(bearing(request, &lines)).await;
            assert_eq!((answer.status.as_u16(), answer.text()), (403, ""), "{lines:?}");
        }
    }
    for path in ["/authorize", "/login", "/nowhere", "/healthz/", "/readyz/x", "//healthz", "/healthz%2f.."] {
        assert_eq!(server.ask(get(path, &[])).await.status, 403, "{path}");
    }
    for probe in ["/healthz", "/readyz", "/healthz?x=y"] {
        let answer = server.ask(get(probe, &[])).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, "ok"), "{probe}");
        assert_eq!(server.ask(head("POST", probe, &[])).await.status, 405, "{probe}");
    }
}

#[tokio::test]
async fn n046_a_page_can_read_that_its_request_was_turned_away() {
    let bypassed = World::with(Harness::Router, &[("KEYWARD_ORIGIN_SECRET", FIRST), CLIENT_IP]).await;
    let dev = World::with(Harness::Router, &[("KEYWARD_ISSUER", "http://localhost:8080")]).await;
    for (world, status) in [(bypassed, 403), (dev, 421)] {
        let server = Server::of(&world).await;
        for (path, readable) in [("/token", true), ("/jwks", true), ("/login", false)] {
            let answer = server.ask(get(path, &["origin: https://rp.example"])).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(answer.has("access-control-allow-origin"), readable, "{path}: {answer:?}");
        }
    }
}

/// Its header proves nothing, so it can't choose under which address its lines are counted.
#[tokio::test]
async fn n250_a_flood_past_the_front_end_is_logged_as_that_of_one_network() {
    let settings = [("KEYWARD_ORIGIN_SECRET", FIRST), CLIENT_IP];
    let world = World::with(Harness::Router, &settings).await;
    let server = Server::of(&world).await;
    let log = Log::open();
    for network in 0..30 {
        let lines = ["x-keyward-origin: wrong".to_owned(), format!("x-real-ip: 192.0.2.{network}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(server.ask(get("/jwks", &lines)).await.status, 403);
    }
    let refused = log.text().lines().filter(|line| line.contains("FrontBypassed")).count();
    assert_eq!(refused, 10);
}

#[tokio::test]
async fn probes_pass_below_a_path_too() {
    let settings = [("KEYWARD_ISSUER", "https://op.example/t1"), ("KEYWARD_ORIGIN_SECRET", FIRST), CLIENT_IP];
    let world = World::with(Harness::Router, &settings).await;
    let server = Server::of(&world).await;
    for probe in ["/t1/healthz", "/t1/readyz"] {
        assert_eq!(server.ask(get(probe, &[])).await.text(), "ok", "{probe}");
    }
    for path in ["/t1/jwks", "/t1/healthz/x", "/t10/healthz"] {
        assert_eq!(server.ask(get(path, &[])).await.status, 403, "{path}");
    }
}
