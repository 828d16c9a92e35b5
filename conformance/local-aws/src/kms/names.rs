//! The four ways to name a key: key id, key ARN, alias name, alias ARN.

use super::caller::Caller;
use super::refusal::Refusal;
use uuid::Uuid;

/// The account that all keys are in.
pub(crate) const ACCOUNT: &str = "000000000000";

/// A name of the caller's account and region.
pub(crate) enum Name {
    Key(Uuid),
    /// With its prefix, as `alias/keyward`.
    Alias(String),
}

pub(crate) fn key_arn(region: &str, id: Uuid) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}")
}

pub(crate) fn alias_arn(region: &str, name: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:{name}")
}

impl Name {
    pub(crate) fn read(given: &str, caller: &Caller, operation: &str) -> Result<Self, Refusal> {
        if given.starts_with("alias/") {
            return Ok(Self::Alias(given.to_owned()));
        }
        let Some(arn) = given.strip_prefix("arn:") else {
            return id(given).map(Self::Key);
        };
        let parts: Vec<&str> = arn.splitn(5, ':').collect();
        let &["aws", "kms", region, account, resource] = parts.as_slice() else {
            return Err(Refusal::not_found(format!("Invalid arn {given}")));
        };
        if region != caller.region {
            return Err(Refusal::not_found(format!("Invalid arn {region}")));
        }
        if account != ACCOUNT {
            return Err(not_ours(caller, operation, "this resource"));
        }
        match resource.strip_prefix("key/") {
            Some(named) => id(named).map(Self::Key),
            None if resource.starts_with("alias/") => Ok(Self::Alias(resource.to_owned())),
            None => Err(Refusal::not_found(format!("Invalid arn {given}"))),
        }
    }
}

/// What AWS answers about a key of another account, or one that a blob names and this region doesn't have.
pub(crate) fn not_ours(caller: &Caller, operation: &str, what: &str) -> Refusal {
    Refusal::denied(format!(
        "User: arn:aws:iam::{ACCOUNT}:user/{} is not authorized to perform: kms:{operation} on {what} because the \
         resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy \
         explicitly denies access",
        caller.access_key
    ))
}

fn id(given: &str) -> Result<Uuid, Refusal> {
    let read = Uuid::try_parse(given).ok().filter(|id| id.to_string() == given);
    read.ok_or_else(|| Refusal::not_found(format!("Invalid keyId '{given}'")))
}
