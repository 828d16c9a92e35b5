//! The plans of the OpenID Foundation's conformance suite that Keyward passes: their modules, the clients and the user
//! they need, the automation of the suite's browser, and which modules are skipped and why. They are read from the
//! files of `conformance/plans`. `seed` registers the clients and the user, `oidf` runs the plans, and our own tests
//! of the same rules (`conformance/tests/oidc`) use the same clients and user.
//!
//! What differs from run to run is in the files as `{issuer}`, `{suite}`, `{alias}`, `{username}` and
//! `{password}`.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const FILES: [(&str, &str); 4] = [
    ("config", include_str!("../plans/config.json")),
    ("basic", include_str!("../plans/basic.json")),
    ("form-post", include_str!("../plans/form-post.json")),
    ("logout", include_str!("../plans/logout.json")),
];

const BROWSER: &str = include_str!("../plans/browser.json");
const PERSON: &str = include_str!("../plans/alice.json");

/// A plan.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What we call it: the name of its file.
    #[serde(skip)]
    pub name: &'static str,
    /// What the suite calls it.
    pub plan: String,
    /// The certification profile.
    pub profile: String,
    /// The suite's variant.
    pub variant: Map<String, Value>,
    /// The modules, in the suite's order.
    pub modules: Vec<String>,
    /// Metadata (RFC 7591) of the clients, by their names in the suite's configuration.
    clients: BTreeMap<String, Value>,
    /// Modules that end as skipped, each with its reason. Every other one passes.
    pub skips: BTreeMap<String, String>,
}

/// The user who signs in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The user name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Every standard claim (OIDC Core §5.1) that the server doesn't set itself.
    pub claims: Map<String, Value>,
}

/// A client of a plan as the suite knows it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// Where a run takes place.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Keyward's issuer.
    pub issuer: &'a str,
    /// The suite's base URL, as it names itself, without a slash at its end.
    pub suite: &'a str,
    /// The user's password.
    pub password: &'a str,
}

/// All plans, in the order they are run.
pub fn all() -> Vec<Plan> {
    let read = |(name, text)| Plan { name, ..serde_json::from_str(text).unwrap() };
    FILES.into_iter().map(read).collect()
}

/// The plan of this name.
pub fn find(name: &str) -> Option<Plan> {
    all().into_iter().find(|plan| plan.name == name)
}

/// The user who signs in.
pub fn person() -> Person {
    serde_json::from_str(PERSON).unwrap()
}

impl Plan {
    /// Part of the suite's redirect URIs. Each plan has its own, so that plans don't disturb each other.
    pub fn alias(&self) -> String {
        format!("keyward-{}", self.name)
    }

    /// The metadata to register its clients with, by their names in the suite's configuration.
    pub fn clients(&self, suite: &str) -> BTreeMap<String, Value> {
        let alias = self.alias();
        let places = [("suite", suite), ("alias", alias.as_str())];
        self.clients.iter().map(|(name, metadata)| (name.clone(), fill(metadata, &places))).collect()
    }

    /// The id of a client.
    pub fn client_id(&self, name: &str) -> String {
        format!("oidf-{}-{}", self.name, name.replace('_', "-"))
    }

    /// The configuration for the suite.
    pub fn configuration(&self, place: Place<'_>, clients: &BTreeMap<String, Credentials>) -> Value {
        let mut configuration = json!({
            "description": format!("Keyward, {}", self.profile),
            "server": { "discoveryUrl": format!("{}/.well-known/openid-configuration", place.issuer) },
        });
        if clients.is_empty() {
            return configuration;
        }
        configuration["alias"] = self.alias().into();
        for (name, client) in clients {
            configuration[name] = json!({ "client_id": client.id, "client_secret": client.secret });
        }
        let username = person().username;
        let places = [("issuer", place.issuer), ("username", &username), ("password", place.password)];
        let browser: Value = serde_json::from_str(BROWSER).unwrap();
        for (name, part) in browser.as_object().unwrap() {
            configuration[name] = fill(part, &places);
        }
        let overrides = configuration["override"].as_object_mut().unwrap();
        overrides.retain(|module, _| self.modules.contains(module));
        configuration
    }
}

/// A copy with every `{name}` in its texts replaced.
fn fill(value: &Value, places: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let put =
                |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
            places.iter().fold(text.clone(), put).into()
        }
        Value::Array(items) => items.iter().map(|item| fill(item, places)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), fill(member, places))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::claims::standard;
    use protocol::user::check_claims;

    #[test]
    fn the_profiles_have_as_many_modules_as_the_suite() {
        let counts: Vec<_> = all().into_iter().map(|plan| (plan.profile, plan.modules.len())).collect();
        let wanted = [("Config OP", 1), ("Basic OP", 35), ("Form Post OP", 35), ("RP-Initiated OP", 11)];
        assert_eq!(counts, wanted.map(|(profile, count)| (profile.to_owned(), count)));
    }

    #[test]
    fn what_is_skipped_is_a_module_and_has_a_reason() {
        for plan in all() {
            for (module, reason) in &plan.skips {
                assert!(plan.modules.contains(module) && reason.len() > 20, "{module}: {reason}");
            }
        }
    }

    #[test]
    fn the_user_has_every_standard_claim() {
        let person = person();
        assert_eq!(check_claims(&person.claims), Ok(()));
        let missing: Vec<_> = standard::all().filter(|claim| !person.claims.contains_key(*claim)).collect();
        assert_eq!(missing, ["updated_at", "email", "email_verified"], "the record's own");
        assert_eq!(standard::all().count(), 19);
    }

    #[test]
    fn a_configuration_has_nothing_left_to_fill_in() {
        let place = Place { issuer: "https://op", suite: "https://suite", password: "pw" };
        let mut automated = Vec::new();
        for plan in all() {
            let registered = plan.clients(place.suite);
            let credentials = |name: &String| Credentials { id: plan.client_id(name), secret: "s".into() };
            let clients: BTreeMap<_, _> =
                registered.keys().map(|name| (name.clone(), credentials(name))).collect();
            let configuration = plan.configuration(place, &clients);
            let both = format!("{configuration}{}", json!(registered));
            for name in ["issuer", "suite", "alias", "username", "password"] {
                assert!(!both.contains(&format!("{{{name}}}")), "{name} in {both}");
            }
            for (_, client) in registered {
                let uri = format!("https://suite/test/a/{}/callback", plan.alias());
                assert_eq!(client["redirect_uris"], json!([uri]));
            }
            if let Some(overrides) = configuration["override"].as_object() {
                automated.extend(overrides.keys().cloned());
            }
        }
        let browser: Value = serde_json::from_str(BROWSER).unwrap();
        for module in browser["override"].as_object().unwrap().keys() {
            assert!(automated.contains(module), "{module} is in no plan");
        }
    }
}
