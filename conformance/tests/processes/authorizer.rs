//! The Lambda authorizer, on AWS's own emulator of the runtime, with tokens of a server that runs.

use crate::commands::{SERVE, json_with};
use crate::function::{Function, emulator};
use crate::programs::built;
use conformance::process::Process;
use conformance::{With as _, basic, form, get};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const API: &str = "https://orders.example.com";
const STAGE: &str = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod";

fn program() -> PathBuf {
    built("keyward-authorizer", ["--bin", "keyward-authorizer"])
}

fn rest(token: &str) -> Value {
    json!({
        "type": "TOKEN",
        "methodArn": format!("{STAGE}/GET/orders"),
        "authorizationToken": format!("Bearer {token}"),
    })
}

fn http(token: &str) -> Value {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": format!("{STAGE}/GET/orders"),
        "headers": { "authorization": format!("Bearer {token}") },
        "requestContext": { "http": { "method": "GET", "path": "/orders" } },
    })
}

#[tokio::test]
async fn an_authorizer_lets_tokens_of_a_server_through_also_when_the_server_is_gone() {
    let Some(rie) = emulator() else { return };
    let folder = TempDir::new().unwrap();
    let server = Process::start(folder.path(), &SERVE, &[]);
    let issuer = server.issuer.clone();
    let create =
        ["client", "create", "--name", "shop", "--scope", "orders:read orders:write", "--audience", API];
    let client = json_with(folder.path(), &create, &[("KEYWARD_ISSUER", &issuer)], "");
    let [id, secret] = ["client_id", "client_secret"].map(|name| client[name].as_str().unwrap());
    let mut tokens = Vec::new();
    for scope in ["orders:read", "orders:write"] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer =
            server.send(form("/token", &fields).with("authorization", &basic(id, secret))).await.json();
        tokens.push(answer["access_token"].as_str().unwrap().to_owned());
    }
    let keys = folder.path().join("jwks.json");
    std::fs::write(&keys, server.send(get("/jwks")).await.text()).unwrap();
    server.stop();

    let settings = [
        ("GUARD_ISSUER", issuer.as_str()),
        ("GUARD_AUDIENCE", API),
        ("GUARD_SCOPE", "orders:read"),
        ("GUARD_JWKS_FILE", keys.to_str().unwrap()),
    ];
    let function = Function::of(&program(), &rie, folder.path(), "authorizer", &settings).await;
    let invoke = async |event: Value| serde_json::from_str::<Value>(&function.invoke(&event).await).unwrap();
    let [reads, writes] = tokens.try_into().unwrap();
    let allowed = invoke(rest(&reads)).await;
    assert_eq!(allowed["policyDocument"]["Statement"][0]["Effect"], "Allow", "{allowed}");
    assert_eq!(allowed["policyDocument"]["Statement"][0]["Resource"], format!("{STAGE}/*"));
    let context = json!({ "sub": id, "client_id": id, "scope": "orders:read" });
    assert_eq!(invoke(http(&reads)).await, json!({ "isAuthorized": true, "context": context }));
    assert_eq!(invoke(rest(&writes)).await["policyDocument"]["Statement"][0]["Effect"], "Deny");
    assert_eq!(invoke(http(&writes)).await, json!({ "isAuthorized": false }));
    let forged = format!("{reads}x");
    let refused = json!({ "errorType": "Unauthorized", "errorMessage": "Unauthorized" });
    assert_eq!(invoke(rest(&forged)).await, refused);
    assert_eq!(invoke(http(&forged)).await, json!({ "isAuthorized": false }));
    assert_eq!(invoke(json!(["no event"])).await, refused);
}

#[test]
fn an_authorizer_with_a_misspelt_setting_does_not_start() {
    let mut command = Command::new(program());
    command
        .env_clear()
        .envs([("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"), ("AWS_LAMBDA_FUNCTION_NAME", "authorizer")]);
    command.envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")]);
    command.envs([
        ("GUARD_ISSUER", "https://a.example"),
        ("GUARD_AUDIENCE", API),
        ("GUARD_SCOPES", "orders:read"),
    ]);
    let ran = command.output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(!ran.status.success());
    assert!(said.contains("GUARD_SCOPES is not read here: correct its name or remove it"), "{said}");
    let outside = Command::new(program()).env_clear().output().unwrap();
    let said = String::from_utf8(outside.stderr).unwrap();
    assert!(
        said.contains("AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda"),
        "{said}"
    );
}
