//! The lines of an export. The first says what the file is, the last how many of each kind there are; so a file
//! that was cut off is known as one.

use super::{Counts, refused};
use crate::admin::AdminError;
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::Grant;
use protocol::name::{CanonicalName, Identifier};
use protocol::session::Session;
use protocol::user::User;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use storage::{DeniedToken, RingDocument};

/// The one format there is.
const FORMAT: u32 = 1;

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
    /// Whom the store belongs to.
    Issuer(String),
    /// Public halves of removed keys, as the store keeps them.
    RetiredKeys(String),
    /// The key ring, as the store keeps it: private keys are sealed in it.
    Ring(String),
    /// A session.
    Session(Session),
    /// A user, and what leads to them.
    User {
        /// The record.
        user: User,
        /// Kind and canonical name of each.
        identifiers: Vec<(String, String)>,
    },
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    First { keyward_export: u32 },
    Last { counts: Counts },
    Record(Box<Entry>),
}

impl Entry {
    /// A user with the identifiers that a user of these fields has (design §10: a name, and a verified address).
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
            Self::Issuer(_) => "issuer",
            Self::RetiredKeys(_) => "retired_keys",
            Self::Ring(_) => "ring",
            Self::Session(_) => "session",
            Self::User { .. } => "user",
        }
    }

    /// What tells it from others of its kind.
    pub fn id(&self) -> String {
        match self {
            Self::Client(client) => client.id.to_string(),
            Self::Consent(consent) => format!("{}/{}", consent.user, consent.client),
            Self::DeniedToken(denied) => protocol::base64url::encode(denied.token.as_bytes()),
            Self::Grant(grant) => format!("{}/{}", grant.user, grant.id),
            Self::Session(session) => format!("{}/{}", session.user, session.id),
            Self::User { user, .. } => user.id.to_string(),
            Self::Issuer(_) | Self::RetiredKeys(_) | Self::Ring(_) => String::new(),
        }
    }
}

/// What leads to a user, from its line.
pub(super) fn identifier((kind, name): &(String, String)) -> Option<Identifier> {
    match kind.as_str() {
        "username" => Some(Identifier::Username(CanonicalName::from_stored(name))),
        "email" => Some(Identifier::Email(name.as_str().into())),
        _ => None,
    }
}

/// Records on their way to or from a file.
#[derive(Debug, Default, PartialEq)]
pub struct Contents(BTreeMap<(&'static str, String), Entry>);

impl Contents {
    pub(super) fn add(&mut self, entry: Entry) {
        self.0.insert((entry.kind(), entry.id()), entry);
    }

    /// How many of each kind.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        self.0.keys().for_each(|(kind, _)| *counts.entry((*kind).to_owned()).or_default() += 1);
        counts
    }

    /// How many in all.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.0.into_values()
    }

    /// The file's text, a line at a time.
    ///
    /// # Errors
    /// When a record can't be written, which only a mistake of ours can cause.
    pub fn lines(&self) -> impl Iterator<Item = Result<String, serde_json::Error>> {
        let first = Line::First { keyward_export: FORMAT };
        let last = Line::Last { counts: self.counts() };
        let records = self.0.values().map(|entry| Ok(sorted(serde_json::to_value(entry)?).to_string()));
        let ends = |line: Line| serde_json::to_string(&line);
        std::iter::once(ends(first)).chain(records).chain(std::iter::once(ends(last)))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`AdminError::Refused`] for what isn't a whole export of a version this program knows.
    pub fn read(lines: impl Iterator<Item = std::io::Result<String>>) -> Result<Self, AdminError> {
        let mut contents = Self::default();
        let (mut begun, mut end) = (false, None);
        for (number, line) in (1..).zip(lines) {
            let text = line.map_err(|error| refused(format!("line {number} can't be read: {error}")))?;
            match serde_json::from_str(&text) {
                Ok(Line::First { keyward_export: FORMAT }) if !begun => begun = true,
                Ok(Line::First { keyward_export }) if !begun => {
                    let mend =
                        format!("the export has format {keyward_export}: use the keyward that knows it");
                    return Err(refused(mend));
                }
                Ok(Line::Record(entry)) if begun && end.is_none() => contents.add(*entry),
                Ok(Line::Last { counts }) if begun && end.is_none() => end = Some(counts),
                _ => return Err(refused(format!("line {number} is not one of a keyward export"))),
            }
        }
        match end {
            Some(counts) if counts == contents.counts() => Ok(contents),
            Some(_) => Err(refused("lines are missing or repeated: export again")),
            None => Err(refused("the file is cut off: export again")),
        }
    }
}

/// Members by name: some backends keep no order.
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
