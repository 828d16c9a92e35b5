//! Groups: making and deleting them, and adding users.

use super::requests::*;
use protocol::group::{GroupName, MOST_OF_A_USER};
use server::admin::AdminError;
use server::admin::user_update::UserUpdate;
use storage::StoreErrorKind;
use storage::tap::When;

fn joining(groups: &[&str]) -> UserUpdate {
    UserUpdate { joins: groups.iter().map(|&name| name.into()).collect(), ..UserUpdate::default() }
}

fn leaving(groups: &[&str]) -> UserUpdate {
    UserUpdate { leaves: groups.iter().map(|&name| name.into()).collect(), ..UserUpdate::default() }
}

/// What the update says, or the groups that the user is in afterwards.
async fn update(world: &World, username: &str, update: UserUpdate) -> String {
    world.pass(1);
    match world.admin().update_user(username, &update).await {
        Ok(user) => user.groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn users_join_and_leave_groups_that_are_there() {
    let (world, _) = people().await;
    for name in ["admins", "devs", "ops"] {
        world.admin().create_group(name).await.unwrap();
    }
    for (change, expected) in [
        (joining(&["devs", "admins", "devs"]), "admins devs"),
        (joining(&["admins"]), "admins devs"),
        (leaving(&["ops"]), "admins devs"),
        (joining(&["ops", "amdins"]), "there is no group `amdins`"),
        (leaving(&["amdins"]), "there is no group `amdins`"),
        (joining(&["Admins"]), "there is no group `Admins`"),
        (UserUpdate { leaves: vec!["devs".into()], ..joining(&["ops"]) }, "admins ops"),
        (leaving(&["ops", "admins"]), ""),
    ] {
        assert_eq!(update(&world, "alice", change).await, expected);
    }
    let both = UserUpdate { leaves: vec!["devs".into()], ..joining(&["devs"]) };
    assert!(update(&world, "alice", both).await.contains("both joined and left"));
    assert!(update(&world, "alice", joining(&["a,b"])).await.contains("a group's name"));
    // In as many as may be, and not in one more.
    let names: Vec<String> = (0..=MOST_OF_A_USER).map(|number| format!("group-{number}")).collect();
    for name in &names {
        world.admin().create_group(name).await.unwrap();
    }
    let (most, _) = names.split_at(MOST_OF_A_USER);
    let most = UserUpdate { joins: most.to_vec(), ..UserUpdate::default() };
    assert_eq!(update(&world, "alice", most).await.split(' ').count(), MOST_OF_A_USER);
    assert!(update(&world, "alice", joining(&["devs"])).await.contains("a user can be in 64 groups"));
}

#[tokio::test]
async fn group_names_are_checked_and_unique() {
    let (world, _) = people().await;
    world.admin().create_group("Domain Admins").await.unwrap();
    for (name, said) in [
        ("Domain Admins", "there is a group `Domain Admins` already"),
        ("", "a group's name has"),
        ("a,b", "a group's name has"),
        (" a", "a group's name has"),
        ("a\nb", "a group's name has"),
    ] {
        let error = world.admin().create_group(name).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for name in ["nobody", "", "a,b"] {
        let error = world.admin().delete_group(name).await.unwrap_err();
        assert!(matches!(error, AdminError::NoGroup(_)), "{error}");
    }
    assert_eq!(world.store.groups().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_interrupted_deletion_is_finished_by_the_next() {
    let (world, _) = people().await;
    for name in ["admins", "devs"] {
        world.admin().create_group(name).await.unwrap();
    }
    for name in ["bob", "carol"] {
        world.user(name, None, serde_json::Value::Null).await;
    }
    for name in ["alice", "bob"] {
        update(&world, name, joining(&["admins", "devs"])).await;
    }
    let cut = |call: &'static str, when| {
        world.faults.fail(call, 2, when, StoreErrorKind::Unavailable);
        server::admin::Admin { store: world.app.store.clone(), ..world.admin() }
    };
    assert!(cut("leave_group", When::Before).delete_group("admins").await.is_err());
    let groups = world.store.groups().await.unwrap();
    assert!(groups.iter().any(|group| group.name.as_str() == "admins" && group.deleting));
    // Nobody joins it, and its name is not free; who changes otherwise isn't hindered.
    assert!(update(&world, "carol", joining(&["admins"])).await.contains("is being deleted"));
    let again = world.admin().create_group("admins").await.unwrap_err().to_string();
    assert!(again.contains("is being deleted: delete it again"), "{again}");
    for name in ["alice", "bob"] {
        let renamed =
            UserUpdate { email: server::admin::user_update::NewAddress::Removed, ..joining(&["devs"]) };
        assert!(update(&world, name, renamed).await.contains("devs"));
    }
    assert_eq!(world.admin().delete_group("admins").await.unwrap(), 1);
    for name in ["alice", "bob"] {
        assert_eq!(update(&world, name, UserUpdate::default()).await, "devs");
    }
    world.admin().create_group("admins").await.unwrap();
    assert_eq!(update(&world, "carol", joining(&["admins"])).await, "admins");
}
