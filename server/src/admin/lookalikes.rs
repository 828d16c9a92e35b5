//! The skeletons of users who have none: from before there were any, or out of an export, which has what signs people
//! in. Of several whose names look alike the one made first gets it, and the others keep their names.

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

/// Who is to get each skeleton.
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

    /// Gives each that leads to nobody to its user. How many those were. What was given before it stops half-way
    /// stays, and another time finds it.
    pub(super) async fn claim(self, store: &Arc<dyn Store>, stamp: Stamp) -> Result<u64, AdminError> {
        let gifts = self.0.into_iter().map(|(skeleton, (_, user))| {
            let (store, skeleton) = (Arc::clone(store), Arc::new(skeleton));
            Ok(patiently(move || give(Arc::clone(&store), user, Arc::clone(&skeleton), stamp)))
        });
        let mut claimed = 0;
        at_once(gifts, |is_given| claimed += u64::from(is_given)).await?;
        Ok(claimed)
    }
}

/// A read costs less than a write that changes nothing, and nearly all have theirs.
async fn give(
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
    /// Gives every user who has none the skeleton of their name, as far as it leads to nobody. How many got one. Can
    /// be stopped and run again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_skeletons(&self) -> Result<u64, AdminError> {
        let mut skeletons = Skeletons::default();
        patiently(|| self.store.users()).await?.iter().for_each(|user| skeletons.add(user));
        skeletons.claim(&self.store, self.call).await
    }
}
