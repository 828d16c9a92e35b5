//! The SDK's client, with our own deadlines.

use super::fault::Fault;
use crate::aws;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Builder, StalledStreamProtectionConfig};
use std::time::Duration;

/// The mean pause before the second try.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);

/// Who waits for the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A request, for several calls in a row. DynamoDB answers within milliseconds, so a call that takes long is lost.
    Request,
    /// An operator, who may be far from the region, and would rather wait than run the command again.
    Operator,
}

impl Patience {
    /// How long an operation of the store may take; `None`: as long as its calls take.
    pub(super) const fn operation(self) -> Option<Duration> {
        match self {
            Self::Request => Some(Duration::from_secs(3)),
            Self::Operator => None,
        }
    }

    fn deadlines(self) -> TimeoutConfig {
        aws::deadlines(match self {
            Self::Request => [300, 450, 1_500],
            Self::Operator => [5_000, 30_000, 100_000],
        })
    }
}

/// A client with the settings of the environment: variables, profile, container or instance.
pub(super) async fn client(patience: Patience) -> Result<Client, Fault> {
    let environment = aws::environment().await.map_err(Fault::unavailable)?;
    Ok(Client::from_conf(within(Builder::from(&environment), patience, FIRST_BACKOFF).build()))
}

/// An operator's deadlines for one call, for a command or a server's start.
pub(super) fn unhurried() -> Builder {
    Builder::new().timeout_config(Patience::Operator.deadlines())
}

/// The same settings with our deadlines and retries.
pub(crate) fn within(settings: Builder, patience: Patience, first_backoff: Duration) -> Builder {
    settings
        .timeout_config(patience.deadlines())
        .retry_config(aws::retries(first_backoff))
        // Answers are small, and each has a deadline.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}
