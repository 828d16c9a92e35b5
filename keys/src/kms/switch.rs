//! Switches a KMS key off and on, for an operator who wants to see what a server does then. Nothing else calls this: neither
//! servers nor rotations may.

use super::calls::Lazy;
use super::fault::{Call, failed, unexpected};
use crate::error::SignError;
use aws_sdk_kms::types::KeyState;
use storage::aws::Environment;

/// A KMS key of which an administrator disposes.
pub struct KmsSwitch {
    client: Lazy,
    arn: String,
}

impl KmsSwitch {
    /// The key of an ARN.
    pub fn new(environment: impl Into<Environment>, arn: &str) -> Self {
        Self { client: Lazy::new(environment.into(), [5_000, 5_000, 20_000]), arn: arn.to_owned() }
    }

    /// The key's ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// `DescribeKey`: whether the key is enabled.
    ///
    /// # Errors
    /// What KMS answered.
    pub async fn is_enabled(&self) -> Result<bool, SignError> {
        let call = self.client.get().await?.describe_key().key_id(&self.arn).send();
        let described = call.await.map_err(failed(Call::DescribeKey, &self.arn))?;
        let state = described.key_metadata.and_then(|key| key.key_state);
        let stateless = || unexpected(Call::DescribeKey, "the answer has no state");
        Ok(state.ok_or_else(stateless)? == KeyState::Enabled)
    }

    /// `DisableKey`. It takes effect everywhere some time later.
    ///
    /// # Errors
    /// What KMS answered. If it did not answer, the key may be disabled.
    pub async fn disable(&self) -> Result<(), SignError> {
        let call = self.client.get().await?.disable_key().key_id(&self.arn).send();
        call.await.map(drop).map_err(failed(Call::DisableKey, &self.arn))
    }

    /// `EnableKey`. It takes effect everywhere some time later.
    ///
    /// # Errors
    /// What KMS answered.
    pub async fn enable(&self) -> Result<(), SignError> {
        let call = self.client.get().await?.enable_key().key_id(&self.arn).send();
        call.await.map(drop).map_err(failed(Call::EnableKey, &self.arn))
    }
}
