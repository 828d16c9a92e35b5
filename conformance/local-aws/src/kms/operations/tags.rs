//! Tags of keys.

use super::call::Call;
use super::pages;
use crate::kms::refusal::Refusal;
use serde_json::{Value, json};

pub(super) fn tag(call: &Call<'_>) -> Result<Value, Refusal> {
    let tags = call.request.tags()?;
    let key = call.key_itself("KeyId")?;
    key.kept()?;
    key.changing().tags.extend(tags);
    Ok(Value::Null)
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Refusal> {
    let key = call.key_itself("KeyId")?;
    let changing = key.changing();
    let entries = changing.tags.iter().map(|(name, value)| json!({ "TagKey": name, "TagValue": value }));
    pages::answer(call, "Tags", entries.collect(), 50)
}
