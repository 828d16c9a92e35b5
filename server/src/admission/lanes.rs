//! Two queues for the same permits: one of strangers, and one of browsers and sessions that an account knows. While both
//! have waiters, permits go to them alternately, so strangers take at most every second permit, however many they are.

use super::key::QueueKey;
use super::queue::Queue;

pub(super) struct Lanes<T> {
    strangers: Queue<T>,
    known: Queue<T>,
    known_was_last: bool,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { strangers: Queue::default(), known: Queue::default(), known_was_last: false }
    }
}

impl<T> Lanes<T> {
    /// The lane of somebody.
    pub(super) fn of(&mut self, key: QueueKey) -> &mut Queue<T> {
        match key {
            QueueKey::Stranger(_) | QueueKey::Client(..) => &mut self.strangers,
            QueueKey::Known(..) => &mut self.known,
        }
    }

    /// How many strangers wait, and how many known callers.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.strangers.len(), self.known.len())
    }

    /// Takes out whoever is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        let known_first = !self.known_was_last || self.strangers.len() == 0;
        let known = if known_first { self.known.pop() } else { None };
        self.known_was_last = known.is_some();
        known.or_else(|| self.strangers.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::attempts::Network;
    use protocol::id::UserId;

    fn stranger(number: u8) -> QueueKey {
        QueueKey::Stranger(Some(Network::V4([192, 0, 2, number])))
    }

    fn known(account: u8, by: u8) -> QueueKey {
        QueueKey::Known(UserId::from_bytes([account; 16]), [by; 16])
    }

    fn push(lanes: &mut Lanes<&'static str>, key: QueueKey, name: &'static str) {
        lanes.of(key).push(key, name);
    }

    #[test]
    fn n246_who_is_known_has_every_second_place() {
        let mut lanes = Lanes::default();
        (0..100).for_each(|number| push(&mut lanes, stranger(number), "stranger"));
        (0..3).for_each(|number| push(&mut lanes, known(number, 0), "known"));
        let mut next = || lanes.pop().unwrap();
        let served = [next(), next(), next(), next(), next(), next(), next()];
        assert_eq!(served, ["known", "stranger", "known", "stranger", "known", "stranger", "stranger"]);
        push(&mut lanes, known(0, 0), "known");
        assert_eq!(lanes.pop(), Some("known"), "its turn has come");
        while lanes.of(stranger(0)).len() > 0 {
            lanes.pop();
        }
        (0..3).for_each(|_| push(&mut lanes, known(0, 0), "known"));
        assert_eq!(
            [lanes.pop(), lanes.pop(), lanes.pop(), lanes.pop()],
            [Some("known"), Some("known"), Some("known"), None]
        );
    }

    #[test]
    fn n246_an_account_known_to_many_browsers_is_one_among_accounts() {
        let mut lanes = Lanes::default();
        (0..50).for_each(|by| push(&mut lanes, known(1, by), "many"));
        (0..3).for_each(|_| push(&mut lanes, known(1, 200), "owner"));
        (0..3).for_each(|_| push(&mut lanes, known(2, 0), "other"));
        let away = lanes.of(known(2, 0)).shed(known(2, 0));
        assert_eq!(away, Some("owner"), "the last of who has the most in the account with the most");
        let served: Vec<_> = (0..6).filter_map(|_| lanes.pop()).collect();
        assert_eq!(served.iter().filter(|one| **one == "other").count(), 3, "{served:?}");
    }

    #[test]
    fn n243_a_session_that_comes_again_and_again_keeps_no_other_of_its_account_out() {
        let mut lanes = Lanes::default();
        for by in (0..4).chain(0..4) {
            push(&mut lanes, known(1, by), "often");
        }
        for by in 0..4 {
            lanes.of(known(1, by)).remove(known(1, by), |_| true);
        }
        push(&mut lanes, known(1, 9), "once");
        assert_eq!(lanes.of(known(1, 9)).shed(known(1, 9)), Some("often"));
    }
}
