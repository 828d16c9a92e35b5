//! The order of a queue: networks take turns, inside a network of 48 bits those of 56, inside these those of 64, and
//! inside one network it is first come, first served. An IPv4 address is a network of its own. Accounts take turns as
//! networks do, and inside an account the browsers and sessions that it knows.
//!
//! A group that had nothing waiting when a caller of it arrived goes before those that were served already, so nobody's
//! first request waits for what others have queued up. After four such in a row one of the others is next, however many
//! groups arrive with one request each. A group whose queue is empty after it was served keeps its place in the round
//! until the others have been served, so sending requests one by one doesn't put it first each time.
//!
//! A full queue drops the last waiter of the group with the most waiting, and among equal ones of the group that arrived
//! the most often lately ([`Arrivals`]). So networks that arrive again and again with one request each don't keep others
//! out.

use super::arrivals::Arrivals;
use super::key::{Group, QueueKey};
use std::collections::{HashMap, VecDeque};

/// How many new groups go before one that was served already.
const NEW_IN_A_ROW: usize = 4;

/// Waiters in fair order.
pub(super) struct Queue<T> {
    round: Round<Round<Round<VecDeque<T>>>>,
    arrivals: Arrivals,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { round: Round::default(), arrivals: Arrivals::default() }
    }
}

impl<T> Queue<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.round.len()
    }

    /// Adds a waiter behind the others of its group.
    pub(super) fn push(&mut self, key: QueueKey, waiter: T) {
        let path = key.path();
        if self.len() > 0 {
            self.arrivals.record(&path);
        }
        self.round.push(&path, waiter);
    }

    /// Takes out whoever is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.round.pop()
    }

    /// Takes out the last waiter of the group with the most waiting; among equal ones, of the group that arrived the most
    /// often lately; and among these, of the newcomer's.
    pub(super) fn shed(&mut self, newcomer: QueueKey) -> Option<T> {
        self.round.shed(&newcomer.path(), &self.arrivals)
    }

    /// Takes out a waiter that left.
    pub(super) fn remove(&mut self, key: QueueKey, is: impl Fn(&T) -> bool) -> Option<T> {
        self.round.remove(&key.path(), &is)
    }
}

/// A queue of queues. `path` names the groups on the way down.
trait Waiters<T>: Default {
    fn len(&self) -> usize;
    fn push(&mut self, path: &[Group], waiter: T);
    fn pop(&mut self) -> Option<T>;
    fn shed(&mut self, newcomer: &[Group], arrivals: &Arrivals) -> Option<T>;
    fn remove(&mut self, path: &[Group], is: &dyn Fn(&T) -> bool) -> Option<T>;
}

impl<T> Waiters<T> for VecDeque<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn push(&mut self, _: &[Group], waiter: T) {
        self.push_back(waiter);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn shed(&mut self, _: &[Group], _: &Arrivals) -> Option<T> {
        self.pop_back()
    }

    fn remove(&mut self, _: &[Group], is: &dyn Fn(&T) -> bool) -> Option<T> {
        let at = self.iter().position(is)?;
        VecDeque::remove(self, at)
    }
}

/// Groups that take turns.
struct Round<Q> {
    /// The queue of every group that is in one of the two lists below.
    queues: HashMap<Group, Q>,
    /// Groups that had nothing waiting when a caller arrived and were not served in this round. None is empty.
    new: VecDeque<Group>,
    /// Groups that were served, the next one in front; empty ones are removed when it is their turn.
    served: VecDeque<Group>,
    /// How many of `new` were served since one of `served` was.
    in_a_row: usize,
    len: usize,
}

impl<Q> Default for Round<Q> {
    fn default() -> Self {
        let (new, served) = Default::default();
        Self { queues: HashMap::new(), new, served, in_a_row: 0, len: 0 }
    }
}

impl<Q> Round<Q> {
    fn next<T>(&mut self) -> Option<Group>
    where
        Q: Waiters<T>,
    {
        let Self { queues, new, served, in_a_row, .. } = self;
        while let Some(group) =
            served.pop_front_if(|group| queues.get(group).is_none_or(|queue| queue.len() == 0))
        {
            queues.remove(&group);
        }
        if served.is_empty() || (*in_a_row < NEW_IN_A_ROW && !new.is_empty()) {
            *in_a_row = in_a_row.saturating_add(1);
            return new.pop_front();
        }
        *in_a_row = 0;
        served.pop_front()
    }

    /// A waiter of this group was taken out unserved. Nothing is kept of a group that was never served.
    fn one_left<T>(&mut self, group: Group)
    where
        Q: Waiters<T>,
    {
        self.len = self.len.saturating_sub(1);
        let is_empty = self.queues.get(&group).is_some_and(|queue| queue.len() == 0);
        if is_empty && let Some(at) = self.new.iter().position(|new| *new == group) {
            self.new.remove(at);
            self.queues.remove(&group);
        }
    }
}

impl<T, Q: Waiters<T>> Waiters<T> for Round<Q> {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, path: &[Group], waiter: T) {
        let Some((group, path)) = path.split_first() else { return };
        if !self.queues.contains_key(group) {
            self.new.push_back(*group);
        }
        self.queues.entry(*group).or_default().push(path, waiter);
        self.len = self.len.saturating_add(1);
    }

    fn pop(&mut self) -> Option<T> {
        let group = self.next()?;
        let waiter = self.queues.get_mut(&group)?.pop();
        self.served.push_back(group);
        self.len = self.len.saturating_sub(1);
        waiter
    }

    fn shed(&mut self, newcomer: &[Group], arrivals: &Arrivals) -> Option<T> {
        let (own, path) = newcomer.split_first()?;
        let burden = |(group, queue): &(&Group, &mut Q)| (queue.len(), arrivals.lately(group), *group == own);
        let (group, queue) = self.queues.iter_mut().max_by_key(burden)?;
        let (group, waiter) = (*group, queue.shed(path, arrivals)?);
        self.one_left(group);
        Some(waiter)
    }

    fn remove(&mut self, path: &[Group], is: &dyn Fn(&T) -> bool) -> Option<T> {
        let (group, path) = path.split_first()?;
        let waiter = self.queues.get_mut(group)?.remove(path, is)?;
        self.one_left(*group);
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::attempts::Network;

    fn from(address: &str) -> QueueKey {
        QueueKey::Stranger(Some(Network::of(Some(address.parse().unwrap()))))
    }

    /// Adds `count` waiters, each named after its network.
    fn fill(queue: &mut Queue<&'static str>, address: &'static str, count: usize) {
        (0..count).for_each(|_| queue.push(from(address), address));
    }

    fn next(queue: &mut Queue<&'static str>, count: usize) -> Vec<&'static str> {
        (0..count).filter_map(|_| queue.pop()).collect()
    }

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";
    const C: &str = "192.0.2.3";

    #[test]
    fn n246_who_has_nothing_waiting_is_next() {
        let mut queue = Queue::default();
        fill(&mut queue, A, 9);
        fill(&mut queue, B, 9);
        assert_eq!(next(&mut queue, 4), [A, B, A, B]);
        fill(&mut queue, C, 2);
        assert_eq!(next(&mut queue, 6), [C, A, B, C, A, B]);
    }

    #[test]
    fn n246_asking_one_by_one_is_no_way_to_be_first_each_time() {
        let mut queue = Queue::default();
        fill(&mut queue, A, 9);
        fill(&mut queue, B, 9);
        let mut served = next(&mut queue, 2);
        for _ in 0..4 {
            fill(&mut queue, C, 1);
            loop {
                served.extend(queue.pop());
                if served.last() == Some(&C) {
                    break;
                }
            }
        }
        assert_eq!(served, [A, B, C, A, B, C, A, B, C, A, B, C]);
    }

    #[test]
    fn n246_newcomers_without_end_leave_every_fifth_turn() {
        let mut queue = Queue::default();
        fill(&mut queue, A, 100);
        let mut served = Vec::new();
        for n in 0..100_u8 {
            for host in 0..2 {
                queue.push(from(&format!("10.0.{host}.{n}")), "new");
            }
            served.extend(queue.pop());
        }
        let of_a = served.iter().filter(|one| **one == A).count();
        assert!((20..=21).contains(&of_a), "{of_a}");
    }

    #[test]
    fn n246_an_ipv6_customer_is_one_network_however_many_it_has() {
        let mut queue = Queue::default();
        for subnet in 0..50 {
            queue.push(from(&format!("2001:db8:1:{subnet:x}::1")), "many");
        }
        // Half a network of 48 bits, in one of 56.
        (0..50).for_each(|_| queue.push(from("2001:db8:1:ff00::1"), "one"));
        fill(&mut queue, A, 50);
        let served = next(&mut queue, 80);
        let count = |name| served.iter().filter(|one| **one == name).count();
        assert_eq!((count(A), count("many"), count("one")), (40, 20, 20), "{served:?}");
    }

    #[test]
    fn n246_in_a_full_line_the_longest_loses_its_last() {
        let mut queue = Queue::default();
        (0..5).for_each(|n| queue.push(from(A), n));
        queue.push(from(B), 100);
        assert_eq!(queue.shed(from(B)), Some(4));
        (0..3).for_each(|n| queue.push(from(B), 101 + n));
        assert_eq!(queue.shed(from(B)), Some(103), "of equal ones the newcomer's");
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(left, [0, 100, 1, 101, 2, 102, 3]);
        assert_eq!(queue.shed(from(C)), None);
    }

    #[test]
    fn n246_who_left_is_not_next_and_nothing_is_kept_of_them() {
        let mut queue = Queue::default();
        for round in 0..1000_u32 {
            let address = format!("10.{}.{}.1", round / 250, round % 250);
            queue.push(from(&address), round);
            queue.push(from(A), round);
            assert_eq!(queue.remove(from(&address), |waiter| *waiter == round), Some(round));
            assert_eq!(queue.remove(from(&address), |waiter| *waiter == round), None);
            assert_eq!((queue.pop(), queue.len()), (Some(round), 0));
        }
        for host in 0..=255_u8 {
            queue.push(from(&format!("10.9.9.{host}")), 0);
            assert!(queue.remove(from(&format!("10.9.9.{host}")), |_| true).is_some());
        }
        let kept = [queue.round.queues.len(), queue.round.new.len(), queue.round.served.len()];
        assert!(kept.iter().all(|kept| *kept <= 2), "{kept:?}");
    }

    #[test]
    fn n246_what_is_remembered_is_bounded_by_what_waits() {
        let mut queue = Queue::default();
        fill(&mut queue, A, 60_000);
        fill(&mut queue, B, 4);
        for round in 0..60_000_u32 {
            queue.push(from(&format!("10.{}.{}.1", round / 250, round % 250)), "once");
            queue.pop();
            queue.pop();
        }
        let kept = [queue.round.queues.len(), queue.round.served.len()];
        assert!(kept.iter().all(|kept| *kept < 10), "{kept:?}");
    }
}
