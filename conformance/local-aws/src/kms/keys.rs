//! A key: what never changes about it, its state, and when that allows its use.

use super::material::Material;
use super::names::{ACCOUNT, key_arn};
use super::refusal::Refusal;
use super::spec::{Spec, Usage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub(crate) struct Key {
    pub(crate) id: Uuid,
    pub(crate) region: String,
    pub(crate) spec: Spec,
    pub(crate) usage: Usage,
    pub(crate) description: String,
    pub(crate) material: Material,
    pub(crate) created: f64,
    pub(crate) changing: Mutex<Changing>,
}

/// What operations change about a key.
pub(crate) struct Changing {
    pub(crate) state: State,
    pub(crate) tags: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    Enabled,
    Disabled,
    /// With the time of the deletion, in seconds since 1970.
    PendingDeletion(f64),
}

impl Key {
    pub(crate) fn arn(&self) -> String {
        key_arn(&self.region, self.id)
    }

    pub(crate) fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a key whose state doesn't allow cryptography.
    pub(crate) fn usable(&self) -> Result<(), Refusal> {
        match self.changing().state {
            State::Enabled => Ok(()),
            State::Disabled => Err(Refusal::new("DisabledException", format!("{} is disabled.", self.arn()))),
            State::PendingDeletion(_) => Err(self.pending_deletion()),
        }
    }

    /// Refuses a key that is about to be deleted.
    pub(crate) fn kept(&self) -> Result<(), Refusal> {
        match self.changing().state {
            State::Enabled | State::Disabled => Ok(()),
            State::PendingDeletion(_) => Err(self.pending_deletion()),
        }
    }

    /// Refuses a key that can't be used by this operation: its state, then its usage.
    pub(crate) fn usable_for(&self, usage: Usage, operation: &str) -> Result<(), Refusal> {
        self.usable()?;
        if self.usage == usage {
            return Ok(());
        }
        Err(Refusal::usage(format!(
            "{} key usage is {} which is not valid for {operation}.",
            self.arn(),
            self.usage.name()
        )))
    }

    /// What KMS answers when an algorithm is for another kind of key.
    pub(crate) fn incompatible(&self, algorithm: &str) -> Refusal {
        Refusal::usage(format!("Algorithm {algorithm} is incompatible with key spec {}.", self.spec.name()))
    }

    /// The answer to DescribeKey.
    pub(crate) fn metadata(&self) -> Value {
        let state = self.changing().state;
        let mut metadata = json!({
            "AWSAccountId": ACCOUNT,
            "Arn": self.arn(),
            "CreationDate": self.created,
            "CustomerMasterKeySpec": self.spec.name(),
            "Description": self.description,
            "Enabled": state == State::Enabled,
            "KeyId": self.id.to_string(),
            "KeyManager": "CUSTOMER",
            "KeySpec": self.spec.name(),
            "KeyState": state.name(),
            "KeyUsage": self.usage.name(),
            "MultiRegion": false,
            "Origin": "AWS_KMS",
        });
        if let State::PendingDeletion(date) = state {
            metadata["DeletionDate"] = date.into();
        }
        self.name_algorithms(&mut metadata);
        metadata
    }

    /// Adds the algorithms that this key is for.
    pub(crate) fn name_algorithms(&self, answer: &mut Value) {
        match self.usage {
            Usage::EncryptDecrypt => {
                answer["EncryptionAlgorithms"] = self.spec.encryption_algorithms().into();
            }
            Usage::SignVerify => answer["SigningAlgorithms"] = self.spec.signing_algorithms().into(),
        }
    }

    fn pending_deletion(&self) -> Refusal {
        Refusal::state(format!("{} is pending deletion.", self.arn()))
    }
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion(_) => "PendingDeletion",
        }
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "dates that KMS shows; nothing depends on them")]
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
