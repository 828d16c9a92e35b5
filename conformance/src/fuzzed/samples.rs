//! A key ring and a client for parsers that need one.

use crate::world::{Harness, World};
use keys::Snapshot;
use protocol::client::{AuthMethod, Client, GrantType};
use protocol::id::ClientId;
use protocol::samples;
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
        auth_method: AuthMethod::ClientSecretBasic,
        grant_types: vec![GrantType::AuthorizationCode],
        ..samples::client(id)
    }
}
