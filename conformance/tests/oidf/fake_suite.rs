//! A stand-in for the suite: the REST interface, and for each module how it ends.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use conformance::plans;
use protocol::params::Params;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// How a module ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With this result.
    Finished(&'static str),
    /// With a picture for a human reviewer, and a warning in its log that the result doesn't show.
    ReviewWithWarning,
    /// Stopped by the suite.
    Interrupted,
    /// It never ends.
    Never,
    /// The suite can't start it.
    Refused,
}

/// What was asked of it, and what it answers.
#[derive(Default)]
struct Script {
    ends: HashMap<String, End>,
    /// Modules that its plans have in addition to the known ones, or lack.
    extra: Vec<String>,
    without: Vec<String>,
    /// Plans as they were created: name, variant, configuration.
    plans: Vec<(String, Value, Value)>,
    /// Modules as they were started.
    started: Vec<String>,
    token: Option<String>,
}

/// A running stand-in.
#[derive(Clone)]
pub(crate) struct StandIn {
    script: Arc<Mutex<Script>>,
    address: SocketAddr,
}

impl StandIn {
    /// A suite in which everything ends as expected.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand_in = Self { script: Arc::default(), address: listener.local_addr().unwrap() };
        for skip in plans::all().iter().flat_map(|plan| plan.skips.keys()) {
            stand_in.ends(skip, End::Finished("SKIPPED"));
        }
        let router = router(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ends(&self, module: &str, end: End) {
        self.script.lock().unwrap().ends.insert(module.into(), end);
    }

    pub(crate) fn has_also(&self, module: &str) {
        self.script.lock().unwrap().extra.push(module.into());
    }

    pub(crate) fn lacks(&self, module: &str) {
        self.script.lock().unwrap().without.push(module.into());
    }

    pub(crate) fn wants_token(&self, token: &str) {
        self.script.lock().unwrap().token = Some(token.into());
    }

    pub(crate) fn plans(&self) -> Vec<(String, Value, Value)> {
        self.script.lock().unwrap().plans.clone()
    }

    pub(crate) fn started(&self) -> Vec<String> {
        self.script.lock().unwrap().started.clone()
    }

    fn end_of(&self, module: &str) -> End {
        self.script.lock().unwrap().ends.get(module).copied().unwrap_or(End::Finished("PASSED"))
    }
}

fn router(stand_in: StandIn) -> Router {
    Router::new()
        .route("/api/server", get(async || axum_json(StatusCode::OK, &json!({ "version": "5.2.3" }))))
        .route("/api/plan", post(create))
        .route("/api/runner", post(start))
        .route("/api/runner/{id}/wait-state", get(wait))
        .route("/api/info/{id}", get(info))
        .route("/api/log/{id}", get(log))
        .layer(axum::middleware::from_fn_with_state(stand_in.clone(), check_token))
        .with_state(stand_in)
}

fn axum_json(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

async fn check_token(
    State(stand_in): State<StandIn>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let wanted = stand_in.script.lock().unwrap().token.clone();
    let sent = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    if wanted.is_some_and(|token| sent != Some(format!("Bearer {token}"))) {
        return axum_json(StatusCode::UNAUTHORIZED, &json!({ "error": "not signed in" }));
    }
    next.run(request).await
}

fn pairs(query: Option<String>) -> Params {
    Params::parse(query.unwrap_or_default().as_bytes()).unwrap()
}

async fn create(State(stand_in): State<StandIn>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let sent = pairs(query);
    let name = sent.get("planName").unwrap();
    let variant: Value = serde_json::from_str(sent.get("variant").unwrap()).unwrap();
    let configuration = serde_json::from_slice(&body).unwrap();
    let mut script = stand_in.script.lock().unwrap();
    script.plans.push((name.into(), variant, configuration));
    let Some(plan) = plans::all().into_iter().find(|plan| plan.plan == name) else {
        return axum_json(StatusCode::NOT_FOUND, &json!({ "error": "no such plan" }));
    };
    let modules = plan.modules.iter().filter(|module| !script.without.contains(module)).chain(&script.extra);
    // The variant distinguishes modules of one name; it is repeated when the module is started.
    let modules =
        modules.map(|module| json!({ "testModule": module, "variant": { "of": module }, "instances": [] }));
    axum_json(
        StatusCode::CREATED,
        &json!({ "id": "P1", "name": name, "modules": modules.collect::<Vec<_>>() }),
    )
}

async fn start(State(stand_in): State<StandIn>, RawQuery(query): RawQuery) -> Response {
    let sent = pairs(query);
    let module = sent.get("test").unwrap();
    assert_eq!(sent.get("plan"), Some("P1"));
    assert_eq!(sent.get("variant"), Some(json!({ "of": module }).to_string().as_str()));
    stand_in.script.lock().unwrap().started.push(module.into());
    if stand_in.end_of(module) == End::Refused {
        return axum_json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "out of order" }));
    }
    axum_json(
        StatusCode::CREATED,
        &json!({ "name": module, "id": module, "url": "https://localhost:8443/test/x" }),
    )
}

/// A module's id is its name.
async fn wait(
    State(stand_in): State<StandIn>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    assert_eq!(pairs(query).get("states"), Some("FINISHED,INTERRUPTED"));
    let answer = match stand_in.end_of(&id) {
        End::Finished(_) | End::ReviewWithWarning => json!({ "state": "FINISHED" }),
        End::Interrupted => json!({ "state": "INTERRUPTED" }),
        End::Never | End::Refused => json!({ "timeout": true }),
    };
    axum_json(StatusCode::OK, &answer)
}

async fn info(State(stand_in): State<StandIn>, Path(id): Path<String>) -> Response {
    let (status, result) = match stand_in.end_of(&id) {
        End::Finished(result) => ("FINISHED", Some(result)),
        End::ReviewWithWarning => ("FINISHED", Some("REVIEW")),
        // As the suite does: a module that it stops has failed as well.
        End::Interrupted => ("INTERRUPTED", Some("FAILED")),
        End::Never | End::Refused => ("WAITING", None),
    };
    axum_json(StatusCode::OK, &json!({ "testId": id, "testName": id, "status": status, "result": result }))
}

async fn log(State(stand_in): State<StandIn>, Path(id): Path<String>) -> Response {
    let found = match stand_in.end_of(&id) {
        End::Finished("PASSED" | "REVIEW" | "SKIPPED") => "INFO",
        End::Finished("WARNING") | End::ReviewWithWarning => "WARNING",
        _ => "FAILURE",
    };
    let entries = json!([
        { "src": "CheckOne", "result": "SUCCESS", "msg": "fine" },
        { "src": "CheckTwo", "result": found, "msg": "a <b> & \"c\"", "requirements": ["OIDCC-1"] },
        { "src": "-START-BLOCK-", "msg": "a block" },
    ]);
    axum_json(StatusCode::OK, &entries)
}

impl StandIn {
    /// A URL where nobody listens.
    pub(crate) fn unbound() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    /// The same behind TLS, with a certificate that nobody knows.
    pub(crate) async fn by_tls(&self, folder: &std::path::Path) -> String {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("suite.crt"), folder.join("suite.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = server::transport::tls::acceptor(&certificate, &key).unwrap();
        let limits = server::transport::http::Limits::default();
        let served = server::transport::http::serve(
            listener,
            Some(tls),
            router(self.clone()),
            limits,
            std::future::pending(),
        );
        tokio::spawn(served);
        format!("https://localhost:{port}")
    }
}
