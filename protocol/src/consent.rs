//! What a user agreed to, remembered per client as a set of scopes.

use crate::authority::{Authority, Generations};
use crate::client::Client;
use crate::generation::Generation;
use crate::id::{ClientId, UserId};
use crate::redirect::ProvenRedirect;
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::user::User;
use serde::{Deserialize, Serialize};

/// A remembered consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who agreed.
    pub user: UserId,
    /// To whom.
    pub client: ClientId,
    /// To what: everything ever agreed to and not taken back.
    pub scope: Scope,
    /// When it last grew.
    pub granted_at: Timestamp,
    /// What it was decided by; `None`: a program before generations wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
}

/// Whether the user is asked before a client gets anything. First-party clients that authenticate are trusted, but not
/// on a loopback port or private-use scheme, which any program on the device can take (RFC 8252 §8.6).
pub fn is_required(client: &Client, redirect: &ProvenRedirect) -> bool {
    !(client.first_party && client.is_confidential() && redirect.is_https())
}

impl Consent {
    /// What to store of it beside what is `known` already: everything agreed to by the same authority. `None`: nothing
    /// new.
    pub fn added_to(&self, known: Option<&Self>) -> Option<Self> {
        match known.filter(|known| known.authority == self.authority) {
            Some(known) if known.scope.covers(&self.scope) => None,
            Some(known) => Some(Self { scope: known.scope.union(&self.scope), ..self.clone() }),
            None => Some(self.clone()),
        }
    }

    /// Whether it counts: a client of its id that was deleted is another one, and what somebody agreed to who had
    /// another's password ends with that password.
    pub fn counts(&self, user: &User, client: &Client, realm: Generation) -> bool {
        let generations = Generations::of_grant(realm, user, client);
        self.user == user.id
            && self.client == client.id
            && generations.honour(self.authority.as_ref(), self.granted_at)
    }
}
