//! The line to DynamoDB: region, credentials and endpoint as every AWS program takes them, and our own deadlines.
//! One TLS stack, chosen here: the SDK's default would bring a second, older one.

use super::fault::{Fault, chain};
use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, ProvideCredentials as _, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::time::Duration;
use tokio::time::timeout;

/// A call is tried so often, within its deadline.
const ATTEMPTS: u32 = 3;
/// The mean pause before the second try.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);
/// As long as the slowest services that give credentials take.
const CREDENTIALS: Duration = Duration::from_secs(30);

/// Who waits for the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Somebody at a browser, or a client, for some calls in a row. DynamoDB answers in some milliseconds, so what
    /// takes long is lost.
    Request,
    /// An operator, who may be far away, and would rather wait than begin anew.
    Operator,
}

impl Patience {
    /// The longest that a step of the store takes; `None`: as long as its calls take.
    pub(super) const fn step(self) -> Option<Duration> {
        match self {
            Self::Request => Some(Duration::from_secs(3)),
            Self::Operator => None,
        }
    }

    /// The connection with its TLS; a try, that included, until the answer begins; all tries of a call, with what it
    /// takes to load credentials.
    fn deadlines(self) -> TimeoutConfig {
        let [connect, read, call] = match self {
            Self::Request => [300, 450, 1_500],
            Self::Operator => [5_000, 30_000, 100_000],
        };
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(connect))
            .read_timeout(Duration::from_millis(read))
            .operation_timeout(Duration::from_millis(call))
            .build()
    }
}

/// A client of the surroundings: environment, profile, container or instance.
pub(super) async fn client(patience: Patience) -> Result<Client, Fault> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let surroundings = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    if surroundings.region().is_none() {
        return Err(Fault::unavailable("no AWS region is known: set AWS_REGION"));
    }
    // To tell what is wrong with them; calls load them anew.
    if let Some(provider) = surroundings.credentials_provider() {
        let late = || {
            Fault::unavailable("AWS credentials don't come: look at AWS_PROFILE, or at the role's service")
        };
        let loaded = timeout(CREDENTIALS, provider.provide_credentials()).await.map_err(|_| late())?;
        loaded.map_err(|error| {
            Fault::unavailable(format!(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give it a role; {}",
                chain(&error)
            ))
        })?;
    }
    Ok(Client::from_conf(within(Builder::from(&surroundings), patience, FIRST_BACKOFF).build()))
}

/// For a call that a command or a start waits for, whoever opened the table.
pub(super) fn unhurried() -> Builder {
    Builder::new().timeout_config(Patience::Operator.deadlines())
}

/// The same settings with our deadlines and tries.
pub(crate) fn within(settings: Builder, patience: Patience, first_backoff: Duration) -> Builder {
    settings
        .timeout_config(patience.deadlines())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(first_backoff))
        // Answers are small and have a deadline.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}
