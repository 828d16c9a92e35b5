//! Region, credentials and endpoints, as every AWS program takes them: from variables, a profile, a container or an
//! instance. The TLS stack is chosen here, because the SDK's default would add a second, older one.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::ProvideCredentials as _;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for credentials: as long as the slowest services that issue them take.
const CREDENTIALS: Duration = Duration::from_secs(30);

/// The settings of the environment, for the client of any service.
///
/// # Errors
/// What is missing, and how to set it.
pub async fn environment() -> Result<SdkConfig, String> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let environment = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    if environment.region().is_none() {
        return Err("no AWS region is known: set AWS_REGION".to_owned());
    }
    // Only to report what is wrong with them; calls load them again.
    if let Some(provider) = environment.credentials_provider() {
        let loaded = timeout(CREDENTIALS, provider.provide_credentials()).await.map_err(|_| {
            "loading AWS credentials takes too long: check AWS_PROFILE, or the service that issues the role's"
        })?;
        loaded.map_err(|error| {
            format!(
                "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give it a role; {}",
                chain(&error)
            )
        })?;
    }
    Ok(environment)
}

/// The messages of an error and its causes. Their debug form would show what was sent.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _infallible = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
