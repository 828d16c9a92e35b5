//! Cases of groups, and of who is in them.

use super::race::{race, rounds};
use super::sample::{
    NOW, bare_user, call, call_at, earlier, full_user, later, lost, name, owner, put_user, user_id,
};
use crate::{Commit, MEMBERS_LIMIT, Store};
use protocol::group::{Group, GroupName};
use protocol::id::UserId;
use protocol::user::User;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn group(text: &str) -> GroupName {
    GroupName::parse(text).unwrap()
}

fn new_group(text: &str) -> Group {
    Group { name: group(text), created_at: NOW, deleting: false }
}

async fn put_group(store: &dyn Store, text: &str) {
    assert_eq!(store.create_group(&new_group(text), call(1)).await.unwrap(), Commit::Done);
}

async fn close(store: &dyn Store, text: &str) {
    assert_eq!(store.close_group(&new_group(text), call(2)).await.unwrap(), Commit::Done);
}

/// A user of this number in these groups.
fn member(number: u32, of: &[&str]) -> User {
    User { groups: of.iter().map(|text| group(text)).collect(), ..bare_user(number) }
}

/// Adds user 1, last updated at `millis`, to these groups, in the next millisecond.
async fn join(store: &dyn Store, millis: u64, of: &[&str]) -> Commit<User> {
    let joins: Vec<_> = of.iter().map(|text| group(text)).collect();
    let there = store.user(&user_id(1)).await.unwrap().unwrap();
    let groups = there.groups.iter().chain(&joins).cloned().collect();
    let user = User { groups, updated_at: later(millis + 1), ..there };
    store.replace_user(&user, &[name("alice")], &joins, later(millis), call(3)).await.unwrap()
}

async fn groups_of(store: &dyn Store, number: u32) -> Vec<String> {
    let user = store.user(&user_id(number)).await.unwrap().unwrap();
    user.groups.iter().map(GroupName::to_string).collect()
}

async fn all_members(store: &dyn Store, text: &str) -> Vec<UserId> {
    let (mut all, mut behind) = (Vec::new(), None);
    loop {
        let page = store.members(&group(text), behind).await.unwrap();
        assert!(page.len() <= MEMBERS_LIMIT as usize);
        let Some(last) = page.last() else { return all };
        behind = Some(*last);
        all.extend(page);
    }
}

pub async fn groups_are_made_listed_and_deleted(store: Arc<dyn Store>) {
    assert_eq!(store.groups().await.unwrap(), []);
    for text in ["b", "Ünï (x)", "a#b", "a"] {
        put_group(&*store, text).await;
    }
    let again = Group { created_at: later(1), ..new_group("a") };
    assert_eq!(store.create_group(&again, call(4)).await.unwrap(), lost(new_group("a")));
    assert_eq!(store.groups().await.unwrap(), ["a", "a#b", "b", "Ünï (x)"].map(new_group));
    assert_eq!(
        store.delete_group(&new_group("a"), call(5)).await.unwrap(),
        lost(new_group("a")),
        "not closed"
    );
    close(&*store, "a").await;
    close(&*store, "a").await;
    let closed = Group { deleting: true, ..new_group("a") };
    assert_eq!(store.groups().await.unwrap().first(), Some(&closed));
    assert_eq!(store.create_group(&again, call(6)).await.unwrap(), lost(closed), "the name is not free yet");
    assert_eq!(store.delete_group(&new_group("a"), call(7)).await.unwrap(), Commit::Done);
    assert_eq!(store.groups().await.unwrap(), ["a#b", "b", "Ünï (x)"].map(new_group));
    for nobody in ["a", "c"] {
        assert_eq!(store.close_group(&new_group(nobody), call(8)).await.unwrap(), Commit::Lost(None));
        assert_eq!(store.delete_group(&new_group(nobody), call(8)).await.unwrap(), Commit::Lost(None));
    }
    assert_eq!(store.create_group(&again, call(9)).await.unwrap(), Commit::Done);
}

pub async fn users_join_groups_that_are_there_and_open(store: Arc<dyn Store>) {
    let groups = ["a", "b", "c"];
    for text in groups {
        put_group(&*store, text).await;
    }
    put_user(&*store, &bare_user(1), "alice").await;
    assert_eq!(join(&*store, 0, &["a", "b"]).await, Commit::Done);
    assert_eq!(groups_of(&*store, 1).await, ["a", "b"]);
    let there = store.user(&user_id(1)).await.unwrap().unwrap();
    close(&*store, "c").await;
    for missing in [&["c"][..], &["d"], &["a", "d"], &["d", "a"]] {
        assert_eq!(join(&*store, 1, missing).await, lost(there.clone()), "{missing:?}");
    }
    // Who is in a group stays there whatever becomes of it, and may leave it.
    close(&*store, "a").await;
    let kept = User { username: "Alice".into(), updated_at: later(2), ..there };
    let replaced = store.replace_user(&kept, &[name("alice")], &[], later(1), call(3)).await.unwrap();
    assert_eq!(replaced, Commit::Done);
    let left = User { groups: BTreeSet::from([group("b")]), updated_at: later(3), ..kept };
    let replaced = store.replace_user(&left, &[name("alice")], &[], later(2), call(3)).await.unwrap();
    assert_eq!(replaced, Commit::Done);
    assert_eq!(store.user(&left.id).await.unwrap(), Some(left));
    // Nothing else of a user changes the groups.
    let profile = User { groups: BTreeSet::new(), updated_at: later(4), ..bare_user(1) };
    assert_eq!(store.set_profile(&profile, later(3), call(5)).await.unwrap(), Commit::Done);
    assert_eq!(groups_of(&*store, 1).await, ["b"]);
}

pub async fn a_user_leaves_a_group_and_nothing_else_changes(store: Arc<dyn Store>) {
    let there = User { groups: BTreeSet::from([group("a"), group("b")]), ..full_user(1) };
    put_user(&*store, &there, "alice").await;
    put_user(&*store, &member(2, &["a"]), "bob").await;
    for text in ["a", "b"] {
        put_group(&*store, text).await;
        close(&*store, text).await;
    }
    for (text, left, at) in [("a", &["b"][..], 50), ("a", &["b"], 60), ("b", &[], 1)] {
        let by = call_at(9, later(at));
        assert_eq!(store.leave_group(&user_id(1), &new_group(text), by).await.unwrap(), Commit::Done);
        assert_eq!(groups_of(&*store, 1).await, left);
    }
    // It was later than before each time, whatever the clock.
    let left = User { groups: BTreeSet::new(), updated_at: later(51), ..there };
    assert_eq!(store.user(&left.id).await.unwrap(), Some(left));
    assert_eq!(owner(&*store, &name("alice")).await, Some(user_id(1)));
    assert_eq!(groups_of(&*store, 2).await, ["a"]);
    assert_eq!(store.leave_group(&user_id(3), &new_group("a"), call(9)).await.unwrap(), Commit::Lost(None));
}

/// A deletion that was overtaken: another one finished it, and the name has been given to a new group.
pub async fn n254_a_deletion_leaves_a_later_group_of_the_name_alone(store: Arc<dyn Store>) {
    let (former, later_one) = (new_group("a"), Group { created_at: later(1), ..new_group("a") });
    assert_eq!(store.create_group(&later_one, call(1)).await.unwrap(), Commit::Done);
    let there = member(1, &["a"]);
    put_user(&*store, &there, "alice").await;
    for is_closed in [false, true] {
        let now = Group { deleting: is_closed, ..later_one.clone() };
        assert_eq!(store.close_group(&former, call(2)).await.unwrap(), lost(now.clone()));
        assert_eq!(store.leave_group(&there.id, &former, call(2)).await.unwrap(), lost(there.clone()));
        assert_eq!(store.delete_group(&former, call(2)).await.unwrap(), lost(now.clone()));
        assert_eq!(store.groups().await.unwrap(), [now]);
        assert_eq!(groups_of(&*store, 1).await, ["a"]);
        if !is_closed {
            // Not even the group itself is left before it is closed.
            assert_eq!(store.leave_group(&there.id, &later_one, call(2)).await.unwrap(), lost(there.clone()));
            assert_eq!(store.close_group(&later_one, call(3)).await.unwrap(), Commit::Done);
        }
    }
    assert_eq!(store.leave_group(&there.id, &later_one, call(4)).await.unwrap(), Commit::Done);
    assert_eq!(store.delete_group(&later_one, call(4)).await.unwrap(), Commit::Done);
}

pub async fn members_come_in_pages_each_of_them_once(store: Arc<dyn Store>) {
    let count = MEMBERS_LIMIT + 3;
    let mut all = Vec::new();
    for number in 0..count {
        let user = User { created_at: earlier(u64::from(number)), ..member(number, &["a", "b"]) };
        put_user(&*store, &user, &format!("user-{number}")).await;
        all.push(user.id);
    }
    put_user(&*store, &member(5000, &["ab", "b"]), "other").await;
    put_user(&*store, &bare_user(5001), "a").await;
    let mut found = all_members(&*store, "a").await;
    found.sort_unstable();
    assert_eq!(found, all);
    assert_eq!(all_members(&*store, "b").await.len(), all.len() + 1);
    assert_eq!(all_members(&*store, "c").await, []);
    put_group(&*store, "a").await;
    close(&*store, "a").await;
    // Who left isn't found, and a page that begins behind them is whole.
    let mut behind = None;
    let mut seen = BTreeSet::new();
    loop {
        let page = store.members(&group("a"), behind).await.unwrap();
        for id in &page {
            assert_eq!(store.leave_group(id, &new_group("a"), call(3)).await.unwrap(), Commit::Done);
            assert!(seen.insert(*id));
        }
        let Some(last) = page.last() else { break };
        behind = Some(*last);
    }
    assert_eq!(seen.len(), all.len());
    assert_eq!(all_members(&*store, "a").await, []);
}

/// Whoever closes a group and lists its members after that finds everybody who is added.
pub async fn nobody_joins_a_group_that_is_closed_meanwhile(store: Arc<dyn Store>) {
    for round in rounds() {
        let text = format!("group-{round}");
        put_group(&*store, &text).await;
        for number in round..round + 64 {
            put_user(&*store, &bare_user(number), &format!("user-{number}")).await;
        }
        let named = group(&text);
        let answers = race(&store, round, move |store, number| {
            let named = named.clone();
            async move {
                if number % 16 == 7 {
                    let seen = Group { name: named.clone(), created_at: NOW, deleting: false };
                    assert!(store.close_group(&seen, call(number)).await?.is_done());
                    let members = store.members(&named, None).await?;
                    return Ok((false, members));
                }
                let user = User {
                    groups: BTreeSet::from([named.clone()]),
                    updated_at: NOW.plus(Duration::from_millis(1)),
                    ..bare_user(number)
                };
                let names = [name(&format!("user-{number}"))];
                let done = store.replace_user(&user, &names, &[named], NOW, call(number)).await?;
                Ok((done.is_done(), Vec::new()))
            }
        });
        let answers = answers.await;
        let joined: BTreeSet<_> =
            answers.iter().filter(|(_, (joined, _))| *joined).map(|(number, _)| user_id(*number)).collect();
        for (number, (_, found)) in answers.iter().filter(|(number, _)| number % 16 == 7) {
            assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), joined, "{number}");
        }
        for number in round..round + 64 {
            let is_in = !groups_of(&*store, number).await.is_empty();
            assert_eq!(is_in, joined.contains(&user_id(number)));
        }
    }
}
