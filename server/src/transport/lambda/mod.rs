//! AWS Lambda: a loop that takes events from the runtime and answers them. The function behind it gets requests as from
//! any other transport.
//!
//! `lambda_http` supplies the runtime and its protocol. Its conversion of events to requests is not used, because some
//! events make it panic.

mod answer;
mod event;

use self::answer::Answer;
use self::event::{Event, Unfit};
use super::bounds::bare;
use crate::telemetry::XrayTrace;
use async_trait::async_trait;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use lambda_http::lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::future::Future;
use std::io;
use std::sync::Arc;

/// The header with a trace's ids of X-Ray. On the way to a function AWS sets it; elsewhere anybody can.
const XRAY: &str = "x-amzn-trace-id";

/// What answers the events.
#[async_trait]
pub trait Function: Send + Sync + 'static {
    /// Answers a request, within the time that the function has.
    async fn request(&self, request: Request<Body>) -> Response<Body>;

    /// Does what the schedule is for, and reports it.
    ///
    /// # Errors
    /// What failed, for the log; Lambda runs it again.
    async fn scheduled(&self) -> Result<Value, String>;
}

/// What the runtime gets for an event.
#[derive(Serialize)]
#[serde(untagged)]
enum Output {
    Answer(Answer),
    Report(Value),
}

/// Answers events until `stop` is ready; several at a time if the environment asks for it (`AWS_LAMBDA_MAX_CONCURRENCY`).
/// Lambda stops a process only while it has no event.
///
/// # Errors
/// If the runtime's API can't be reached.
///
/// # Panics
/// Without the variables that Lambda sets for every function ([`VARIABLES`]).
pub async fn run(function: Arc<dyn Function>, stop: impl Future<Output = ()>) -> io::Result<()> {
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Arc::clone(&function);
        async move { handle(&*function, event.payload.get(), event.context.xray_trace_id.as_deref()).await }
    });
    tokio::select! {
        ended = Runtime::new(handler).run_concurrent() => ended.map_err(io::Error::other),
        () = stop => Ok(()),
    }
}

/// The variables that the runtime reads.
pub const VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

async fn handle(function: &dyn Function, event: &str, trace: Option<&str>) -> Result<Output, Diagnostic> {
    let response = match Event::parse(event) {
        Ok(Event::Request(mut request)) => {
            let header = request.headers().get(XRAY).and_then(|value| value.to_str().ok());
            let xray = trace.or(header).and_then(XrayTrace::parse);
            xray.map(|xray| request.extensions_mut().insert(xray));
            function.request(*request).await
        }
        Ok(Event::Schedule) => {
            return function.scheduled().await.map(Output::Report).map_err(|error| {
                tracing::error!(error, "the scheduled run failed");
                Diagnostic { error_type: "ScheduledRunFailed".into(), error_message: error }
            });
        }
        Err(Unfit::Request(status, why)) => {
            tracing::warn!(why, status = status.as_u16(), "a request was refused");
            bare(status, &event::path_of(event))
        }
        Err(Unfit::Event(why)) => {
            tracing::error!(why, "an event was refused");
            bare(StatusCode::BAD_REQUEST, "")
        }
    };
    Ok(Output::Answer(Answer::of(response).await))
}

/// The answer to an event, as the runtime gets it; for tests.
///
/// # Errors
/// What a scheduled run failed at.
pub async fn answer(function: &dyn Function, event: &str) -> Result<Value, String> {
    let output = handle(function, event, None).await.map_err(|failed| failed.error_message)?;
    serde_json::to_value(output).map_err(|error| error.to_string())
}
