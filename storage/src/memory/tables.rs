//! The tables, and the two kinds of guarded write.

use crate::stored::Stored;
use crate::{Commit, Document, RingDocument, Stamp};
use protocol::attempts::AttemptKey;
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::{Grant, GrantKey};
use protocol::group::{Group, GroupName};
use protocol::id::{ClientId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use std::collections::{BTreeMap, HashMap};

#[derive(Default)]
pub(super) struct Tables {
    pub(super) issuer: Option<Stored<String>>,
    pub(super) ring: HashMap<RingDocument, Stored<Document>>,
    pub(super) clients: BTreeMap<ClientId, Stored<Client>>,
    pub(super) groups: BTreeMap<GroupName, Stored<Group>>,
    pub(super) users: BTreeMap<UserId, Stored<User>>,
    pub(super) identifiers: BTreeMap<Identifier, UserId>,
    pub(super) sessions: BTreeMap<(UserId, SessionId), Stored<Session>>,
    pub(super) consents: BTreeMap<(UserId, ClientId), Consent>,
    pub(super) grants: BTreeMap<GrantKey, Stored<Grant>>,
    pub(super) denied: BTreeMap<[u8; 32], Stored<Timestamp>>,
    pub(super) debts: BTreeMap<AttemptKey, Timestamp>,
}

/// Puts a record where there is none.
pub(super) fn put_new<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Stored<T>>,
    key: K,
    record: T,
    stamp: Stamp,
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    if let Some(there) = table.get(&key) {
        return Stored::outcome(Some(there.clone()), stamp, mine);
    }
    table.insert(key, Stored { record, last_request: stamp.request });
    Commit::Done
}

/// Changes a record that meets the condition.
pub(super) fn change<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Stored<T>>,
    key: &K,
    stamp: Stamp,
    condition: impl FnOnce(&T) -> bool,
    effect: impl FnOnce(&mut T),
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    match table.get_mut(key) {
        Some(stored) if condition(&stored.record) => {
            effect(&mut stored.record);
            stored.last_request = stamp.request;
            Commit::Done
        }
        there => Stored::outcome(there.cloned(), stamp, mine),
    }
}
