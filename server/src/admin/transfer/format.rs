//! The format of an export, line by line. The first line has the version, the last how many records of each kind there
//! are, with a hash of all lines before it; so a truncated or damaged file is recognised.

use crate::admin::error::{AdminError, refused};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::Grant;
use protocol::group::Group;
use protocol::name::{CanonicalName, Identifier};
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, Lines};
use storage::{DeniedToken, RingDocument};

/// The one format there is.
const FORMAT: u32 = 1;

/// How many records of each kind there are.
pub type Counts = BTreeMap<String, u64>;

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "record", rename_all = "snake_case")]
pub enum Entry {
    /// A client.
    Client(Client),
    /// What a user agreed to with a client.
    Consent(Consent),
    /// An access token that was revoked.
    DeniedToken(DeniedToken),
    /// A grant.
    Grant(Box<Grant>),
    /// A group.
    Group(Group),
    /// The issuer that the store belongs to.
    Issuer(String),
    /// Public halves of removed keys, as the store keeps them.
    RetiredKeys(String),
    /// The key ring, as the store keeps it, with wrapped private keys.
    Ring(String),
    /// A session.
    Session(Session),
    /// A user, and the identifiers by which they sign in.
    User {
        /// The record.
        user: User,
        /// Kind and canonical form of each.
        identifiers: Vec<(String, String)>,
    },
}

/// What a line holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    First { keyward_export: u32 },
    Last { counts: Counts, sha256: String },
    Record(Box<Entry>),
}

impl Entry {
    /// A user with the identifiers that follow from its fields: its name, and its address if that is verified.
    pub(super) fn of_user(user: User) -> Self {
        let name = user.canonical_name().map(Identifier::Username);
        let address = user.email.as_deref().filter(|_| user.email_verified).and_then(Identifier::email);
        let parts = |name: Identifier| (name.kind().to_owned(), name.as_str().to_owned());
        let identifiers = name.into_iter().chain(address).map(parts).collect();
        Self::User { user, identifiers }
    }

    /// A document of the ring.
    pub(super) fn of_ring(document: RingDocument, body: String) -> Self {
        match document {
            RingDocument::Ring => Self::Ring(body),
            RingDocument::RetiredKeys => Self::RetiredKeys(body),
        }
    }

    /// Its kind, as in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Consent(_) => "consent",
            Self::DeniedToken(_) => "denied_token",
            Self::Grant(_) => "grant",
            Self::Group(_) => "group",
            Self::Issuer(_) => "issuer",
            Self::RetiredKeys(_) => "retired_keys",
            Self::Ring(_) => "ring",
            Self::Session(_) => "session",
            Self::User { .. } => "user",
        }
    }

    /// Whether it has expired.
    pub(super) fn is_over(&self, at: Timestamp) -> bool {
        let until = match self {
            Self::DeniedToken(denied) => denied.expires_at,
            Self::Grant(grant) => grant.kept_until(),
            Self::Session(session) => session.expires_at,
            Self::Client(_)
            | Self::Consent(_)
            | Self::Group(_)
            | Self::Issuer(_)
            | Self::RetiredKeys(_)
            | Self::Ring(_)
            | Self::User { .. } => return false,
        };
        until.has_passed(at)
    }

    /// Its line, without the line break.
    pub(super) fn to_line(&self) -> Result<String, AdminError> {
        let value = serde_json::to_value(self);
        let damaged = |error| refused(format!("{} {} can't be written: {error}", self.kind(), self.id()));
        Ok(sorted(value.map_err(damaged)?).to_string())
    }

    /// Its id, unique among its kind.
    pub fn id(&self) -> String {
        match self {
            Self::Client(client) => client.id.to_string(),
            Self::Consent(consent) => format!("{}/{}", consent.user, consent.client),
            Self::DeniedToken(denied) => protocol::base64url::encode(denied.token.as_bytes()),
            Self::Grant(grant) => format!("{}/{}", grant.user, grant.id),
            Self::Group(group) => group.name.to_string(),
            Self::Session(session) => format!("{}/{}", session.user, session.id),
            Self::User { user, .. } => user.id.to_string(),
            Self::Issuer(_) | Self::RetiredKeys(_) | Self::Ring(_) => String::new(),
        }
    }
}

/// An identifier of a user, as it is in the file.
pub(super) fn identifier((kind, name): &(String, String)) -> Option<Identifier> {
    match kind.as_str() {
        "username" => Some(Identifier::Username(CanonicalName::from_stored(name))),
        "email" => Some(Identifier::Email(name.as_str().into())),
        _ => None,
    }
}

/// The first line: the version.
pub(super) fn first_line() -> serde_json::Result<String> {
    serde_json::to_string(&Content::First { keyward_export: FORMAT })
}

/// The last line: the counts, and the hash of the lines before it.
pub(super) fn last_line(counts: &Counts, lines: Hash) -> serde_json::Result<String> {
    serde_json::to_string(&Content::Last { counts: counts.clone(), sha256: encoded(lines) })
}

fn encoded(hash: Hash) -> String {
    protocol::base64url::encode(hash.finish().as_ref())
}

/// The records of a file, one after the other. Reading ends with an error if it is no complete export of a known version.
pub struct Records<R> {
    lines: std::iter::Zip<std::ops::RangeFrom<u64>, Lines<R>>,
    begun: bool,
    last: Option<(&'static str, String)>,
    counts: Counts,
    hash: Hash,
    ended: bool,
}

impl<R: BufRead> Records<R> {
    /// Of a file's text.
    pub fn of(file: R) -> Self {
        let lines = (1..).zip(file.lines());
        Self {
            lines,
            begun: false,
            last: None,
            counts: Counts::new(),
            hash: Hash::new(&SHA256),
            ended: false,
        }
    }

    /// How many of each kind have been read.
    pub(super) fn counts(self) -> Counts {
        self.counts
    }

    fn take(&mut self) -> Result<Option<Entry>, AdminError> {
        for (number, line) in self.lines.by_ref() {
            let text = line.map_err(|error| refused(format!("line {number} can't be read: {error}")))?;
            let line = serde_json::from_str(&text);
            if !matches!(line, Ok(Content::Last { .. })) {
                self.hash.update(text.as_bytes());
                self.hash.update(b"\n");
            }
            match line {
                Ok(Content::First { keyward_export: FORMAT }) if !self.begun => self.begun = true,
                Ok(Content::First { keyward_export }) if !self.begun => {
                    return Err(refused(format!(
                        "the export has format {keyward_export}: use a version of keyward that reads it"
                    )));
                }
                Ok(Content::Record(entry)) if self.begun && !self.ended => {
                    let place = Some((entry.kind(), entry.id()));
                    if self.last >= place {
                        return Err(refused(format!("line {number} is not in order: export again")));
                    }
                    self.last = place;
                    *self.counts.entry(entry.kind().to_owned()).or_default() += 1;
                    return Ok(Some(*entry));
                }
                Ok(Content::Last { counts, sha256 }) if self.begun && !self.ended => {
                    if counts != self.counts {
                        return Err(refused("lines are missing: export again"));
                    }
                    if sha256 != encoded(self.hash.clone()) {
                        return Err(refused("the file was changed or damaged: export again"));
                    }
                    self.ended = true;
                }
                _ => {
                    return Err(refused(format!(
                        "line {number} doesn't belong to a keyward export: export again"
                    )));
                }
            }
        }
        if self.ended { Ok(None) } else { Err(refused("the file is cut off: export again")) }
    }
}

/// After an error the iterator must not be used.
impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Entry, AdminError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take().transpose()
    }
}

/// Sorts members by name, as some backends don't keep their order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let by_name: BTreeMap<String, Value> = members.into_iter().collect();
            by_name.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        other => other,
    }
}
