//! What the store in memory promises beyond the contract, and the contract.

use super::store::Memory;
use crate::contract::sample::{agreed, bare_client, call, kept_consent, kept_grant, put_client, put_consent};
use crate::contract::sweep::{UNREDEEMED_GO, redeemed_and_unredeemed};
use crate::{Commit, Store};
use std::sync::Arc;
use std::time::Duration;

async fn empty() -> Arc<dyn Store> {
    Arc::new(Memory::default())
}

contract!(memory, empty);

#[tokio::test]
async fn grants_whose_codes_nobody_redeemed_go_before_their_session() {
    let store = Memory::default();
    let [redeemed, revoked, unredeemed, burnt] = redeemed_and_unredeemed(&store).await;
    assert_eq!(store.sweep(UNREDEEMED_GO.plus(Duration::from_millis(1))).await.unwrap(), 2);
    for (each, is_kept) in [(redeemed, true), (revoked, true), (unredeemed, false), (burnt, false)] {
        assert_eq!(kept_grant(&store, &each).await.is_some(), is_kept, "{each:?}");
    }
}

#[tokio::test]
async fn a_deleted_client_takes_along_what_was_agreed_to_with_it() {
    let store = Memory::default();
    let (client, given) = (bare_client("client-a"), agreed(1, "client-a", "openid", call(1)));
    put_client(&store, &client).await;
    put_consent(&store, &given).await;
    assert_eq!(store.delete_client(&client, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(kept_consent(&store, &given).await, None);
}
