//! A key's life: created, disabled, enabled, pending deletion.

use super::call::Call;
use super::pages;
use crate::kms::keys::{Changing, Key, State, now};
use crate::kms::material::Material;
use crate::kms::refusal::Refusal;
use crate::kms::spec::{Spec, Usage};
use serde_json::{Value, json};
use std::sync::Mutex;
use uuid::Uuid;

pub(super) fn create(call: &Call<'_>) -> Result<Value, Refusal> {
    let spec = call.request.optional_text("KeySpec")?.map(|value| Spec::read(value, "keySpec"));
    let spec = spec.transpose()?.unwrap_or(Spec::SymmetricDefault);
    let usage = match call.request.optional_text("KeyUsage")? {
        Some(value) => Usage::read(value)?,
        None if spec == Spec::SymmetricDefault => Usage::EncryptDecrypt,
        None => {
            return Err(Refusal::invalid(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            ));
        }
    };
    if !spec.allows(usage) {
        return Err(Refusal::invalid(format!(
            "KeyUsage {} is not compatible with KeySpec {}",
            usage.name(),
            spec.name()
        )));
    }
    let description = call.request.optional_text("Description")?.unwrap_or_default().to_owned();
    let changing = Mutex::new(Changing { state: State::Enabled, tags: call.request.tags()? });
    let key = call.account.add(Key {
        id: Uuid::new_v4(),
        region: call.caller.region.clone(),
        spec,
        usage,
        description,
        material: Material::generate(spec)?,
        created: now(),
        changing,
    });
    Ok(json!({ "KeyMetadata": key.metadata() }))
}

pub(super) fn describe(call: &Call<'_>) -> Result<Value, Refusal> {
    Ok(json!({ "KeyMetadata": call.key("KeyId")?.metadata() }))
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let keys = call.account.keys(call.caller);
    let entries = keys.iter().map(|key| json!({ "KeyArn": key.arn(), "KeyId": key.id.to_string() }));
    pages::answer(call, "Keys", entries.collect(), 100)
}

pub(super) fn enable(call: &Call<'_>) -> Result<Value, Refusal> {
    set(call, State::Enabled)
}

pub(super) fn disable(call: &Call<'_>) -> Result<Value, Refusal> {
    set(call, State::Disabled)
}

/// The key stays pending: this double deletes none.
pub(super) fn schedule_deletion(call: &Call<'_>) -> Result<Value, Refusal> {
    let days = call.request.optional_number("PendingWindowInDays")?.unwrap_or(30);
    let days = u32::try_from(days).ok().filter(|days| (7..=30).contains(days)).ok_or_else(|| {
        Refusal::invalid(format!(
            "1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: \
             Member must have value between 7 and 30"
        ))
    })?;
    let key = call.key_itself("KeyId")?;
    key.kept()?;
    let state = State::PendingDeletion(now() + f64::from(days) * 86_400.0);
    key.changing().state = state;
    Ok(json!({
        "DeletionDate": key.metadata()["DeletionDate"],
        "KeyId": key.arn(),
        "KeyState": state.name(),
        "PendingWindowInDays": days,
    }))
}

/// The key is disabled afterwards, as KMS leaves it.
pub(super) fn cancel_deletion(call: &Call<'_>) -> Result<Value, Refusal> {
    let key = call.key_itself("KeyId")?;
    if key.kept().is_ok() {
        return Err(Refusal::state(format!("{} is not pending deletion.", key.arn())));
    }
    key.changing().state = State::Disabled;
    Ok(json!({ "KeyId": key.arn() }))
}

fn set(call: &Call<'_>, state: State) -> Result<Value, Refusal> {
    let key = call.key_itself("KeyId")?;
    key.kept()?;
    key.changing().state = state;
    Ok(Value::Null)
}
