//! The claims that there are about users, and the scope that gives each: the standard ones, the groups, and those that
//! the settings declare.

use super::custom::{self, BadClaims};
use super::standard;
use crate::client::Client;
use crate::grant::{Grant, RequestedClaims};
use crate::group::GroupName;
use crate::scope::Scope;
use crate::user::{User, check_claims};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The scope that gives the claim with the user's groups.
pub const GROUPS: &str = "groups";

/// The most claims that settings may declare.
const MOST_DECLARED: usize = 32;

/// All claims about users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    groups: Box<str>,
    declared: BTreeMap<String, Declared>,
}

/// A claim that settings declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    scope: Box<str>,
    source: Source,
}

/// Where the value of a declared claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The claims in the user's record.
    User,
    /// The user's groups, by their names.
    Groups,
    /// What each of the user's groups stands for.
    MappedGroups(BTreeMap<String, Vec<String>>),
}

/// Why a user's claims can't be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadUserClaims {
    /// A standard claim that has the wrong type, or is kept in a field of its own.
    Standard(String),
    /// A claim that is neither standard nor declared nor named by an https URI.
    Unknown(String),
    /// A claim whose value follows from the user's groups.
    Derived(String),
    /// A claim of one's own.
    Custom(BadClaims),
}

impl Default for Catalog {
    fn default() -> Self {
        Self { groups: GROUPS.into(), declared: BTreeMap::new() }
    }
}

impl Catalog {
    /// The catalog of a server whose claim with groups has this name.
    ///
    /// # Errors
    /// What is wrong and how to fix it, if that claim is declared, too.
    pub fn new(groups: &str, declared: BTreeMap<String, Declared>) -> Result<Self, String> {
        if declared.contains_key(groups) {
            return Err(format!(
                "`{groups}` is the claim with the user's groups: leave it out, or rename that one"
            ));
        }
        Ok(Self { groups: groups.into(), declared })
    }

    /// The name of the claim with the user's groups.
    pub fn groups(&self) -> &str {
        &self.groups
    }

    /// The scope that gives a claim; `None` for a claim that no scope gives.
    pub fn scope_of(&self, claim: &str) -> Option<&str> {
        if *claim == *self.groups {
            return Some(GROUPS);
        }
        standard::scope_of(claim).or_else(|| self.declared.get(claim).map(|declared| &*declared.scope))
    }

    /// Whether users can have this claim.
    pub fn is_known(&self, claim: &str) -> bool {
        self.scope_of(claim).is_some() || is_namespaced(claim)
    }

    /// All claims that a scope gives.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        standard::all()
            .map(|name| -> &str { name })
            .chain([&*self.groups])
            .chain(self.declared.keys().map(String::as_str))
    }

    /// The scopes that give claims; a declared one may be among the others already.
    pub fn scopes(&self) -> Scope {
        let declared = self.declared.values().map(|declared| &*declared.scope);
        standard::scopes().map(|name| -> &str { name }).chain([GROUPS]).chain(declared).collect()
    }

    /// The answer of `/userinfo` (OIDC Core §5.3.2): `sub`, the claims that the token's scope gives, and those requested by
    /// name that the client may still have.
    pub fn userinfo(
        &self,
        user: &User,
        scope: &Scope,
        requested: &RequestedClaims,
        client: &Client,
    ) -> Map<String, Value> {
        let names = self.given_by(scope).chain(self.allowed(&requested.userinfo, client));
        let mut answer = Map::from_iter([("sub".to_owned(), user.subject.as_str().into())]);
        answer.extend(self.values(user, names));
        answer
    }

    /// The claims about the user of an ID token: those requested by name, and those chosen for the client.
    pub fn of_id_token(&self, user: &User, grant: &Grant, client: &Client) -> Map<String, Value> {
        let chosen = self.chosen(&client.tokens.id_token_claims, &grant.scope);
        self.values(user, self.allowed(&grant.claims.id_token, client).chain(chosen))
    }

    /// The claims requested by name that the client may still request.
    fn allowed<'a>(&self, names: &'a [String], client: &Client) -> impl Iterator<Item = &'a str> {
        let may = |name: &&str| self.scope_of(name).is_some_and(|scope| client.scope.contains(scope));
        names.iter().map(String::as_str).filter(may)
    }

    /// The claims that a scope gives.
    fn given_by(&self, scope: &Scope) -> impl Iterator<Item = &str> {
        self.names().filter(|name| self.scope_of(name).is_some_and(|of| scope.contains(of)))
    }

    /// Those of the claims that an operator chose for a client's tokens that this scope gives, and those that no scope
    /// could give.
    pub(super) fn chosen<'a>(&self, names: &'a [String], scope: &Scope) -> impl Iterator<Item = &'a str> {
        let given = |name: &&str| self.scope_of(name).is_none_or(|of| scope.contains(of));
        names.iter().map(String::as_str).filter(given)
    }

    /// The values a user has for claims; a claim without a value is omitted (OIDC Core §5.3.2).
    pub(super) fn values<'a>(&self, user: &User, names: impl Iterator<Item = &'a str>) -> Map<String, Value> {
        names.filter_map(|name| Some((name.to_owned(), self.value(user, name)?))).collect()
    }

    fn value(&self, user: &User, name: &str) -> Option<Value> {
        let filled = |names: BTreeSet<&str>| (!names.is_empty()).then(|| json!(names));
        let groups = || user.groups.iter().map(GroupName::as_str);
        if *name == *self.groups {
            return filled(groups().collect());
        }
        match self.declared.get(name).map(|declared| &declared.source) {
            Some(Source::Groups) => filled(groups().collect()),
            Some(Source::MappedGroups(map)) => {
                filled(groups().filter_map(|group| map.get(group)).flatten().map(String::as_str).collect())
            }
            Some(Source::User) => user.claims.get(name).cloned(),
            None if is_namespaced(name) => user.claims.get(name).cloned(),
            None => standard::value(user, name),
        }
    }

    /// Checks claims before they are stored in a user's record.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, claims: &Map<String, Value>) -> Result<(), BadUserClaims> {
        let is_own = |name: &str| self.declared.contains_key(name) || is_namespaced(name);
        let (own, standard): (Map<_, _>, Map<_, _>) =
            claims.clone().into_iter().partition(|(name, _)| is_own(name) && *name != *self.groups);
        check_claims(&standard).map_err(|name| match standard::scope_of(&name) {
            Some(_) => BadUserClaims::Standard(name),
            None if *name == *self.groups => BadUserClaims::Derived(name),
            None => BadUserClaims::Unknown(name),
        })?;
        let is_derived =
            |name: &&String| self.declared.get(*name).is_some_and(|it| it.source != Source::User);
        if let Some(name) = own.keys().find(is_derived) {
            return Err(BadUserClaims::Derived(name.clone()));
        }
        custom::check(&own).map_err(BadUserClaims::Custom)
    }
}

impl BadUserClaims {
    /// One sentence: what is wrong and how to fix it.
    pub fn message(&self) -> String {
        match self {
            Self::Standard(name) => format!(
                "the claim `{name}` can't be set like this: give it the type that OpenID Connect Core 5.1 says; the e-mail \
                 address is not set as a claim"
            ),
            Self::Unknown(name) => format!(
                "the claim `{}` is not known: use a standard claim of OpenID Connect Core 5.1, name your own by an https \
                 URI, or declare it in the setting `claims`",
                name.escape_default()
            ),
            Self::Derived(name) => {
                format!("the claim `{name}` follows from the user's groups: change these instead")
            }
            Self::Custom(bad) => bad.message(),
        }
    }
}

/// Whether a name can be nobody else's: OIDC Core §5.1.2 and RFC 7519 §4.2 tell names apart by the domain in them.
pub fn is_namespaced(name: &str) -> bool {
    let host =
        name.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    host.is_some_and(|host| host.contains('.') || host.starts_with("localhost"))
        && custom::check_name(name).is_ok()
}

/// Checks a name for the claim with the user's groups.
///
/// # Errors
/// What is wrong and how to fix it.
pub fn check_groups_claim(name: &str) -> Result<(), String> {
    custom::check_name(name).map_err(|bad| bad.message())?;
    match standard::scope_of(name) {
        Some(_) => Err(format!("`{name}` is a standard claim: name another, such as `groups` or `roles`")),
        None => Ok(()),
    }
}

/// Reads the declarations: a JSON object of a scope for each claim, or of an object with the members `scope`, `from` and
/// `map`.
///
/// # Errors
/// What is wrong and how to fix it.
pub fn declarations(text: &str) -> Result<BTreeMap<String, Declared>, String> {
    const FORM: &str =
        r#"write an object such as {"department": "profile", "roles": {"scope": "roles", "from": "groups"}}"#;
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(FORM.into()) };
    if members.len() > MOST_DECLARED {
        return Err(format!("declare at most {MOST_DECLARED} claims"));
    }
    members.into_iter().map(|(name, value)| Ok((name.clone(), declaration(&name, &value)?))).collect()
}

fn declaration(name: &str, value: &Value) -> Result<Declared, String> {
    custom::check_name(name).map_err(|bad| bad.message())?;
    if let Some(scope) = standard::scope_of(name) {
        return Err(format!("`{name}` is a standard claim, which the scope `{scope}` gives: leave it out"));
    }
    let wrong = |fix: &str| Err(format!("`{name}`: {fix}"));
    let none = Map::new();
    let (scope, whole) = match value {
        Value::String(scope) => (Some(scope.as_str()), &none),
        Value::Object(whole) => (whole.get("scope").and_then(Value::as_str), whole),
        _ => (None, &none),
    };
    let is_scope =
        |scope: &&str| !scope.contains(' ') && Scope::parse(scope).is_ok_and(|scope| !scope.is_empty());
    let Some(scope) = scope.filter(is_scope) else {
        return wrong("name the one scope that gives it, such as \"profile\" or a scope of your own");
    };
    if matches!(scope, "openid" | "offline_access") {
        return wrong("this scope gives no claims: name `profile` or a scope of your own");
    }
    if let Some(other) = whole.keys().find(|key| !["scope", "from", "map"].contains(&key.as_str())) {
        return wrong(&format!("there is no member `{other}`: there are `scope`, `from` and `map`"));
    }
    let source = match (whole.get("from"), whole.get("map")) {
        (None, None) => Source::User,
        (Some(Value::String(from)), None) if from == "groups" => Source::Groups,
        (Some(Value::String(from)), Some(Value::Object(map))) if from == "groups" => {
            Source::MappedGroups(mapping(map).map_err(|fix| format!("`{name}`: {fix}"))?)
        }
        (Some(_), None) => return wrong("`from` can only be \"groups\""),
        _ => {
            return wrong(
                "`map` is an object of what each group stands for, and needs `from` to be \"groups\"",
            );
        }
    };
    Ok(Declared { scope: scope.into(), source })
}

fn mapping(map: &Map<String, Value>) -> Result<BTreeMap<String, Vec<String>>, String> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let read = |(group, value): (&String, &Value)| {
        if GroupName::parse(group).is_err() {
            return Err(format!("`map` has `{group}`, which can't be the name of a group"));
        }
        let values = match value {
            Value::Array(items) => items.iter().map(text).collect(),
            one => text(one).map(|one| vec![one]),
        };
        let values: Vec<String> = values
            .ok_or_else(|| format!("`map` has to give a text or a list of texts for the group `{group}`"))?;
        Ok((group.clone(), values))
    };
    map.iter().map(read).collect()
}

/// The declarations as [`declarations`] reads them.
pub fn show(catalog: &Catalog) -> Option<String> {
    let write = |declared: &Declared| match &declared.source {
        Source::User => json!(declared.scope),
        Source::Groups => json!({ "scope": declared.scope, "from": "groups" }),
        Source::MappedGroups(map) => json!({ "scope": declared.scope, "from": "groups", "map": map }),
    };
    let all: Map<String, Value> =
        catalog.declared.iter().map(|(name, declared)| (name.clone(), write(declared))).collect();
    (!all.is_empty()).then(|| Value::Object(all).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn catalog(declared: &str) -> Catalog {
        Catalog::new(GROUPS, declarations(declared).unwrap()).unwrap()
    }

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn declarations_are_shown_as_they_are_read() {
        for text in [
            r#"{"department":"profile"}"#,
            r#"{"https://a.example/plan":"plan"}"#,
            r#"{"permissions":{"scope":"api:all","from":"groups","map":{"admins":["read","write"],"devs":["read"]}}}"#,
            r#"{"roles":{"scope":"roles","from":"groups"}}"#,
        ] {
            assert_eq!(show(&catalog(text)).as_deref(), Some(text));
        }
        let one = catalog(r#"{"roles": {"scope": "roles", "from": "groups", "map": {"admins": "admin"}}}"#);
        assert!(show(&one).is_some_and(|text| text.contains(r#"["admin"]"#)));
        assert_eq!(show(&Catalog::default()), None);
    }

    #[test]
    fn each_mistake_of_a_declaration_has_its_remedy() {
        let many: Map<String, Value> =
            (0..=MOST_DECLARED).map(|n| (format!("c{n}"), "profile".into())).collect();
        for (text, remedy) in [
            ("", "write an object"),
            ("[]", "write an object"),
            ("department=profile", "write an object"),
            (&*Value::Object(many).to_string(), "at most 32"),
            (r#"{"": "profile"}"#, "not the name of a claim"),
            (r#"{"a b": "profile"}"#, "not the name of a claim"),
            (r#"{"iss": "profile"}"#, "`iss` has a meaning"),
            (r#"{"sub": "profile"}"#, "`sub` has a meaning"),
            (r#"{"scope": "profile"}"#, "`scope` has a meaning"),
            (r#"{"email": "profile"}"#, "`email` is a standard claim, which the scope `email` gives"),
            (r#"{"a": ""}"#, "`a`: name the one scope"),
            (r#"{"a": "b c"}"#, "`a`: name the one scope"),
            (r#"{"a": "\""}"#, "`a`: name the one scope"),
            (r#"{"a": 1}"#, "`a`: name the one scope"),
            (r#"{"a": {}}"#, "`a`: name the one scope"),
            (r#"{"a": {"from": "groups"}}"#, "`a`: name the one scope"),
            (r#"{"a": "openid"}"#, "`a`: this scope gives no claims"),
            (r#"{"a": "offline_access"}"#, "`a`: this scope gives no claims"),
            (r#"{"a": {"scope": "a", "form": "groups"}}"#, "`a`: there is no member `form`"),
            (r#"{"a": {"scope": "a", "from": "roles"}}"#, "`a`: `from` can only be"),
            (r#"{"a": {"scope": "a", "map": {}}}"#, "`a`: `map` is an object"),
            (r#"{"a": {"scope": "a", "from": "groups", "map": []}}"#, "`a`: `map` is an object"),
            (r#"{"a": {"scope": "a", "from": "groups", "map": {"b,c": "d"}}}"#, "`a`: `map` has `b,c`"),
            (r#"{"a": {"scope": "a", "from": "groups", "map": {"b": 1}}}"#, "for the group `b`"),
            (r#"{"a": {"scope": "a", "from": "groups", "map": {"b": [""]}}}"#, "for the group `b`"),
        ] {
            let why = declarations(text).unwrap_err();
            assert!(why.contains(remedy), "{text}: {why}");
        }
        let declared = declarations(r#"{"groups": "profile"}"#).unwrap();
        assert!(Catalog::new(GROUPS, declared).unwrap_err().contains("leave it out"));
    }

    #[test]
    fn a_user_has_standard_declared_and_namespaced_claims_only() {
        let catalog = catalog(r#"{"department": "profile", "roles": {"scope": "roles", "from": "groups"}}"#);
        let fine = json!({ "name": "Alice", "department": ["a", 1], "https://a.example/x": { "y": true } });
        assert_eq!(catalog.check(&object(&fine)), Ok(()));
        let long = "x".repeat(custom::MAX_BYTES);
        for (name, value, expected) in [
            ("name", json!(1), BadUserClaims::Standard("name".into())),
            ("email", json!("a@example.org"), BadUserClaims::Standard("email".into())),
            ("sub", json!("a"), BadUserClaims::Unknown("sub".into())),
            ("team", json!("a"), BadUserClaims::Unknown("team".into())),
            ("http://a.example/x", json!("a"), BadUserClaims::Unknown("http://a.example/x".into())),
            ("https://", json!("a"), BadUserClaims::Unknown("https://".into())),
            ("https:///x", json!("a"), BadUserClaims::Unknown("https:///x".into())),
            ("groups", json!(["a"]), BadUserClaims::Derived("groups".into())),
            ("roles", json!(["a"]), BadUserClaims::Derived("roles".into())),
            ("department", json!(1.5), BadUserClaims::Custom(BadClaims::Number("department".into()))),
            ("https://a.example/x", json!(long), BadUserClaims::Custom(BadClaims::TooLarge)),
        ] {
            let claims = object(&json!({ name: value }));
            assert_eq!(catalog.check(&claims), Err(expected), "{name}");
        }
    }

    #[test]
    fn values_come_from_fields_claims_and_groups() {
        let declared = r#"{"department": "profile", "unset": "profile", "roles": {"scope": "roles", "from": "groups"},
            "permissions": {"scope": "p", "from": "groups", "map": {"b": ["write", "read"], "a": "read", "z": "all"}}}"#;
        let catalog = catalog(declared);
        let claims = json!({ "department": "R&D", "https://a.example/x": 1, "former": 1, "name": "Alice" });
        let groups = ["b", "a"].map(|name| GroupName::parse(name).unwrap()).into();
        let user = User { claims: object(&claims), groups, ..samples::user() };
        let names = [
            "name",
            "department",
            "unset",
            "former",
            "https://a.example/x",
            "groups",
            "roles",
            "permissions",
        ];
        let expected = json!({
            "name": "Alice",
            "department": "R&D",
            "https://a.example/x": 1,
            "groups": ["a", "b"],
            "roles": ["a", "b"],
            "permissions": ["read", "write"],
        });
        assert_eq!(Value::Object(catalog.values(&user, names.into_iter())), expected);
        let alone = User { groups: [].into(), claims: Map::new(), ..user };
        let nothing = catalog.values(&alone, names.into_iter());
        assert_eq!(nothing, Map::new(), "claims without a value are omitted");
    }

    #[test]
    fn scopes_and_clients_choose() {
        let catalog = catalog(r#"{"department": "profile", "plan": "plan", "tier": "plan"}"#);
        let scope = |text: &str| Scope::parse(text).unwrap();
        assert_eq!(catalog.scopes().as_str(), "profile email address phone groups plan");
        let given = |text| catalog.given_by(&scope(text)).collect::<Vec<_>>();
        assert_eq!(given("openid plan groups"), ["groups", "plan", "tier"]);
        assert!(given("profile").contains(&"department"));
        let names = ["email", "groups", "plan", "https://a.example/x", "former"].map(str::to_owned);
        let chosen = |text| catalog.chosen(&names, &scope(text)).collect::<Vec<_>>();
        assert_eq!(chosen("openid groups"), ["groups", "https://a.example/x", "former"]);
        assert_eq!(chosen("openid email plan"), ["email", "plan", "https://a.example/x", "former"]);
    }
}
