//! The connection between the SDK and DynamoDB, tapped: each call is recorded with the capacity it consumes, and chosen
//! calls fail. It is below the SDK, so that the SDK's retries are seen, and can be provoked.
#![expect(clippy::indexing_slicing, reason = "a JSON value without a member has a null there")]

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// DynamoDB has no effect and answers that it is throttling.
    Throttled,
    /// DynamoDB has no effect and answers with an internal error.
    ServerError,
    /// There is no such table.
    NoTable,
    /// The call has no effect because another transaction is in progress.
    Conflict,
    /// The call has no effect and is answered with the error of this name.
    Refused(&'static str),
    /// DynamoDB answers, and the table has replicas.
    Replicated,
    /// DynamoDB leaves all keys of a batch unprocessed.
    Unprocessed,
    /// The call doesn't arrive.
    Unreachable,
    /// The call doesn't arrive in time.
    Late,
    /// The call takes effect, but the answer is lost.
    Unanswered,
}

/// A call as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The operation, as `GetItem`.
    pub operation: String,
    /// Capacity units it consumed. One for a single write whose condition was not met: that isn't reported, and is billed
    /// by the size of the existing item, at least one. Zero for other errors.
    pub units: f64,
    /// Whether it was an eventually consistent read.
    pub is_stale: bool,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Sent>,
    /// How many calls pass, how many fail then, and how.
    plan: Option<(u64, u64, Mishap)>,
}

/// A tapped connection.
#[derive(Clone, Debug)]
pub struct Wire {
    line: SharedHttpClient,
    state: Arc<Mutex<State>>,
}

impl Wire {
    /// A connection on which no call fails.
    #[expect(clippy::new_without_default, reason = "a connection is opened, not a value made up")]
    pub fn new() -> Self {
        Self { line: aws_smithy_http_client::Builder::new().build_http(), state: Arc::default() }
    }

    /// The same connection, for the SDK.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// From the `nth` call on (from 1), `times` calls fail. Replaces the former plan.
    pub fn plan(&self, nth: u64, times: u64, mishap: Mishap) {
        self.state().plan = Some((nth.saturating_sub(1), times, mishap));
    }

    /// Ends the plan; whether it had begun.
    pub fn clear(&self) -> bool {
        self.state().plan.take().is_none_or(|(passes, ..)| passes == 0)
    }

    /// The calls sent since the last time.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.state().sent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next call fails, if it does.
    fn next(&self) -> Option<Mishap> {
        match &mut self.state().plan {
            Some((0, 0, _)) | None => None,
            Some((0, times, mishap)) => {
                *times -= 1;
                Some(*mishap)
            }
            Some((passes, ..)) => {
                *passes -= 1;
                None
            }
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let line = self.line.http_connector(settings, components);
        SharedHttpConnector::new(Tapped { line, wire: self.clone() })
    }
}

#[derive(Debug)]
struct Tapped {
    line: SharedHttpConnector,
    wire: Wire,
}

impl HttpConnector for Tapped {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (line, wire) = (self.line.clone(), self.wire.clone());
        HttpConnectorFuture::new(async move { pass(&line, &wire, request).await })
    }
}

async fn pass(
    line: &SharedHttpConnector,
    wire: &Wire,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let mishap = wire.next();
    let refused = match mishap {
        Some(Mishap::Throttled) => Some(refusal(400, "ProvisionedThroughputExceededException")),
        Some(Mishap::ServerError) => Some(refusal(500, "InternalServerError")),
        Some(Mishap::NoTable) => Some(refusal(400, "ResourceNotFoundException")),
        Some(Mishap::Conflict) => Some(refusal(400, "TransactionCanceledException")),
        Some(Mishap::Refused(why)) => Some(refusal(400, why)),
        Some(Mishap::Unprocessed) => Some((200, unprocessed(&request))),
        Some(Mishap::Unreachable) => return Err(ConnectorError::io("unreachable".into())),
        Some(Mishap::Late) => return Err(ConnectorError::timeout("late".into())),
        Some(Mishap::Unanswered | Mishap::Replicated) | None => None,
    };
    let is_stale = reads_stale(&request, &operation);
    if let Some((status, body)) = refused {
        wire.state().sent.push(Sent { operation, units: 0.0, is_stale });
        return Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string())));
    }
    ask_for_units(&mut request, &operation);
    let mut answer = line.call(request).await?;
    let body =
        ByteStream::new(answer.take_body()).collect().await.map_err(|e| ConnectorError::io(e.into()))?;
    let body = body.into_bytes();
    let units = consumed(&serde_json::from_slice(&body).unwrap_or_default());
    wire.state().sent.push(Sent { operation, units, is_stale });
    if mishap == Some(Mishap::Unanswered) {
        return Err(ConnectorError::io("the answer was lost".into()));
    }
    if mishap == Some(Mishap::Replicated) {
        let mut described: Value = serde_json::from_slice(&body).unwrap_or_default();
        described["Table"]["Replicas"] = json!([{ "RegionName": "us-east-1", "ReplicaStatus": "ACTIVE" }]);
        let headers = answer.headers_mut();
        headers.remove("content-length");
        headers.remove("x-amz-crc32");
        *answer.body_mut() = SdkBody::from(described.to_string());
        return Ok(answer);
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

/// Whether it is an eventually consistent read, which the emulator doesn't simulate.
fn reads_stale(request: &HttpRequest, operation: &str) -> bool {
    let asked: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    let is_consistent = |part: &Value| part["ConsistentRead"] == true;
    match operation {
        "GetItem" | "Query" | "Scan" => !is_consistent(&asked),
        "BatchGetItem" => {
            !asked["RequestItems"].as_object().is_some_and(|tables| tables.values().all(is_consistent))
        }
        _ => false,
    }
}

fn refusal(status: u16, kind: &str) -> (u16, Value) {
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"),
        "message": "injected",
        "CancellationReasons": [{ "Code": "TransactionConflict", "Message": "injected" }],
    });
    (status, body)
}

fn unprocessed(request: &HttpRequest) -> Value {
    let asked: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    json!({ "Responses": {}, "UnprocessedKeys": asked["RequestItems"] })
}

/// Makes a call report what it consumed, which the product doesn't request. The emulator checks no signatures.
fn ask_for_units(request: &mut HttpRequest, operation: &str) {
    let reports = [
        "GetItem",
        "BatchGetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "Scan",
        "TransactWriteItems",
    ];
    let body: Option<Value> = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
    if let Some(mut body) = body.filter(|_| reports.contains(&operation)) {
        body["ReturnConsumedCapacity"] = "TOTAL".into();
        let text = body.to_string();
        request.headers_mut().insert("content-length", text.len().to_string());
        *request.body_mut() = SdkBody::from(text);
    }
}

/// The units of an answer: of one table, or of a list of tables.
fn consumed(answer: &Value) -> f64 {
    if answer["__type"].as_str().is_some_and(|kind| kind.ends_with("#ConditionalCheckFailedException")) {
        return 1.0;
    }
    let units = |table: &Value| table["CapacityUnits"].as_f64().unwrap_or(0.0);
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(units).sum(),
        table => units(table),
    }
}
