//! A declaration: clients, groups and users that shall exist, as TOML or JSON.

use crate::admin::metadata::Registration;
use protocol::json;
use protocol::name::Identifier;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What shall exist.
#[derive(Debug, Default)]
pub struct Declaration {
    /// Clients, each with an id.
    pub clients: Vec<DeclaredClient>,
    /// Groups.
    pub groups: Vec<DeclaredGroup>,
    /// Users, without passwords.
    pub users: Vec<DeclaredUser>,
}

/// A group that shall exist.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredGroup {
    /// Its name.
    pub name: String,
}

/// A user that shall exist. What is not named stays as it is, because users change their own profiles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredUser {
    /// The name by which the user is found again.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: Option<bool>,
    /// Claims; others that the user has stay.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// All groups that the user is in.
    pub groups: Option<BTreeSet<String>>,
}

/// A client that shall exist. What is not named has its default, except `disabled`, which stays as it is.
#[derive(Debug, Deserialize)]
pub struct DeclaredClient {
    /// The variable of the environment that has its secret; without it a new client gets a random one.
    pub client_secret_env: Option<String>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
    /// Its metadata.
    #[serde(flatten)]
    pub registration: Registration,
}

impl DeclaredClient {
    /// Its id; empty if it is missing.
    pub fn id(&self) -> &str {
        self.registration.client_id.as_deref().unwrap_or_default()
    }
}

/// Reads a declaration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(text: &str, is_json: bool) -> Result<Declaration, Vec<String>> {
    let parsed: Result<Value, String> =
        if is_json { from_json(text) } else { toml::from_str(text).map_err(|error| error.to_string()) };
    let Value::Object(kinds) = parsed.map_err(|why| vec![why])? else {
        return Err(vec!["the file is not an object: write { \"clients\": [ … ] }".into()]);
    };
    let (mut declaration, mut problems) = (Declaration::default(), Vec::new());
    for (kind, entries) in kinds {
        match (kind.as_str(), entries) {
            ("clients", Value::Array(entries)) => {
                collect(&kind, entries, &mut declaration.clients, &mut problems);
            }
            ("groups", Value::Array(entries)) => {
                collect(&kind, entries, &mut declaration.groups, &mut problems);
            }
            ("users", Value::Array(entries)) => {
                collect(&kind, entries, &mut declaration.users, &mut problems);
            }
            ("clients" | "groups" | "users", _) => {
                problems.push(format!("`{kind}` is not a list: write [[{kind}]] before each entry"))
            }
            _ => problems.push(format!("`{kind}` is unknown: declare clients, groups and users")),
        }
    }
    check_clients(&declaration.clients, &mut problems);
    check_addresses(&declaration.users, &mut problems);
    if problems.is_empty() { Ok(declaration) } else { Err(problems) }
}

/// JSON in which every name occurs once: of a repeated list, all but the last would silently be left out, and pruned.
fn from_json(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() && json::object(text.as_bytes(), text.len()).is_none() {
        return Err("a member occurs twice in one object, or the file is nested too deep".into());
    }
    Ok(value)
}

/// A verified address is a name to sign in with, so it is one user's.
fn check_addresses(users: &[DeclaredUser], problems: &mut Vec<String>) {
    let mut owners = BTreeMap::new();
    for user in users.iter().filter(|user| user.email_verified == Some(true)) {
        let name = &user.username;
        let Some(email) = &user.email else {
            // Else whatever address the user has by then would be verified.
            problems
                .push(format!("user `{name}`: email_verified needs `email`, the address that is verified"));
            continue;
        };
        let other = Identifier::email(email).and_then(|address| owners.insert(address, name));
        if let Some(other) = other {
            problems.push(format!(
                "user `{name}`: user `{other}` has the same verified address, with which only one can sign in"
            ));
        }
    }
}

fn collect<T: serde::de::DeserializeOwned>(
    kind: &str,
    entries: Vec<Value>,
    into: &mut Vec<T>,
    problems: &mut Vec<String>,
) {
    for (place, entry) in (1..).zip(entries) {
        match serde_json::from_value(entry) {
            Ok(entry) => into.push(entry),
            Err(error) => problems.push(format!("{kind}, entry {place}: {error}")),
        }
    }
}

/// Stricter than RFC 7591 §2: a name that is unknown is a mistake here, because nobody reads what was understood.
fn check_clients(clients: &[DeclaredClient], problems: &mut Vec<String>) {
    for (place, client) in (1..).zip(clients) {
        let id = client.id();
        if id.is_empty() {
            problems.push(format!("clients, entry {place}: it has no client_id, by which it is found again"));
        }
        if clients.iter().take(place - 1).any(|other| !id.is_empty() && other.id() == id) {
            problems.push(format!("client `{id}`: it is declared twice"));
        }
        for name in client.registration.ignored.keys() {
            problems.push(match name.as_str() {
                "client_secret" => format!(
                    "client `{id}`: a secret does not belong in a file: put it into a variable of the environment, and its \
                     name into client_secret_env"
                ),
                _ => format!("client `{id}`: `{name}` is unknown: remove it"),
            });
        }
    }
}
