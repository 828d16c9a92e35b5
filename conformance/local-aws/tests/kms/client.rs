//! A client of KMS, and the process that it calls.

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const REGION: &str = "eu-central-1";

/// A caller with an access key that no other test has.
pub(crate) struct Client {
    pub(crate) access_key: String,
    region: &'static str,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::in_region(REGION)
    }

    pub(crate) fn in_region(region: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        Self {
            access_key: format!("AKID{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            region,
            http: legacy::Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// The value of the header `Authorization`.
    pub(crate) fn credential(&self) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20300101/{}/kms/aws4_request, SignedHeaders=host, Signature=00",
            self.access_key, self.region
        )
    }

    pub(crate) async fn call(&self, operation: &str, parameters: Value) -> (StatusCode, Value) {
        let request = Request::post(format!("http://{}/", address()))
            .header("x-amz-target", format!("TrentService.{operation}"))
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header(header::AUTHORIZATION, self.credential());
        let request = request.body(Full::from(parameters.to_string())).unwrap();
        let response = self.http.request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    /// The answer to a call that succeeds.
    pub(crate) async fn ok(&self, operation: &str, parameters: Value) -> Value {
        let (status, answer) = self.call(operation, parameters).await;
        assert_eq!(status, StatusCode::OK, "{operation}: {answer}");
        answer
    }

    /// The error of a call that is refused.
    pub(crate) async fn refused(&self, operation: &str, parameters: Value) -> String {
        let (status, answer) = self.call(operation, parameters).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{operation}: {answer}");
        answer["__type"].as_str().unwrap().to_owned()
    }

    /// A new key's ARN.
    pub(crate) async fn key(&self, spec: &str, usage: &str) -> String {
        let answer = self.ok("CreateKey", json!({ "KeySpec": spec, "KeyUsage": usage })).await;
        answer["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn symmetric_key(&self) -> String {
        self.key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await
    }

    /// Asks the control.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(format!("http://{}/_kms/{path}", address()));
        let response = self.http.request(request.body(Full::from(body.to_string())).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

/// The process that all tests share.
pub(crate) fn address() -> &'static str {
    // With the process's standard input: it ends when that is closed.
    static PROCESS: OnceLock<(Child, String)> = OnceLock::new();
    &PROCESS.get_or_init(start).1
}

fn start() -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-aws"));
    command.args(["--listen", "127.0.0.1:0", "--until-stdin-closes"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit_once("http://").unwrap().1.to_owned();
    (child, address)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of an answer's member.
pub(crate) fn decode(answer: &Value, member: &str) -> Vec<u8> {
    STANDARD.decode(answer[member].as_str().unwrap()).unwrap()
}
