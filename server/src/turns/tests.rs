//! The places: who gets one, who waits, who is turned away.

use super::*;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

mod siege;

fn from(address: &str) -> Whose {
    Whose::Stranger(Some(Network::of(Some(address.parse().unwrap()))))
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(it) => Some(it),
        Poll::Pending => None,
    }
}

/// Takes a place that is free.
fn taken(turns: &Turns) -> Turn {
    poll(pin!(turns.take(Whose::Stranger(None)))).unwrap().ok().unwrap()
}

#[test]
fn n246_a_place_goes_to_the_next_in_line() {
    let turns = Turns::new(1, 2);
    let turn = taken(&turns);
    let (mut first, mut second) = (pin!(turns.take(from("192.0.2.1"))), pin!(turns.take(from("192.0.2.2"))));
    assert!(poll(first.as_mut()).is_none() && poll(second.as_mut()).is_none());
    drop(turn);
    assert!(poll(second.as_mut()).is_none());
    let turn = poll(first.as_mut()).unwrap().ok().unwrap();
    drop(turn);
    assert!(poll(second.as_mut()).unwrap().is_ok());
    taken(&turns);
}

#[test]
fn n246_a_newcomer_takes_the_place_in_line_of_who_has_the_most() {
    let turns = Turns::new(1, 2);
    let turn = taken(&turns);
    let mut crowd: Vec<_> = (0..3).map(|_| Box::pin(turns.take(from("192.0.2.1")))).collect();
    assert!(poll(crowd[0].as_mut()).is_none() && poll(crowd[1].as_mut()).is_none());
    assert_eq!(poll(crowd[2].as_mut()).unwrap().err(), Some(Full), "its own network has the most");
    let mut newcomer = pin!(turns.take(from("192.0.2.2")));
    assert!(poll(newcomer.as_mut()).is_none());
    assert!(poll(crowd[0].as_mut()).is_none());
    assert_eq!(poll(crowd[1].as_mut()).unwrap().err(), Some(Full));
    drop(turn);
    assert!(poll(newcomer.as_mut()).is_none(), "came later, and both have had no turn");
    assert!(poll(crowd[0].as_mut()).is_some());
    assert!(poll(newcomer.as_mut()).is_some());
}

#[test]
fn n246_who_leaves_takes_no_place_with_them() {
    let turns = Turns::new(1, 1);
    let turn = taken(&turns);
    for _ in 0..3 {
        let mut leaves = Box::pin(turns.take(from("192.0.2.1")));
        assert!(poll(leaves.as_mut()).is_none());
    }
    // Called, and gone before it knew.
    let mut called = Box::pin(turns.take(from("192.0.2.1")));
    assert!(poll(called.as_mut()).is_none());
    drop(turn);
    drop(called);
    taken(&turns);
    assert_eq!(turns.in_line(), (0, 0));
}

#[test]
fn n246_without_a_line_the_surplus_is_turned_away() {
    let turns = Turns::new(1, 0);
    let turn = taken(&turns);
    assert_eq!(poll(pin!(turns.take(Whose::Stranger(None)))).unwrap().err(), Some(Full));
    drop(turn);
    taken(&turns);
}

#[test]
fn n246_strangers_who_fill_their_line_turn_away_nobody_who_is_known() {
    let turns = Turns::new(1, 2);
    let turn = taken(&turns);
    let mut strangers: Vec<_> = (0..9).map(|n| Box::pin(turns.take(from(&format!("192.0.2.{n}"))))).collect();
    let away = strangers.iter_mut().filter_map(|stranger| poll(stranger.as_mut())).count();
    assert_eq!(away, 7);
    let mut known: Vec<_> =
        (0..3).map(|n| Box::pin(turns.take(Whose::Known(UserId::from_bytes([n; 16]), [0; 16])))).collect();
    let answers: Vec<_> = known.iter_mut().map(|known| poll(known.as_mut()).is_none()).collect();
    assert_eq!(answers, [true, true, false], "their line is as long, and bounded");
    drop(turn);
    assert!(poll(known[0].as_mut()).unwrap().is_ok());
}
