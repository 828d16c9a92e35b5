//! Aliases: names of a region that lead to a key.

use super::call::Call;
use super::pages;
use crate::kms::names::alias_arn;
use crate::kms::refusal::Refusal;
use crate::kms::spec::Spec;
use serde_json::{Value, json};

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let name = name(call)?;
    let key = call.key_itself("TargetKeyId")?;
    key.kept()?;
    call.account.create_alias(name, key.id, call.caller)?;
    Ok(Value::Null)
}

pub(super) fn update(call: &Call<'_>) -> Result<Value, Refusal> {
    let name = name(call)?;
    let key = call.key_itself("TargetKeyId")?;
    key.kept()?;
    let former = call.account.target(name, call.caller)?;
    let kind = |spec| spec == Spec::SymmetricDefault;
    let alike = call
        .account
        .get(former)
        .is_none_or(|former| former.usage == key.usage && kind(former.spec) == kind(key.spec));
    if !alike {
        return Err(Refusal::invalid(
            "The current and the new key of an alias must be of the same type and have the same key usage.",
        ));
    }
    call.account.update_alias(name, key.id, call.caller)?;
    Ok(Value::Null)
}

pub(super) fn delete(call: &Call<'_>) -> Result<Value, Refusal> {
    call.account.delete_alias(name(call)?, call.caller)?;
    Ok(Value::Null)
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let only = match call.request.optional_text("KeyId")? {
        Some(_) => Some(call.key_itself("KeyId")?.id),
        None => None,
    };
    let aliases = call.account.aliases(call.caller);
    let entries = aliases.iter().filter(|(_, alias)| only.is_none_or(|id| alias.target == id));
    let entries = entries.map(|(name, alias)| {
        json!({
            "AliasArn": alias_arn(&call.caller.region, name),
            "AliasName": name,
            "CreationDate": alias.created,
            "LastUpdatedDate": alias.updated,
            "TargetKeyId": alias.target.to_string(),
        })
    });
    pages::answer(call, "Aliases", entries.collect(), 50)
}

fn name<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    let name = call.request.text("AliasName")?;
    let Some(own) = name.strip_prefix("alias/") else {
        return Err(Refusal::invalid(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_-".contains(letter);
    if own.is_empty() || own.starts_with("aws/") || !own.chars().all(allowed) {
        return Err(Refusal::new("InvalidAliasNameException", format!("Invalid alias name: {name}")));
    }
    Ok(name)
}
