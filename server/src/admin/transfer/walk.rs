//! Through everything that a store keeps.

use super::line::Entry;
use super::{AT_ONCE, joined, patiently};
use crate::admin::AdminError;
use protocol::id::UserId;
use protocol::time::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use storage::{AccountView, RingDocument, Store, StoreError};

/// Gives `each` every record that is not over at an instant; those of one kind in the order of their ids.
/// `progress` is told how many of how many users.
pub(super) async fn walk(
    store: &Arc<dyn Store>,
    at: Timestamp,
    mut each: impl FnMut(Entry) -> Result<(), AdminError>,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), AdminError> {
    let mut lasting = |entry: Entry| if entry.is_over(at) { Ok(()) } else { each(entry) };
    patiently(|| of_the_realm(&**store)).await?.into_iter().try_for_each(&mut lasting)?;
    let mut users = patiently(|| store.user_ids()).await?;
    // By the texts of ids, as everything is.
    users.sort_by_cached_key(UserId::to_string);
    let (mut done, all) = (0, users.len() as u64);
    let mut coming = VecDeque::with_capacity(AT_ONCE);
    let mut users = users.into_iter();
    loop {
        while coming.len() < AT_ONCE
            && let Some(user) = users.next()
        {
            let store = Arc::clone(store);
            let load = move || whole_account(Arc::clone(&store), user);
            coming.push_back(tokio::spawn(patiently(load)));
        }
        let Some(next) = coming.pop_front() else { return Ok(()) };
        of_a_user(joined(next.await)?).into_iter().try_for_each(&mut lasting)?;
        done += 1;
        progress(done, all);
    }
}

async fn whole_account(store: Arc<dyn Store>, user: UserId) -> Result<AccountView, StoreError> {
    store.load_whole_account(&user).await
}

async fn of_the_realm(store: &dyn Store) -> Result<Vec<Entry>, StoreError> {
    let mut entries: Vec<Entry> = store.issuer().await?.map(Entry::Issuer).into_iter().collect();
    for document in [RingDocument::Ring, RingDocument::RetiredKeys] {
        entries.extend(store.ring(document).await?.map(|kept| Entry::of_ring(document, kept.body)));
    }
    entries.extend(store.clients().await?.into_iter().map(Entry::Client));
    entries.extend(store.denied_tokens().await?.into_iter().map(Entry::DeniedToken));
    entries.sort_by_cached_key(Entry::id);
    Ok(entries)
}

fn of_a_user(account: AccountView) -> Vec<Entry> {
    let user = account.user.into_iter().map(Entry::of_user);
    let sessions = account.sessions.into_iter().map(Entry::Session);
    let grants = account.grants.into_iter().map(|grant| Entry::Grant(Box::new(grant)));
    let consents = account.consents.into_iter().map(Entry::Consent);
    let mut entries: Vec<Entry> = user.chain(sessions).chain(grants).chain(consents).collect();
    entries.sort_by_cached_key(Entry::id);
    entries
}
