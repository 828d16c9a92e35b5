//! Skeletons for users who have none: users of an older version, or of an export, which has only the identifiers that sign
//! users in. Of several users whose names look alike the first to be created gets the skeleton; the others keep their
//! names.

use super::call::Admin;
use super::error::AdminError;
use super::patience::patiently;
use crate::tasks::at_once;
use protocol::id::UserId;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::sync::Arc;
use storage::{Stamp, Store};

/// The user who gets each skeleton.
#[derive(Default)]
pub(super) struct Skeletons(HashMap<Identifier, (Timestamp, UserId)>);

impl Skeletons {
    pub(super) fn add(&mut self, user: &User) {
        let made = (user.created_at, user.id);
        match self.0.entry(Identifier::skeleton(&user.username)) {
            Vacant(place) => drop(place.insert(made)),
            Occupied(mut first) => *first.get_mut() = made.min(*first.get()),
        }
    }

    /// Assigns each skeleton that is free to its user, and returns how many that were. Skeletons that were assigned before
    /// an interruption remain, and the next run finds them.
    pub(super) async fn claim(self, store: &Arc<dyn Store>, stamp: Stamp) -> Result<u64, AdminError> {
        let writes = self.0.into_iter().map(|(skeleton, (_, user))| {
            let (store, skeleton) = (Arc::clone(store), Arc::new(skeleton));
            Ok(patiently(move || assign(Arc::clone(&store), user, Arc::clone(&skeleton), stamp)))
        });
        let mut claimed = 0;
        at_once(writes, |is_new| claimed += u64::from(is_new)).await?;
        Ok(claimed)
    }
}

/// Reads first: that costs less than a write that changes nothing, and nearly all users have theirs.
async fn assign(
    store: Arc<dyn Store>,
    user: UserId,
    skeleton: Arc<Identifier>,
    stamp: Stamp,
) -> Result<bool, AdminError> {
    if store.find_user(&skeleton, &[]).await?.user.is_some() {
        return Ok(false);
    }
    Ok(store.add_identifier(&user, &skeleton, stamp).await?.is_done())
}

impl Admin {
    /// Assigns the skeleton of their name to every user who has none, if it is free, and returns how many that were. It can
    /// be interrupted and run again.
    ///
    /// # Errors
    /// [`AdminError::Store`].
    pub async fn claim_skeletons(&self) -> Result<u64, AdminError> {
        let mut skeletons = Skeletons::default();
        patiently(|| self.store.users()).await?.iter().for_each(|user| skeletons.add(user));
        skeletons.claim(&self.store, self.call).await
    }
}
