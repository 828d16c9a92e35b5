//! Values as attributes, in their serde form: objects as maps and numbers as numbers, so that a record can be read in
//! the AWS console. What can't be understood is an error here, never a default.

use super::fault::Fault;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde_json::{Number, Value};
use std::collections::{BTreeMap, HashMap};

/// The attributes of one item by their names.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Any value as an attribute.
pub(super) fn attribute(value: &(impl Serialize + ?Sized)) -> Result<AttributeValue, Fault> {
    serde_json::to_value(value).map(from_json).map_err(|error| Fault::corrupt(error.to_string()))
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn from_json(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(value) => AttributeValue::N(value.to_string()),
        Value::String(value) => AttributeValue::S(value),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(from_json).collect()),
        Value::Object(fields) => {
            AttributeValue::M(fields.into_iter().map(|(name, value)| (name, from_json(value))).collect())
        }
    }
}

pub(super) fn to_json(attribute: AttributeValue) -> Result<Value, Fault> {
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(value),
        AttributeValue::N(digits) => Value::Number(to_number(&digits)?),
        AttributeValue::S(value) => Value::String(value),
        AttributeValue::L(values) => Value::Array(values.into_iter().map(to_json).collect::<Result<_, _>>()?),
        AttributeValue::M(fields) => object(fields)?,
        _ => {
            return Err(Fault::corrupt("an attribute of a type that this program doesn't write"));
        }
    })
}

/// Sorted by name, so that a record always reads the same: DynamoDB keeps no order.
pub(super) fn object(fields: Item) -> Result<Value, Fault> {
    let sorted: BTreeMap<String, AttributeValue> = fields.into_iter().collect();
    let fields = sorted.into_iter().map(|(name, value)| Ok((name, to_json(value)?)));
    Ok(Value::Object(fields.collect::<Result<_, Fault>>()?))
}

fn to_number(digits: &str) -> Result<Number, Fault> {
    serde_json::from_str(digits).map_err(|_| Fault::corrupt(format!("`{digits}` is not a number")))
}
