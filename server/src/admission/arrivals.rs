//! How often each group arrived lately at a queue in which others waited. Leaving the queue or being dropped from it
//! takes nothing back.

use super::key::Group;
use std::collections::HashMap;

/// After this many arrivals all counts are halved, and counts of one forgotten, so at most twice as many are kept.
/// That is enough to recognise some thousand networks that arrive again and again.
const HALVED_AFTER: usize = 16_384;

#[derive(Default)]
pub(super) struct Arrivals {
    counts: HashMap<Group, u32>,
    since_halved: usize,
}

impl Arrivals {
    /// Counts an arrival for each of its groups.
    pub(super) fn record(&mut self, path: &[Group]) {
        if self.since_halved >= HALVED_AFTER {
            self.since_halved = 0;
            self.counts.retain(|_, count| {
                *count /= 2;
                *count > 0
            });
        }
        self.since_halved = self.since_halved.saturating_add(1);
        for group in path.iter().filter(|group| **group != Group::All) {
            let count = self.counts.entry(*group).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// How often a group arrived lately.
    pub(super) fn lately(&self, group: &Group) -> u32 {
        self.counts.get(group).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n246_what_is_remembered_of_who_asked_is_bounded() {
        let mut arrivals = Arrivals::default();
        let often = Group::Known([255; 16]);
        for number in 0..1_000_000_u128 {
            arrivals.record(&[Group::Known(number.to_be_bytes()), Group::All]);
            if number % 100 == 0 {
                arrivals.record(&[often]);
            }
            assert!(arrivals.counts.len() <= 2 * HALVED_AFTER);
        }
        assert!(arrivals.lately(&often) > 100 && arrivals.lately(&Group::Known([0; 16])) == 0);
        assert_eq!(arrivals.lately(&Group::All), 0);
    }
}
