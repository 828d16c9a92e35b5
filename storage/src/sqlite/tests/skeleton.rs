//! Users created by a program that didn't know skeletons.

use super::*;
use protocol::user::User;

fn made(number: u32, username: &str) -> User {
    User { username: username.into(), ..bare_user(number) }
}

/// The user whose name the given one looks like.
async fn looks_like(store: &Sqlite, shown: &str) -> Option<UserId> {
    owner(store, &Identifier::skeleton(shown)).await
}

#[tokio::test]
async fn n249_users_from_before_get_their_skeletons_when_the_store_is_opened() {
    let folder = Folder::new();
    // Ids in another order than that of creation.
    let users = [made(9, "аlice"), made(1, "alice"), made(5, "Bob"), made(3, "alıce")];
    let store = folder.create();
    for user in &users {
        put_user(&store, user, &user.username).await;
        assert_eq!(looks_like(&store, &user.username).await, None);
    }
    drop(store);
    Sqlite::migrate(&folder.path()).unwrap();
    for _ in 0..2 {
        let store = folder.create();
        assert_eq!(looks_like(&store, "alice").await, Some(user_id(9)), "who was made first");
        assert_eq!(looks_like(&store, "bob").await, Some(user_id(5)));
        assert_eq!(store.users().await.unwrap().len(), 4, "nobody else goes");
        for user in &users {
            assert_eq!(owner(&store, &name(&user.username)).await, Some(user.id));
        }
        drop(store);
        assert_eq!(Sqlite::check(&folder.path()).unwrap(), []);
    }
    let store = folder.create();
    assert_eq!(store.delete_user(&user_id(9), call(2)).await.unwrap(), Commit::Done);
    assert_eq!(looks_like(&store, "alice").await, None);
    drop(store);
    assert_eq!(looks_like(&folder.create(), "alice").await, Some(user_id(1)), "the next one gets it");
}

#[tokio::test]
async fn n249_thousands_of_users_get_their_skeletons_and_what_was_done_before_a_stop_stays() {
    let folder = Folder::new();
    let many = 2345;
    let store = folder.create();
    for number in 0..many {
        put_user(&store, &made(number, &format!("user-{number}")), &format!("user-{number}")).await;
    }
    drop(store);
    let all = async |store: &Sqlite| {
        for number in 0..many {
            assert_eq!(looks_like(store, &format!("User-{number}")).await, Some(user_id(number)));
        }
    };
    // It fails half-way.
    let other = folder.raw();
    other
        .execute_batch(
            "CREATE TRIGGER stop BEFORE INSERT ON identifiers WHEN new.name = 'user-l234'
                         BEGIN SELECT RAISE(ABORT, 'stop'); END",
        )
        .unwrap();
    assert!(Sqlite::migrate(&folder.path()).is_err());
    let count = "SELECT count(*) FROM identifiers WHERE kind LIKE 'skeleton%'";
    let claimed: u32 = other.query_row(count, [], |row| row.get(0)).unwrap();
    assert!((1..many).contains(&claimed), "{claimed}");
    other.execute_batch("DROP TRIGGER stop").unwrap();
    all(&folder.create()).await;
}
