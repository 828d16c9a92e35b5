//! The order of a line: networks take turns, inside a network of 48 bits those of 56, inside these those of 64, and
//! inside one network who came first. An IPv4 address is a network by itself. Accounts take turns like networks, and
//! inside an account the browsers and sessions that it knows.
//!
//! A network that had nothing waiting when somebody came goes before those that have had a turn, so nobody's first
//! request waits for what others piled up. After four such in a row one of the others is next, however many networks
//! come with one request each. A network whose line is empty after its turn keeps its place in the round until the
//! others have had theirs, so asking one by one is no way to be first each time.
//!
//! A full line turns away the last one of the network with the most waiting, and of equal ones of that which asked
//! the most often lately ([`Asked`]). So networks that come again and again, one request each, don't keep others out.

use super::Whose;
use super::asked::Asked;
use protocol::attempts::Network;
use protocol::id::UserId;
use std::collections::{HashMap, VecDeque};

/// Who takes turns with others of its kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A network, and how many bits of it count.
    Network(Network, u8),
    Account(UserId),
    /// A browser or a session that the account knows.
    Known([u8; 16]),
    /// There is nothing to tell apart.
    Same,
}

/// How many that had nothing waiting go before one that has had a turn.
const FIRST_IN_A_ROW: usize = 4;

/// Who waits, in fair order.
pub(super) struct Line<T> {
    round: Round<Round<Round<VecDeque<T>>>>,
    asked: Asked,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { round: Round::default(), asked: Asked::default() }
    }
}

impl<T> Line<T> {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.round.len()
    }

    /// Puts somebody at the end of their network's line.
    pub(super) fn push(&mut self, whose: Whose, waiter: T) {
        let path = path(whose);
        if self.len() > 0 {
            self.asked.note(&path);
        }
        self.round.push(&path, waiter);
    }

    /// Who is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.round.pop()
    }

    /// Takes the last one out of the network with the most waiting; of equal ones, out of that which asked the most
    /// lately; and of these, out of the newcomer's.
    pub(super) fn turn_away(&mut self, newcomer: Whose) -> Option<T> {
        self.round.turn_away(&path(newcomer), &self.asked)
    }

    /// Takes somebody out who left.
    pub(super) fn remove(&mut self, whose: Whose, is: impl Fn(&T) -> bool) -> Option<T> {
        self.round.remove(&path(whose), &is)
    }
}

fn path(whose: Whose) -> [Key; 3] {
    match whose {
        Whose::Stranger(None) => [Key::Same; 3],
        Whose::Stranger(Some(network @ Network::V6(_))) => {
            let [wide, middle, narrow] = network.within();
            [Key::Network(wide, 48), Key::Network(middle, 56), Key::Network(narrow, 64)]
        }
        Whose::Stranger(Some(address)) => [Key::Network(address, 32), Key::Same, Key::Same],
        Whose::Known(account, by) => [Key::Account(account), Key::Known(by), Key::Same],
    }
}

/// A line of lines. `path` names the way down.
trait Waiters<T>: Default {
    fn len(&self) -> usize;
    fn push(&mut self, path: &[Key], waiter: T);
    fn pop(&mut self) -> Option<T>;
    fn turn_away(&mut self, newcomer: &[Key], asked: &Asked) -> Option<T>;
    fn remove(&mut self, path: &[Key], is: &dyn Fn(&T) -> bool) -> Option<T>;
}

impl<T> Waiters<T> for VecDeque<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn push(&mut self, _: &[Key], waiter: T) {
        self.push_back(waiter);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn turn_away(&mut self, _: &[Key], _: &Asked) -> Option<T> {
        self.pop_back()
    }

    fn remove(&mut self, _: &[Key], is: &dyn Fn(&T) -> bool) -> Option<T> {
        let at = self.iter().position(is)?;
        VecDeque::remove(self, at)
    }
}

/// Networks that take turns.
struct Round<Q> {
    /// Every network that is in one of the two lists below.
    lines: HashMap<Key, Q>,
    /// Those that had nothing waiting, and no turn in this round, when somebody came. None of them is empty.
    first: VecDeque<Key>,
    /// Those that have had a turn, the next one in front; empty lines are left out when it is theirs.
    others: VecDeque<Key>,
    /// How many of `first` had their turn since one of `others` had.
    in_a_row: usize,
    len: usize,
}

impl<Q> Default for Round<Q> {
    fn default() -> Self {
        let (first, others) = Default::default();
        Self { lines: HashMap::new(), first, others, in_a_row: 0, len: 0 }
    }
}

impl<Q> Round<Q> {
    fn next<T>(&mut self) -> Option<Key>
    where
        Q: Waiters<T>,
    {
        let Self { lines, first, others, in_a_row, .. } = self;
        while let Some(key) = others.pop_front_if(|key| lines.get(key).is_none_or(|line| line.len() == 0)) {
            lines.remove(&key);
        }
        if others.is_empty() || (*in_a_row < FIRST_IN_A_ROW && !first.is_empty()) {
            *in_a_row = in_a_row.saturating_add(1);
            return first.pop_front();
        }
        *in_a_row = 0;
        others.pop_front()
    }

    /// One of a network left the line. Nothing is kept of a network that was not served.
    fn one_left<T>(&mut self, key: Key)
    where
        Q: Waiters<T>,
    {
        self.len = self.len.saturating_sub(1);
        let is_empty = self.lines.get(&key).is_some_and(|line| line.len() == 0);
        if is_empty && let Some(at) = self.first.iter().position(|first| *first == key) {
            self.first.remove(at);
            self.lines.remove(&key);
        }
    }
}

impl<T, Q: Waiters<T>> Waiters<T> for Round<Q> {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, path: &[Key], waiter: T) {
        let Some((key, path)) = path.split_first() else { return };
        if !self.lines.contains_key(key) {
            self.first.push_back(*key);
        }
        self.lines.entry(*key).or_default().push(path, waiter);
        self.len = self.len.saturating_add(1);
    }

    fn pop(&mut self) -> Option<T> {
        let key = self.next()?;
        let waiter = self.lines.get_mut(&key)?.pop();
        self.others.push_back(key);
        self.len = self.len.saturating_sub(1);
        waiter
    }

    fn turn_away(&mut self, newcomer: &[Key], asked: &Asked) -> Option<T> {
        let (own, path) = newcomer.split_first()?;
        let burden = |(key, line): &(&Key, &mut Q)| (line.len(), asked.lately(key), *key == own);
        let (key, line) = self.lines.iter_mut().max_by_key(burden)?;
        let (key, waiter) = (*key, line.turn_away(path, asked)?);
        self.one_left(key);
        Some(waiter)
    }

    fn remove(&mut self, path: &[Key], is: &dyn Fn(&T) -> bool) -> Option<T> {
        let (key, path) = path.split_first()?;
        let waiter = self.lines.get_mut(key)?.remove(path, is)?;
        self.one_left(*key);
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Whose {
        Whose::Stranger(Some(Network::of(Some(address.parse().unwrap()))))
    }

    /// Puts so many in line, each as its network's name.
    fn fill(line: &mut Line<&'static str>, address: &'static str, count: usize) {
        (0..count).for_each(|_| line.push(from(address), address));
    }

    fn next(line: &mut Line<&'static str>, count: usize) -> Vec<&'static str> {
        (0..count).filter_map(|_| line.pop()).collect()
    }

    const A: &str = "192.0.2.1";
    const B: &str = "192.0.2.2";
    const C: &str = "192.0.2.3";

    #[test]
    fn n246_who_has_nothing_waiting_is_next() {
        let mut line = Line::default();
        fill(&mut line, A, 9);
        fill(&mut line, B, 9);
        assert_eq!(next(&mut line, 4), [A, B, A, B]);
        fill(&mut line, C, 2);
        assert_eq!(next(&mut line, 6), [C, A, B, C, A, B]);
    }

    #[test]
    fn n246_asking_one_by_one_is_no_way_to_be_first_each_time() {
        let mut line = Line::default();
        fill(&mut line, A, 9);
        fill(&mut line, B, 9);
        let mut served = next(&mut line, 2);
        for _ in 0..4 {
            fill(&mut line, C, 1);
            loop {
                served.extend(line.pop());
                if served.last() == Some(&C) {
                    break;
                }
            }
        }
        assert_eq!(served, [A, B, C, A, B, C, A, B, C, A, B, C]);
    }

    #[test]
    fn n246_newcomers_without_end_leave_every_fifth_turn() {
        let mut line = Line::default();
        fill(&mut line, A, 100);
        let mut served = Vec::new();
        for n in 0..100_u8 {
            for host in 0..2 {
                line.push(from(&format!("10.0.{host}.{n}")), "new");
            }
            served.extend(line.pop());
        }
        let of_a = served.iter().filter(|one| **one == A).count();
        assert!((20..=21).contains(&of_a), "{of_a}");
    }

    #[test]
    fn n246_an_ipv6_customer_is_one_network_however_many_it_has() {
        let mut line = Line::default();
        for subnet in 0..50 {
            line.push(from(&format!("2001:db8:1:{subnet:x}::1")), "many");
        }
        // Half a network of 48 bits, in one of 56.
        (0..50).for_each(|_| line.push(from("2001:db8:1:ff00::1"), "one"));
        fill(&mut line, A, 50);
        let served = next(&mut line, 80);
        let count = |name| served.iter().filter(|one| **one == name).count();
        assert_eq!((count(A), count("many"), count("one")), (40, 20, 20), "{served:?}");
    }

    #[test]
    fn n246_in_a_full_line_the_longest_loses_its_last() {
        let mut line = Line::default();
        (0..5).for_each(|n| line.push(from(A), n));
        line.push(from(B), 100);
        assert_eq!(line.turn_away(from(B)), Some(4));
        (0..3).for_each(|n| line.push(from(B), 101 + n));
        assert_eq!(line.turn_away(from(B)), Some(103), "of equal ones the newcomer's");
        let left: Vec<_> = std::iter::from_fn(|| line.pop()).collect();
        assert_eq!(left, [0, 100, 1, 101, 2, 102, 3]);
        assert_eq!(line.turn_away(from(C)), None);
    }

    #[test]
    fn n246_who_left_is_not_next_and_nothing_is_kept_of_them() {
        let mut line = Line::default();
        for round in 0..1000_u32 {
            let address = format!("10.{}.{}.1", round / 250, round % 250);
            line.push(from(&address), round);
            line.push(from(A), round);
            assert_eq!(line.remove(from(&address), |waiter| *waiter == round), Some(round));
            assert_eq!(line.remove(from(&address), |waiter| *waiter == round), None);
            assert_eq!((line.pop(), line.len()), (Some(round), 0));
        }
        for host in 0..=255_u8 {
            line.push(from(&format!("10.9.9.{host}")), 0);
            assert!(line.remove(from(&format!("10.9.9.{host}")), |_| true).is_some());
        }
        let kept = [line.round.lines.len(), line.round.first.len(), line.round.others.len()];
        assert!(kept.iter().all(|kept| *kept <= 2), "{kept:?}");
    }

    #[test]
    fn n246_what_is_remembered_is_bounded_by_what_waits() {
        let mut line = Line::default();
        fill(&mut line, A, 60_000);
        fill(&mut line, B, 4);
        for round in 0..60_000_u32 {
            line.push(from(&format!("10.{}.{}.1", round / 250, round % 250)), "once");
            line.pop();
            line.pop();
        }
        let kept = [line.round.lines.len(), line.round.others.len()];
        assert!(kept.iter().all(|kept| *kept < 10), "{kept:?}");
    }
}
