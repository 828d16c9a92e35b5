//! What changes, as it is shown: which record, and its members before and after.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What happens to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Create,
    /// It differs.
    Update,
    /// It is no longer declared.
    Delete,
}

/// A member before and after; `null`: it has no value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The value that is stored.
    pub before: Value,
    /// The value that is declared.
    pub after: Value,
}

/// A record that changes.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// What happens to it.
    pub action: Action,
    /// `client`, `group` or `user`.
    pub kind: &'static str,
    /// Its id or name.
    pub id: String,
    /// Its members that differ.
    pub fields: BTreeMap<String, Difference>,
    /// A secret that was made for it, which is shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Whether it was carried out.
    pub done: bool,
}

impl Change {
    /// Of a record whose members were `before` and are to be `after`; `None` if nothing changes.
    pub(super) fn between(
        kind: &'static str,
        id: &str,
        before: Option<&Map<String, Value>>,
        after: Option<&Map<String, Value>>,
    ) -> Option<Self> {
        let action = match (before, after) {
            (None, Some(_)) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (Some(_), None) => Action::Delete,
            (None, None) => return None,
        };
        // What a record has by default is worth a line only if it differs from something.
        let whole = action == Action::Update;
        let value = |members: Option<&Map<String, Value>>, name: &str| {
            let value = members.and_then(|members| members.get(name));
            value.filter(|value| whole || has_value(value)).cloned()
        };
        let names = before.into_iter().chain(after).flat_map(Map::keys);
        let fields: BTreeMap<_, _> = names
            .map(|name| {
                let [before, after] = [before, after].map(|members| value(members, name).unwrap_or_default());
                (name.clone(), Difference { before, after })
            })
            .filter(|(_, difference)| difference.before != difference.after)
            .collect();
        let differs = action != Action::Update || !fields.is_empty();
        let id = id.to_owned();
        differs.then_some(Self { action, kind, id, fields, client_secret: None, done: false })
    }
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}
