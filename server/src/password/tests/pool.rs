//! The pool: how many at once, who waits, who is turned away, and when memory goes.

use super::*;
use protocol::attempts::Network;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use tokio::runtime::{Builder, Runtime};

type Answer = Result<bool, PasswordError>;

/// Polls once, as the runtime does when a request comes in.
fn poll(future: std::pin::Pin<&mut impl Future<Output = Answer>>) -> Poll<Answer> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn attempt(pool: &Passwords) -> impl Future<Output = Answer> + use<> {
    let (pool, hash) = (pool.clone(), stored(REFERENCE[0]));
    async move { verify(&pool, "password", Some(&hash)).await }
}

/// A runtime that computes one thing at a time, and not before the sender is dropped.
fn held() -> (Runtime, mpsc::Sender<()>) {
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (release, wait) = mpsc::channel();
    runtime.spawn_blocking(move || wait.recv());
    (runtime, release)
}

#[test]
fn the_surplus_is_turned_away_at_once() {
    let (runtime, release) = held();
    let _inside = runtime.enter();
    let pool = Passwords::new(1, 2);
    let (mut computing, mut second, mut third) =
        (pin!(attempt(&pool)), pin!(attempt(&pool)), pin!(attempt(&pool)));
    for waiting in [poll(computing.as_mut()), poll(second.as_mut()), poll(third.as_mut())] {
        assert_eq!(waiting, Poll::Pending);
    }
    assert_eq!(poll(pin!(attempt(&pool))), Poll::Ready(Err(PasswordError::Busy)));
    assert_eq!(poll(pin!(attempt(&pool))), Poll::Ready(Err(PasswordError::Busy)), "no place was taken");
    drop(release);
    let answers = async { (computing.await, second.await, third.await) };
    assert_eq!(runtime.block_on(answers), (Ok(true), Ok(true), Ok(true)));
    assert_eq!(runtime.block_on(attempt(&pool)), Ok(true), "all places are free again");
}

#[test]
fn n150_one_network_gets_every_place_until_others_come() {
    let (runtime, release) = held();
    let _inside = runtime.enter();
    let pool = Passwords::new(1, 7);
    let of = |network| pool.queued_by(QueueKey::Stranger(Some(network)));
    let from = |address: &str| of(Network::of(Some(address.parse().unwrap())));
    let fill = |pool: &Passwords, count: usize| {
        let mut inside: Vec<_> = (0..count).map(|_| Box::pin(attempt(pool))).collect();
        inside.retain_mut(|attempt| poll(attempt.as_mut()) == Poll::Pending);
        inside
    };
    let one = fill(&from("2001:db8::1"), 20);
    assert_eq!((one.len(), fill(&from("2001:db8::2"), 1).len()), (8, 0), "a network, not an address");
    let mut others = fill(&from("192.0.2.1"), 1);
    others.extend(fill(&of(Network::Unknown), 1));
    others.extend(fill(&pool, 1));
    assert_eq!(others.len(), 3, "the operators are one among others");
    drop(release);
    let answers = async { (right_ones(others).await, right_ones(one).await) };
    assert_eq!(runtime.block_on(answers), (3, 5), "three gave way");
}

/// How many of them found the password right.
async fn right_ones(attempts: Vec<std::pin::Pin<Box<impl Future<Output = Answer>>>>) -> usize {
    let mut right = 0;
    for attempt in attempts {
        right += usize::from(attempt.await == Ok(true));
    }
    right
}

#[test]
fn who_leaves_the_line_frees_the_place() {
    let (runtime, release) = held();
    let _inside = runtime.enter();
    let pool = Passwords::new(1, 1);
    let mut computing = pin!(attempt(&pool));
    assert_eq!(poll(computing.as_mut()), Poll::Pending);
    for _ in 0..3 {
        let mut leaves = Box::pin(attempt(&pool));
        assert_eq!(poll(leaves.as_mut()), Poll::Pending);
    }
    let mut stays = pin!(attempt(&pool));
    assert_eq!(poll(stays.as_mut()), Poll::Pending);
    drop(release);
    assert_eq!(runtime.block_on(async { (computing.await, stays.await) }), (Ok(true), Ok(true)));
    assert_eq!(pool.calls(), 2, "nothing was computed for those who left");
}

#[test]
fn who_hangs_up_during_the_computation_keeps_the_place_until_its_end() {
    let (runtime, release) = held();
    let _inside = runtime.enter();
    let pool = Passwords::new(1, 0);
    let mut hangs_up = Box::pin(attempt(&pool));
    assert_eq!(poll(hangs_up.as_mut()), Poll::Pending);
    drop(hangs_up);
    assert_eq!(poll(pin!(attempt(&pool))), Poll::Ready(Err(PasswordError::Busy)));
    drop(release);
    // The one blocking thread takes its work in order: after this, the computation is over.
    runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
    assert_eq!(pool.calls(), 1);
    assert_eq!(runtime.block_on(attempt(&pool)), Ok(true));
}

#[tokio::test]
async fn memory_is_taken_at_the_first_login_and_used_again() {
    let pool = Passwords::new(2, 0);
    assert_eq!(pool.kept(), 0);
    for _ in 0..3 {
        assert_eq!(attempt(&pool).await, Ok(true));
        assert_eq!(pool.kept(), 1);
    }
}

#[tokio::test]
async fn memory_is_freed_after_a_minute_idle() {
    let pool = Passwords::new(1, 0);
    let start = Timestamp::from_seconds(1_800_000_000);
    let look = |seconds: u64| {
        pool.free_idle(start.plus(Duration::from_secs(seconds)));
        pool.kept()
    };
    assert_eq!(attempt(&pool).await, Ok(true));
    assert_eq!([look(0), look(59)], [1, 1]);
    assert_eq!(attempt(&pool).await, Ok(true));
    assert_eq!([look(60), look(119)], [1, 1], "a login in between starts the minute anew");
    assert_eq!(look(120), 0);
    assert_eq!(attempt(&pool).await, Ok(true), "and the next login takes new memory");
    assert_eq!(pool.kept(), 1);
}
