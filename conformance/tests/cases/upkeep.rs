//! The background work of a server.

use async_trait::async_trait;
use conformance::World;
use keys::tap::Observer;
use server::upkeep::Upkeep;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Lets keys be made until it hangs.
#[derive(Default)]
struct Slow {
    hangs: AtomicBool,
    /// How many rotations wait for it.
    waiting: AtomicU64,
}

#[async_trait]
impl Observer for Slow {
    async fn before_new_key(&self) {
        if self.hangs.load(Ordering::SeqCst) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            pending().await
        }
    }
}

#[tokio::test]
async fn while_a_rotation_hangs_the_rest_of_the_upkeep_is_done_and_no_other_rotation_begins() {
    let slow = Arc::new(Slow::default());
    let world = World::observed(&slow).await;
    world.pass(100 * 24 * 3600);
    slow.hangs.store(true, Ordering::SeqCst);
    let mut upkeep = Upkeep::new(world.app.clone());
    let minutes = async {
        for _ in 0..3 * 60 {
            upkeep.poll().await;
            yield_now().await;
        }
    };
    assert!(timeout(Duration::from_secs(20), minutes).await.is_ok());
    assert_eq!(slow.waiting.load(Ordering::SeqCst), 1);
}
