//! Visits every record of a store.

use super::format::Entry;
use crate::admin::error::AdminError;
use crate::admin::patience::patiently;
use crate::tasks::AT_ONCE;
use protocol::id::UserId;
use protocol::time::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use storage::{Belonging, RingDocument, Store, StoreError};

/// Calls `each` with every record that has not expired at `at`; those of one kind come in the order of their ids.
/// `progress` gets the number of users done and of all users.
pub(super) async fn walk(
    store: &Arc<dyn Store>,
    at: Timestamp,
    mut each: impl FnMut(Entry) -> Result<(), AdminError>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), AdminError> {
    let mut lasting = |entry: Entry| if entry.is_over(at) { Ok(()) } else { each(entry) };
    patiently(|| of_the_realm(&**store)).await?.into_iter().try_for_each(&mut lasting)?;
    let mut users = patiently(|| store.user_ids()).await?;
    // By the text of the id, like all records.
    users.sort_by_cached_key(UserId::to_string);
    let (mut done, all) = (0, users.len() as u64);
    let mut coming = VecDeque::with_capacity(AT_ONCE);
    let mut users = users.into_iter();
    loop {
        while coming.len() < AT_ONCE
            && let Some(user) = users.next()
        {
            coming.push_back(tokio::spawn(everything_of(Arc::clone(store), user)));
        }
        let Some(next) = coming.pop_front() else { return Ok(()) };
        next.await??.into_iter().try_for_each(&mut lasting)?;
        done += 1;
        progress(done, all);
    }
}

/// A user with all their records, read page by page.
async fn everything_of(store: Arc<dyn Store>, id: UserId) -> Result<Vec<Entry>, AdminError> {
    let mut entries: Vec<Entry> =
        patiently(|| store.user(&id)).await?.into_iter().map(Entry::of_user).collect();
    let mut behind = None;
    loop {
        let page = patiently(|| store.belongings(&id, behind.clone())).await?;
        entries.extend(page.list.into_iter().map(|belonging| match belonging {
            Belonging::Consent(consent) => Entry::Consent(consent),
            Belonging::Grant(grant) => Entry::Grant(grant),
            Belonging::Session(session) => Entry::Session(session),
        }));
        behind = page.next;
        if behind.is_none() {
            entries.sort_by_cached_key(Entry::id);
            return Ok(entries);
        }
    }
}

async fn of_the_realm(store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
    let mut entries: Vec<Entry> = store.issuer().await?.map(Entry::Issuer).into_iter().collect();
    for document in [RingDocument::Ring, RingDocument::RetiredKeys] {
        entries.extend(store.ring(document).await?.map(|kept| Entry::of_ring(document, kept.body)));
    }
    entries.extend(store.clients().await?.into_iter().map(Entry::Client));
    entries.extend(store.groups().await?.into_iter().map(Entry::Group));
    entries.extend(store.denied_tokens().await?.into_iter().map(Entry::DeniedToken));
    entries.sort_by_cached_key(Entry::id);
    Ok(entries)
}
