//! An answer as text for snapshots: status, headers and body, without what differs from run to run. Tokens are replaced
//! by their header and claims.

use crate::answer::{Answer, claims, header};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Headers that differ by run or by harness.
const VOLATILE: [&str; 4] = ["date", "content-length", "x-request-id", "connection"];

impl Answer {
    /// The text.
    pub fn shown(&self) -> String {
        let mut text = format!("{}\n", self.status);
        let mut headers: Vec<_> =
            self.headers.iter().filter(|(name, _)| !VOLATILE.contains(&name.as_str())).collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        for (name, value) in headers {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(mut body) => {
                unfold(&mut body);
                writeln!(text, "\n{}", serde_json::to_string_pretty(&body).unwrap()).unwrap();
            }
            Err(_) => writeln!(text, "\n{}", String::from_utf8_lossy(&self.body)).unwrap(),
        }
        text
    }
}

/// Replaces tokens by their header and claims. Keys and signatures are never the same twice.
fn unfold(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(unfold),
        Value::String(token) if token.starts_with("eyJ") => {
            let (mut header, mut claims) = (header(token), claims(token));
            header["kid"] = json!("(kid)");
            if claims.get("at_hash").is_some() {
                claims["at_hash"] = json!("(hash)");
            }
            *value = json!({ "(header)": header, "(claims)": claims });
        }
        _ => {}
    }
}

/// Compares with the snapshot of this name, which is the same for every harness.
#[macro_export]
macro_rules! assert_answer {
    ($name:literal, $answer:expr) => {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
            insta::assert_snapshot!($name, $answer.shown());
        })
    };
}
