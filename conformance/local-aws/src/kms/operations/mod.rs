//! The operations, by subject.

mod aliases;
mod call;
mod data_keys;
mod encryption;
mod life;
mod pages;
mod signing;
mod tags;

use super::account::Account;
use super::caller::Caller;
use super::refusal::Refusal;
use super::request::Request;
use call::Call;
use serde_json::Value;

/// Performs a call; null: the operation has no output.
pub(crate) fn perform(
    account: &Account,
    caller: &Caller,
    operation: &str,
    request: &Request,
) -> Result<Value, Refusal> {
    request.refuse_dry_run()?;
    let call = Call { account, caller, operation, request };
    match operation {
        "CreateKey" => life::create(&call),
        "DescribeKey" => life::describe(&call),
        "ListKeys" => life::list(&call),
        "EnableKey" => life::enable(&call),
        "DisableKey" => life::disable(&call),
        "ScheduleKeyDeletion" => life::schedule_deletion(&call),
        "CancelKeyDeletion" => life::cancel_deletion(&call),
        "TagResource" => tags::tag(&call),
        "ListResourceTags" => tags::list(&call),
        "CreateAlias" => aliases::create(&call),
        "UpdateAlias" => aliases::update(&call),
        "DeleteAlias" => aliases::delete(&call),
        "ListAliases" => aliases::list(&call),
        "Encrypt" => encryption::encrypt(&call),
        "Decrypt" => encryption::decrypt(&call),
        "ReEncrypt" => encryption::re_encrypt(&call),
        "GenerateDataKey" => data_keys::generate(&call),
        "GenerateDataKeyWithoutPlaintext" => data_keys::generate_without_plaintext(&call),
        "GenerateDataKeyPairWithoutPlaintext" => data_keys::generate_pair_without_plaintext(&call),
        "GetPublicKey" => signing::public_key(&call),
        "Sign" => signing::sign(&call),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    }
}
