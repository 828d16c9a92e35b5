//! What the floor keeps: grants and denied tokens in SQLite, as durable as the product's (write-ahead log,
//! `synchronous = FULL`). One thread writes; steps that wait together share a commit, and nobody is answered before
//! it is durable.

use rusqlite::{Connection, OptionalExtension as _, Result};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use tokio::sync::oneshot;

/// A step, and where its answer goes.
type Job = (Step, oneshot::Sender<Option<Grant>>);

/// How many steps share a commit at most.
const LARGEST_GROUP: usize = 128;

/// What is written, each in one statement.
pub(crate) enum Step {
    /// A new grant.
    Create(Grant),
    /// The secret of a grant is replaced; the grant is returned if the old one was right.
    Replace { id: [u8; 16], old: [u8; 32], new: [u8; 32] },
    /// A token is denied.
    Deny([u8; 32]),
}

/// A grant: `secret` is the hash of what proves it, a code's first, then a refresh token's.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id: [u8; 16],
    pub(crate) secret: [u8; 32],
    pub(crate) client: String,
    pub(crate) challenge: String,
    pub(crate) scope: String,
}

/// The sending end.
pub(crate) struct Ledger(Sender<Job>);

impl Ledger {
    /// Makes the file and starts the thread.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let db = Connection::open(path)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE grants (id BLOB PRIMARY KEY, secret BLOB, client TEXT, challenge TEXT, scope TEXT);
             CREATE TABLE denied (token BLOB PRIMARY KEY);",
        )?;
        let (sender, jobs) = channel();
        thread::spawn(move || serve(&db, &jobs));
        Ok(Self(sender))
    }

    /// Does a step; `None` if it changed nothing or failed.
    pub(crate) async fn write(&self, step: Step) -> Option<Grant> {
        let (caller, answer) = oneshot::channel();
        self.0.send((step, caller)).ok()?;
        answer.await.ok()?
    }
}

fn serve(db: &Connection, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let group: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(LARGEST_GROUP - 1)).collect();
        let Ok(answers) = commit(db, &group) else { continue };
        for ((_, caller), answer) in group.into_iter().zip(answers) {
            // A caller that went away needs none.
            drop(caller.send(answer));
        }
    }
}

fn commit(db: &Connection, group: &[Job]) -> Result<Vec<Option<Grant>>> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let answers = group.iter().map(|(step, _)| step.run(db)).collect::<Result<_>>()?;
    db.execute_batch("COMMIT")?;
    Ok(answers)
}

impl Step {
    fn run(&self, db: &Connection) -> Result<Option<Grant>> {
        match self {
            Self::Create(grant) => {
                let Grant { id, secret, client, challenge, scope } = grant;
                let mut insert = db.prepare_cached("INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5)")?;
                insert.execute((id, secret, client, challenge, scope))?;
                Ok(Some(grant.clone()))
            }
            Self::Replace { id, old, new } => db
                .prepare_cached(
                    "UPDATE grants SET secret = ?3 WHERE id = ?1 AND secret = ?2
                     RETURNING client, challenge, scope",
                )?
                .query_row((id, old, new), |row| {
                    let (client, challenge, scope) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok(Grant { id: *id, secret: *new, client, challenge, scope })
                })
                .optional(),
            Self::Deny(token) => {
                db.prepare_cached("INSERT INTO denied VALUES (?1)")?.execute((token,))?;
                Ok(None)
            }
        }
    }
}
