//! What a serving process does besides serving: notice what other processes changed, rotate keys, clear away what
//! is over. Each of these may fail and is tried again; none is needed for an answer to be right.

use crate::app::App;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often another process' writes are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks there are between two rounds of [`App::minute`].
const LOOKS_A_MINUTE: u64 = 60;
/// How many batches of expired records one round deletes.
const MOST_BATCHES: usize = 200;

/// Works until it is dropped.
pub async fn run(app: App) {
    let mut timer = interval(LOOK);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut looks, mut mark) = (0_u64, None);
    loop {
        timer.tick().await;
        notice_changes(&app, &mut mark).await;
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOKS_A_MINUTE) {
            minute(&app).await;
        }
    }
}

/// Design §4: when another process wrote, what is cached is read again.
async fn notice_changes(app: &App, mark: &mut Option<u64>) {
    match app.store.change_mark().await {
        Ok(now) if *mark != Some(now) => {
            if mark.replace(now).is_some() {
                app.distrust_caches();
                if let Err(error) = app.keys.refresh().await {
                    tracing::warn!(%error, "the key ring can't be read");
                }
            }
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "changes can't be looked for"),
    }
}

/// One round: keys, expired records, unused memory.
pub async fn minute(app: &App) {
    match app.keys.tick().await {
        Ok(ticked) if ticked.overdue => {
            tracing::error!("the signing keys are overdue for rotation: nobody who may rotate them runs");
        }
        Ok(ticked) if ticked.rotated => tracing::info!(target: "audit", event = "keys.rotated"),
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the keys can't be looked after"),
    }
    sweep(app).await;
    app.passwords.free_idle(app.clock.now());
}

/// Deletes what is over, a batch at a time, so that nobody else waits for long.
async fn sweep(app: &App) {
    for _ in 0..MOST_BATCHES {
        match app.store.sweep(app.clock.now()).await {
            Ok(0) => return,
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => return tracing::warn!(%error, "expired records can't be deleted"),
        }
    }
}
