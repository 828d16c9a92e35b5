//! Log lines about what callers fail at. Anybody can fail as often as they like, so the first few lines a minute of each
//! network and kind are written, and of a refusal not many more of all networks together; then one line says how many were
//! left out. What succeeds or changes something is always written, by [`audit()`].

use super::audit::audit;
use super::current::outside;
use protocol::attempts::Network;
use protocol::event::Event;
use protocol::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use storage::Stamp;

/// How many lines a minute each network has of each kind.
pub const LINES_A_MINUTE: u64 = 10;
/// How many lines a minute all networks together have of each kind of refusal, so that many of them do not fill a disk. The
/// audit events have no such limit: it would let strangers hide what one network does.
const LINES_OF_ALL: u64 = 600;
/// The kind of the lines about what broke, which isn't always the caller's fault.
pub const REQUEST_FAILED: &str = "request.failed";
/// How many networks are counted separately for each kind, so that a flood of one kind hides no other. All networks
/// beyond these share one count.
const MOST: usize = 4096;

/// The counts of the current minute.
#[derive(Debug, Default)]
pub struct FailureLog(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: u64,
    kinds: HashMap<&'static str, Kind>,
}

/// How often one kind of failure happened.
#[derive(Debug, Default)]
struct Kind {
    counts: HashMap<Network, Count>,
    /// From networks beyond [`MOST`].
    others: Count,
    /// Of all networks.
    written: u64,
}

/// How many lines there would be, and how many were written.
#[derive(Debug, Default)]
struct Count {
    all: u64,
    written: u64,
}

impl FailureLog {
    /// Writes an event to the audit log, unless its network has had its lines of this kind.
    pub fn audit(&self, network: Network, stamp: Stamp, event: &Event) {
        if self.admits_of(u64::MAX, network, event.what.name(), stamp.at) {
            audit(stamp, event);
        }
    }

    /// Whether a line of that kind may be written.
    pub fn admits(&self, network: Network, kind: &'static str, now: Timestamp) -> bool {
        self.admits_of(LINES_OF_ALL, network, kind, now)
    }

    fn admits_of(&self, most: u64, network: Network, kind: &'static str, now: Timestamp) -> bool {
        self.tell(now);
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The widest network that one customer has, since the narrow ones inside it cost nothing.
        let [network, ..] = network.within();
        let Kind { counts, others, written } = minute.kinds.entry(kind).or_default();
        let has_room = counts.len() < MOST || counts.contains_key(&network);
        let count = if has_room { counts.entry(network).or_default() } else { others };
        count.all += 1;
        let admitted = count.written < LINES_A_MINUTE && *written < most;
        count.written += u64::from(admitted);
        *written += u64::from(admitted);
        admitted
    }

    /// Logs what was left out, if the counted minute is over.
    pub fn tell(&self, now: Timestamp) {
        let number = now.millis() / 60_000;
        let over = {
            let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A request that came in the minute before may be reported in this one. Only a clock that was set back further
            // begins another.
            if (number..=number + 1).contains(&minute.number) {
                return;
            }
            std::mem::replace(&mut *minute, Minute { number, ..Minute::default() })
        };
        over.tell();
    }

    /// Logs what was left out so far. For the end of the process.
    pub fn tell_all(&self) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).tell();
    }
}

impl Minute {
    fn tell(self) {
        for (of, kind) in self.kinds {
            let LeftOut { lines, networks, others } = kind.left_out();
            if lines > 0 {
                // Not of the request that happened to come next.
                outside(
                    || tracing::warn!(target: "audit", event = "log.left_out", of, lines, networks, others),
                );
            }
        }
    }
}

/// What was left out of one kind.
#[derive(Debug, PartialEq, Eq)]
struct LeftOut {
    /// How many lines.
    lines: u64,
    /// How many of the separately counted networks had lines left out.
    networks: u64,
    /// How many of the lines came from the other networks.
    others: u64,
}

impl Kind {
    fn left_out(&self) -> LeftOut {
        let more = |count: &Count| count.all - count.written;
        let others = more(&self.others);
        let each = self.counts.values().map(more).filter(|lines| *lines > 0);
        let (lines, networks) = each.fold((others, 0), |(lines, networks), of| (lines + of, networks + 1));
        LeftOut { lines, networks, others }
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

    /// Lines about refusals.
    fn refused(failures: &FailureLog, of: usize, kind: &'static str, times: usize, at: Timestamp) -> usize {
        (0..times).filter(|_| failures.admits(network(of), kind, at)).count()
    }

    /// Audit events.
    fn written(failures: &FailureLog, of: usize, kind: &'static str, times: usize, at: Timestamp) -> usize {
        (0..times).filter(|_| failures.admits_of(u64::MAX, network(of), kind, at)).count()
    }

    #[test]
    fn ten_lines_a_minute_of_each_network_and_kind() {
        let failures = FailureLog::default();
        assert_eq!(written(&failures, 1, "a", 10_000, NOW), 10);
        assert_eq!(written(&failures, 1, "b", 3, NOW), 3, "another kind");
        assert_eq!(written(&failures, 2, "a", 11, NOW), 10, "another network");
        let next = NOW.plus(std::time::Duration::from_secs(60));
        assert_eq!(written(&failures, 1, "a", 20, next), 10, "another minute");
        for at in [NOW, next, NOW] {
            assert_eq!(
                written(&failures, 1, "a", 1, at),
                0,
                "what came a minute before and ended in this one"
            );
        }
        let set_back = NOW.minus(std::time::Duration::from_secs(600));
        assert_eq!(written(&failures, 1, "a", 1, set_back), 1, "a clock that was set back");
    }

    #[test]
    fn however_many_fail_little_is_remembered_and_little_is_written() {
        let failures = FailureLog::default();
        let lines = (0..100_000).map(|of| written(&failures, of, "a", 1, NOW)).sum::<usize>();
        assert_eq!(lines, MOST + 10);
        let minute = failures.0.lock().unwrap();
        assert_eq!((minute.kinds.len(), minute.kinds["a"].counts.len()), (1, MOST));
    }

    #[test]
    fn a_flood_of_one_kind_hides_no_other() {
        let failures = FailureLog::default();
        for of in 0..2 * MOST {
            written(&failures, of, "a", 11, NOW);
        }
        for kind in ["b", REQUEST_FAILED] {
            for of in [1, 2, 3 * MOST] {
                assert_eq!(written(&failures, of, kind, 11, NOW), 10, "{kind} of {of}");
            }
        }
        let left_out = |kind| failures.0.lock().unwrap().kinds[kind].left_out();
        let (most, each) = (u64::try_from(MOST).unwrap(), 11);
        let others = most * each - LINES_A_MINUTE;
        assert_eq!(left_out("a"), LeftOut { lines: most + others, networks: most, others });
        assert_eq!(left_out("b"), LeftOut { lines: 3, networks: 3, others: 0 });
    }

    #[test]
    fn many_networks_do_not_fill_the_log_with_one_kind() {
        let failures = FailureLog::default();
        let lines = (0..1000).map(|of| refused(&failures, of, "a", 11, NOW)).sum::<usize>();
        assert_eq!(lines, 600);
        assert_eq!(refused(&failures, 1, "b", 1, NOW), 1, "another kind");
        assert_eq!(written(&failures, 1, "client_auth.failure", 11, NOW), 10, "an audit event");
        let left_out = failures.0.lock().unwrap().kinds["a"].left_out();
        assert_eq!(left_out, LeftOut { lines: 11_000 - 600, networks: 1000, others: 0 });
        let next = NOW.plus(std::time::Duration::from_secs(60));
        assert_eq!(refused(&failures, 1, "a", 1, next), 1, "another minute");
    }

    #[test]
    fn networks_that_come_for_nothing_fill_nothing() {
        let failures = FailureLog::default();
        let of = |text: &str| Network::of(Some(text.parse().unwrap()));
        let written = |text: &str| (0..11).filter(|_| failures.admits(of(text), "a", NOW)).count();
        let one = (0..2 * MOST).map(|of| written(&format!("2001:db8:1:{of:x}::1"))).sum::<usize>();
        assert_eq!(one, 10, "one customer");
        for other in ["2001:db8:2::1", "192.0.2.1", "192.0.2.2"] {
            assert_eq!(written(other), 10, "{other}");
        }
    }
}
