//! Cases of users, and of the identifiers that lead to them.

use super::sample::{
    END_OF_TIME, NOW, attempt, bare_user, call, call_at, each, earlier, full_user, later, lost, name, owner,
    password, put_user, user_id, voided,
};
use crate::{Commit, Found, Store};
use protocol::generation::Generation;
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use std::sync::Arc;
use std::time::Duration;

pub async fn a_user_comes_back_whole(store: Arc<dyn Store>) {
    let (bare, full) = (bare_user(1), full_user(2));
    // A user that an older program voided, and one that this program created.
    let ended = Generation { id: None, not_before: later(4) };
    let ended = User { generation: ended, ..bare_user(3) };
    let made = User { generation: Generation::first(call(5).request), ..bare_user(4) };
    let names = [name("Ålice"), name("Alice+tag#1@Example.org")];
    assert_eq!(store.create_user(&bare, &[], call(1)).await.unwrap(), Commit::Done);
    assert_eq!(store.create_user(&full, &names, call(2)).await.unwrap(), Commit::Done);
    for user in [&ended, &made] {
        assert_eq!(store.create_user(user, &[], call(3)).await.unwrap(), Commit::Done);
    }
    for user in [bare, full, ended, made] {
        assert_eq!(store.user(&user.id).await.unwrap(), Some(user));
    }
    for identifier in &names {
        assert_eq!(owner(&*store, identifier).await, Some(user_id(2)), "{identifier:?}");
    }
    assert_eq!(owner(&*store, &name("alice")).await, None, "only identifiers lead to a user");
    assert_eq!(store.user(&user_id(9)).await.unwrap(), None);
}

pub async fn debts_come_with_whom_an_identifier_leads_to(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    store.note_attempt(attempt(1), each(Duration::from_millis(5)), call(2)).await.unwrap();
    let debts = vec![Timestamp::EPOCH, later(5)];
    for (typed, user) in [("alice", Some(user_id(1))), ("nobody", None)] {
        let found = store.find_user(&name(typed), &[attempt(2), attempt(1)]).await.unwrap();
        assert_eq!(found, Found { user, debts: debts.clone() });
        assert_eq!(store.find_user(&name(typed), &[]).await.unwrap(), Found { user, debts: vec![] });
    }
}

pub async fn users_are_listed_by_creation_and_id(store: Arc<dyn Store>) {
    let made = |number, created_at| User { created_at, ..full_user(number) };
    let all = [made(9, earlier(2)), made(3, NOW), made(4, NOW), made(1, later(1))];
    assert_eq!(store.users().await.unwrap(), []);
    for user in all.iter().rev() {
        assert_eq!(store.create_user(user, &[], call(1)).await.unwrap(), Commit::Done);
    }
    assert_eq!(store.users().await.unwrap(), all);
}

pub async fn an_identifier_is_unique_in_its_kind(store: Arc<dyn Store>) {
    // One text in two kinds: neither reaches the other's user.
    let Identifier::Username(canonical) = name("alice") else { unreachable!("`alice` is a user name") };
    let kinds = [Identifier::Email(canonical.as_str().into()), Identifier::Username(canonical)];
    for (number, identifier) in (1..).zip(kinds.clone()) {
        let done = store.create_user(&bare_user(number), &[identifier], call(number)).await.unwrap();
        assert_eq!(done, Commit::Done);
    }
    for (number, identifier) in (1..).zip(&kinds) {
        assert_eq!(owner(&*store, identifier).await, Some(user_id(number)));
    }
}

pub async fn a_taken_identifier_is_lost_and_leaves_nothing(store: Arc<dyn Store>) {
    let first = full_user(1);
    put_user(&*store, &first, "alice").await;
    for names in [[name("bob"), name("alice")], [name("alice"), name("bob")]] {
        let second = store.create_user(&bare_user(2), &names, call(2)).await.unwrap();
        assert_eq!(second, lost(first.clone()), "with whom the name leads to");
    }
    assert_eq!(owner(&*store, &name("bob")).await, None);
    assert_eq!(owner(&*store, &name("alice")).await, Some(first.id));
    assert_eq!(store.user(&user_id(2)).await.unwrap(), None);
    assert_eq!(store.users().await.unwrap(), [first]);
}

pub async fn a_taken_user_id_is_lost_and_leaves_nothing(store: Arc<dyn Store>) {
    let first = full_user(1);
    put_user(&*store, &first, "alice").await;
    let second = store.create_user(&bare_user(1), &[name("bob")], call(2)).await.unwrap();
    assert_eq!(second, lost(first.clone()));
    assert_eq!(owner(&*store, &name("bob")).await, None);
    assert_eq!(store.user(&first.id).await.unwrap(), Some(first));
}

pub async fn an_identifier_is_added_to_who_is_there(store: Arc<dyn Store>) {
    let (first, second, skeleton) = (full_user(1), bare_user(2), Identifier::skeleton("alice"));
    put_user(&*store, &first, "alice").await;
    put_user(&*store, &second, "bob").await;
    let add = async |number, identifier: &Identifier| {
        store.add_identifier(&user_id(number), identifier, call(9)).await.unwrap()
    };
    assert_eq!(add(3, &skeleton).await, Commit::Lost(None), "there is no such user");
    assert_eq!(add(3, &name("alice")).await, Commit::Lost(None));
    assert_eq!(owner(&*store, &skeleton).await, None);
    for _ in 0..2 {
        assert_eq!(add(1, &skeleton).await, Commit::Done);
        assert_eq!(owner(&*store, &skeleton).await, Some(first.id));
        assert_eq!(add(2, &skeleton).await, lost(first.id));
    }
    assert_eq!(add(2, &name("alice")).await, lost(first.id));
    assert_eq!(owner(&*store, &name("alice")).await, Some(first.id));
    // No other field changes, and a repeated write still recognises its effect.
    assert_eq!(store.create_user(&first, &[name("alice")], call(1)).await.unwrap(), Commit::Done);
    assert_eq!(store.users().await.unwrap(), [first.clone(), second.clone()]);
    let third = store.create_user(&bare_user(3), &[name("carol"), skeleton], call(3)).await.unwrap();
    assert_eq!(third, lost(first));
}

pub async fn an_added_identifier_goes_with_its_user(store: Arc<dyn Store>) {
    let skeleton = Identifier::skeleton("alice");
    put_user(&*store, &bare_user(1), "alice").await;
    put_user(&*store, &bare_user(2), "bob").await;
    assert_eq!(store.add_identifier(&user_id(1), &skeleton, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.delete_user(&user_id(1), call(3)).await.unwrap(), Commit::Done);
    assert_eq!(owner(&*store, &skeleton).await, None);
    assert_eq!(store.add_identifier(&user_id(2), &skeleton, call(4)).await.unwrap(), Commit::Done);
    assert_eq!(owner(&*store, &skeleton).await, Some(user_id(2)));
    assert_eq!(store.delete_user(&user_id(2), call(5)).await.unwrap(), Commit::Done);
    for gone in [skeleton, name("alice"), name("bob")] {
        assert_eq!(owner(&*store, &gone).await, None, "{gone:?}");
    }
}

pub async fn disabling_a_user_voids_what_began_for_good(store: Arc<dyn Store>) {
    let (user, other) = (bare_user(1), bare_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    assert!(store.set_user_disabled(&user.id, true, call(2)).await.unwrap().is_done());
    let voided = User { disabled: true, ..voided(&user, call(2)) };
    assert_eq!(store.user(&voided.id).await.unwrap().as_ref(), Some(&voided));
    let after = call_at(3, later(60_000));
    assert!(store.set_user_disabled(&voided.id, false, after).await.unwrap().is_done());
    let enabled = User { disabled: false, ..voided };
    assert_eq!(store.user(&enabled.id).await.unwrap().as_ref(), Some(&enabled), "nothing revives");
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
    assert_eq!(owner(&*store, &name("alice")).await, Some(enabled.id));
}

pub async fn a_new_password_voids_what_began(store: Arc<dyn Store>) {
    let (user, other) = (bare_user(1), full_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    let password = password("$argon2id$new");
    assert!(store.set_password(&user.id, None, &password, call(2)).await.unwrap().is_done());
    let changed = User { password: Some(password), ..voided(&user, call(2)) };
    assert_eq!(store.user(&changed.id).await.unwrap().as_ref(), Some(&changed), "and nothing else changes");
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
}

pub async fn a_password_is_set_only_in_the_generation_seen(store: Arc<dyn Store>) {
    let [first, second, third] = ["$argon2id$1", "$argon2id$2", "$argon2id$3"].map(password);
    let (without, mut there) = (bare_user(1), User { password: Some(first), ..full_user(2) });
    put_user(&*store, &without, "alice").await;
    put_user(&*store, &there, "bob").await;
    for user in [&without, &there] {
        let Generation { id, not_before } = user.generation;
        let ended_since = Generation { id, not_before: not_before.plus(Duration::from_millis(1)) };
        for seen in [Generation::first(call(9).request), ended_since] {
            let missed = store.set_password(&user.id, Some(seen), &third, call(2)).await.unwrap();
            assert_eq!(missed, lost(user.clone()));
            assert_eq!(store.user(&user.id).await.unwrap().as_ref(), Some(user), "what lost voids nothing");
        }
    }
    for (number, by) in [(3, later(10)), (4, later(5))] {
        let stamp = call_at(number, by);
        let seen = there.generation;
        let set = store.set_password(&there.id, Some(seen), &second, stamp).await.unwrap();
        assert_eq!(set, Commit::Done);
        // The caller knows the generation that it began, whatever the clock shows.
        let generation = seen.next(stamp.request, stamp.at);
        there = User { password: Some(second.clone()), generation, ..there };
        assert_eq!(store.user(&there.id).await.unwrap().as_ref(), Some(&there));
    }
    // Ends between reading and setting: signing out everywhere, disabling the account.
    let seen = Some(there.generation);
    assert!(store.void_user(&there.id, call_at(5, NOW)).await.unwrap().is_done());
    assert!(!store.set_password(&there.id, seen, &third, call(6)).await.unwrap().is_done());
    let seen = Some(store.user(&there.id).await.unwrap().unwrap().generation);
    assert!(store.set_user_disabled(&there.id, true, call_at(7, NOW)).await.unwrap().is_done());
    assert!(!store.set_password(&there.id, seen, &third, call(8)).await.unwrap().is_done());
    // An operator sets the password in any generation.
    assert_eq!(store.set_password(&without.id, None, &third, call(4)).await.unwrap(), Commit::Done);
    assert_eq!(store.user(&without.id).await.unwrap().unwrap().password, Some(third));
}

pub async fn voiding_a_user_changes_nothing_else(store: Arc<dyn Store>) {
    let before = Generation { not_before: earlier(1), ..full_user(1).generation };
    let (user, other) = (User { generation: before, ..full_user(1) }, full_user(2));
    put_user(&*store, &user, "alice").await;
    put_user(&*store, &other, "bob").await;
    assert_eq!(store.void_user(&user.id, call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.user(&user.id).await.unwrap(), Some(voided(&user, call(2))));
    assert_eq!(store.user(&other.id).await.unwrap(), Some(other));
}

/// Whatever the servers' clocks show: each end ends everything that began before it.
pub async fn n240_every_end_begins_a_generation_that_never_was(store: Arc<dyn Store>) {
    let user = User { generation: Generation { id: None, not_before: NOW }, ..bare_user(1) };
    put_user(&*store, &user, "alice").await;
    let kept = async || store.user(&user.id).await.unwrap().unwrap().generation;
    let new = password("$argon2id$new");
    let mut all = vec![user.generation];
    // Behind, equal, ahead, back, and stopped at the end of time.
    let end = Timestamp::from_millis(u64::MAX);
    for at in [Timestamp::EPOCH, earlier(3_600_000), NOW, NOW, later(3_600_000), NOW, END_OF_TIME, end, end] {
        for kind in 0..3 {
            let stamp = call_at(all.len() as u32, at);
            let ended = match kind {
                0 => store.set_password(&user.id, None, &new, stamp).await,
                1 => store.set_user_disabled(&user.id, true, stamp).await,
                _ => store.void_user(&user.id, stamp).await,
            };
            assert_eq!(ended.unwrap(), Commit::Done);
            let generation = kept().await;
            assert!(!all.contains(&generation), "{at:?}");
            all.push(generation);
        }
        // Enabling a user ends nothing.
        assert!(store.set_user_disabled(&user.id, false, call_at(999, at)).await.unwrap().is_done());
        assert_eq!(all.last(), Some(&kept().await));
    }
    // A call that arrives again, after another one, brings nothing back.
    for stamp in [call(1001), call(1002), call(1001)] {
        assert_eq!(store.void_user(&user.id, stamp).await.unwrap(), Commit::Done);
        let generation = kept().await;
        assert!(!all.contains(&generation));
        all.push(generation);
    }
    // For programs that know only instants: the instant after the last one is not the beginning of time.
    assert!(kept().await.not_before >= END_OF_TIME);
}

pub async fn a_deleted_user_is_gone_with_their_names(store: Arc<dyn Store>) {
    let names = [name("alice"), name("alice@example.org")];
    assert!(store.create_user(&full_user(1), &names, call(1)).await.unwrap().is_done());
    put_user(&*store, &full_user(2), "bob").await;
    assert_eq!(store.delete_user(&user_id(1), call(2)).await.unwrap(), Commit::Done);
    assert_eq!(store.user(&user_id(1)).await.unwrap(), None);
    for identifier in &names {
        assert_eq!(owner(&*store, identifier).await, None);
    }
    assert_eq!(store.delete_user(&user_id(1), call(3)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.users().await.unwrap(), [full_user(2)]);
    assert_eq!(owner(&*store, &name("bob")).await, Some(user_id(2)));
    // The name is free again.
    put_user(&*store, &bare_user(3), "alice").await;
    assert_eq!(owner(&*store, &name("alice")).await, Some(user_id(3)));
}

pub async fn nobody_cannot_be_changed(store: Arc<dyn Store>) {
    let nobody = user_id(1);
    for disabled in [true, false] {
        let missed = store.set_user_disabled(&nobody, disabled, call(1)).await.unwrap();
        assert_eq!(missed, Commit::Lost(None));
    }
    let password = password("$argon2id$new");
    for seen in [None, Some(Generation::default())] {
        let missed = store.set_password(&nobody, seen, &password, call(2)).await.unwrap();
        assert_eq!(missed, Commit::Lost(None));
    }
    assert_eq!(store.void_user(&nobody, call(2)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.delete_user(&nobody, call(3)).await.unwrap(), Commit::Lost(None));
    assert_eq!(store.users().await.unwrap(), []);
}
