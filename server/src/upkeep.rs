//! What a serving process does besides serving: notice what other processes changed, rotate keys, clear away what
//! is over. Each of these may fail and is tried again; none is needed for an answer to be right.

use crate::app::App;
use crate::entropy::bytes;
use crate::telemetry;
use protocol::event::{Event, What};
use protocol::id::RequestId;
use protocol::time::Timestamp;
use std::time::Duration;
use storage::{Stamp, StoreErrorKind};
use tokio::time::{MissedTickBehavior, interval};

/// How often another process' writes are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// How many looks there are between two rounds of [`App::minute`].
const LOOKS_A_MINUTE: u64 = 60;
/// Between two rounds the clock goes on by a minute. By so much more, or back, it jumped.
const JUMP: Duration = Duration::from_secs(5 * 60);
/// For how many rounds after a jump nothing is deleted: an hour, in which somebody may put the clock right.
const ROUNDS_AFTER_A_JUMP: u32 = 60;
/// The same after the start, when clocks are wrong most often.
const ROUNDS_AFTER_THE_START: u32 = 10;
/// What is over is kept this much longer, for clocks that are wrong by less than can be noticed.
const MARGIN: Duration = Duration::from_secs(10 * 60);
/// How many batches of expired records one round deletes.
const MOST_BATCHES: usize = 200;

/// Works until it is dropped.
pub async fn run(app: App) {
    let mut timer = interval(LOOK);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut looks, mut mark, mut steadiness) = (0_u64, None, Steadiness::new(app.clock.now()));
    loop {
        timer.tick().await;
        notice_changes(&app, &mut mark).await;
        app.failure_log().tell(app.clock.now());
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(LOOKS_A_MINUTE) {
            minute(&app).await;
            if steadiness.round(app.clock.now()) {
                sweep(&app).await;
            }
        }
    }
}

/// Whether the clock can be believed. To a clock that runs ahead everything is over; were it deleted, a token that
/// was revoked would be worth something again when the clock comes back.
struct Steadiness {
    last: Timestamp,
    rounds_to_wait: u32,
}

impl Steadiness {
    const fn new(now: Timestamp) -> Self {
        Self { last: now, rounds_to_wait: ROUNDS_AFTER_THE_START }
    }

    /// One more round, a minute after the last: whether what is over may be deleted.
    fn round(&mut self, now: Timestamp) -> bool {
        let jumped = now < self.last || now.since(self.last) > JUMP;
        self.rounds_to_wait =
            if jumped { ROUNDS_AFTER_A_JUMP } else { self.rounds_to_wait.saturating_sub(1) };
        self.last = now;
        self.rounds_to_wait == 0
    }
}

/// When another process wrote, what is cached is read again. Where a busy store keeps us from asking it may have, and
/// callers may be why.
pub async fn notice_changes(app: &App, mark: &mut Option<u64>) {
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
        Err(error) => {
            tracing::debug!(%error, "changes can't be looked for");
            if error.kind() == StoreErrorKind::Busy {
                app.distrust_caches();
            }
        }
    }
}

/// One round: keys and unused memory.
pub async fn minute(app: &App) {
    let looked_after = app.keys.look_after().await;
    if looked_after.as_ref().is_ok_and(|ticked| ticked.misdated) {
        tracing::error!(
            "no signing key has begun by this clock, so the first to begin signs: the clock was ahead when they were \
             made, or it is behind now; see that it is right, then run `keyward doctor`"
        );
    }
    match looked_after {
        Ok(ticked) if ticked.overdue => {
            tracing::error!("the signing keys are overdue for rotation: nobody who may rotate them runs");
        }
        Ok(ticked) if ticked.rotated => {
            let stamp = Stamp { at: app.clock.now(), request: RequestId::from_bytes(bytes(&*app.entropy)) };
            telemetry::audit(stamp, &Event::new(What::KeysRenewed));
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the keys can't be looked after"),
    }
    app.passwords.free_idle(app.clock.now());
}

/// Deletes what is over, a batch at a time, so that nobody else waits for long.
pub async fn sweep(app: &App) {
    if let Err(error) = app.keys.clear_away().await {
        tracing::warn!(%error, "keys that are over can't be cleared away");
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
        // An hour back, and two years on.
        for jump in [start.minus(Duration::from_secs(3600)), minutes(1_000_000)] {
            let after = |count: u64| jump.plus(Duration::from_secs(60 * count));
            assert!((0..60).all(|minute| !steadiness.round(after(minute))));
            assert!((60..70).all(|minute| steadiness.round(after(minute))));
        }
    }
}
