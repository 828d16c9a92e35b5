//! Into a store. Each record is put if there is none of its id, and one that is there already has to be the same:
//! so an import that stopped half-way is run again, and a second run changes nothing.

use super::begin::{Begun, Owner, begin, give, read};
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

/// No import takes longer. What expires meanwhile may be gone before it is compared.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const WAS_PLANNED: &str = "the store has the file already, by a planned move; \
                           `keyward storage restored` ends what was issued before now";
const WAS_NOT_PLANNED: &str = "the store has the file already, not by a planned move, and what was issued has \
                               ended; to keep it, import as a planned move into another, empty store";

/// What an import did.
#[derive(Debug, PartialEq, Eq)]
pub struct Imported {
    /// What the file holds; the store has it all.
    pub counts: Counts,
    /// Nothing issued before this counts; `None` after a planned move.
    pub not_before: Option<Timestamp>,
    /// Whether anything was written; the store had it all if not.
    pub is_new: bool,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Putting records.
    Put,
    /// Comparing what the store has then, user by user.
    Compare,
}

/// What a file holds.
#[derive(Default)]
struct Holdings {
    owner: Owner,
    counts: Counts,
    /// What of it outlasts this import.
    lasting: Tally,
    skeletons: Skeletons,
}

/// Puts everything into the store and compares what it holds then. Unless the move was planned (no server has used
/// the old store since the export), nothing that was issued before counts any more: the file may be old, and what
/// was revoked or spent since would come back to life. `open` opens the file, which is read to its end before
/// anything is written. `progress` is told how many of how many are done.
///
/// # Errors
/// [`AdminError::Refused`] if the file is no whole export of a store that a server was started on, or if the store
/// has another issuer, other keys, users or clients that are not in it, or something else under an id of it; when the
/// store fails.
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
    let holdings = look_through(open()?, horizon)?;
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

fn look_through<R: BufRead>(mut records: Records<R>, horizon: Timestamp) -> Result<Holdings, AdminError> {
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
        return Err(refused("the file doesn't say whose it is: export again"));
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

/// The store has what the file has, and nothing else.
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
            "what the store holds of kind {kind} ({count} records) is not what the file has: import into an empty store"
        ))),
    }
}

/// Gives the store to whom it belongs.
async fn end(store: &dyn Store, issuer: &str, stamp: Stamp) -> Result<(), AdminError> {
    match give(store, issuer, stamp).await? {
        Commit::Done => Ok(()),
        Commit::Lost(theirs) if theirs.as_deref().is_some_and(|theirs| theirs == issuer) => Ok(()),
        Commit::Lost(_) => Err(refused("another program gave the store to somebody else meanwhile")),
    }
}

async fn put(store: Arc<dyn Store>, entry: Arc<Entry>, stamp: Stamp) -> Result<(), AdminError> {
    let (store, name) = (&*store, format!("{} {}", entry.kind(), entry.id()));
    let is_same = match &*entry {
        Entry::Client(client) => same(store.create_client(client, stamp).await?, client),
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
        // `begin` put the one, and `end` puts the other.
        Entry::Ring(_) | Entry::Issuer(_) => true,
    };
    if is_same {
        return Ok(());
    }
    Err(refused(format!(
        "the store holds another record as {}, or one with its name: import into an empty store",
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

/// With the call that wrote it last, which is a part of it.
async fn put_grant(store: &dyn Store, grant: &Grant, stamp: Stamp) -> Result<bool, AdminError> {
    let stamp = Stamp { request: grant.last_request, ..stamp };
    Ok(same(store.restore_grant(grant, stamp).await?, grant))
}

/// Another one that is there would grow by it, or cover it.
async fn put_consent(store: &dyn Store, consent: &Consent, stamp: Stamp) -> Result<bool, AdminError> {
    let Consent { user, client, .. } = consent;
    let there = async || Ok::<_, AdminError>(store.load_sign_in(user, None, client, &[]).await?.consent);
    if let Some(there) = there().await? {
        return Ok(there == *consent);
    }
    store.remember_consent(consent, stamp).await?;
    Ok(true)
}
