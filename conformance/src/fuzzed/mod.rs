//! What parsers of foreign bytes promise, whatever the bytes. Each function here takes any input and panics
//! where a promise is broken: no panic of the product's, what parses keeps its limits and comes back as it was, and
//! who reads the same bytes by the plain rules (`url`, `serde_json`, `base64`) reads the same.
//!
//! The targets of `fuzz/` call these for hours, on a nightly compiler; `tests/corpus` calls them with the committed
//! inputs and with mutations of them, on any.

mod basic;
mod cookie;
mod form;
mod forwarded;
mod jwt;
mod redirect;
mod seal;

pub use basic::basic;
pub use cookie::cookie;
pub use form::form;
pub use forwarded::forwarded;
pub use jwt::{jwt_claims, jwt_compact, jwt_header};
pub use redirect::redirect;
pub use seal::seal;

use crate::{Harness, World};
use protocol::client::{AuthMethod, Client, GrantType};
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::scope::Scope;
use protocol::time::Timestamp;
use server::keys::Snapshot;
use std::sync::{Arc, OnceLock};
use storage::Memory;

/// A key ring, made once.
fn ring() -> &'static Snapshot {
    static RING: OnceLock<Arc<Snapshot>> = OnceLock::new();
    RING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = World::on(Arc::new(Memory::default()), Harness::Router, &[]);
        runtime.block_on(async { world.await.app.keys.fresh().await.unwrap() })
    })
}

/// A confidential client without anything that matters to a parser.
fn client(id: ClientId) -> Client {
    Client {
        id,
        name: "A client".into(),
        auth_method: AuthMethod::ClientSecretBasic,
        secrets: vec![],
        redirect_uris: vec![],
        post_logout_redirect_uris: vec![],
        origins: vec![],
        grant_types: vec![GrantType::AuthorizationCode],
        scope: Scope::default(),
        audiences: vec![],
        resources: vec![],
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
