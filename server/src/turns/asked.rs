//! How often somebody asked lately, where others waited. Leaving the line takes nothing of it back, and neither does
//! being turned away.

use super::line::Key;
use std::collections::HashMap;

/// After so many the counts are halved, and those of one forgotten: what is remembered is bounded by twice as many.
/// Enough to know again some thousand networks that ask without end.
const HALVED_AFTER: usize = 16_384;

#[derive(Default)]
pub(super) struct Asked {
    counts: HashMap<Key, u32>,
    since_halved: usize,
}

impl Asked {
    /// One asked who is all of these.
    pub(super) fn note(&mut self, path: &[Key]) {
        if self.since_halved >= HALVED_AFTER {
            self.since_halved = 0;
            self.counts.retain(|_, count| {
                *count /= 2;
                *count > 0
            });
        }
        self.since_halved = self.since_halved.saturating_add(1);
        for key in path.iter().filter(|key| **key != Key::Same) {
            let count = self.counts.entry(*key).or_default();
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn lately(&self, key: &Key) -> u32 {
        self.counts.get(key).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n246_what_is_remembered_of_who_asked_is_bounded() {
        let mut asked = Asked::default();
        let often = Key::Known([255; 16]);
        for number in 0..1_000_000_u128 {
            asked.note(&[Key::Known(number.to_be_bytes()), Key::Same]);
            if number % 100 == 0 {
                asked.note(&[often]);
            }
            assert!(asked.counts.len() <= 2 * HALVED_AFTER);
        }
        assert!(asked.lately(&often) > 100 && asked.lately(&Key::Known([0; 16])) == 0);
        assert_eq!(asked.lately(&Key::Same), 0);
    }
}
