//! The keys and aliases of the account, in every region.

use super::caller::Caller;
use super::keys::{Key, now};
use super::names::{Name, alias_arn, key_arn};
use super::refusal::Refusal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Account(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    keys: BTreeMap<Uuid, Arc<Key>>,
    /// By region and name.
    aliases: BTreeMap<(String, String), Alias>,
}

#[derive(Clone)]
pub(crate) struct Alias {
    pub(crate) target: Uuid,
    pub(crate) created: f64,
    pub(crate) updated: f64,
}

impl Account {
    pub(crate) fn add(&self, key: Key) -> Arc<Key> {
        let key = Arc::new(key);
        self.contents().keys.insert(key.id, Arc::clone(&key));
        key
    }

    /// The key with this id, in whatever region.
    pub(crate) fn get(&self, id: Uuid) -> Option<Arc<Key>> {
        self.contents().keys.get(&id).cloned()
    }

    /// The key that a parameter names in one of the four ways.
    pub(crate) fn find(&self, given: &str, caller: &Caller, operation: &str) -> Result<Arc<Key>, Refusal> {
        let id = match Name::read(given, caller, operation)? {
            Name::Key(id) => id,
            Name::Alias(name) => self.target(&name, caller)?,
        };
        let key = self.get(id).filter(|key| key.region == caller.region);
        let unknown = || format!("Key '{}' does not exist", key_arn(&caller.region, id));
        key.ok_or_else(|| Refusal::not_found(unknown()))
    }

    /// The key that a parameter names where KMS takes no alias.
    pub(crate) fn find_without_alias(
        &self,
        given: &str,
        caller: &Caller,
        operation: &str,
    ) -> Result<Arc<Key>, Refusal> {
        match Name::read(given, caller, operation)? {
            Name::Key(_) => self.find(given, caller, operation),
            Name::Alias(_) => Err(Refusal::not_found(format!("Invalid keyId '{given}'"))),
        }
    }

    /// All keys of the caller's region.
    pub(crate) fn keys(&self, caller: &Caller) -> Vec<Arc<Key>> {
        let contents = self.contents();
        contents.keys.values().filter(|key| key.region == caller.region).cloned().collect()
    }

    /// All aliases of the caller's region, by name.
    pub(crate) fn aliases(&self, caller: &Caller) -> Vec<(String, Alias)> {
        let contents = self.contents();
        let own = contents.aliases.iter().filter(|((region, _), _)| *region == caller.region);
        own.map(|((_, name), alias)| (name.clone(), alias.clone())).collect()
    }

    pub(crate) fn create_alias(&self, name: &str, target: Uuid, caller: &Caller) -> Result<(), Refusal> {
        let mut contents = self.contents();
        let named = (caller.region.clone(), name.to_owned());
        if contents.aliases.contains_key(&named) {
            let arn = alias_arn(&caller.region, name);
            let exists = format!("An alias with the name {arn} already exists");
            return Err(Refusal::new("AlreadyExistsException", exists));
        }
        let time = now();
        contents.aliases.insert(named, Alias { target, created: time, updated: time });
        Ok(())
    }

    pub(crate) fn update_alias(&self, name: &str, target: Uuid, caller: &Caller) -> Result<(), Refusal> {
        let mut contents = self.contents();
        let alias = contents.aliases.get_mut(&(caller.region.clone(), name.to_owned()));
        let alias = alias.ok_or_else(|| no_alias(name, caller))?;
        (alias.target, alias.updated) = (target, now());
        Ok(())
    }

    pub(crate) fn delete_alias(&self, name: &str, caller: &Caller) -> Result<(), Refusal> {
        let removed = self.contents().aliases.remove(&(caller.region.clone(), name.to_owned()));
        removed.map(drop).ok_or_else(|| no_alias(name, caller))
    }

    /// The id of the key that an alias leads to.
    pub(crate) fn target(&self, name: &str, caller: &Caller) -> Result<Uuid, Refusal> {
        let contents = self.contents();
        let alias = contents.aliases.get(&(caller.region.clone(), name.to_owned()));
        alias.map(|alias| alias.target).ok_or_else(|| no_alias(name, caller))
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_alias(name: &str, caller: &Caller) -> Refusal {
    Refusal::not_found(format!("Alias {} is not found.", alias_arn(&caller.region, name)))
}
