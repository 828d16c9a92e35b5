//! A key ring and a client for parsers that need one.

use crate::world::{Harness, World};
use protocol::client::{AuthMethod, Client, GrantType};
use protocol::generation::Generation;
use protocol::id::ClientId;
use protocol::scope::Scope;
use protocol::time::Timestamp;
use server::keys::Snapshot;
use std::sync::{Arc, OnceLock};
use storage::Memory;

/// A key ring, made once.
pub(super) fn ring() -> &'static Snapshot {
    static RING: OnceLock<Arc<Snapshot>> = OnceLock::new();
    RING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = World::on(Arc::new(Memory::default()), Harness::Router, &[]);
        runtime.block_on(async { world.await.app.keys.fresh().await.unwrap() })
    })
}

/// A confidential client with nothing that matters to a parser.
pub(super) fn client(id: ClientId) -> Client {
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
