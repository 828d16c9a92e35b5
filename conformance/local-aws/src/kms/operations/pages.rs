//! Lists come in pages. The marker is the number of entries before the next page.

use super::call::Call;
use crate::kms::refusal::Refusal;
use serde_json::{Value, json};

/// The page that the call asks for, as the answer's member `name`.
pub(super) fn answer(
    call: &Call<'_>,
    name: &str,
    entries: Vec<Value>,
    default_limit: usize,
) -> Result<Value, Refusal> {
    let limit = call.request.optional_number("Limit")?.map(usize::try_from);
    let limit = match limit {
        None => default_limit,
        Some(Ok(limit @ 1..=1000)) => limit,
        Some(_) => {
            return Err(Refusal::invalid("1 validation error detected: Value at 'limit' is not valid"));
        }
    };
    let start = match call.request.optional_text("Marker")? {
        None => 0,
        Some(marker) => marker
            .parse()
            .map_err(|_| Refusal::new("InvalidMarkerException", "Could not deserialize marker"))?,
    };
    let total = entries.len();
    let page: Vec<Value> = entries.into_iter().skip(start).take(limit).collect();
    let end = start.saturating_add(page.len());
    let mut answer = json!({ name: page, "Truncated": end < total });
    if end < total {
        answer["NextMarker"] = end.to_string().into();
    }
    Ok(answer)
}
