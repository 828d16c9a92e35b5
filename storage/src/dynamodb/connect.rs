//! The line to DynamoDB: region, credentials and endpoint as every AWS program takes them, and our own deadlines.
//! One TLS stack, chosen here: the SDK's default would bring a second, older one.

use super::fault::Fault;
use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;

/// A call is tried so often, within its deadline.
const ATTEMPTS: u32 = 3;
/// The mean pause before the second try.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);
const CONNECT: Duration = Duration::from_millis(300);
/// One try: DynamoDB answers in some milliseconds, so what takes so long is lost.
const ATTEMPT: Duration = Duration::from_millis(450);
/// All tries of a call: a person waits for some of them in a row.
const CALL: Duration = Duration::from_millis(1500);
/// A page of a long list, from an operator's desk.
const PAGE: Duration = Duration::from_secs(30);

/// A client of the surroundings: environment, profile, container or instance.
pub(super) async fn client() -> Result<Client, Fault> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let surroundings = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(deadlines(CONNECT, ATTEMPT, CALL))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_BACKOFF))
        // Answers are small and have a deadline.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await;
    if surroundings.region().is_none() {
        return Err(Fault::unavailable("no AWS region is known: set AWS_REGION"));
    }
    Ok(Client::new(&surroundings))
}

/// For calls that nobody at a browser waits for.
pub(super) fn patient() -> Builder {
    Builder::new().timeout_config(deadlines(CONNECT * 10, PAGE, PAGE * ATTEMPTS))
}

fn deadlines(connect: Duration, attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .operation_attempt_timeout(attempt)
        .operation_timeout(call)
        .build()
}
