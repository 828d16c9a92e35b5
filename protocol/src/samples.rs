//! Minimal records for tests to vary: optional fields are empty. For the tests of every crate (feature `samples`).

use crate::client::{AuthMethod, Client};
use crate::generation::Generation;
use crate::id::ClientId;
use crate::scope::Scope;
use crate::time::Timestamp;

/// A public client.
pub fn client(id: ClientId) -> Client {
    Client {
        id,
        name: "A client".into(),
        auth_method: AuthMethod::None,
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        origins: Vec::new(),
        grant_types: Vec::new(),
        scope: Scope::empty(),
        audiences: Vec::new(),
        resources: Vec::new(),
        signing_alg: None,
        pkce_required: true,
        first_party: false,
        native: false,
        disabled: false,
        generation: Generation::default(),
        created_at: Timestamp::EPOCH,
        revision: 1,
    }
}
