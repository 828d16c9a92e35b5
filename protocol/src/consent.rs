//! Consent: the scopes that a user agreed to, remembered per client.

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
    /// The user who agreed.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// Everything agreed to and not withdrawn.
    pub scope: Scope,
    /// When a scope was last added.
    pub granted_at: Timestamp,
    /// The generations it was made under; `None`: written by a version without generations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
}

/// Whether the user is asked before a client gets anything. First-party clients that authenticate are trusted, but not
/// on a loopback port or private-use scheme, which any program on the device can take (RFC 8252 §8.6).
pub fn is_required(client: &Client, redirect: &ProvenRedirect) -> bool {
    !(client.first_party && client.is_confidential() && redirect.is_https())
}

/// Whether there is a redirect URI of the client for which its users are not asked.
pub fn may_be_skipped(client: &Client) -> bool {
    let mut own = client.redirect_uris.iter().filter_map(|uri| ProvenRedirect::prove(client, uri));
    own.any(|redirect| !is_required(client, &redirect))
}

impl Consent {
    /// The record to store, given the one `known`: both scopes together if both were made under the same generations,
    /// else only this one. `None` if it adds nothing.
    pub fn added_to(&self, known: Option<&Self>) -> Option<Self> {
        match known.filter(|known| known.authority == self.authority) {
            Some(known) if known.scope.covers(&self.scope) => None,
            Some(known) => Some(Self { scope: known.scope.union(&self.scope), ..self.clone() }),
            None => Some(self.clone()),
        }
    }

    /// Whether it is valid. A client that was deleted and registered again under the same id is another client. A new
    /// password ends a consent, because a thief may have given it with the old one.
    pub fn counts(&self, user: &User, client: &Client, realm: Generation) -> bool {
        let generations = Generations::of_grant(realm, user, client);
        self.user == user.id
            && self.client == client.id
            && generations.honour(self.authority.as_ref(), self.granted_at)
    }
}
