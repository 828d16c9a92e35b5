//! Ids. Each kind of id is its own type, so a grant cannot be looked up by a session's id.

use crate::base64url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::fmt;

macro_rules! random_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        ///
        /// 128 random bits; 22 base64url characters as text.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From random (or keyed-hash) bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Parses its text; `None` for anything but 22 canonical base64url characters.
            pub fn parse(text: &str) -> Option<Self> {
                base64url::decode_array(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base64url::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom(concat!("not a ", stringify!($name))))
            }
        }
    )+};
}

random_id! {
    /// A user's internal id: the key of the record, never sent to a client in clear.
    UserId,
    /// A browser session; its text is the `sid` claim.
    SessionId,
    /// A grant: what one user allowed one client in one authorization.
    GrantId,
    /// One incoming call; also stored with each guarded write, so a retry recognises its own work.
    RequestId,
    /// One act of authentication: each sign-in makes a new one.
    EventId,
    /// A known browser's counter of wrong passwords. Each sign-in makes a new id, so the counter starts again.
    DeviceId,
}

impl RequestId {
    /// The id of a call. `process` is random, and the same in all calls that one process serves; `unique` is random.
    pub const fn of_process(process: [u8; 6], unique: [u8; 10]) -> Self {
        let ([a, b, c, d, e, f, g, h, i, j], [k, l, m, n, o, p]) = (unique, process);
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// Whether the same process served both calls, so the same clock dated them.
    pub fn is_beside(&self, other: &Self) -> bool {
        let ([.., k, l, m, n, o, p], [.., q, r, s, t, u, v]) = (self.0, other.0);
        [k, l, m, n, o, p] == [q, r, s, t, u, v]
    }
}

/// How many bytes of a grant's id identify its client: 8 characters of its text.
const CLIENT_BYTES: usize = 6;

impl GrantId {
    /// The id of a grant for a client; `unique` is a keyed hash or random. The ids of one user's grants for one client
    /// are adjacent in key order, so a store finds them without an index.
    pub fn for_client(client: &ClientId, unique: &[u8; 16]) -> Self {
        let mut id = *unique;
        id.iter_mut().zip(client_bytes(client)).for_each(|(to, from)| *to = from);
        Self(id)
    }

    /// The smallest and the greatest id of a grant for this client. Grants made by earlier versions have random ids,
    /// and a few clients may share a range.
    pub fn range_of(client: &ClientId) -> (Self, Self) {
        (Self::for_client(client, &[0; 16]), Self::for_client(client, &[0xFF; 16]))
    }

    /// The first characters of the text of all these ids.
    pub fn prefix_of(client: &ClientId) -> String {
        base64url::encode(&client_bytes(client))
    }
}

fn client_bytes(client: &ClientId) -> [u8; CLIENT_BYTES] {
    let hash = Sha256::new().chain_update(b"keyward grants of\0").chain_update(client.as_str()).finalize();
    hash.first_chunk().copied().unwrap_or_default()
}

/// A client's public name (RFC 6749 §2.2): 1 to [`ClientId::MAX_LENGTH`] printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(Box<str>);

impl ClientId {
    /// The longest id.
    pub const MAX_LENGTH: usize = 256;

    /// Parses a text from a request or a command; `None` if no client can have this id. RFC 6749 appendix A.1:
    /// `client-id = *VSCHAR`.
    pub fn parse(text: &str) -> Option<Self> {
        let is_vschar = |b: u8| matches!(b, 0x20..=0x7E);
        let fine = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_vschar);
        fine.then(|| Self(text.into()))
    }

    /// Takes the place of a client's id when a user opens their own account. No client can have it, because of its first
    /// character.
    pub fn account() -> Self {
        Self("\0account".into())
    }

    /// The id as sent on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a client id"))
    }
}

/// The `sub` of a user (OIDC Core §2): random, so it reveals neither the user id nor any name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(Box<str>);

impl Subject {
    /// From 128 random bits.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(base64url::encode(&bytes).into())
    }

    /// From a stored or received text.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether a user could have this `sub`, or get it.
    pub fn has_form(text: &str) -> bool {
        base64url::decode_array::<16>(text).is_some()
    }

    /// The claim's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tenant a record belongs to; every storage key begins with it. There is only one so far, `main`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Realm(Box<str>);

impl Realm {
    /// The only realm so far.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// Another one, of which there is none yet: what is of one realm must not open in another.
    #[cfg(feature = "samples")]
    pub fn another() -> Self {
        Self("another".into())
    }

    /// The realm's name as used in keys.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_have_every_id_of_rfc_6749_appendix_a() {
        let every: String = (0x20..=0x7E_u8).map(char::from).collect();
        let longest = "x".repeat(ClientId::MAX_LENGTH);
        for id in [
            "urn:billing:worker",
            "https://app.example.com",
            "api://123",
            "(account)",
            "#",
            "%23",
            " ",
            &every,
            &longest,
        ] {
            assert_eq!(ClientId::parse(id).map(|id| id.to_string()).as_deref(), Some(id));
        }
        for id in ["", "a\n", "a\t", "\u{7f}", "größe", "\0account", &format!("{longest}x")] {
            assert_eq!(ClientId::parse(id), None, "{id:?}");
        }
        assert_eq!(ClientId::parse(ClientId::account().as_str()), None, "nobody's id");
    }

    #[test]
    fn grants_for_one_client_lie_beside_each_other_and_nobody_elses_between_them() {
        let client = |id: &str| ClientId::parse(id).unwrap();
        let (least, greatest) = GrantId::range_of(&client("web"));
        for unique in [[0; 16], [7; 16], [0xFF; 16]] {
            let (own, other) = (client("web"), client("wiki"));
            let id = GrantId::for_client(&own, &unique);
            assert!(least <= id && id <= greatest);
            assert!(id.to_string().starts_with(&GrantId::prefix_of(&own)));
            let id = GrantId::for_client(&other, &unique);
            assert!(id < least || greatest < id);
        }
        assert_ne!(
            GrantId::for_client(&client("web"), &[1; 16]),
            GrantId::for_client(&client("web"), &[2; 16])
        );
    }
}
