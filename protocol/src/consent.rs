//! What a user agreed to, remembered per client as a set of scopes.

use crate::id::{ClientId, UserId};
use crate::scope::Scope;
use crate::time::Timestamp;
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
}
