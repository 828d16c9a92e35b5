//! Region, credentials and endpoints, as every AWS program takes them: from variables, a profile, a container or an
//! instance. The TLS stack is chosen here, because the SDK's default would add a second, older one.

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials as _;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// How long to wait for credentials: as long as the slowest services that issue them take.
const CREDENTIALS: Duration = Duration::from_secs(30);

/// How long an idle connection may be reused. When a network forgets connections without a sign, as a failed-over gateway
/// does, each costs a try that times out; after this time none is left.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// How often a call is tried within its deadline.
const ATTEMPTS: u32 = 3;

/// The settings of the environment, for the client of any service.
///
/// # Errors
/// What is missing, and how to set it.
pub async fn environment() -> Result<SdkConfig, String> {
    let environment = settings().await?;
    check_credentials(&environment).await?;
    Ok(environment)
}

/// The settings of the environment, which are loaded when they are first needed.
#[derive(Clone, Debug, Default)]
pub struct Environment(Arc<OnceCell<SdkConfig>>);

impl Environment {
    /// The settings. Credentials are not loaded.
    ///
    /// # Errors
    /// What is missing, and how to set it. They are then loaded again by the next caller.
    pub async fn load(&self) -> Result<&SdkConfig, String> {
        self.0.get_or_try_init(settings).await
    }
}

impl From<&SdkConfig> for Environment {
    fn from(settings: &SdkConfig) -> Self {
        Self(Arc::new(OnceCell::new_with(Some(settings.clone()))))
    }
}

async fn settings() -> Result<SdkConfig, String> {
    let http = aws_smithy_http_client::Builder::new()
        .pool_idle_timeout(IDLE_CONNECTION)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let settings = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    match settings.region() {
        Some(_) => Ok(settings),
        None => Err("no AWS region is known: set AWS_REGION".to_owned()),
    }
}

/// Loads the credentials, only to report what is wrong with them; calls load them again.
///
/// # Errors
/// What is missing, and how to set it.
pub async fn check_credentials(settings: &SdkConfig) -> Result<(), String> {
    let Some(provider) = settings.credentials_provider() else { return Ok(()) };
    let loaded = timeout(CREDENTIALS, provider.provide_credentials()).await.map_err(|_| {
        "loading AWS credentials takes too long: check AWS_PROFILE, or the service that issues the role's"
    })?;
    loaded.map(drop).map_err(|error| {
        format!(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give it a role; {}",
            chain(&error)
        )
    })
}

/// The milliseconds for connection and TLS handshake; for one try until the answer begins, these included; and for all
/// tries of a call, loading of credentials included.
pub fn deadlines([connect, read, call]: [u64; 3]) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(connect))
        .read_timeout(Duration::from_millis(read))
        .operation_timeout(Duration::from_millis(call))
        .build()
}

/// Retries within a call's deadline, after a mean pause before the second try.
pub fn retries(first_backoff: Duration) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(first_backoff)
}

/// Whether a service answered that it gets too many calls.
pub fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ThrottledException"
            | "Throttling"
            | "ThrottlingError"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "SlowDown"
    )
}

/// The messages of an error and its causes. Their debug form would show what was sent.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error).skip(1) {
        let _infallible = write!(text, ": {cause}");
    }
    text
}

/// The error and its chain of causes.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}
