//! The parameters of a call, with the refusals of KMS for those that are missing or too long.

use super::refusal::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(crate) struct Request(Map<String, Value>);

/// An encryption context, in a form that is the same whatever the order of its members was.
pub(crate) struct Context(pub(crate) Vec<u8>);

impl Request {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(parameters)) => Ok(Self(parameters)),
            _ => Err(wrong_type("request")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.optional_text(name)?.ok_or_else(|| missing(name))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.optional(name, Value::as_str)
    }

    pub(crate) fn optional_number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.optional(name, Value::as_u64)
    }

    /// A parameter of 1 to `longest` bytes, which JSON has in Base64.
    pub(crate) fn bytes(&self, name: &str, longest: usize) -> Result<Vec<u8>, Refusal> {
        let bytes = STANDARD.decode(self.text(name)?).map_err(|_| wrong_type(name))?;
        let constraint = match bytes.len() {
            0 => "greater than or equal to 1".to_owned(),
            length if length > longest => format!("less than or equal to {longest}"),
            _ => return Ok(bytes),
        };
        Err(Refusal::invalid(format!(
            "1 validation error detected: Value at '{}' failed to satisfy constraint: Member must have length \
             {constraint}",
            member(name)
        )))
    }

    pub(crate) fn context(&self, name: &str) -> Result<Context, Refusal> {
        let members = self.optional(name, Value::as_object)?.into_iter().flatten();
        let texts = members.map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        let sorted = texts.collect::<Option<BTreeMap<_, _>>>().ok_or_else(|| wrong_type(name))?;
        serde_json::to_vec(&sorted).map(Context).map_err(|_| wrong_type(name))
    }

    pub(crate) fn tags(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let tags = self.optional("Tags", Value::as_array)?.into_iter().flatten();
        let texts = tags.map(|tag| Some((tag["TagKey"].as_str()?.into(), tag["TagValue"].as_str()?.into())));
        texts.collect::<Option<_>>().ok_or_else(|| wrong_type("Tags"))
    }

    /// A dry run changes nothing on AWS, so it must not be taken for the call itself.
    pub(crate) fn refuse_dry_run(&self) -> Result<(), Refusal> {
        match self.optional("DryRun", Value::as_bool)? {
            Some(true) => Err(Refusal::unsupported("this double has no DryRun")),
            _ => Ok(()),
        }
    }

    fn optional<'a, T>(
        &'a self,
        name: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| wrong_type(name)),
        }
    }
}

/// Bytes as JSON has them.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

fn missing(name: &str) -> Refusal {
    Refusal::invalid(format!(
        "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
        member(name)
    ))
}

fn wrong_type(name: &str) -> Refusal {
    Refusal::new("SerializationException", format!("{name} has a wrong type"))
}

/// KMS writes parameters with a small first letter in its messages.
fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
