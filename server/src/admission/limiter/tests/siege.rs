//! Networks that besiege a full queue, each arriving again as soon as it was answered or turned away or hung up.

use crate::admission::key::QueueKey;
use crate::admission::queue::Queue;
use protocol::attempts::Network;

const ROOM: usize = 64;
/// The one who is no besieger.
const NEWCOMER: u32 = u32::MAX;

/// How besiegers behave.
#[derive(Clone, Copy, Debug)]
struct Besiegers {
    count: u32,
    /// Of those outside, one in this many arrives before the next permit.
    pause: u32,
    /// Of those waiting, one in this many hangs up before the next permit; 0: none.
    hang_up: u32,
}

fn of(number: u32) -> QueueKey {
    QueueKey::Stranger(Some(Network::V4(number.to_be_bytes())))
}

/// Pseudo-random numbers, the same each time.
struct Dice(u32);

impl Dice {
    fn one_in(&mut self, sides: u32) -> bool {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sides > 0 && (self.0 >> 8).is_multiple_of(sides)
    }
}

struct Siege {
    besiegers: Besiegers,
    queue: Queue<u32>,
    waits: Vec<bool>,
    dice: Dice,
    /// Whether the newcomer waits.
    newcomer: bool,
}

impl Siege {
    fn begin(besiegers: Besiegers) -> Self {
        let waits = vec![false; besiegers.count as usize];
        Self { besiegers, queue: Queue::default(), waits, dice: Dice(7), newcomer: false }
    }

    fn mark(&mut self, number: u32, waits: bool) {
        match number {
            NEWCOMER => self.newcomer = waits,
            besieger => self.waits[besieger as usize] = waits,
        }
    }

    fn ask(&mut self, number: u32, key: QueueKey) {
        self.queue.push(key, number);
        self.mark(number, true);
        if self.queue.len() > ROOM {
            let away = self.queue.shed(key).unwrap();
            self.mark(away, false);
        }
    }

    /// Who gets the next permit. Before it besiegers arrive and hang up; then a newcomer arrives, if there is one.
    fn next(&mut self, newcomer: Option<u32>) -> Option<u32> {
        for number in 0..self.besiegers.count {
            if self.waits[number as usize] && self.dice.one_in(self.besiegers.hang_up) {
                self.queue.remove(of(number), |waiter| *waiter == number).unwrap();
                self.mark(number, false);
            }
            if !self.waits[number as usize] && self.dice.one_in(self.besiegers.pause) {
                self.ask(number, of(number));
            }
        }
        if let Some(network) = newcomer {
            self.ask(NEWCOMER, of(network));
        }
        let served = self.queue.pop()?;
        self.mark(served, false);
        Some(served)
    }

    /// How many permits a newcomer from a network of its own waits for; `None` if it is turned away.
    fn newcomer(&mut self, network: u32) -> Option<u32> {
        let mut served = self.next(Some(network));
        let mut turns = 1;
        while served != Some(NEWCOMER) && self.newcomer {
            served = self.next(None);
            turns += 1;
        }
        (served == Some(NEWCOMER)).then_some(turns)
    }
}

#[test]
fn n246_networks_that_ask_without_end_leave_a_newcomer_its_turn() {
    for (count, pause) in [(75, 1), (75, 20), (1000, 10), (1000, 40)] {
        for hang_up in [0, 2, 20] {
            let besiegers = Besiegers { count, pause, hang_up };
            let mut siege = Siege::begin(besiegers);
            // Until each besieger has arrived some times.
            for _ in 0..160 {
                siege.next(None);
            }
            let waits: Vec<_> = (0..5).map(|number| siege.newcomer(1_000_000 + number)).collect();
            // As many as have room before it, and every fifth permit.
            let in_time = |turns: &Option<u32>| turns.is_some_and(|turns| turns <= 81);
            assert!(waits.iter().all(in_time), "{besiegers:?} {waits:?}");
        }
    }
}
