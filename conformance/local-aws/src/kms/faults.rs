//! Faults that a test asked for, each for one caller.

use super::caller::Caller;
use super::refusal::Refusal;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused: ThrottlingException.
    Throttled,
    /// Refused: KMSInternalException, status 500.
    Internal,
    /// Refused: AccessDeniedException.
    Denied,
    /// Refused: NotFoundException, as of a key that was made just now.
    Missing,
    /// Status 503 without a body, as a front end that doesn't reach KMS answers.
    Unavailable,
    /// Applied, but the connection is closed without an answer.
    Lost,
    /// The connection is closed before anything is applied.
    Dropped,
    /// Applied and answered after this time.
    Slow(Duration),
}

impl Fault {
    /// The refusal that is answered instead of the operation's own answer, if this fault is one.
    pub(crate) fn refusal(self, caller: &Caller, operation: &str) -> Option<Refusal> {
        match self {
            Self::Throttled => Some(Refusal::new(
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
            )),
            Self::Internal => Some(Refusal::internal("An internal error occurred.")),
            Self::Denied => Some(Refusal::denied(format!(
                "User: arn:aws:iam::000000000000:user/{} is not authorized to perform: kms:{operation} on this \
                 resource because no identity-based policy allows the kms:{operation} action",
                caller.access_key
            ))),
            Self::Missing => Some(Refusal::not_found("The key does not exist")),
            Self::Unavailable | Self::Lost | Self::Dropped | Self::Slow(_) => None,
        }
    }
}

/// A fault and the calls it hits.
struct Rule {
    access_key: String,
    /// `*`: any.
    operation: String,
    fault: Fault,
    /// How many calls are still to be hit; `None`: every one until it is cleared.
    left: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    /// Adds the fault that a request to the control describes.
    ///
    /// # Errors
    /// What is wrong with the description.
    pub(crate) fn add(&self, described: &Value) -> Result<(), String> {
        let text = |name: &str| described[name].as_str().ok_or_else(|| format!("`{name}` must be a string"));
        let number = |name: &str| match &described[name] {
            Value::Null => Ok(None),
            value => value.as_u64().map(Some).ok_or_else(|| format!("`{name}` must be a whole number")),
        };
        let fault = match text("kind")? {
            "throttled" => Fault::Throttled,
            "internal" => Fault::Internal,
            "denied" => Fault::Denied,
            "missing" => Fault::Missing,
            "unavailable" => Fault::Unavailable,
            "lost" => Fault::Lost,
            "dropped" => Fault::Dropped,
            "slow" => Fault::Slow(Duration::from_millis(number("millis")?.ok_or("`slow` needs `millis`")?)),
            other => return Err(format!("`{other}` is no kind of fault")),
        };
        let rule = Rule {
            access_key: text("caller")?.to_owned(),
            operation: text("operation")?.to_owned(),
            fault,
            left: number("times")?,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
        Ok(())
    }

    pub(crate) fn clear(&self, access_key: &str) {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| rule.access_key != access_key);
    }

    /// The fault that hits this call: of those that match, the oldest.
    pub(crate) fn next(&self, access_key: &str, operation: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|rule| {
            rule.access_key == access_key
                && (rule.operation == "*" || rule.operation == operation)
                && rule.left != Some(0)
        })?;
        rule.left = rule.left.map(|left| left - 1);
        let fault = rule.fault;
        rules.retain(|rule| rule.left != Some(0));
        Some(fault)
    }
}
