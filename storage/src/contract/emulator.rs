//! An emulator of AWS that tests started on this machine: clients of its DynamoDB, and stores in tables of their own.

use crate::dynamodb::DynamoDb;
use crate::dynamodb::connect::{self, Patience};
use crate::{Store, StoreError};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use protocol::id::Realm;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// No test depends on the speed of this machine.
const PATIENCE: Patience = Patience::Operator;

/// A running emulator.
pub struct Emulator {
    pub(super) endpoint: String,
    /// Holds the process's standard input; the process ends when it is closed.
    pub(super) _child: Child,
}

impl Emulator {
    /// The URL where it answers.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The environment in which another program finds it.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.endpoint),
            ("AWS_ENDPOINT_URL_KMS", &self.endpoint),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }

    /// What a client of any service needs to reach it, as the caller with this access key.
    pub fn settings(&self, access_key: &str) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                access_key, "test", None, None, "test",
            )))
            .endpoint_url(&self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    /// A client over the given connection; `None`: over a plain one.
    pub fn client(&self, http: Option<SharedHttpClient>) -> Client {
        let plain = || aws_smithy_http_client::Builder::new().build_http();
        let settings = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(&self.endpoint)
            // All clients of a process share one budget of retries, which injected faults would use up.
            .retry_partition(RetryPartition::custom("test").token_bucket(TokenBucket::unlimited()).build())
            .http_client(http.unwrap_or_else(plain));
        Client::from_conf(connect::within(settings, PATIENCE, Duration::from_millis(1)).build())
    }

    /// A store in a table of its own, over the given connection.
    pub async fn empty_over(&self, http: Option<SharedHttpClient>) -> Result<DynamoDb, StoreError> {
        let store = DynamoDb::over(self.client(http), &table_name(), Realm::main(), PATIENCE);
        store.migrate().await?;
        Ok(store)
    }

    /// A store in a table of its own.
    pub async fn empty(&self) -> Arc<dyn Store> {
        Arc::new(self.empty_over(None).await.unwrap())
    }
}

/// The name of a table that no other test of this program uses.
pub fn table_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("keyward-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
