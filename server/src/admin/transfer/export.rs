//! Out of a store.

use super::line::{Contents, Entry};
use super::settle;
use crate::admin::{Admin, AdminError};
use protocol::time::Timestamp;
use std::sync::Arc;
use storage::{AccountView, RingDocument, Store};
use tokio::task::JoinSet;

/// Reads everything that has not expired. Not a snapshot where others write meanwhile: stop the servers first.
/// Holds it all in memory, about 2 kB a user with one grant. `progress` is told how many of how many users.
///
/// # Errors
/// When the store fails.
pub async fn export(admin: &Admin, progress: impl FnMut(u64, u64)) -> Result<Contents, AdminError> {
    collect(&admin.store, admin.clock.now(), progress).await
}

/// What has not expired at an instant.
pub(super) async fn collect(
    store: &Arc<dyn Store>,
    now: Timestamp,
    mut progress: impl FnMut(u64, u64),
) -> Result<Contents, AdminError> {
    let mut contents = Contents::default();
    if let Some(issuer) = store.issuer().await? {
        contents.add(Entry::Issuer(issuer));
    }
    for document in [RingDocument::Ring, RingDocument::RetiredKeys] {
        if let Some(kept) = store.ring(document).await? {
            contents.add(Entry::of_ring(document, kept.body));
        }
    }
    store.clients().await?.into_iter().map(Entry::Client).for_each(|entry| contents.add(entry));
    let denied = store.denied_tokens().await?.into_iter().filter(|denied| !denied.expires_at.has_passed(now));
    denied.map(Entry::DeniedToken).for_each(|entry| contents.add(entry));
    let users = store.users().await?;
    let (mut done, all) = (0, users.len() as u64);
    let mut calls = JoinSet::new();
    let mut add = |account| {
        belongings(account, now).for_each(|entry| contents.add(entry));
        done += 1;
        progress(done, all);
    };
    for user in users {
        let store = Arc::clone(store);
        calls.spawn(async move { Ok(store.load_account(&user.id).await?) });
        settle(&mut calls, false, &mut add).await?;
    }
    settle(&mut calls, true, &mut add).await?;
    Ok(contents)
}

fn belongings(account: AccountView, now: Timestamp) -> impl Iterator<Item = Entry> {
    let sessions = account.sessions.into_iter().filter(move |session| !session.expires_at.has_passed(now));
    let grants = account.grants.into_iter().filter(move |grant| !grant.expires_at.has_passed(now));
    (account.user.into_iter().map(Entry::of_user))
        .chain(sessions.map(Entry::Session))
        .chain(grants.map(|grant| Entry::Grant(Box::new(grant))))
        .chain(account.consents.into_iter().map(Entry::Consent))
}
