//! The background work of a serving process: it notices what other processes changed, rotates keys, and deletes what has
//! expired. Each of these may fail and is tried again; no answer depends on them.

use crate::app::App;
use crate::telemetry;
use keys::entropy::bytes;
use protocol::event::{Event, What};
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::time::Duration;
use storage::{Stamp, StoreErrorKind};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How often the process looks for writes of others.
const POLL: Duration = Duration::from_secs(1);
/// How many of these make a minute.
const POLLS_A_MINUTE: u64 = 60;
/// Between two rounds the clock advances by a minute. If it advances by more than this, or goes back, it jumped.
const JUMP: Duration = Duration::from_secs(5 * 60);
/// For how many rounds after a jump nothing is deleted: an hour, in which the clock may be corrected.
const ROUNDS_AFTER_A_JUMP: u32 = 60;
/// The same after the start, when clocks are wrong most often.
const ROUNDS_AFTER_THE_START: u32 = 10;
/// How much longer expired records are kept, for clocks that are wrong by less than can be noticed.
const MARGIN: Duration = Duration::from_secs(10 * 60);
/// The most batches of expired records that one round deletes.
const MOST_BATCHES: usize = 200;

/// Runs until it is dropped.
pub async fn run(app: App) {
    let mut timer = interval(POLL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut upkeep = Upkeep::new(app);
    loop {
        timer.tick().await;
        upkeep.poll().await;
    }
}

/// The upkeep of one process.
pub struct Upkeep {
    app: App,
    polls: u64,
    mark: Option<u64>,
    steadiness: Steadiness,
    /// The work on the keys, one task at a time: making them may take minutes, and nothing else waits for it.
    keys: JoinSet<()>,
}

impl Upkeep {
    /// Of a process that starts.
    pub fn new(app: App) -> Self {
        let steadiness = Steadiness::new(app.clock.now());
        Self { app, polls: 0, mark: None, steadiness, keys: JoinSet::new() }
    }

    /// What is done every second; once in a minute that is more.
    pub async fn poll(&mut self) {
        let app = &self.app;
        notice_changes(app, &mut self.mark).await;
        app.failure_log().tell(app.clock.now());
        self.polls = self.polls.wrapping_add(1);
        if !self.polls.is_multiple_of(POLLS_A_MINUTE) {
            return;
        }
        while self.keys.try_join_next().is_some() {}
        if self.keys.is_empty() {
            let app = app.clone();
            self.keys.spawn(async move { look_after_keys(&app).await });
        }
        app.passwords.free_idle(app.clock.now());
        if self.steadiness.round(app.clock.now()) {
            sweep(app).await;
        }
    }
}

/// Whether the clock can be trusted. By a clock that runs ahead everything has expired; if that were deleted, a revoked
/// token would be accepted again once the clock is corrected.
struct Steadiness {
    last: Timestamp,
    rounds_to_wait: u32,
}

impl Steadiness {
    const fn new(now: Timestamp) -> Self {
        Self { last: now, rounds_to_wait: ROUNDS_AFTER_THE_START }
    }

    /// Counts a round, a minute after the last. Returns whether expired records may be deleted.
    fn round(&mut self, now: Timestamp) -> bool {
        let jumped = now < self.last || now.since(self.last) > JUMP;
        self.rounds_to_wait =
            if jumped { ROUNDS_AFTER_A_JUMP } else { self.rounds_to_wait.saturating_sub(1) };
        self.last = now;
        self.rounds_to_wait == 0
    }
}

/// Drops the caches if another process wrote. If the store is too busy to tell, they are dropped, too: callers may have
/// caused that.
pub async fn notice_changes(app: &App, mark: &mut Option<u64>) {
    match app.store.change_mark().await {
        Ok(now) if *mark != Some(now) => {
            if mark.replace(now).is_some() {
                app.distrust_caches();
                if let Err(error) = app.keys.read_now().await {
                    tracing::warn!(%error, "the key ring can't be read");
                }
            }
        }
        Ok(_) => {}
        Err(error) => {
            tracing::debug!(%error, "looking for changes failed");
            if error.kind() == StoreErrorKind::Busy {
                app.distrust_caches();
            }
        }
    }
}

/// Reads the ring again, rotates keys if that is due and allowed, and raises the alarms.
pub async fn look_after_keys(app: &App) {
    let maintained = app.keys.maintain().await;
    if maintained.as_ref().is_ok_and(|keys| keys.misdated) {
        tracing::error!(
            "all signing keys begin in the future by this clock, so the first of them signs: the clock was ahead when they \
             were made, or it is behind now; check the clock, then run `keyward doctor`"
        );
    }
    match maintained {
        Ok(keys) if keys.overdue => {
            tracing::error!(
                "the rotation of the signing keys is overdue: no process that may rotate them is running"
            );
        }
        Ok(keys) if keys.rotated => {
            let stamp = Stamp { at: app.clock.now(), request: RequestId::from_bytes(bytes(&*app.entropy)) };
            telemetry::audit(stamp, &Event::new(What::KeysRenewed));
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the keys can't be maintained"),
    }
}

/// Deletes what has expired, one batch at a time, so that no other caller waits for long.
pub async fn sweep(app: &App) {
    if let Err(error) = app.keys.remove_expired().await {
        tracing::warn!(%error, "expired keys can't be removed");
    }
    for _ in 0..MOST_BATCHES {
        match app.store.sweep(app.clock.now().minus(MARGIN)).await {
            Ok(0) => return,
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => return tracing::warn!(%error, "expired records can't be deleted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_jump_of_the_clock_nothing_is_deleted_for_an_hour() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let minutes = |count: u64| start.plus(Duration::from_secs(60 * count));
        let mut steadiness = Steadiness::new(start);
        assert!((1..10).all(|minute| !steadiness.round(minutes(minute))));
        assert!((10..20).all(|minute| steadiness.round(minutes(minute))));
        // An hour back, and two years ahead.
        for jump in [start.minus(Duration::from_secs(3600)), minutes(1_000_000)] {
            let after = |count: u64| jump.plus(Duration::from_secs(60 * count));
            assert!((0..60).all(|minute| !steadiness.round(after(minute))));
            assert!((60..70).all(|minute| steadiness.round(after(minute))));
        }
    }
}
