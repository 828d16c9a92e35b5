//! Jobs that wait for a thread: reads of callers who have left are not run, and heavy reads delay no request.

use super::super::queue::CAPACITY;
use super::super::readers;
use super::*;
use std::iter::repeat_with;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

/// Reads and writes that count themselves when they run.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn one<'a>(&self, queue: &'a Queue, access: Access) -> Sent<'a, Result<(), StoreError>> {
        let runs = Arc::clone(&self.0);
        send(queue.run("counted", access, move |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }))
    }

    /// Makes `count` calls and drops each before its turn.
    fn left(&self, queue: &Queue, access: Access, count: usize) {
        drop(repeat_with(|| self.one(queue, access)).take(count).collect::<Vec<_>>());
    }
}

/// Holds all threads of a queue.
fn hold_all(queue: &Queue, threads: usize) -> Vec<Held<'_>> {
    repeat_with(|| hold_one_of(queue)).take(threads).collect()
}

/// The answer that a call gets without waiting.
fn at_once<T>(call: impl Future<Output = T>) -> T {
    match Box::pin(call).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test]
async fn n243_a_read_whose_caller_left_is_not_done() {
    let folder = Folder::new();
    let store = folder.create();
    put_user(&store, &bare_user(1), "alice").await;
    let (readers, heavy) = (store.readers.as_ref().unwrap(), store.heavy.as_ref().unwrap());
    for (queue, threads) in [(readers, readers::COUNT), (heavy, 1), (&store.writer, 1)] {
        let (left, stayed) = (Runs::default(), Runs::default());
        let held = hold_all(queue, threads);
        left.left(queue, Access::Read, CAPACITY - 1);
        let living = stayed.one(queue, Access::Read);
        for one in held {
            one.release().await;
        }
        // All jobs that waited before it have had their turn by then.
        living.await.unwrap();
        assert_eq!((left.count(), stayed.count()), (0, 1));
    }
    assert_eq!(store.user(&user_id(1)).await.unwrap(), Some(bare_user(1)));
}

#[tokio::test]
async fn n243_callers_who_left_make_room_in_a_full_queue() {
    let folder = Folder::new();
    let store = folder.create();
    let queue = store.readers.as_ref().unwrap();
    let held = hold_all(queue, readers::COUNT);
    let (left, stayed) = (Runs::default(), Runs::default());
    left.left(queue, Access::Read, CAPACITY - 1);
    let first = stayed.one(queue, Access::Read);
    let second = stayed.one(queue, Access::Read);
    // Full of callers who wait: none loses its place.
    let waiting: Vec<_> = repeat_with(|| stayed.one(queue, Access::Read)).take(CAPACITY - 2).collect();
    assert_eq!(kind_of(at_once(store.user(&user_id(1)))), Some(StoreErrorKind::Busy));
    for one in held {
        one.release().await;
    }
    for answer in [first, second].into_iter().chain(waiting) {
        answer.await.unwrap();
    }
    assert_eq!((left.count(), stayed.count()), (0, CAPACITY));
}

/// A user who signs out and closes the browser is signed out.
#[tokio::test]
async fn n243_a_write_whose_caller_left_is_done_all_the_same() {
    let folder = Folder::new();
    let store = folder.create();
    let begun = session(1);
    put_session(&store, &begun).await;
    let (left, reads) = (Runs::default(), Runs::default());
    let held = hold(&store);
    drop(send(store.end_session(&begun.user, &begun.id, &begun.secret, call(2))));
    reads.left(&store.writer, Access::Read, 1);
    left.left(&store.writer, Access::Write, CAPACITY - 2);
    // Only the read makes room.
    let last = left.one(&store.writer, Access::Write);
    assert_eq!(kind_of(at_once(store.probe())), Some(StoreErrorKind::Busy));
    held.release().await;
    last.await.unwrap();
    assert_eq!((left.count(), reads.count()), (CAPACITY - 1, 0));
    let over = Session { ended_at: Some(NOW), ..begun };
    assert_eq!(kept_session(&store, &over).await, Some(over));
}

#[tokio::test]
async fn n242_reads_of_much_are_in_no_requests_way() {
    let folder = Folder::new();
    let store = folder.create();
    put_user(&store, &bare_user(1), "alice").await;
    // As if one took very long, and more jobs waited behind it than all threads could take.
    let held = hold_one_of(store.heavy.as_ref().unwrap());
    let user = user_id(1);
    let mut pages: Vec<_> = repeat_with(|| send(store.belongings(&user, None))).take(20).collect();
    let (mut users, mut clients) = (send(store.users()), send(store.clients()));
    let (mut ids, mut denied) = (send(store.user_ids()), send(store.denied_tokens()));
    for _ in 0..10 {
        assert_eq!(store.user(&user).await.unwrap(), Some(bare_user(1)));
        put_session(&store, &session(1)).await;
        assert!(
            store.end_session(&user, &session_id(1), &session_secret(1), call(2)).await.unwrap().is_done()
        );
        assert_eq!(store.delete_belongings(&user).await.unwrap(), 1);
    }
    assert!(pages.iter_mut().all(is_pending));
    assert!(is_pending(&mut users) && is_pending(&mut clients));
    assert!(is_pending(&mut ids) && is_pending(&mut denied));
    held.release().await;
    for page in pages {
        assert_eq!(page.await.unwrap(), crate::Belongings::default());
    }
    assert_eq!(users.await.unwrap(), [bare_user(1)]);
    // And the other way round.
    let held = hold_all(store.readers.as_ref().unwrap(), readers::COUNT);
    assert_eq!(store.users().await.unwrap(), [bare_user(1)]);
    for one in held {
        one.release().await;
    }
}
