//! What an operator changes of a user, and what that means for signing in.

use super::requests::*;
use conformance::{PASSWORD, get};
use server::admin::user_update::{NewAddress, UserUpdate};
use server::admin::{AdminError, UserRefused};

/// Whether somebody can sign in by this name or address.
async fn lets_in(world: &World, typed: &str) -> bool {
    let mut browser = Browser::new();
    let login = browser.visit(world, "/account").await;
    browser.sign_in(world, &login, typed, PASSWORD).await.is_page("Your account")
}

async fn update(world: &World, reference: &str, update: UserUpdate) -> Result<(), UserRefused> {
    world.pass(1);
    match world.admin().update_user(reference, &update).await {
        Ok(_) => Ok(()),
        Err(AdminError::User(why, _)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

fn renamed(name: &str) -> UserUpdate {
    UserUpdate { username: Some(name.into()), ..UserUpdate::default() }
}

fn address(email: &str, verified: bool) -> UserUpdate {
    UserUpdate {
        email: NewAddress::Is(email.into()),
        email_verified: verified.then_some(true),
        ..UserUpdate::default()
    }
}

#[tokio::test]
async fn a_renamed_user_stays_signed_in_and_signs_in_by_the_new_name_only() {
    let (world, _) = people().await;
    world.single_page().await;
    let tokens = spa_tokens(&world).await;
    let userinfo = async || {
        let bearer = format!("Bearer {}", member(&tokens, "access_token"));
        world.send(get("/userinfo").with("authorization", &bearer)).await.json()
    };
    let before = userinfo().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, "/account").await;
    browser.sign_in(&world, &login, "alice", PASSWORD).await;
    update(&world, "alice", renamed("Carol")).await.unwrap();
    assert!(browser.visit(&world, "/account").await.is_page("Your account"));
    assert!(lets_in(&world, "carol").await);
    assert!(!lets_in(&world, "alice").await);
    let after = userinfo().await;
    assert_eq!([&after["sub"], &after["name"]], [&before["sub"], &before["name"]]);
    assert_eq!(after["preferred_username"], "Carol");
    assert!(after["updated_at"].as_u64() > before["updated_at"].as_u64());
    let refreshed = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &member(&tokens, "refresh_token")),
        ("client_id", "spa"),
    ];
    assert_eq!(world.send(form("/token", &refreshed)).await.status, 200);
    // The old name and its look-alikes are free, the new one's are not.
    world.user("alice", None, serde_json::Value::Null).await;
    assert!(lets_in(&world, "alice").await);
    for taken in ["CAROL", "car0l", "\u{441}arol", "carol"] {
        assert!(update(&world, "alice", renamed(taken)).await.is_err(), "{taken}");
    }
    update(&world, "alice", UserUpdate { allow_lookalike: true, ..renamed("car0l") }).await.unwrap();
    assert_eq!(world.admin().user("carol").await.unwrap().username, "Carol");
}

#[tokio::test]
async fn an_address_signs_in_only_while_it_is_verified() {
    let (world, _) = people().await;
    world.user("bob", Some("bob@example.com"), serde_json::Value::Null).await;
    let (old, new) = ("alice@example.com", "alice@example.org");
    let verified =
        |email_verified| UserUpdate { email_verified: Some(email_verified), ..UserUpdate::default() };
    assert!(!lets_in(&world, old).await);
    update(&world, "alice", verified(true)).await.unwrap();
    assert!(lets_in(&world, old).await);
    update(&world, "alice", verified(false)).await.unwrap();
    assert!(!lets_in(&world, old).await);
    update(&world, "alice", address(new, true)).await.unwrap();
    assert_eq!([lets_in(&world, old).await, lets_in(&world, new).await], [false, true]);
    // Another address is unproven until an operator says so; in another spelling it is the same.
    update(&world, new, address("Alice@Example.ORG", false)).await.unwrap();
    assert!(lets_in(&world, new).await);
    assert_eq!(update(&world, "bob", address(new, true)).await, Err(UserRefused::Taken));
    update(&world, "bob", address(new, false)).await.unwrap();
    update(&world, "alice", address(old, false)).await.unwrap();
    assert_eq!([lets_in(&world, old).await, lets_in(&world, new).await], [false, false]);
    update(&world, "bob", verified(true)).await.unwrap();
    assert_eq!(world.admin().user(new).await.unwrap().username, "bob");
    let none = UserUpdate { email: NewAddress::Removed, ..UserUpdate::default() };
    update(&world, "bob", none.clone()).await.unwrap();
    assert_eq!(world.admin().user("bob").await.unwrap().email, None);
    assert!(!lets_in(&world, new).await);
    assert_eq!(
        update(&world, "bob", UserUpdate { email_verified: Some(true), ..none }).await,
        Err(UserRefused::NothingVerified)
    );
}

#[tokio::test]
async fn what_cannot_be_changed_to_changes_nothing() {
    let (world, party) = people().await;
    world.user("bob", Some("bob@example.com"), serde_json::Value::Null).await;
    let before = world.admin().user("alice").await.unwrap();
    let claims = |name: &str| UserUpdate {
        claims: serde_json::json!({ name: "x" }).as_object().cloned(),
        ..UserUpdate::default()
    };
    for wrong in [
        renamed("bob"),
        renamed("b\u{43e}b"),
        renamed("admin"),
        renamed("a@b"),
        renamed(""),
        renamed(party.id()),
        address("nobody", false),
        claims("sub"),
        claims("email"),
        claims("nonsense"),
    ] {
        assert!(update(&world, "alice", wrong.clone()).await.is_err(), "{wrong:?}");
    }
    assert_eq!(world.admin().user("alice").await.unwrap(), before);
    update(&world, "alice", UserUpdate::default()).await.unwrap();
    assert_eq!(world.admin().user("alice").await.unwrap(), before, "not even when it was updated");
    let nobody = world.admin().update_user("nobody", &renamed("carol")).await;
    assert!(matches!(nobody, Err(AdminError::NoUser(_))));
}
