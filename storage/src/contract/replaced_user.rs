//! Cases of a user whose record is replaced together with the identifiers that lead to them.

use super::race::{race, rounds};
use super::sample::{
    END_OF_TIME, NOW, bare_user, call, earlier, full_user, later, lost, name, owner, password, put_user,
    user_id,
};
use crate::{Commit, Store};
use protocol::id::Subject;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;

/// User 1 with another name and everything that goes with it.
fn renamed(to: &str, updated_at: Timestamp) -> User {
    User { username: to.into(), updated_at, ..bare_user(1) }
}

pub async fn a_user_is_replaced_with_all_identifiers(store: Arc<dyn Store>) {
    let (before, other) = (bare_user(1), full_user(2));
    let former = [name("alice"), Identifier::skeleton("alice"), name("alice@example.org")];
    assert_eq!(store.create_user(&before, &former, call(1)).await.unwrap(), Commit::Done);
    put_user(&*store, &other, "bob").await;
    // Different in everything, but what ends sessions, and what never changes, stays.
    let wanted = User {
        subject: Subject::from_text("other"),
        password: Some(password("$argon2id$other")),
        generation: full_user(5).generation.next(call(5).request, later(5)),
        updated_at: later(1),
        ..full_user(1)
    };
    let names = [name("Ålice"), Identifier::skeleton("Ålice"), name("Alice+tag#1@Example.org")];
    assert_eq!(store.replace_user(&wanted, &names, &[], NOW, call(2)).await.unwrap(), Commit::Done);
    let User { username, email, email_verified, claims, groups, updated_at, .. } = wanted;
    let filled = User { username, email, email_verified, claims, groups, updated_at, ..before.clone() };
    assert_eq!(store.user(&filled.id).await.unwrap().as_ref(), Some(&filled));
    for gone in &former {
        assert_eq!(owner(&*store, gone).await, None, "{gone:?}");
    }
    for new in &names {
        assert_eq!(owner(&*store, new).await, Some(filled.id), "{new:?}");
    }
    // And back, with one that stays. What is free again is anybody's.
    let emptied = User { updated_at: later(2), ..before };
    let kept = [names[0].clone(), former[1].clone()];
    assert_eq!(store.replace_user(&emptied, &kept, &[], later(1), call(3)).await.unwrap(), Commit::Done);
    assert_eq!(store.user(&emptied.id).await.unwrap().as_ref(), Some(&emptied));
    put_user(&*store, &bare_user(3), "alice+tag#1@example.org").await;
    // The last ones go with the user.
    assert_eq!(store.delete_user(&emptied.id, call(4)).await.unwrap(), Commit::Done);
    for gone in kept.iter().chain(&former) {
        assert_eq!(owner(&*store, gone).await, None, "{gone:?}");
    }
    assert_eq!(owner(&*store, &names[2]).await, Some(user_id(3)));
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
}

pub async fn replacing_a_user_is_lost_to_who_has_a_name(store: Arc<dyn Store>) {
    let there = bare_user(1);
    put_user(&*store, &there, "alice").await;
    let other = full_user(2);
    let taken = [name("bob"), Identifier::skeleton("bob"), name("bob@example.org")];
    assert_eq!(store.create_user(&other, &taken, call(1)).await.unwrap(), Commit::Done);
    for taken in taken {
        for names in [[name("carol"), taken.clone()], [taken, name("carol")]] {
            let missed =
                store.replace_user(&renamed("carol", later(1)), &names, &[], NOW, call(2)).await.unwrap();
            assert_eq!(missed, lost(other.clone()), "{names:?}");
        }
    }
    assert_eq!(store.users().await.unwrap(), [other, there]);
    assert_eq!(owner(&*store, &name("alice")).await, Some(user_id(1)));
    assert_eq!(owner(&*store, &name("carol")).await, None);
}

pub async fn replacing_a_user_is_lost_unless_it_is_the_one_seen(store: Arc<dyn Store>) {
    let there = bare_user(1);
    put_user(&*store, &there, "alice").await;
    let names = [name("carol")];
    for seen in [earlier(1), later(1), Timestamp::EPOCH, END_OF_TIME] {
        let missed =
            store.replace_user(&renamed("carol", later(9)), &names, &[], seen, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "seen at {seen:?}");
    }
    for updated_at in [NOW, earlier(1), Timestamp::EPOCH] {
        let missed =
            store.replace_user(&renamed("carol", updated_at), &names, &[], NOW, call(2)).await.unwrap();
        assert_eq!(missed, lost(there.clone()), "updated at {updated_at:?}");
    }
    let nobody = User { updated_at: later(1), ..bare_user(2) };
    assert_eq!(store.replace_user(&nobody, &names, &[], NOW, call(2)).await.unwrap(), Commit::Lost(None));
    assert_eq!(owner(&*store, &name("carol")).await, None);
    assert_eq!(owner(&*store, &name("alice")).await, Some(there.id));
    assert_eq!(store.users().await.unwrap(), [there]);
}

pub async fn an_identifier_added_meanwhile_goes_with_the_others(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    let skeleton = Identifier::skeleton("alice");
    for round in rounds() {
        let before = store.user(&user_id(1)).await.unwrap().unwrap();
        let after = User { updated_at: before.updated_at.plus(Duration::from_millis(1)), ..before.clone() };
        let (added, seen) = (skeleton.clone(), before.updated_at);
        let answers = race(&store, round, move |store, number| {
            let (after, added) = (after.clone(), added.clone());
            async move {
                if number % 2 == 0 {
                    return store.add_identifier(&user_id(1), &added, call(number)).await.map(|_| false);
                }
                let names = [name("alice")];
                store.replace_user(&after, &names, &[], seen, call(number)).await.map(|done| done.is_done())
            }
        });
        assert_eq!(answers.await.iter().filter(|(_, replaced)| *replaced).count(), 1);
        // Whichever came last, the skeleton leads to the user, or to nobody, and it is gone after the next one.
        let last = User { updated_at: before.updated_at.plus(Duration::from_millis(2)), ..before };
        let seen = last.updated_at.minus(Duration::from_millis(1));
        let done = store.replace_user(&last, &[name("alice")], &[], seen, call(round + 999)).await.unwrap();
        assert_eq!(done, Commit::Done);
        assert_eq!(owner(&*store, &skeleton).await, None);
    }
}

pub async fn one_of_64_is_renamed_to_a_free_name(store: Arc<dyn Store>) {
    let mut seen = [NOW; 64];
    for number in 0..64 {
        put_user(&*store, &bare_user(number), &format!("user-{number}")).await;
    }
    for round in rounds() {
        let wanted = name(&format!("alice-{round}"));
        let (mine, before) = (wanted.clone(), seen);
        let answers = race(&store, round, move |store, number| {
            let (mine, of) = (mine.clone(), number % 64);
            let seen = *before.get(of as usize).unwrap();
            let user = User { updated_at: seen.plus(Duration::from_millis(1)), ..bare_user(of) };
            async move { store.replace_user(&user, &[mine], &[], seen, call(number)).await }
        });
        let answers = answers.await;
        let won: Vec<u32> =
            answers.iter().filter(|(_, answer)| answer.is_done()).map(|(number, _)| number % 64).collect();
        let [won] = won[..] else { unreachable!("{won:?} have one name") };
        assert_eq!(owner(&*store, &wanted).await, Some(user_id(won)));
        // All were created in the same millisecond, so they are listed by id.
        for (kept, (seen, number)) in store.users().await.unwrap().iter().zip(seen.iter_mut().zip(0..)) {
            assert_eq!(kept.updated_at > *seen, number == won, "{number}");
            *seen = kept.updated_at;
        }
    }
}
