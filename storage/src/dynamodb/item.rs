//! A record as an item: its key and its attributes. The ids in the key are not stored a second time, and a field
//! without a value is absent, so that conditions can test for it.

use super::attribute::{self, Item, attribute, from_json, number, text};
use super::fault::Fault;
use crate::Stamp;
use crate::stored::Stored;
use aws_sdk_dynamodb::types::AttributeValue;
use protocol::attempts::AttemptKey;
use protocol::base64url;
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::{Grant, GrantKey};
use protocol::group::GroupName;
use protocol::id::{ClientId, Realm, RequestId, SessionId, UserId};
use protocol::name::Identifier;
use protocol::secret::Digest;
use protocol::session::Session;
use protocol::time::Timestamp;
use protocol::user::User;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// The one record format there is.
pub(super) const FORMAT: u64 = 1;

/// The attributes that every item may have besides its record's fields.
pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
pub(super) const VERSION: &str = "v";
pub(super) const LAST_REQUEST: &str = "last_request";
/// When DynamoDB may delete the item, in seconds since 1970.
pub(super) const TTL: &str = "ttl";
/// The `ttl` that a grant gets when its code is redeemed; until then it is kept for an hour only.
pub(super) const TTL_REDEEMED: &str = "ttl_redeemed";
/// How much longer an expired item is kept, for servers whose clocks are slow by less than is noticed.
const LINGERS: Duration = Duration::from_secs(600);

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    fn new(realm: &Realm, pk: &str, sk: impl Into<String>) -> Self {
        Self { pk: format!("{}#{pk}", realm.as_str()), sk: sk.into() }
    }

    /// A record of the realm's own.
    pub(super) fn realm(realm: &Realm, what: &str) -> Self {
        Self::new(realm, "META", what)
    }

    pub(super) fn ring(realm: &Realm, document: &str) -> Self {
        Self::new(realm, "RING", document)
    }

    pub(super) fn client(realm: &Realm, id: &ClientId) -> Self {
        Self::new(realm, &format!("CLIENT#{}", escaped(id)), "CLIENT")
    }

    pub(super) fn user(realm: &Realm, id: &UserId) -> Self {
        Self::of_user(realm, id, "USER")
    }

    pub(super) fn session(realm: &Realm, user: &UserId, id: &SessionId) -> Self {
        Self::of_user(realm, user, format!("SESSION#{id}"))
    }

    pub(super) fn grant(realm: &Realm, key: &GrantKey) -> Self {
        Self::of_user(realm, &key.user, format!("GRANT#{}", key.grant))
    }

    pub(super) fn consent(realm: &Realm, user: &UserId, client: &ClientId) -> Self {
        Self::of_user(realm, user, format!("CONSENT#{}", escaped(client)))
    }

    /// Hashed, because keys show up in places where records don't: access logs, lists of hot keys.
    pub(super) fn identifier(realm: &Realm, identifier: &Identifier) -> Self {
        let digest = base64url::encode(&Sha256::digest(identifier.as_str()));
        Self::new(realm, &format!("IDENT#{}#{digest}", identifier.kind()), "IDENT")
    }

    pub(super) fn group(realm: &Realm, name: &GroupName) -> Self {
        Self::new(realm, &format!("GROUP#{name}"), "GROUP")
    }

    pub(super) fn denied(realm: &Realm, token: &Digest) -> Self {
        Self::new(realm, &format!("DENY#{}", base64url::encode(token.as_bytes())), "DENY")
    }

    pub(super) fn attempts(realm: &Realm, key: &AttemptKey) -> Self {
        Self::new(realm, &format!("RATE#{}#{}", key.kind, base64url::encode(&key.digest)), "RATE")
    }

    /// The user whose partition this is.
    pub(super) fn user_id(&self) -> Result<UserId, Fault> {
        let id = self.pk.rsplit('#').next().and_then(UserId::parse);
        id.ok_or_else(|| Fault::corrupt(format!("{} is not a user's key", self.pk)))
    }

    fn of_user(realm: &Realm, user: &UserId, sk: impl Into<String>) -> Self {
        Self::new(realm, &format!("USER#{user}"), sk)
    }

    pub(super) fn item(&self) -> Item {
        [(PK.to_owned(), text(&self.pk)), (SK.to_owned(), text(&self.sk))].into()
    }

    /// The key of an item that was read.
    pub(super) fn of(item: &Item) -> Result<Self, Fault> {
        let part = |name: &str| match item.get(name) {
            Some(AttributeValue::S(part)) => Ok(part.clone()),
            _ => Err(Fault::corrupt(format!("an item without `{name}`"))),
        };
        Ok(Self { pk: part(PK)?, sk: part(SK)? })
    }
}

/// A client's id in a key, whose parts are separated by `#`. All ids of earlier versions are as they were.
fn escaped(id: &ClientId) -> String {
    id.as_str().replace('%', "%25").replace('#', "%23")
}

/// The id again; other ids have nothing to unescape.
fn unescaped(part: &str) -> String {
    part.replace("%23", "#").replace("%25", "%")
}

/// A record that is stored as one item.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The field that is the last part of `pk`.
    const IN_PK: Option<&'static str> = None;
    /// The field that is the last part of `sk`.
    const IN_SK: Option<&'static str> = None;

    /// When DynamoDB may delete it; `None`: never.
    fn expires_at(&self) -> Option<Timestamp> {
        None
    }
}

impl Record for Client {
    const IN_PK: Option<&'static str> = Some("id");
}

impl Record for User {
    const IN_PK: Option<&'static str> = Some("id");
}

impl Record for Session {
    const IN_PK: Option<&'static str> = Some("user");
    const IN_SK: Option<&'static str> = Some("id");

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

impl Record for Grant {
    const IN_PK: Option<&'static str> = Some("user");
    const IN_SK: Option<&'static str> = Some("id");

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.kept_until())
    }
}

impl Record for Consent {
    const IN_PK: Option<&'static str> = Some("user");
    const IN_SK: Option<&'static str> = Some("client");
}

/// The item of a record that this request writes.
pub(super) fn encode<R: Record>(key: &Key, record: &R, stamp: Stamp) -> Result<Item, Fault> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(record) else {
        return Err(Fault::corrupt("a record that has no fields"));
    };
    [R::IN_PK, R::IN_SK].into_iter().flatten().for_each(|field| drop(fields.remove(field)));
    let mut item = key.item();
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    item.extend(present.map(|(name, value)| (name, from_json(value))));
    item.insert(LAST_REQUEST.to_owned(), attribute(&stamp.request)?);
    item.insert(VERSION.to_owned(), number(FORMAT));
    if let Some(at) = record.expires_at() {
        item.insert(TTL.to_owned(), ttl(at));
    }
    Ok(item)
}

/// The record of an item, and the request that wrote it last.
pub(super) fn decode<R: Record>(item: Item) -> Result<Stored<R>, Fault> {
    require_format(&item)?;
    let key = Key::of(&item)?;
    let mut fields = attribute::object(item)?;
    for (field, part) in [(R::IN_PK, &key.pk), (R::IN_SK, &key.sk)] {
        let id = unescaped(part.rsplit('#').next().unwrap_or_default());
        if let (Some(field), Some(fields)) = (field, fields.as_object_mut()) {
            fields.insert(field.to_owned(), id.into());
        }
    }
    let last_request = last_request(&fields)?;
    let damaged = |error| Fault::corrupt(format!("{} {}: {error}", key.pk, key.sk));
    Ok(Stored { record: serde_json::from_value(fields).map_err(damaged)?, last_request })
}

/// The record of an item.
pub(super) fn record<R: Record>(item: Item) -> Result<R, Fault> {
    Ok(decode(item)?.record)
}

/// Fails unless the item has the format this program knows.
pub(super) fn require_format(item: &Item) -> Result<(), Fault> {
    match item.get(VERSION) {
        Some(AttributeValue::N(version)) if *version == FORMAT.to_string() => Ok(()),
        other => Err(Fault::corrupt(format!("an item of format {other:?}; this program knows {FORMAT}"))),
    }
}

/// The request that wrote an item last.
pub(super) fn last_request(fields: &Value) -> Result<RequestId, Fault> {
    let text = fields.get(LAST_REQUEST).and_then(Value::as_str).and_then(RequestId::parse);
    text.ok_or_else(|| Fault::corrupt("an item without `last_request`"))
}

/// The first full second at which the item may be deleted.
pub(super) fn ttl(at: Timestamp) -> AttributeValue {
    number(at.plus(LINGERS).millis().div_ceil(1000))
}
