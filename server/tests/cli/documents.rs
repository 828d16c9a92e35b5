//! What programs get with `--json`: one document a command, whole, in the order of an operator's day. What differs
//! from day to day is masked; everything else is compared.

use super::{begin, keyward_reading, migrated};
use serde_json::{Value, json};
use std::collections::HashMap;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse\n";

/// Members with seconds since the epoch.
const INSTANTS: [&str; 11] = [
    "created_at",
    "client_id_issued_at",
    "client_secret_expires_at",
    "publish_at",
    "signs_from",
    "in_force_by",
    "old_accepted_until",
    "sign_from",
    "retire_at",
    "remove_at",
    "not_before",
];

/// Members that are random by default.
const RANDOM: [&str; 5] = ["id", "sub", "client_id", "client_secret", "kid"];

/// A folder with a store, and what was typed and answered there.
struct Day {
    folder: TempDir,
    told: String,
    masks: HashMap<String, String>,
}

impl Day {
    fn new() -> Self {
        Self { folder: migrated(), told: String::new(), masks: HashMap::new() }
    }

    /// Runs a command with `--json` and notes both.
    fn keyward(&mut self, line: &str) -> Value {
        self.keyward_reading(line, "")
    }

    fn keyward_reading(&mut self, line: &str, stdin: &str) -> Value {
        let arguments: Vec<&str> = line.split_whitespace().chain(["--json"]).collect();
        let ended = keyward_reading(&self.folder, &arguments, stdin);
        let document: Value =
            if ended.out.is_empty() { Value::Null } else { serde_json::from_str(&ended.out).unwrap() };
        let mut masked = document.clone();
        self.mask("", &mut masked);
        let mut line = line.to_owned();
        for (value, mask) in &self.masks {
            line = line.replace(value, mask);
        }
        self.told += &format!("$ keyward {line}\n");
        if !ended.out.is_empty() {
            self.told += &format!("{}\n", serde_json::to_string_pretty(&masked).unwrap());
        }
        if ended.code != 0 {
            let folder = self.folder.path().display().to_string();
            let said = self.masks.iter().fold(ended.err, |said, (value, mask)| said.replace(value, mask));
            self.told += &format!("{}exit {}\n", said.replace(&folder, "."), ended.code);
        }
        document
    }

    /// Replaces random values and times by names; a value that occurs again gets the same name.
    fn mask(&mut self, name: &str, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|item| self.mask(name, item)),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| self.mask(name, value)),
            Value::Number(when) if when.as_u64() > Some(0) && INSTANTS.contains(&name) => {
                *value = format!("<{name}>").into();
            }
            Value::String(text) if RANDOM.contains(&name) && text.len() > 16 => {
                let next =
                    self.masks.values().filter(|mask| mask.starts_with(&format!("<{name} "))).count() + 1;
                let mask = self.masks.entry(text.clone()).or_insert_with(|| format!("<{name} {next}>"));
                *value = mask.clone().into();
            }
            _ => {}
        }
    }

    fn told(&self) -> &str {
        &self.told
    }
}

/// The member of a document that a next command needs.
fn text(document: &Value, member: &str) -> String {
    document[member].as_str().unwrap().to_owned()
}

#[test]
fn clients() {
    let mut day = Day::new();
    let file = day.folder.path().join("client.json");
    let metadata =
        json!({ "client_name": "Nightly", "grant_types": ["client_credentials"], "scope": "read" });
    std::fs::write(file, metadata.to_string()).unwrap();
    day.keyward(
        "client create --id albums --name Albums --redirect-uri https://rp.example/cb --post-logout-redirect-uri \
         https://rp.example/bye --audience https://api.example",
    );
    day.keyward(
        "client create --name App --redirect-uri com.example:/cb --auth-method none --native --id app",
    );
    let nightly = day.keyward("client create --from-json client.json --signing-alg ES256");
    day.keyward("client create --name API --resource https://api.example --id api");
    day.keyward("client create --name Again --id api");
    day.keyward("client update albums --name Photos --scope openid");
    day.keyward("client rotate-secret albums --overlap 1h");
    day.keyward("client rotate-secret albums --overlap 0");
    day.keyward("client rotate-secret app");
    day.keyward("client disable albums");
    day.keyward("client show albums");
    day.keyward("client enable albums");
    day.keyward("client delete app");
    day.keyward(&format!("client delete {}", text(&nightly, "client_id")));
    day.keyward("client list");
    insta::assert_snapshot!(day.told());
}

#[test]
fn users() {
    let mut day = Day::new();
    let file = day.folder.path().join("claims.json");
    std::fs::write(file, json!({ "name": "Alice Adams", "locale": "nl" }).to_string()).unwrap();
    let create = "user create --username alice --email alice@example.com --email-verified --password-stdin";
    day.keyward_reading(&format!("{create} --claims claims.json"), PASSWORD);
    day.keyward("user create --username bob");
    day.keyward("user create --username Alice");
    day.keyward_reading("user set-password bob --password-stdin", "short\n");
    day.keyward_reading("user set-password bob --password-stdin", PASSWORD);
    day.keyward("user show alice@example.com");
    day.keyward("user update alice --username Alicia --email alicia@example.com --claims claims.json");
    day.keyward("user update alice --email-verified");
    day.keyward("user update alicia --email-verified");
    day.keyward("user update alicia@example.com --email-unverified");
    day.keyward("user update alicia --no-email --username alice");
    day.keyward("user update bob --username alice");
    day.keyward("user update bob --username a1ice");
    day.keyward("user update bob --email-verified");
    day.keyward("user update bob");
    day.keyward("user update bob --allow-lookalike");
    day.keyward("user update bob --email b@example.com --no-email");
    day.keyward("user revoke-sessions alice");
    day.keyward("user disable alice");
    day.keyward("user enable alice");
    day.keyward("user delete bob");
    day.keyward("user show bob");
    day.keyward("user list");
    insta::assert_snapshot!(day.told());
}

#[test]
fn groups() {
    let mut day = Day::new();
    day.keyward("group list");
    day.keyward("user create --username alice");
    day.keyward("group create admins");
    day.keyward("group create admins");
    day.keyward("group create a,b");
    day.keyward("user update alice --group admins --group amdins");
    day.keyward("user update alice --group admins");
    day.keyward("user update alice --no-group amdins");
    day.keyward("user update alice --group admins --no-group admins");
    day.keyward("group list");
    day.keyward("group delete admins");
    day.keyward("group delete admins");
    day.keyward("user show alice");
    insta::assert_snapshot!(day.told());
}

#[test]
fn keys() {
    let mut day = Day::new();
    day.keyward("keys list");
    begin(&day.folder);
    let keys = day.keyward("keys list");
    let active = keys.as_array().unwrap().iter().find(|key| key["state"] == "active").unwrap();
    let kid = text(active, "kid");
    day.keyward("keys rotate");
    day.keyward(&format!("keys revoke {kid}"));
    day.keyward("keys revoke nothing");
    insta::assert_snapshot!(day.told());
}

#[test]
fn store_and_settings() {
    let mut day = Day::new();
    day.keyward("storage migrate");
    day.keyward("storage check");
    day.keyward("storage restored");
    begin(&day.folder);
    day.keyward("storage restored");
    day.keyward("config check");
    std::fs::write(
        day.folder.path().join("keyward.toml"),
        "code_ttl = \"30s\"\nclient_ip = \"header:x-real-ip\"\norigin_secret = \"0123456789abcdef0123456789abcdef\"",
    )
    .unwrap();
    day.keyward("config show");
    std::fs::write(day.folder.path().join("keyward.toml"), "code_ttl = \"2h\"").unwrap();
    day.keyward("config show");
    insta::assert_snapshot!(day.told());
}
