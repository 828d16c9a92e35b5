//! The binary as an AWS Lambda function, on AWS's own emulator of the runtime: store and keys in the emulator of DynamoDB
//! and KMS, a second function that rotates the keys.

use crate::cloud::Region;
use crate::commands::{REDIRECT, json_with};
use crate::sign_in::{Server, alice_gets_a_code};
use axum::body::Body;
use conformance::lambda::{event, read};
use conformance::ports::free_port;
use conformance::process::run_with;
use conformance::{Answer, PASSWORD, VERIFIER, With as _, basic, form, get, keyward_binary, over_http};
use http::header::HOST;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use storage::contract::local_aws;
use storage::contract::tool::{environment, go_without};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

const ISSUER: &str = "https://auth.example";
const MISSING: &str = "there is no emulator of the Lambda runtime: install it with Go, and set LAMBDA_RIE to the path of \
                       aws-lambda-rie (see conformance/README.md)";

/// The emulator with a function, both killed when dropped.
pub(crate) struct Function {
    emulator: Child,
    address: SocketAddr,
}

impl Function {
    /// Starts the emulator; it starts the function with the first invocation.
    async fn start(emulator: &OsStr, folder: &Path, handler: &str, environment: &[(&str, &str)]) -> Self {
        Self::of(&keyward_binary(), emulator, folder, handler, environment).await
    }

    /// The same with another program.
    pub(crate) async fn of(
        program: &Path,
        emulator: &OsStr,
        folder: &Path,
        handler: &str,
        environment: &[(&str, &str)],
    ) -> Self {
        let (address, runtime) = (free_address(), free_address());
        // What the function prints, and what the emulator does.
        let log = File::create(folder.join(format!("{handler}.log"))).unwrap();
        let mut command = Command::new(emulator);
        command
            .current_dir(folder)
            .args(["--runtime-interface-emulator-address", &address.to_string()])
            .args(["--runtime-api-address", &runtime.to_string()])
            .arg(program)
            .arg(handler)
            .envs(environment.iter().copied())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let emulator = command.spawn().unwrap();
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        Self { emulator, address }
    }

    /// The emulator's answer to an event.
    pub(crate) async fn invoke(&self, event: &Value) -> String {
        let request = Request::post("/2015-03-31/functions/function/invocations");
        let request = request.header(HOST, self.address.to_string()).body(event.to_string().into());
        over_http(self.address, request.unwrap()).await.text().to_owned()
    }

    async fn scheduled(&self) -> Value {
        let event = json!({"version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event"});
        serde_json::from_str(&self.invoke(&event).await).unwrap()
    }

    /// The process of the function.
    fn process(&self) -> u32 {
        let id = self.emulator.id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let children =
            tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
        children.collect::<String>().split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // The function lives in a group of its own.
        if std::fs::exists(format!("/proc/{}", self.emulator.id())).unwrap() {
            kill(self.process());
        }
        self.emulator.kill().unwrap();
        self.emulator.wait().unwrap();
    }
}

impl Server for Function {
    async fn send(&self, request: Request<Body>) -> Answer {
        read(&serde_json::from_str(&self.invoke(&event(request).await).await).unwrap())
    }

    fn issuer(&self) -> &str {
        ISSUER
    }
}

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port(10_000)))
}

fn kill(process: u32) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

pub(crate) fn emulator() -> Option<OsString> {
    let found = environment("LAMBDA_RIE");
    if found.is_none() {
        go_without("LAMBDA_RIE", "no function was run", MISSING);
    }
    found
}

#[tokio::test]
async fn a_function_serves_rotates_and_survives_being_killed() {
    let Some(rie) = emulator() else { return };
    let (folder, region) = (TempDir::new().unwrap(), Region::new());
    let (folder, scratch) = (folder.path(), TempDir::new().unwrap());
    let keys = format!("kms-envelope:{}", region.key().await);
    let settings = [
        ("AWS_ENDPOINT_URL_DYNAMODB", local_aws::emulator().endpoint()),
        ("KEYWARD_STORAGE", "dynamodb:of-a-function"),
        ("KEYWARD_KEYS", &keys),
        ("KEYWARD_SIGNING_ALGS", "ES256"),
        ("KEYWARD_ISSUER", ISSUER),
        ("TMPDIR", scratch.path().to_str().unwrap()),
    ];
    let (operator, token, rotation) = (region.caller(), region.caller(), region.caller());
    let [operator, of_serving, of_rotating] = [&operator, &token, &rotation]
        .map(|caller| settings.into_iter().chain(caller.environment()).collect::<Vec<_>>());
    assert!(run_with(folder, &["storage", "migrate"], &operator, "").status.success());
    let serving = Function::start(&rie, folder, "serve", &of_serving).await;
    let rotating = Function::start(&rie, folder, "rotate", &of_rotating).await;

    // Deployed, but no key was made yet.
    assert_eq!(serving.send(get("/jwks")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(rotating.scheduled().await, json!({ "done": "first keys made" }));
    assert_eq!(rotating.scheduled().await, json!({ "done": "nothing was due" }));
    assert_eq!(rotating.send(get("/jwks")).await.status, StatusCode::NOT_FOUND, "it serves nothing");
    // After a start that failed, the next is tried a second later.
    let mut jwks = serving.send(get("/jwks")).await;
    while jwks.status == StatusCode::SERVICE_UNAVAILABLE {
        sleep(Duration::from_millis(50)).await;
        jwks = serving.send(get("/jwks")).await;
    }
    assert_eq!(jwks.json()["keys"].as_array().unwrap().len(), 2, "{jwks:?}");

    // A user signs in, and the application's tokens are refreshed.
    let create = ["client", "create", "--name", "app", "--redirect-uri", REDIRECT];
    let client = json_with(folder, &create, &operator, "");
    let create = ["user", "create", "--username", "alice", "--password-stdin"];
    json_with(folder, &create, &operator, &format!("{PASSWORD}\n"));
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
    let code = alice_gets_a_code([&serving, &serving], id, &["openid", "offline_access"]).await;
    let basic = basic(id, secret);
    let code = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let redeemed = serving.send(form("/token", &code).with("authorization", &basic)).await;
    assert_eq!(redeemed.status, StatusCode::OK, "{redeemed:?}");
    let mut tokens = redeemed.json();
    let me = get("/userinfo")
        .with("authorization", &format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
    assert_eq!(serving.send(me).await.status, StatusCode::OK);

    // The function is killed while no event is on its way: the emulator starts it again.
    let before = serving.process();
    kill(before);
    while serving.invoke(&event(get("/healthz")).await).await.contains("errorType") {}
    assert_ne!(serving.process(), before);

    // One process answers a thousand events, and asks KMS for nothing.
    let (process, calls) = (serving.process(), token.calls().await);
    for n in 0..1000 {
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        let refreshed = serving.send(form("/token", &fields).with("authorization", &basic)).await;
        assert_eq!(refreshed.status, StatusCode::OK, "{n}: {refreshed:?}");
        tokens = refreshed.json();
    }
    assert_eq!(serving.process(), process);
    assert_eq!(token.calls().await, calls);
    assert!(scratch.path().read_dir().unwrap().next().is_none(), "it writes no file");

    let log = std::fs::read_to_string(folder.join("serve.log")).unwrap();
    let lines = || log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let counts = lines().find(|line| line.get("SignIns").is_some()).unwrap();
    assert!(counts["Requests"].as_u64() > Some(0) && counts.get("_aws").is_none(), "{counts}");
    let started = lines().find(|line| line.get("started_ms").is_some()).unwrap();
    assert!(started["started_ms"].as_f64() > Some(0.0), "{started}");
}
