//! How the ring names what KMS has encrypted or keeps.

use super::calls::Context;
use crate::entropy::{self, Entropy};
use crate::error::{SignError, SignErrorKind};
use crate::form::{KMS_ENCRYPTED, KMS_KEPT};
use protocol::base64url;
use protocol::id::Realm;

/// What a blob is encrypted for: a part of its context, so it must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The private half of a signing key.
    SigningKey,
    /// A secret that masters are derived from, or masters one after the other.
    Master,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SigningKey => "signing-key",
            Self::Master => "master",
        }
    }
}

/// A wrapped secret: `kms:` wrap id `:` blob, and for one of several masters in a blob `:` its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Blob {
    /// Random, and part of the context: no blob decrypts in the place of another.
    wrap_id: String,
    pub(super) bytes: Vec<u8>,
}

/// What `wrapped` says.
pub(super) enum Wrapped {
    /// A secret of its own.
    Whole(Blob),
    /// One of the masters in a blob, by its place.
    Part(Blob, usize),
    /// A key that stays in KMS, by its ARN.
    Kept(String),
}

impl Wrapped {
    /// # Errors
    /// [`SignErrorKind::Foreign`] if it isn't of KMS, [`SignErrorKind::Corrupt`] if it is damaged.
    pub(super) fn parse(text: &str) -> Result<Self, SignError> {
        if let Some(arn) = text.strip_prefix(KMS_KEPT) {
            return Ok(Self::Kept(arn.to_owned()));
        }
        let Some(rest) = text.strip_prefix(KMS_ENCRYPTED) else {
            let why = "it is wrapped by a master key file; set `keys` to that, or run `keyward keys move`";
            return Err(SignError::new(SignErrorKind::Foreign, "unwrapping a key by KMS", why));
        };
        let damaged = || SignError::bare(SignErrorKind::Corrupt, "a wrapped key is damaged");
        let mut parts = rest.split(':');
        let (Some(wrap_id), Some(blob), place, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        let bytes = base64url::decode(blob).ok_or_else(damaged)?;
        let blob = Blob { wrap_id: wrap_id.to_owned(), bytes };
        match place {
            None => Ok(Self::Whole(blob)),
            Some(place) => place.parse().map(|place| Self::Part(blob, place)).map_err(|_| damaged()),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let text =
            |Blob { wrap_id, bytes }: &Blob| format!("{KMS_ENCRYPTED}{wrap_id}:{}", base64url::encode(bytes));
        match self {
            Self::Whole(blob) => text(blob),
            Self::Part(blob, place) => format!("{}:{place}", text(blob)),
            Self::Kept(arn) => format!("{KMS_KEPT}{arn}"),
        }
    }
}

impl Blob {
    pub(super) fn context(&self, realm: &Realm, purpose: Purpose) -> Context {
        context(realm, purpose, &self.wrap_id)
    }
}

/// A blob that is to be made: its id and its context.
pub(super) struct Draft {
    wrap_id: String,
    pub(super) context: Context,
}

impl Draft {
    pub(super) fn new(realm: &Realm, purpose: Purpose, entropy: &dyn Entropy) -> Self {
        let wrap_id = base64url::encode(&entropy::bytes::<16>(entropy));
        Self { context: context(realm, purpose, &wrap_id), wrap_id }
    }

    pub(super) fn blob(self, bytes: Vec<u8>) -> Blob {
        Blob { wrap_id: self.wrap_id, bytes }
    }
}

fn context(realm: &Realm, purpose: Purpose, wrap_id: &str) -> Context {
    [("realm", realm.as_str()), ("purpose", purpose.name()), ("wrap", wrap_id)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
