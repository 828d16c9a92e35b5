//! Two stores on one file, as two processes have them.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn n052_two_stores_on_one_file_redeem_a_code_once() {
    let folder = Folder::new();
    let stores = [(); 2].map(|()| Arc::new(folder.create()));
    for round in 1..=10 {
        put_grant(&*stores[0], &grant(round)).await;
        let redeem = |number: u32| {
            let store = Arc::clone(&stores[number as usize % 2]);
            tokio::spawn(async move {
                let stamp = call(round * 100 + number);
                store.redeem_code(grant_key(round), &code(round), None, stamp).await.unwrap()
            })
        };
        let mut won = 0;
        for task in (0..64).map(redeem).collect::<Vec<_>>() {
            won += usize::from(task.await.unwrap().is_done());
        }
        assert_eq!(won, 1);
    }
    drop(stores);
    let again = folder.open().unwrap();
    assert_eq!(kept_grant(&again, &grant(1)).await.unwrap().redeemed_at(), Some(NOW));
}

#[tokio::test(flavor = "multi_thread")]
async fn n072_two_stores_on_one_file_rotate_a_refresh_token_once() {
    let folder = Folder::new();
    let stores = [(); 2].map(|()| Arc::new(folder.create()));
    for round in 1..=10 {
        put_grant(&*stores[0], &offline_grant(round)).await;
        let rotate = |number: u32| {
            let store = Arc::clone(&stores[number as usize % 2]);
            tokio::spawn(async move {
                let (seen, next, stamp) = (rotated_tip(round), first_tip(number), call(round * 100 + number));
                store.rotate_refresh(grant_key(round), &seen, &next, stamp).await.unwrap()
            })
        };
        let mut won = Vec::new();
        for (number, task) in (0..64).map(rotate).collect::<Vec<_>>().into_iter().enumerate() {
            if task.await.unwrap().is_done() {
                won.push(first_tip(number as u32));
            }
        }
        let kept = kept_grant(&*stores[0], &grant(round)).await.unwrap().refresh;
        assert_eq!(won, Vec::from_iter(kept));
    }
}

/// The counts of two processes add up: each reads and writes under the one write lock.
#[tokio::test(flavor = "multi_thread")]
async fn n150_two_stores_on_one_file_count_every_attempt() {
    let folder = Folder::new();
    let stores = [(); 2].map(|()| Arc::new(folder.create()));
    let note = |number: u32| {
        let store = Arc::clone(&stores[number as usize % 2]);
        tokio::spawn(async move {
            store.note_attempt(attempt(1), each(Duration::from_millis(7)), call(number)).await.unwrap()
        })
    };
    for task in (0..64).map(note).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(stores[0].debts(&[attempt(1)]).await.unwrap(), [later(64 * 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_write_in_turns_and_see_each_other() {
    let folder = Folder::new();
    let stores = [(); 2].map(|()| Arc::new(folder.create()));
    let begin = |number: u32| {
        let [writer, reader] = [0, 1].map(|shift| Arc::clone(&stores[(number + shift) as usize % 2]));
        tokio::spawn(async move {
            let session = Session { user: user_id(number), ..session(number) };
            put_session(&*writer, &session).await;
            assert_eq!(kept_session(&*reader, &session).await, Some(session));
        })
    };
    for task in (0..200).map(begin).collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn the_mark_moves_when_another_process_wrote() {
    let folder = Folder::new();
    let (server, command) = (folder.create(), folder.create());
    let before = server.change_mark().await.unwrap();
    put_session(&server, &session(1)).await;
    assert_eq!(server.sweep(earlier(1)).await.unwrap(), 0);
    assert_eq!(server.change_mark().await.unwrap(), before, "what it wrote itself it knows");
    // The other one reads, and loses a race: nothing changed.
    assert_eq!(kept_session(&command, &session(1)).await, Some(session(1)));
    assert!(!command.start_session(&session(1), call(2)).await.unwrap().is_done());
    assert_eq!(server.change_mark().await.unwrap(), before);
    put_client(&command, &bare_client("a")).await;
    let after = server.change_mark().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(server.change_mark().await.unwrap(), after, "once");
}

#[tokio::test]
async fn commands_work_beside_a_running_server() {
    let folder = Folder::new();
    let server = folder.create();
    put_session(&server, &session(1)).await;
    let newest = Sqlite::schema_version();
    assert_eq!(Sqlite::migrate(&folder.path()).unwrap(), SchemaChange { from: newest, to: newest });
    assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
    put_session(&server, &session(2)).await;
}

/// No copy lags: reads see what was written.
#[tokio::test]
async fn n224_what_one_store_decided_the_other_reads_at_once() {
    let folder = Folder::new();
    let (one, two) = (folder.create(), folder.create());
    put_grant(&one, &grant(1)).await;
    // The other one has read before.
    assert!(kept_grant(&two, &grant(1)).await.unwrap().revoked.is_none());
    let reason = protocol::grant::RevocationReason::Revoked;
    assert!(one.revoke_grant(grant_key(1), reason, call(1)).await.unwrap().is_done());
    assert!(kept_grant(&two, &grant(1)).await.unwrap().revoked.is_some());
    assert!(!two.redeem_code(grant_key(1), &code(1), None, call(2)).await.unwrap().is_done());
}
