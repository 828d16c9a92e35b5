//! Platforms that choose the port. Cloud Run and the like set `PORT`; the host of Azure Functions starts the program as
//! `deploy/azure/host.json` says, and forwards requests.

use crate::cloud::Region;
use crate::commands::{QUICK, REDIRECT, json_with};
use crate::sign_in::{Server, alice_gets_a_code};
use axum::body::Body;
use conformance::ports::free_port;
use conformance::process::{Process, keyward, run_with};
use conformance::{Answer, PASSWORD, VERIFIER, With as _, basic, form, get, keyward_binary};
use http::Request;
use http::header::{HOST, USER_AGENT};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use storage::contract::local_aws;
use tempfile::TempDir;

const ISSUER: &str = "https://auth.example.com";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn a_platform_names_the_port_in_a_variable() {
    let folder = TempDir::new().unwrap();
    let port = free_port(10_000).to_string();
    let settings = [QUICK[0], ("KEYWARD_ISSUER", ISSUER), ("PORT", &port)];
    let server = Process::spawn(keyward(folder.path(), &["serve"], &settings));
    assert_eq!(server.address.to_string(), format!("0.0.0.0:{port}"));
    assert_eq!(server.send(get("/readyz")).await.status, 200);
    assert!(server.stop());
}

/// The host of Azure Functions, behind App Service and Front Door, with the program that it started.
struct Host(Process);

impl Host {
    /// Starts the program that `host.json` names, in the folder of the function app.
    fn start(app: &Path, settings: &[(&str, &str)]) -> Self {
        let host = read(&app.join("host.json"));
        let handler = &host["customHandler"]["description"];
        let arguments = handler["arguments"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let port = free_port(10_000).to_string();
        let mut command = Command::new(app.join(handler["defaultExecutablePath"].as_str().unwrap()));
        command.current_dir(app).args(arguments).env_clear().envs(settings.iter().copied()).envs([
            ("FUNCTIONS_CUSTOMHANDLER_PORT", port.as_str()),
            ("FUNCTIONS_HTTPWORKER_PORT", port.as_str()),
            ("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "7b3a8c4e-1f2d-4c5b-9a6e-0d8f7e6c5b4a"),
            ("FUNCTIONS_APP_ROOT_PATH", app.to_str().unwrap()),
        ]);
        let program = Process::spawn(command);
        assert_eq!(program.address.to_string(), format!("127.0.0.1:{port}"));
        Self(program)
    }
}

impl Server for Host {
    async fn send(&self, request: Request<Body>) -> Answer {
        let forwarded = request
            .with(HOST, "app.azurewebsites.net")
            .with("x-real-ip", "203.0.113.7")
            .with("x-keyward-origin", SECRET)
            .with("x-forwarded-for", "203.0.113.7, 198.51.100.9:41234")
            .with("x-forwarded-proto", "https")
            .with("x-arr-log-id", "0d9e0f43-4b1c-4b2e-9a42-0d8e7f6a5b4c")
            .with("x-arr-ssl", "2048|256|CN=Example|CN=app.azurewebsites.net")
            .with("x-original-url", "/as/it/was?sent")
            .with("x-azure-functions-hostversion", "4.1036.0.0")
            .with("x-azure-functions-invocationid", "5c7d2f3e-8a1b-4c6d-9e0f-1a2b3c4d5e6f")
            .with(USER_AGENT, "Azure-Functions-Host/4.1036.0.0");
        self.0.send(forwarded).await
    }

    fn issuer(&self) -> &str {
        ISSUER
    }
}

#[tokio::test]
async fn azure_functions_runs_the_program_as_a_custom_handler() {
    let (app, region) = (TempDir::new().unwrap(), Region::new());
    let app = app.path();
    std::fs::copy(sample().join("host.json"), app.join("host.json")).unwrap();
    std::os::unix::fs::symlink(keyward_binary(), app.join("keyward")).unwrap();
    // The settings as they are, except for secrets and where AWS is.
    let (caller, keys) = (region.caller(), format!("kms-envelope:{}", region.key().await));
    let others = [
        ("KEYWARD_STORAGE", "dynamodb:of-azure"),
        ("KEYWARD_KEYS", keys.as_str()),
        ("KEYWARD_ORIGIN_SECRET", SECRET),
        ("AWS_ENDPOINT_URL_DYNAMODB", local_aws::emulator().endpoint()),
        QUICK[0],
    ];
    let listed = read(&sample().join("settings.json"));
    let listed = listed.as_array().unwrap().iter();
    let listed = listed.map(|it| (it["name"].as_str().unwrap(), it["value"].as_str().unwrap()));
    // Of two values for one variable the last one counts.
    let settings: Vec<_> = listed.chain(others).chain(caller.environment()).collect();
    for command in [&["storage", "migrate"][..], &["keys", "rotate", "--if-due"]] {
        let done = run_with(app, command, &settings, "");
        assert!(done.status.success(), "{command:?}: {done:?}");
    }

    let host = Host::start(app, &settings);
    let metadata = host.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/token"));
    let create = ["client", "create", "--name", "M", "--scope", "read"];
    let machine = basic_of(&json_with(app, &create, &settings, ""));
    let ask = form("/token", &[("grant_type", "client_credentials")]).with("authorization", &machine);
    assert_eq!(host.send(ask).await.json()["token_type"], "Bearer");

    // A user signs in.
    let create = ["client", "create", "--name", "W", "--redirect-uri", REDIRECT];
    let client = json_with(app, &create, &settings, "");
    let create = ["user", "create", "--username", "alice", "--password-stdin"];
    json_with(app, &create, &settings, &format!("{PASSWORD}\n"));
    let code = alice_gets_a_code([&host, &host], client["client_id"].as_str().unwrap(), &["openid"]).await;
    let code = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let redeemed = host.send(form("/token", &code).with("authorization", &basic_of(&client))).await;
    assert!(redeemed.json()["id_token"].is_string(), "{redeemed:?}");

    // Past Front Door only health checks work.
    let Host(program) = host;
    assert_eq!(program.send(get("/jwks")).await.status, 403);
    assert_eq!(program.send(get("/readyz")).await.status, 200);
    assert!(program.stop());
}

/// The credentials of a client that was created.
fn basic_of(client: &Value) -> String {
    basic(client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap())
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/azure")
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// The host forwards plain HTTP to one function with nothing but an HTTP trigger and an HTTP output.
#[test]
fn the_function_takes_every_path_and_every_method_and_needs_no_key() {
    let host = read(&sample().join("host.json"));
    assert_eq!(host["customHandler"]["enableForwardingHttpRequest"], true);
    assert_eq!(host["extensions"]["http"]["routePrefix"], "");
    let function = read(&sample().join("web/function.json"));
    let bindings = function["bindings"].as_array().unwrap();
    let kinds: Vec<_> = bindings.iter().map(|it| (it["type"].as_str(), it["direction"].as_str())).collect();
    assert_eq!(kinds, [(Some("httpTrigger"), Some("in")), (Some("http"), Some("out"))]);
    assert_eq!(bindings[0]["route"], "{*path}");
    assert_eq!(bindings[0]["authLevel"], "anonymous");
    assert_eq!(bindings[0]["methods"], serde_json::json!(["get", "post", "options", "head"]));
}
