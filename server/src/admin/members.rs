//! A file that an operator wrote, read member by member: each one that is wrong is named, by its path, and all of them are.

use crate::near::did_you_mean;
use protocol::json;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// JSON in which every name occurs once: of a repeated one, all but the last would silently be left out.
///
/// # Errors
/// What is wrong.
pub fn parse(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() && json::object(text.as_bytes(), text.len()).is_none() {
        return Err("a member occurs twice in one object, or the file is nested too deep".into());
    }
    Ok(value)
}

/// Reads an object, whose type needs no member. `known` are the names of its members.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read<T: DeserializeOwned>(members: &Map<String, Value>, known: &[&str]) -> Result<T, Vec<String>> {
    let mut problems: Vec<String> =
        members.iter().flat_map(|(name, value)| problems_of::<T>(name, value, known)).collect();
    if problems.is_empty() {
        match serde_json::from_value(Value::Object(members.clone())) {
            Ok(entry) => return Ok(entry),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Err(problems)
}

fn problems_of<T: DeserializeOwned>(name: &str, value: &Value, known: &[&str]) -> Vec<String> {
    if name == "client_secret" {
        return vec![
            "a secret does not belong in a file: put it into a variable of the environment, and its name into \
             client_secret_env"
                .into(),
        ];
    }
    if !known.contains(&name) {
        let guess = did_you_mean(name, known.iter().copied());
        let remedy = if guess.is_empty() { ": remove it" } else { &guess };
        return vec![format!("`{name}` is unknown{remedy}")];
    }
    let error = |value: &Value| {
        let alone = Map::from_iter([(name.to_owned(), value.clone())]);
        serde_json::from_value::<T>(Value::Object(alone)).err()
    };
    let Some(whole) = error(value) else { return Vec::new() };
    let items = value.as_array().into_iter().flatten().zip(0..);
    let of_items: Vec<String> = items
        .filter_map(|(item, place): (_, usize)| {
            Some(format!("{name}[{place}]: {}", error(&Value::from(vec![item.clone()]))?))
        })
        .collect();
    if of_items.is_empty() { vec![format!("{name}: {whole}")] } else { of_items }
}
