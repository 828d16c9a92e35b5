//! What a user has, page by page.

use protocol::consent::Consent;
use protocol::grant::Grant;
use protocol::id::{ClientId, GrantId, SessionId};
use protocol::session::Session;

/// How many records `Store::belongings` returns and `Store::delete_belongings` deletes at most.
pub const BELONGINGS_LIMIT: u32 = 500;

/// A record of a user, in the order of `Store::belongings`.
#[derive(Clone, Debug, PartialEq)]
pub enum Belonging {
    /// What they agreed to with a client.
    Consent(Consent),
    /// A grant.
    Grant(Box<Grant>),
    /// A session.
    Session(Session),
}

impl Belonging {
    /// Its place.
    pub fn place(&self) -> Place {
        match self {
            Self::Consent(consent) => Place::Consent(consent.client.clone()),
            Self::Grant(grant) => Place::Grant(grant.id),
            Self::Session(session) => Place::Session(session.id),
        }
    }
}

/// A place among the records of a user. Within a kind the order is the backend's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A consent, by its client.
    Consent(ClientId),
    /// A grant.
    Grant(GrantId),
    /// Before the first session.
    Sessions,
    /// A session.
    Session(SessionId),
}

/// A page of what a user has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belongings {
    /// Records, ended and expired ones included.
    pub list: Vec<Belonging>,
    /// The place behind which the next page begins; `None`: this page is the last.
    pub next: Option<Place>,
}
