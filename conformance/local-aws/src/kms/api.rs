//! A call of KMS: counted, hit by the fault that a test asked for, performed, answered.

use super::account::Account;
use super::caller::Caller;
use super::calls::Calls;
use super::faults::{Fault, Faults};
use super::operations;
use super::refusal::Refusal;
use super::request::Request;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{Full, Limited};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// What `X-Amz-Target` begins with when a call is for KMS.
pub(crate) const SERVICE: &str = "TrentService.";

/// The account's keys, and what tests count and break.
#[derive(Default)]
pub(crate) struct Kms {
    account: Account,
    pub(super) calls: Calls,
    pub(super) faults: Faults,
}

/// Answers a call of an operation.
pub(crate) async fn call(kms: &Arc<Kms>, operation: &str, headers: &HeaderMap, body: Bytes) -> Response {
    let Some(caller) = Caller::of(headers) else {
        let missing = Refusal::new("MissingAuthenticationTokenException", "Missing Authentication Token");
        return respond(Err(missing));
    };
    kms.calls.count(&caller.access_key, operation);
    let fault = kms.faults.next(&caller.access_key, operation);
    if let Some(refusal) = fault.and_then(|fault| fault.refusal(&caller, operation)) {
        return respond(Err(refusal));
    }
    match fault {
        Some(Fault::Unavailable) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::Dropped) => return closed(),
        _ => {}
    }
    let performed = perform(Arc::clone(kms), caller, operation.to_owned(), body).await;
    match fault {
        Some(Fault::Lost) => return closed(),
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    respond(performed)
}

/// Away from the threads that serve connections: making an RSA key takes long.
async fn perform(kms: Arc<Kms>, caller: Caller, operation: String, body: Bytes) -> Result<Value, Refusal> {
    let work = move || operations::perform(&kms.account, &caller, &operation, &Request::parse(&body)?);
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Refusal::internal("the operation panicked")))
}

fn respond(performed: Result<Value, Refusal>) -> Response {
    let (status, answer) = match performed {
        // An operation without output.
        Ok(Value::Null) => (StatusCode::OK, String::new()),
        Ok(answer) => (StatusCode::OK, answer.to_string()),
        Err(refusal) => {
            let mut error = json!({ "__type": refusal.kind });
            // KMS says nothing about a blob that can't be decrypted.
            if !refusal.message.is_empty() {
                error["message"] = refusal.message.into();
            }
            (refusal.status, error.to_string())
        }
    };
    let named = [
        (header::CONTENT_TYPE.as_str(), "application/x-amz-json-1.1".to_owned()),
        ("x-amzn-requestid", Uuid::new_v4().to_string()),
    ];
    (status, named, answer).into_response()
}

/// Closes the connection without an answer: the body breaks its limit at once, and so the server gives up before it has
/// sent the head.
fn closed() -> Response {
    let never_sent = Full::new(Bytes::from_static(b"longer than its limit"));
    Response::new(Body::new(Limited::new(never_sent, 1)))
}
