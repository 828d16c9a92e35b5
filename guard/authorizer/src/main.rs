//! The function. Lambda starts it and sends it events.

use keyward_authorizer::{Authorizer, Settings};
use lambda_http::lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// What the runtime reads, and panics without.
const VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // The runtime writes whole events, with their tokens, at the level TRACE. No setting turns that on.
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr);
    log.with_max_level(LevelFilter::INFO).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the authorizer has ended");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables: BTreeMap<_, _> =
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    if let Some(missing) = VARIABLES.iter().find(|name| !variables.contains_key(**name)) {
        return Err(format!("{missing} is not set: this program is started by AWS Lambda").into());
    }
    let authorizer = Authorizer::new(Settings::read(variables)?);
    authorizer.warm().await;
    let authorizer = &authorizer;
    let answer =
        |event: LambdaEvent<Box<RawValue>>| async move { authorizer.answer(event.payload.get()).await };
    Runtime::new(service_fn(answer)).run().await
}
