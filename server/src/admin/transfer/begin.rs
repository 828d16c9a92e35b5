//! The begin of an import: whether the store may take the file, and the two records that mark it. Until the end the store
//! belongs to [`UNFINISHED_IMPORT`], so that no server starts on an incomplete store, and has the file's key ring, so
//! that none makes another.

use crate::admin::error::{AdminError, refused};
use crate::admin::patience::patiently;
use keys::{KeysError, Ring};
use protocol::client::Client;
use protocol::generation::Generation;
use protocol::id::{ClientId, UserId};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Commit, Document, RingDocument, Stamp, Store, UNFINISHED_IMPORT};

/// The error if another process got the store first.
const IN_USE: &str =
    "a server or another import has just begun to use the store: stop it, and import into an empty store";

/// The part of a file that has to agree with what the store has.
#[derive(Default)]
pub(super) struct Owner {
    pub(super) issuer: String,
    /// The key ring, as the store keeps it.
    pub(super) ring: Option<String>,
    pub(super) users: BTreeSet<UserId>,
    pub(super) clients: BTreeMap<ClientId, Client>,
}

/// Whether a file's records have to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// They have.
    Now,
    /// An import of this file has ended before, and servers may use the store.
    Before {
        /// Whether it was a planned move.
        planned: bool,
    },
}

/// Marks a store as the target of this file, unless it is that already. Unless the move is planned, the realm gets a new
/// generation, which ends everything issued before.
///
/// # Errors
/// [`AdminError::Refused`] if the store is in use, or [`AdminError::Store`].
pub(super) async fn begin(
    store: &dyn Store,
    file: &Owner,
    planned_move: bool,
    stamp: Stamp,
) -> Result<Begun, AdminError> {
    refuse_others(store, file).await?;
    let issuer = patiently(|| store.issuer()).await?;
    let there = patiently(|| store.ring(RingDocument::Ring)).await?;
    let filed = file.ring.as_deref().map(read).transpose()?;
    let kept = there.as_ref().map(|there| read(&there.body)).transpose()?;
    if let Some(kept) = &kept
        && filed.as_ref().is_none_or(|filed| *kept != of_generation(filed, kept.generation))
    {
        return Err(refused(
            "the store has other keys than the file, those of a server or of an older file: import into an empty store",
        ));
    }
    let is_finished = kept.is_some() && issuer.as_deref() == Some(&file.issuer);
    let planned = kept == filed;
    if is_finished {
        return Ok(Begun::Before { planned });
    }
    if kept.is_some() && planned && !planned_move {
        return Err(refused(
            "this import was begun as a planned move: repeat it as one, or start over in an empty store",
        ));
    }
    mark(store, issuer.clone(), file, stamp).await?;
    let Some((filed, body)) = filed.zip(file.ring.as_ref()) else { return Ok(Begun::Now) };
    let body = if planned_move {
        body.clone()
    } else {
        let last = kept.map_or(filed.generation, |kept| kept.generation);
        of_generation(&filed, last.next(stamp.request, stamp.at)).to_text().map_err(damaged)?
    };
    if put_ring(store, there, &body, stamp).await? {
        return Ok(Begun::Now);
    }
    if let Some(theirs) = issuer.filter(|theirs| theirs != UNFINISHED_IMPORT) {
        // A server that had begun gets its store back.
        drop(assign(store, &theirs, stamp).await?);
    }
    Err(refused(IN_USE))
}

/// Refuses a store that has users or clients that are not in the file.
async fn refuse_others(store: &dyn Store, file: &Owner) -> Result<(), AdminError> {
    let users = patiently(|| store.user_ids()).await?;
    let clients = patiently(|| store.clients()).await?;
    if users.iter().all(|id| file.users.contains(id))
        && clients.iter().all(|client| file.clients.get(&client.id) == Some(client))
    {
        return Ok(());
    }
    Err(refused("the store has users or clients that are not in the file: import into an empty store"))
}

/// Makes the store belong to the import, so that no server starts on it.
async fn mark(
    store: &dyn Store,
    issuer: Option<String>,
    file: &Owner,
    stamp: Stamp,
) -> Result<(), AdminError> {
    match issuer.as_deref() {
        Some(UNFINISHED_IMPORT) => return Ok(()),
        Some(theirs) if theirs != file.issuer => {
            let ours = &file.issuer;
            return Err(refused(format!(
                "the store belongs to {theirs}, but the file to {ours}: import into an empty store"
            )));
        }
        _ => {}
    }
    let mark = || store.replace_issuer(issuer.clone(), UNFINISHED_IMPORT, stamp);
    if patiently(mark).await?.is_done() { Ok(()) } else { Err(refused(IN_USE)) }
}

/// Makes a marked store belong to an issuer.
pub(super) async fn assign(
    store: &dyn Store,
    issuer: &str,
    stamp: Stamp,
) -> Result<Commit<String>, AdminError> {
    patiently(|| store.replace_issuer(Some(UNFINISHED_IMPORT.into()), issuer, stamp)).await
}

/// Writes the ring; whether the store has it now.
async fn put_ring(
    store: &dyn Store,
    there: Option<Document>,
    body: &str,
    stamp: Stamp,
) -> Result<bool, AdminError> {
    if there.as_ref().is_some_and(|there| there.body == body) {
        return Ok(true);
    }
    let seen = there.map(|there| there.version);
    let put = || store.replace_ring(RingDocument::Ring, seen, body, stamp);
    Ok(patiently(put).await?.is_done())
}

/// The ring with another generation.
fn of_generation(ring: &Ring, generation: Generation) -> Ring {
    let mut moved = ring.clone();
    moved.generation = generation;
    moved
}

/// A ring from its text.
pub(super) fn read(body: &str) -> Result<Ring, AdminError> {
    Ring::parse(body).map_err(damaged)
}

fn damaged(error: KeysError) -> AdminError {
    refused(format!("the key ring can't be read: {error}"))
}
