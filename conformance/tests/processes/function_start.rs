//! What a function has done before its first event: the environment that Lambda starts is the test, which hands out no event
//! until the function asks for one.

use crate::cloud::{Caller, Region};
use crate::commands::json_with;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderName;
use axum::routing::{get as on_get, post};
use conformance::lambda::{event, read};
use conformance::process::{keyward, run_with};
use conformance::{Answer, With as _, basic, form, get};
use http::{Request, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use storage::contract::local_aws;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

/// The API of Lambda's runtime, for one event at a time.
struct Runtime {
    address: SocketAddr,
    asked: mpsc::Receiver<()>,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Value>,
}

struct Ends {
    asks: mpsc::Sender<()>,
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Value>,
}

impl Runtime {
    async fn start() -> Self {
        let (asks, asked) = mpsc::channel(1);
        let (events, next) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        let ends = Arc::new(Ends { asks, events: Mutex::new(next), answers: answer });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", on_get(next_event))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(take_answer))
            .with_state(ends);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked, events, answers }
    }

    /// Waits until the function asks for an event: its initialisation has ended.
    async fn is_asked(&mut self) {
        self.asked.recv().await.unwrap();
    }

    async fn answer(&mut self, request: Request<axum::body::Body>) -> Answer {
        self.events.send(event(request).await).await.unwrap();
        read(&self.answers.recv().await.unwrap())
    }
}

async fn next_event(State(ends): State<Arc<Ends>>) -> ([(HeaderName, &'static str); 2], String) {
    let _the_first = ends.asks.try_send(());
    let event = ends.events.lock().await.recv().await.unwrap().to_string();
    let name = HeaderName::from_static;
    let headers =
        [(name("lambda-runtime-aws-request-id"), "1"), (name("lambda-runtime-deadline-ms"), "9999999999999")];
    (headers, event)
}

async fn take_answer(State(ends): State<Arc<Ends>>, body: String) -> StatusCode {
    ends.answers.send(serde_json::from_str(&body).unwrap()).await.unwrap();
    StatusCode::ACCEPTED
}

/// Forwards connections to the emulator of AWS.
#[derive(Default)]
struct Relay {
    connections: AtomicUsize,
    /// New connections are accepted, and nothing is ever answered on them.
    hangs: AtomicBool,
}

impl Relay {
    /// Starts it, and returns its address.
    async fn listen(self: &Arc<Self>) -> SocketAddr {
        let target = local_aws::emulator().endpoint().strip_prefix("http://").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, relay) = (listener.local_addr().unwrap(), Arc::clone(self));
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                relay.connections.fetch_add(1, Ordering::Relaxed);
                let hangs = relay.hangs.load(Ordering::Relaxed);
                tokio::spawn(async move {
                    if hangs {
                        std::future::pending::<()>().await;
                    }
                    let mut far = TcpStream::connect(target).await.unwrap();
                    let _ended = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        address
    }
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A function that has started, with two signing algorithms and a machine.
struct Started {
    runtime: Runtime,
    relay: Arc<Relay>,
    caller: Caller,
    /// The header by which the machine authenticates.
    machine: String,
    environment: Vec<(&'static str, String)>,
    scratch: TempDir,
    _function: Killed,
}

impl Started {
    async fn new(table: &str, relay: Relay) -> Self {
        let (scratch, region) = (TempDir::new().unwrap(), Region::new());
        let folder = TempDir::new().unwrap();
        let (operator, caller) = (region.caller(), region.caller());
        let (keys, storage) = (format!("kms-envelope:{}", region.key().await), format!("dynamodb:{table}"));
        let settings = [
            ("AWS_ENDPOINT_URL_DYNAMODB", local_aws::emulator().endpoint()),
            ("KEYWARD_STORAGE", &storage),
            ("KEYWARD_KEYS", &keys),
            ("KEYWARD_ISSUER", "https://auth.example"),
        ];
        let of_operator: Vec<_> = settings.into_iter().chain(operator.environment()).collect();
        assert!(run_with(folder.path(), &["storage", "migrate"], &of_operator, "").status.success());
        let create = ["client", "create", "--name", "M", "--scope", "read"];
        let client = json_with(folder.path(), &create, &of_operator, "");
        assert!(run_with(folder.path(), &["keys", "rotate", "--if-due"], &of_operator, "").status.success());

        let mut runtime = Runtime::start().await;
        let relay = Arc::new(relay);
        let (aws, address) = (format!("http://{}", relay.listen().await), runtime.address.to_string());
        let of_function = [
            ("AWS_ENDPOINT_URL_DYNAMODB", &*aws),
            ("AWS_ENDPOINT_URL_KMS", &aws),
            ("AWS_LAMBDA_RUNTIME_API", &address),
            ("AWS_LAMBDA_FUNCTION_NAME", "name-of-the-function"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "version-of-the-function"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream-of-the-function"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "group-of-the-function"),
            ("_HANDLER", "serve"),
            ("TMPDIR", scratch.path().to_str().unwrap()),
        ];
        let environment: Vec<_> =
            settings.into_iter().chain(caller.environment()).chain(of_function).collect();
        let mut function = keyward(folder.path(), &[], &environment);
        let function = Killed(function.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        runtime.is_asked().await;
        let member = |name: &str| client[name].as_str().unwrap().to_owned();
        let machine = basic(&member("client_id"), &member("client_secret"));
        let environment = environment.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        Self { runtime, relay, caller, machine, environment, scratch, _function: function }
    }
}

#[tokio::test]
async fn the_first_request_opens_no_connection_and_calls_kms_for_nothing() {
    let Started { mut runtime, relay, caller, machine, _function, .. } =
        Started::new("of-a-started-function", Relay::default()).await;
    let before = (relay.connections.load(Ordering::Relaxed), caller.calls().await);
    // Two algorithms and the master.
    assert_eq!(before.1, 3);
    let fields = [("grant_type", "client_credentials")];
    let answer = runtime.answer(form("/token", &fields).with("authorization", &machine)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!((relay.connections.load(Ordering::Relaxed), caller.calls().await), before);
}

#[tokio::test]
async fn while_the_store_hangs_requests_get_503_before_lambda_ends_the_function() {
    let hanging = Relay { hangs: AtomicBool::new(true), ..Relay::default() };
    let Started { mut runtime, relay, _function, .. } =
        Started::new("of-a-function-without-store", hanging).await;
    let jwks = || get("/jwks");
    // The deployed function has thirty seconds.
    let answer = timeout(Duration::from_secs(20), runtime.answer(jwks())).await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    // What comes right after it does not try again.
    let tried = relay.connections.load(Ordering::Relaxed);
    assert_eq!(runtime.answer(jwks()).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(relay.connections.load(Ordering::Relaxed), tried);
    relay.hangs.store(false, Ordering::Relaxed);
    while runtime.answer(jwks()).await.status != StatusCode::OK {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn n237_a_function_writes_no_file_and_no_page_shows_its_environment() {
    let Started { mut runtime, environment, scratch, caller, _function, .. } =
        Started::new("of-a-silent-function", Relay::default()).await;
    let secret = |(name, _): &&(&str, String)| {
        !matches!(
            *name,
            "KEYWARD_ISSUER" | "AWS_SECRET_ACCESS_KEY" | "_HANDLER" | "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
        )
    };
    let hidden: Vec<_> = environment.iter().filter(secret).collect();
    caller.away("slow").await;
    for path in ["/", "/nowhere", "/authorize", "/login", "/account", "/readyz", "/userinfo", "/%2e%2e/etc"] {
        let answer = runtime.answer(http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
        let shown = format!("{:?} {}", answer.headers, answer.text());
        for (name, value) in &hidden {
            assert!(!shown.contains(name) && !shown.contains(value), "{path} shows {name}: {shown}");
        }
    }
    assert!(scratch.path().read_dir().unwrap().next().is_none());
}
