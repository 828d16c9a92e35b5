//! The limiter: who gets a permit, who waits, who is turned away.

use super::*;
use protocol::attempts::Network;
use protocol::id::UserId;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

mod siege;

fn from(address: &str) -> QueueKey {
    QueueKey::Stranger(Some(Network::of(Some(address.parse().unwrap()))))
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(it) => Some(it),
        Poll::Pending => None,
    }
}

/// Acquires a permit that is free.
fn taken(limiter: &Limiter) -> Permit {
    poll(pin!(limiter.acquire(QueueKey::Stranger(None)))).unwrap().ok().unwrap()
}

#[test]
fn n246_a_place_goes_to_the_next_in_line() {
    let limiter = Limiter::new(1, 2);
    let permit = taken(&limiter);
    let (mut first, mut second) =
        (pin!(limiter.acquire(from("192.0.2.1"))), pin!(limiter.acquire(from("192.0.2.2"))));
    assert!(poll(first.as_mut()).is_none() && poll(second.as_mut()).is_none());
    drop(permit);
    assert!(poll(second.as_mut()).is_none());
    let permit = poll(first.as_mut()).unwrap().ok().unwrap();
    drop(permit);
    assert!(poll(second.as_mut()).unwrap().is_ok());
    taken(&limiter);
}

#[test]
fn n246_a_newcomer_takes_the_place_in_line_of_who_has_the_most() {
    let limiter = Limiter::new(1, 2);
    let permit = taken(&limiter);
    let mut crowd: Vec<_> = (0..3).map(|_| Box::pin(limiter.acquire(from("192.0.2.1")))).collect();
    assert!(poll(crowd[0].as_mut()).is_none() && poll(crowd[1].as_mut()).is_none());
    assert_eq!(poll(crowd[2].as_mut()).unwrap().err(), Some(QueueFull), "its own network has the most");
    let mut newcomer = pin!(limiter.acquire(from("192.0.2.2")));
    assert!(poll(newcomer.as_mut()).is_none());
    assert!(poll(crowd[0].as_mut()).is_none());
    assert_eq!(poll(crowd[1].as_mut()).unwrap().err(), Some(QueueFull));
    drop(permit);
    assert!(poll(newcomer.as_mut()).is_none(), "came later, and both have had no turn");
    assert!(poll(crowd[0].as_mut()).is_some());
    assert!(poll(newcomer.as_mut()).is_some());
}

#[test]
fn n246_who_leaves_takes_no_place_with_them() {
    let limiter = Limiter::new(1, 1);
    let permit = taken(&limiter);
    for _ in 0..3 {
        let mut leaves = Box::pin(limiter.acquire(from("192.0.2.1")));
        assert!(poll(leaves.as_mut()).is_none());
    }
    // Gone between being called and knowing it.
    let mut called = Box::pin(limiter.acquire(from("192.0.2.1")));
    assert!(poll(called.as_mut()).is_none());
    drop(permit);
    drop(called);
    taken(&limiter);
    assert_eq!(limiter.queued(), (0, 0));
}

#[test]
fn n246_without_a_line_the_surplus_is_turned_away() {
    let limiter = Limiter::new(1, 0);
    let permit = taken(&limiter);
    assert_eq!(poll(pin!(limiter.acquire(QueueKey::Stranger(None)))).unwrap().err(), Some(QueueFull));
    drop(permit);
    taken(&limiter);
}

#[test]
fn n246_strangers_who_fill_their_line_turn_away_nobody_who_is_known() {
    let limiter = Limiter::new(1, 2);
    let permit = taken(&limiter);
    let mut strangers: Vec<_> =
        (0..9).map(|n| Box::pin(limiter.acquire(from(&format!("192.0.2.{n}"))))).collect();
    let away = strangers.iter_mut().filter_map(|stranger| poll(stranger.as_mut())).count();
    assert_eq!(away, 7);
    let mut known: Vec<_> = (0..3)
        .map(|n| Box::pin(limiter.acquire(QueueKey::Known(UserId::from_bytes([n; 16]), [0; 16]))))
        .collect();
    let answers: Vec<_> = known.iter_mut().map(|known| poll(known.as_mut()).is_none()).collect();
    assert_eq!(answers, [true, true, false], "their line is as long, and bounded");
    drop(permit);
    assert!(poll(known[0].as_mut()).unwrap().is_ok());
}
