//! A store in memory, for tests and for reading: what each step means, without a database in the way.
//! One lock around everything, never held across an await.

use crate::kept::Kept;
use crate::steps::steps;
use crate::{
    Belongings, Commit, DeniedToken, Document, Found, GrantLocator, GrantView, Place, RingDocument,
    SignInView, Stamp, Store, StoreError, TokenView,
};
use async_trait::async_trait;
use protocol::attempts::{AttemptKey, Limit};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use protocol::grant::{Grant, GrantKey, Refresh, RevocationReason};
use protocol::id::{ClientId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::scope::Scope;
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

mod grants;
mod realm;
mod sessions;
mod users;

/// An empty store per value; gone when dropped.
#[derive(Default)]
pub struct Memory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    issuer: Option<Kept<String>>,
    ring: HashMap<RingDocument, Kept<Document>>,
    clients: BTreeMap<ClientId, Kept<Client>>,
    users: BTreeMap<UserId, Kept<User>>,
    identifiers: BTreeMap<Identifier, UserId>,
    sessions: BTreeMap<(UserId, SessionId), Kept<Session>>,
    consents: BTreeMap<(UserId, ClientId), Consent>,
    grants: BTreeMap<GrantKey, Kept<Grant>>,
    denied: BTreeMap<[u8; 32], Kept<Timestamp>>,
    debts: BTreeMap<AttemptKey, Timestamp>,
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

macro_rules! under_the_lock {
    ($($access:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl Store for Memory {$(
            async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                Ok(self.tables().$name($($arg),*))
            }
        )+}
    };
}

steps!(under_the_lock);

/// Puts a record where there is none.
fn put_new<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Kept<T>>,
    key: K,
    record: T,
    stamp: Stamp,
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    if let Some(there) = table.get(&key) {
        return Kept::settle(Some(there.clone()), stamp, mine);
    }
    table.insert(key, Kept { record, last_request: stamp.request });
    Commit::Done
}

/// Changes a record whose state meets the condition.
fn change<K: Ord, T: Clone>(
    table: &mut BTreeMap<K, Kept<T>>,
    key: &K,
    stamp: Stamp,
    condition: impl FnOnce(&T) -> bool,
    effect: impl FnOnce(&mut T),
    mine: impl FnOnce(&T) -> bool,
) -> Commit<T> {
    match table.get_mut(key) {
        Some(kept) if condition(&kept.record) => {
            effect(&mut kept.record);
            kept.last_request = stamp.request;
            Commit::Done
        }
        there => Kept::settle(there.cloned(), stamp, mine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::sample::{
        agreed, bare_client, call, kept_consent, kept_grant, put_client, put_consent,
    };
    use crate::contract::sweep::{UNREDEEMED_GO, redeemed_and_unredeemed};
    use std::sync::Arc;
    use std::time::Duration;

    async fn empty() -> Arc<dyn Store> {
        Arc::new(Memory::default())
    }

    contract!(memory, empty);

    #[tokio::test]
    async fn grants_whose_codes_nobody_redeemed_go_before_their_session() {
        let store = Memory::default();
        let [redeemed, revoked, unredeemed, burnt] = redeemed_and_unredeemed(&store).await;
        assert_eq!(store.sweep(UNREDEEMED_GO.plus(Duration::from_millis(1))).await.unwrap(), 2);
        for (each, is_kept) in [(redeemed, true), (revoked, true), (unredeemed, false), (burnt, false)] {
            assert_eq!(kept_grant(&store, &each).await.is_some(), is_kept, "{each:?}");
        }
    }

    #[tokio::test]
    async fn a_deleted_client_takes_along_what_was_agreed_to_with_it() {
        let store = Memory::default();
        let (client, given) = (bare_client("client-a"), agreed(1, "client-a", "openid", call(1)));
        put_client(&store, &client).await;
        put_consent(&store, &given).await;
        assert_eq!(store.delete_client(&client.id, call(2)).await.unwrap(), Commit::Done);
        assert_eq!(kept_consent(&store, &given).await, None);
    }
}
