//! Lines about what callers fail at. Anybody can fail as often as they like, so of each network and kind the first few
//! of a minute are written, and then one line says how many were left out. What succeeds, and what changes something,
//! is always written, by [`super::audit`].

use super::audit;
use protocol::attempts::Network;
use protocol::event::Event;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use storage::Stamp;

/// How many lines of one network and kind a minute has.
pub const LINES_A_MINUTE: u64 = 10;
/// The kind of the lines about what broke, which isn't always the caller's fault.
pub const REQUEST_FAILED: &str = "request.failed";
/// How many networks and kinds are told apart at most; whatever comes beyond in the same minute is one more.
const MOST: usize = 4096;

/// What was failed at in this minute.
#[derive(Debug, Default)]
pub struct Failures(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: u64,
    counts: HashMap<(Network, &'static str), u64>,
    others: u64,
}

impl Failures {
    /// Writes an event to the audit log, unless its network had enough of its kind.
    pub fn audit(&self, network: Network, stamp: Stamp, event: &Event) {
        if self.admits(network, event.what.name(), stamp.at) {
            audit(stamp, event);
        }
    }

    /// Whether a line of that kind may be written.
    pub fn admits(&self, network: Network, kind: &'static str, now: Timestamp) -> bool {
        self.tell(now);
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = minute.counts.len() < MOST || minute.counts.contains_key(&(network, kind));
        let count =
            if has_room { minute.counts.entry((network, kind)).or_default() } else { &mut minute.others };
        *count += 1;
        *count <= LINES_A_MINUTE
    }

    /// Says what was left out in a minute that is over.
    pub fn tell(&self, now: Timestamp) {
        let number = now.millis() / 60_000;
        let over = {
            let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if minute.number == number {
                return;
            }
            std::mem::replace(&mut *minute, Minute { number, ..Minute::default() })
        };
        over.tell();
    }

    /// Says what was left out until now, as the process ends.
    pub fn tell_all(&self) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).tell();
    }
}

impl Minute {
    fn tell(self) {
        let mut left_out: HashMap<&'static str, (u64, u64)> = HashMap::new();
        let counts = self.counts.into_iter().map(|((_, kind), count)| (kind, count));
        for (kind, count) in counts.chain([("others", self.others)]) {
            let more = count.saturating_sub(LINES_A_MINUTE);
            let (lines, networks) = left_out.entry(kind).or_default();
            *lines += more;
            *networks += u64::from(more > 0);
        }
        for (of, (lines, networks)) in left_out.into_iter().filter(|(_, (lines, _))| *lines > 0) {
            tracing::warn!(target: "audit", event = "log.left_out", of, lines, networks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn network(number: usize) -> Network {
        let [a, b, c, d] = u32::try_from(number).unwrap().to_be_bytes();
        Network::V4([a, b, c, d])
    }

    fn written(failures: &Failures, of: usize, kind: &'static str, times: usize, at: Timestamp) -> usize {
        (0..times).filter(|_| failures.admits(network(of), kind, at)).count()
    }

    #[test]
    fn ten_lines_a_minute_of_each_network_and_kind() {
        let failures = Failures::default();
        assert_eq!(written(&failures, 1, "a", 10_000, NOW), 10);
        assert_eq!(written(&failures, 1, "b", 3, NOW), 3, "another kind");
        assert_eq!(written(&failures, 2, "a", 11, NOW), 10, "another network");
        let next = NOW.plus(std::time::Duration::from_secs(60));
        assert_eq!(written(&failures, 1, "a", 1, next), 1, "another minute");
    }

    #[test]
    fn however_many_fail_little_is_remembered_and_little_is_written() {
        let failures = Failures::default();
        let lines = (0..100_000).map(|of| written(&failures, of, "a", 1, NOW)).sum::<usize>();
        assert_eq!(lines, MOST + 10);
        assert_eq!(failures.0.lock().unwrap().counts.len(), MOST);
    }
}
