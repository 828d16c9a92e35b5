//! Envoy and nginx with the configurations that `keyward gateway` prints, in front of an API.

use super::program::{Program, installed};
use axum::Router;
use axum::routing::any;
use conformance::ports::free_port;
use conformance::process::{Process, run};
use conformance::{With as _, basic, form, get, over_http};
use http::header::WWW_AUTHENTICATE;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Its characters mean something in the formats that it is written into.
const AUDIENCE: &str = r#"https://orders.example.com/"'$a${b}<c>&d;%\]"#;
/// What Debian's own files would set.
const NGINX: &str = "
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    include gateway.conf;
}
";

/// An issuer, and an API for whose tokens a gateway is to be configured.
struct Issuer {
    folder: TempDir,
    keyward: Process,
    secret: String,
    api: SocketAddr,
}

impl Issuer {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let keyward = Process::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &[]);
        let scope = ["--scope", "orders:read orders:write"];
        let audiences = ["--audience", AUDIENCE, "--audience", "https://payments.example.com"];
        let secret = create(folder.path(), "worker", &[scope, ["--name", "Worker"]].concat(), &audiences);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = listener.local_addr().unwrap();
        let router = Router::new().fallback(any(|body: String| async move { format!("orders{body}") }));
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { folder, keyward, secret, api }
    }

    /// The configuration, which listens on `port` instead of `standard`.
    fn configuration(&self, gateway: &str, standard: &str, port: u16) -> String {
        let arguments = ["gateway", gateway, "--audience", AUDIENCE, "--scope", "orders:read"];
        let printed = run(self.folder.path(), &arguments, "");
        assert!(printed.status.success(), "{printed:?}");
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert!(printed.contains(standard) && printed.contains("5000"), "{printed}");
        printed.replace(standard, &port.to_string()).replace("5000", &self.api.port().to_string())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    async fn token(&self, parameters: &[(&str, &str)]) -> String {
        let parameters = [&[("grant_type", "client_credentials")], parameters].concat();
        let request = form("/token", &parameters).with("authorization", &basic("worker", &self.secret));
        let answer = self.keyward.send(request).await.json();
        answer.get("access_token").and_then(Value::as_str).unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn revoke(&self, token: &str) {
        let request =
            form("/revoke", &[("token", token)]).with("authorization", &basic("worker", &self.secret));
        assert_eq!(self.keyward.send(request).await.status, 200);
    }
}

/// Registers a client. Returns its secret.
fn create(folder: &Path, id: &str, flags: &[&str], more: &[&str]) -> String {
    let created = run(folder, &[&["client", "create", "--json", "--id", id], flags, more].concat(), "");
    let created: Value = serde_json::from_slice(&created.stdout).unwrap_or_else(|_| panic!("{created:?}"));
    created.get("client_secret").and_then(Value::as_str).unwrap().to_owned()
}

/// The status for a request with this `Authorization`, and the challenge.
async fn ask(port: u16, authorization: &str) -> (u16, String) {
    let request = get("/").with("host", "orders.example.com").with("authorization", authorization);
    let answer = over_http((Ipv4Addr::LOCALHOST, port).into(), request).await;
    assert!(answer.status != 200 || answer.text() == "orders", "{answer:?}");
    let challenge = answer.headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap());
    (answer.status.as_u16(), challenge.to_owned())
}

/// What both gateways answer alike, except for a token for another API.
async fn check(issuer: &Issuer, port: u16, for_another_api: u16) {
    let reading = issuer.token(&[("scope", "orders:read")]).await;
    let bearer = format!("Bearer {reading}");
    // Envoy may still be fetching the keys.
    for _ in 0..200 {
        if ask(port, &bearer).await.0 == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(ask(port, &bearer).await.0, 200);
    let both = issuer.token(&[]).await;
    assert_eq!(ask(port, &format!("Bearer {both}")).await.0, 200);

    let writing = issuer.token(&[("scope", "orders:write")]).await;
    assert_eq!(ask(port, &format!("Bearer {writing}")).await.0, 403);
    let elsewhere = [("scope", "orders:read"), ("resource", "https://payments.example.com")];
    let elsewhere = issuer.token(&elsewhere).await;
    assert_eq!(ask(port, &format!("Bearer {elsewhere}")).await.0, for_another_api);
    let (signed, signature) = reading.rsplit_once('.').unwrap();
    let other = both.rsplit_once('.').unwrap().1;
    assert_ne!(signature, other);
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", signed.split_once('.').unwrap().1);
    for (refused, why) in [
        (format!("Bearer {signed}.{other}"), "the signature of another token"),
        (format!("Bearer {unsigned}"), "no signature"),
        (format!("Basic {reading}"), "another scheme"),
        ("Bearer ".to_owned(), "no token"),
        (String::new(), "nothing"),
    ] {
        let (status, challenge) = ask(port, &refused).await;
        assert_eq!(status, 401, "{why}");
        assert!(challenge.starts_with("Bearer"), "{why}: {challenge}");
    }
}

#[tokio::test]
async fn envoy_lets_only_requests_with_a_token_for_the_api_through() {
    let Some(clients) = installed() else { return };
    let (issuer, port) = (Issuer::start().await, free_port(32_000));
    issuer.write("envoy.yaml", &issuer.configuration("envoy", "10000", port));
    let command = "\"$CLIENTS/python/bin/envoy\" -c envoy.yaml --concurrency 1 --disable-hot-restart";
    let _envoy = Program::start(issuer.folder.path(), &clients, port, command);
    check(&issuer, port, 403).await;
}

#[tokio::test]
async fn nginx_lets_only_requests_with_a_token_for_the_api_through_and_notices_a_revocation() {
    let Some(clients) = installed() else { return };
    let (issuer, port) = (Issuer::start().await, free_port(32_000));
    let secret = create(issuer.folder.path(), "api", &["--name", "API", "--resource", AUDIENCE], &[]);
    let credentials = format!("proxy_set_header Authorization \"{}\";", basic("api", &secret));
    issuer.write("credentials.conf", &credentials);
    let configuration = issuer.configuration("nginx", "8000", port);
    let included = issuer.folder.path().join("credentials.conf").display().to_string();
    issuer.write("gateway.conf", &configuration.replace("/etc/nginx/keyward-credentials.conf", &included));
    issuer.write("nginx.conf", NGINX);
    let command = "nginx -p . -e error.log -c nginx.conf -g 'daemon off; master_process off;'";
    let _nginx = Program::start(issuer.folder.path(), &clients, port, command);
    check(&issuer, port, 401).await;

    let token = format!("Bearer {}", issuer.token(&[("scope", "orders:read")]).await);
    assert_eq!(ask(port, &token).await, (200, String::new()));
    issuer.revoke(token.trim_start_matches("Bearer ")).await;
    assert_eq!(ask(port, &token).await, (401, r#"Bearer error="invalid_token""#.to_owned()));

    // A body reaches the API as it was sent.
    let token = format!("Bearer {}", issuer.token(&[("scope", "orders:read")]).await);
    let body = "x".repeat(500_000);
    let posted = conformance::post("/", "text/plain", body.clone()).with("host", "orders.example.com");
    let answer = over_http((Ipv4Addr::LOCALHOST, port).into(), posted.with("authorization", &token)).await;
    assert_eq!(answer.text(), format!("orders{body}"));

    issuer.keyward.kill();
    assert_eq!(ask(port, &token).await.0, 503);
    let log = std::fs::read_to_string(issuer.folder.path().join("error.log")).unwrap();
    assert!(log.contains("the introspection was answered with status 502"), "{log}");
}
