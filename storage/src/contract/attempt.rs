//! Cases of counters of failed attempts.

use super::sample::{END_OF_TIME, NOW, attempt, call, call_at, each, earlier, later, name};
use crate::Store;
use protocol::attempts::AttemptKey;
use protocol::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub async fn a_debt_moves_on_by_an_interval(store: Arc<dyn Store>) {
    for (at, interval, debt) in [
        (NOW, SECOND, later(1000)),
        (NOW, SECOND, later(2000)),
        (later(500), SECOND, later(3000)),
        // Another limit on the same counter.
        (later(500), SECOND * 3, later(6000)),
        // A clock that is behind pays nothing off.
        (earlier(60_000), SECOND, later(7000)),
        // Paid off to the millisecond, and long ago.
        (later(7000), SECOND, later(8000)),
        (later(9001), SECOND, later(10_001)),
        // Less than a millisecond doesn't count.
        (later(9001), Duration::from_nanos(999_999), later(10_001)),
        (later(10_002), Duration::ZERO, later(10_002)),
    ] {
        let answered = store.note_attempt(attempt(1), each(interval), call_at(2, at)).await.unwrap();
        assert_eq!(answered, debt);
        assert_eq!(store.debts(&[attempt(1)]).await.unwrap(), [debt]);
    }
}

pub async fn debts_come_in_the_order_asked_for(store: Arc<dyn Store>) {
    assert_eq!(store.debts(&[]).await.unwrap(), []);
    for number in [3, 1, 2] {
        store.note_attempt(attempt(number), each(SECOND * number), call(number)).await.unwrap();
    }
    let asked = [2, 9, 1, 3, 2, 8].map(attempt);
    let (never, [one, two, three]) = (Timestamp::EPOCH, [later(1000), later(2000), later(3000)]);
    assert_eq!(store.debts(&asked).await.unwrap(), [two, never, one, three, two, never]);
}

pub async fn counters_are_told_apart_by_kind_and_by_whom(store: Arc<dyn Store>) {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let keys = [
        attempt(1),
        attempt(2),
        AttemptKey::name(&name("alice")),
        AttemptKey::address(Some(address)),
        AttemptKey::address(None),
        AttemptKey::sign_up(Some(address)),
        AttemptKey::address(Some(IpAddr::V6(Ipv6Addr::LOCALHOST))),
        // The same hash in another kind.
        AttemptKey { kind: "name", ..attempt(1) },
    ];
    assert!(store.debts(&keys).await.unwrap().iter().all(|debt| *debt == Timestamp::EPOCH));
    for (millis, key) in (1..).zip(keys) {
        store.note_attempt(key, each(Duration::from_millis(millis)), call(2)).await.unwrap();
    }
    assert_eq!(store.debts(&keys).await.unwrap(), [1, 2, 3, 4, 5, 6, 7, 8].map(later));
}

pub async fn debts_at_the_edges_of_time(store: Arc<dyn Store>) {
    let epoch = Timestamp::EPOCH;
    let note = async |number, at, interval| {
        let answered = store.note_attempt(attempt(number), each(interval), call_at(2, at)).await.unwrap();
        (answered, store.debts(&[attempt(number)]).await.unwrap().pop().unwrap())
    };
    assert_eq!(note(1, epoch, Duration::ZERO).await, (epoch, epoch));
    assert_eq!(note(1, epoch, SECOND).await, (epoch.plus(SECOND), epoch.plus(SECOND)));
    let last_second = END_OF_TIME.minus(SECOND);
    assert_eq!(note(2, last_second, SECOND).await, (END_OF_TIME, END_OF_TIME));
    // A debt that no clock of ours can have noted is forgotten.
    assert_eq!(note(2, epoch, SECOND).await, (epoch.plus(SECOND), epoch.plus(SECOND)));
    // The debt stops at the end of time: starting over would let every attempt pass.
    for (number, at, interval) in [
        (2, END_OF_TIME, SECOND),
        (3, END_OF_TIME, Duration::MAX),
        (4, NOW, Duration::MAX),
        (5, Timestamp::from_millis(u64::MAX), SECOND),
    ] {
        for _ in 0..2 {
            let (answered, kept) = note(number, at, interval).await;
            assert!(answered >= END_OF_TIME && kept >= END_OF_TIME, "{number}");
        }
    }
}
