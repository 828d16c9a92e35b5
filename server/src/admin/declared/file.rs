//! A declaration: clients, groups and users that shall exist, as TOML or JSON.

use crate::admin::members;
use crate::admin::metadata::{NAMES, Registration};
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
    /// What is wrong with the form of other entries.
    pub problems: Vec<String>,
}

/// A group that shall exist.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeclaredGroup {
    /// Its name.
    pub name: String,
}

/// A user that shall exist. What is not named stays as it is, because users change their own profiles.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeclaredUser {
    /// The name by which the user is found again.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: Option<bool>,
    /// Claims; others that the user has stay.
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

/// Reads a declaration. Entries that are wrong in form are left out, and named in `problems`.
///
/// # Errors
/// Why it is no declaration at all.
pub fn read(text: &str, is_json: bool) -> Result<Declaration, String> {
    let parsed: Result<Value, String> =
        if is_json { members::parse(text) } else { toml::from_str(text).map_err(|error| error.to_string()) };
    let Value::Object(kinds) = parsed? else {
        return Err("the file is not an object: write { \"clients\": [ … ] }".into());
    };
    let mut declaration = Declaration::default();
    let Declaration { clients, groups, users, problems } = &mut declaration;
    for (kind, entries) in kinds {
        match (kind.as_str(), entries) {
            ("clients", Value::Array(entries)) => {
                let known = [&NAMES[..], &["client_secret_env", "disabled"]].concat();
                collect("client", ("client_id", &known), entries, clients, problems);
            }
            ("groups", Value::Array(entries)) => {
                // Users may be in those whose entries are wrong, too.
                let names: Vec<_> = entries
                    .iter()
                    .filter_map(|entry| entry.get("name")?.as_str().map(str::to_owned))
                    .collect();
                collect("group", ("name", &["name"]), entries, groups, problems);
                *groups = names.into_iter().map(|name| DeclaredGroup { name }).collect();
            }
            ("users", Value::Array(entries)) => {
                let known = ["username", "email", "email_verified", "claims", "groups"];
                collect("user", ("username", &known), entries, users, problems);
            }
            ("clients" | "groups" | "users", _) => {
                problems.push(format!("`{kind}` is not a list: write [[{kind}]] before each entry"))
            }
            _ => problems.push(format!("`{kind}` is unknown: declare clients, groups and users")),
        }
    }
    check_twice(clients, problems);
    check_addresses(users, problems);
    Ok(declaration)
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

/// Reads the entries of one kind. `name` is the member by which each is found again, `known` are all members.
///
/// Stricter than RFC 7591 §2: a name that is unknown is a mistake here, because nobody reads what was understood.
fn collect<T: serde::de::DeserializeOwned>(
    kind: &str,
    (name, known): (&str, &[&str]),
    entries: Vec<Value>,
    into: &mut Vec<T>,
    problems: &mut Vec<String>,
) {
    for (place, entry) in (1..).zip(entries) {
        let place = format!("{kind}s, entry {place}");
        let Value::Object(entry) = entry else {
            problems.push(format!("{place}: it has no members: write {name} and the others"));
            continue;
        };
        let own = entry.get(name).and_then(Value::as_str).filter(|own| !own.is_empty());
        let is_named = entry.contains_key(name);
        if !is_named {
            problems.push(format!("{place}: it has no {name}, by which it is found again"));
        }
        let label = own.map_or(place, |own| format!("{kind} `{own}`"));
        match members::read(&entry, known) {
            Ok(one) => into.extend(Some(one).filter(|_| is_named)),
            Err(all) => problems.extend(all.into_iter().map(|problem| format!("{label}: {problem}"))),
        }
    }
}

fn check_twice(clients: &[DeclaredClient], problems: &mut Vec<String>) {
    let mut ids = BTreeSet::new();
    let twice = clients.iter().filter(|client| !client.id().is_empty() && !ids.insert(client.id()));
    problems.extend(twice.map(|client| format!("client `{}`: it is declared twice", client.id())));
}
