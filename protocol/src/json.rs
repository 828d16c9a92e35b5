//! Strict JSON (RFC 8259) for input from outside: one object, every name once, bounded in size and depth.
//!
//! Most parsers accept a duplicate name and use its last value, so two parsers may read one text differently. Here such
//! a text is refused, at every level. Numbers keep their kind: `1` is an integer, `1.0` is not.

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 32;

/// Parses one object of at most `cap` bytes; `None` for anything else.
pub fn object(text: &[u8], cap: usize) -> Option<Map<String, Value>> {
    if text.len() > cap {
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Parses one object of at most `cap` bytes into a struct of ours.
pub fn typed<T: DeserializeOwned>(text: &[u8], cap: usize) -> Option<T> {
    serde_json::from_value(Value::Object(object(text, cap)?)).ok()
}

/// Builds a value and counts its depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("nested too deep"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        // As many as most headers and claims have.
        let mut map = Map::with_capacity(members.size_hint().unwrap_or(8));
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_of_unique_names() {
        let map =
            object(br#" {"a":1,"b":[{"a":1},{"a":-2}],"c":null,"d":"x","e":1.5,"f":true} "#, 100).unwrap();
        assert_eq!(map["b"][1]["a"], -2);
        assert!(map["e"].is_f64());
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"[{"a":1,"a":2}]"#,
            "[]",
            "1",
            "",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            r#"{"a":1e999}"#,
            r#"{"a":NaN}"#,
            r#"{a:1}"#,
        ] {
            assert_eq!(object(text.as_bytes(), 1000), None, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}", 1000), None);
    }

    #[test]
    fn size_and_depth_are_bounded() {
        assert!(object(b"{}", 2).is_some());
        assert!(object(b"{} ", 2).is_none());
        let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(object(nested(MAX_DEPTH).as_bytes(), 1000).is_some());
        assert!(object(nested(MAX_DEPTH + 1).as_bytes(), 1000).is_none());
        let list = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(list(MAX_DEPTH - 1).as_bytes(), 1000).is_some());
        assert!(object(list(MAX_DEPTH).as_bytes(), 1000).is_none());
        assert!(object(list(100_000).as_bytes(), 1_000_000).is_none());
    }
}
