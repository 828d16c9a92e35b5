//! Imports a file into a store. A record is written if the store has none with its id; one that is there already has to be
//! the same. So an interrupted import can be run again, and a second run changes nothing.

use super::begin::{Begun, Owner, assign, begin, read};
use super::format::{Counts, Entry, Records, identifier};
use super::tally::Tally;
use super::walk::walk;
use crate::admin::call::Admin;
use crate::admin::error::{AdminError, refused};
use crate::admin::lookalikes::Skeletons;
use crate::admin::patience::patiently;
use crate::tasks::at_once;
use protocol::consent::Consent;
use protocol::event::{Event, What};
use protocol::grant::Grant;
use protocol::time::Timestamp;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::time::Duration;
use storage::{Commit, Document, RingDocument, Stamp, Store};

/// No import takes longer than this. What expires within that time may be gone before it is compared.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const WAS_PLANNED: &str = "the store has the file already, by a planned move; \
                           `keyward storage restored` ends what was issued before now";
const WAS_NOT_PLANNED: &str = "the store has the file already, not by a planned move, and what was issued has \
                               ended; to keep it, import as a planned move into another, empty store";

/// What an import did.
#[derive(Debug, PartialEq, Eq)]
pub struct Imported {
    /// The records of the file, all of which the store has.
    pub counts: Counts,
    /// Nothing issued before this is valid; `None` after a planned move.
    pub not_before: Option<Timestamp>,
    /// Whether anything was written; otherwise the store had everything already.
    pub is_new: bool,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Writing records.
    Put,
    /// Comparing what the store has afterwards, user by user.
    Compare,
}

/// The summary of a file.
#[derive(Default)]
struct Holdings {
    owner: Owner,
    counts: Counts,
    /// The records that don't expire during the import.
    lasting: Tally,
    skeletons: Skeletons,
}

/// Writes everything to the store and then compares what it has. Unless the move is planned, which means that no server
/// has used the old store since the export, nothing issued before is valid any more: the file may be old, and what was
/// revoked or used since would be valid again. `open` opens the file, which is read to its end before anything is
/// written. `progress` gets the numbers of what is done and of all.
///
/// # Errors
/// [`AdminError::Refused`] if the file is no complete export; or if the store has another issuer, other keys, users or
/// clients that are not in the file, or another record with the id of one in it. [`AdminError::Store`].
pub async fn import<R: BufRead>(
    admin: &Admin,
    open: impl Fn() -> io::Result<R>,
    planned_move: bool,
    mut progress: impl FnMut(Stage, u64, u64),
) -> Result<Imported, AdminError> {
    let open =
        || open().map(Records::of).map_err(|error| refused(format!("the export can't be opened: {error}")));
    let stamp = admin.call;
    let horizon = stamp.at.plus(LONGEST);
    let holdings = summarize(open()?, horizon)?;
    let begun = begin(&*admin.store, &holdings.owner, planned_move, stamp).await?;
    if begun == Begun::Now {
        let all = holdings.counts.values().sum();
        put_all(admin, open()?, stamp, |done| progress(Stage::Put, done, all)).await?;
        holdings.skeletons.claim(&admin.store, stamp).await?;
    }
    compare(admin, &holdings.lasting, horizon, |done, all| progress(Stage::Compare, done, all)).await?;
    if let Begun::Before { planned } = begun
        && planned != planned_move
    {
        return Err(refused(if planned { WAS_PLANNED } else { WAS_NOT_PLANNED }));
    }
    let ring = patiently(|| admin.store.ring(RingDocument::Ring)).await?;
    let counts_from = |ring: &Document| Ok::<_, AdminError>(read(&ring.body)?.generation.not_before);
    let not_before = ring.as_ref().filter(|_| !planned_move).map(counts_from).transpose()?;
    let is_new = begun == Begun::Now;
    if is_new {
        end(&*admin.store, &holdings.owner.issuer, stamp).await?;
        let event = Event::new(What::StoreImported);
        admin.audit(&event.changing(None::<&String>, ring.as_ref().map(|ring| &ring.body)));
    }
    Ok(Imported { counts: holdings.counts, not_before, is_new })
}

fn summarize<R: BufRead>(mut records: Records<R>, horizon: Timestamp) -> Result<Holdings, AdminError> {
    let mut holdings = Holdings::default();
    for entry in records.by_ref() {
        let entry = entry?;
        if !entry.is_over(horizon) {
            holdings.lasting.add(&entry)?;
        }
        let owner = &mut holdings.owner;
        match entry {
            Entry::User { user, .. } => {
                holdings.skeletons.add(&user);
                owner.users.insert(user.id);
            }
            Entry::Client(client) => drop(owner.clients.insert(client.id.clone(), client)),
            Entry::Issuer(issuer) => owner.issuer = issuer,
            Entry::Ring(body) => owner.ring = Some(body),
            _ => {}
        }
    }
    if holdings.owner.issuer.is_empty() {
        return Err(refused("the file has no issuer: export again"));
    }
    holdings.counts = records.counts();
    Ok(holdings)
}

async fn put_all<R: BufRead>(
    admin: &Admin,
    records: Records<R>,
    stamp: Stamp,
    mut progress: impl FnMut(u64),
) -> Result<(), AdminError> {
    let puts = records.map(|entry| {
        let (store, entry) = (Arc::clone(&admin.store), Arc::new(entry?));
        Ok(patiently(move || put(Arc::clone(&store), Arc::clone(&entry), stamp)))
    });
    let mut done = 0;
    at_once(puts, |()| {
        done += 1;
        progress(done);
    })
    .await
}

/// Checks that the store has what the file has, and nothing else.
async fn compare(
    admin: &Admin,
    file: &Tally,
    horizon: Timestamp,
    progress: impl FnMut(u64, u64),
) -> Result<(), AdminError> {
    let mut there = Tally::default();
    walk(&admin.store, horizon, |entry| there.add(&entry), progress).await?;
    match there.other_than(file) {
        None => Ok(()),
        Some((kind, count)) => Err(refused(format!(
            "what the store has of kind {kind} ({count} records) is not what the file has: import into an empty store"
        ))),
    }
}

/// Makes the store belong to the file's issuer.
async fn end(store: &dyn Store, issuer: &str, stamp: Stamp) -> Result<(), AdminError> {
    match assign(store, issuer, stamp).await? {
        Commit::Done => Ok(()),
        Commit::Lost(theirs) if theirs.as_deref().is_some_and(|theirs| theirs == issuer) => Ok(()),
        Commit::Lost(_) => Err(refused("another program has assigned the store to another issuer")),
    }
}

async fn put(store: Arc<dyn Store>, entry: Arc<Entry>, stamp: Stamp) -> Result<(), AdminError> {
    let (store, name) = (&*store, format!("{} {}", entry.kind(), entry.id()));
    let is_same = match &*entry {
        Entry::Client(client) => same(store.create_client(client, stamp).await?, client),
        Entry::Group(group) => same(store.create_group(group, stamp).await?, group),
        Entry::User { user, identifiers } => {
            let names: Option<Vec<_>> = identifiers.iter().map(identifier).collect();
            let names = names.ok_or_else(|| refused(format!("{name}: an identifier of an unknown kind")))?;
            same(store.create_user(user, &names, stamp).await?, user)
        }
        Entry::Session(session) => same(store.restore_session(session, stamp).await?, session),
        Entry::Grant(grant) => put_grant(store, grant, stamp).await?,
        Entry::Consent(consent) => put_consent(store, consent, stamp).await?,
        Entry::DeniedToken(denied) => {
            same(store.deny_token(&denied.token, denied.expires_at, stamp).await?, &denied.expires_at)
        }
        Entry::RetiredKeys(body) => {
            let commit = store.replace_ring(RingDocument::RetiredKeys, None, body, stamp).await?;
            holds(&commit, body)
        }
        // `begin` has written the ring, and `end` writes the issuer.
        Entry::Ring(_) | Entry::Issuer(_) => true,
    };
    if is_same {
        return Ok(());
    }
    Err(refused(format!(
        "the store has another record as {}, or one with its name: import into an empty store",
        name.trim_end()
    )))
}

fn same<T: PartialEq>(commit: Commit<T>, record: &T) -> bool {
    match commit {
        Commit::Done => true,
        Commit::Lost(there) => there.is_some_and(|there| *there == *record),
    }
}

fn holds(commit: &Commit<Document>, body: &str) -> bool {
    match commit {
        Commit::Done => true,
        Commit::Lost(there) => there.as_ref().is_some_and(|there| there.body == body),
    }
}

/// With the call that wrote it last, which is part of the record.
async fn put_grant(store: &dyn Store, grant: &Grant, stamp: Stamp) -> Result<bool, AdminError> {
    let stamp = Stamp { request: grant.last_request, ..stamp };
    Ok(same(store.restore_grant(grant, stamp).await?, grant))
}

/// Writing it to an existing consent could extend that one, or change nothing, so it is compared first.
async fn put_consent(store: &dyn Store, consent: &Consent, stamp: Stamp) -> Result<bool, AdminError> {
    let Consent { user, client, .. } = consent;
    let there = async || Ok::<_, AdminError>(store.load_sign_in(user, None, client, &[]).await?.consent);
    if let Some(there) = there().await? {
        return Ok(there == *consent);
    }
    store.remember_consent(consent, stamp).await?;
    Ok(true)
}
