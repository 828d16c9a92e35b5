//! Names that look like another name (UTS #39).

use super::requests::*;
use super::signup::sign_up;
use protocol::id::{Subject, UserId};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use protocol::user::User;
use server::admin::users::NewUser;
use zeroize::Zeroizing;

/// Sign-up is open, without a limit.
async fn open() -> World {
    let settings = [
        ("KEYWARD_SIGNUP", "open"),
        ("KEYWARD_ISSUER", "http://localhost:1"),
        ("KEYWARD_RATE_LIMITS", "off"),
    ];
    World::with(crate::HARNESS, &settings).await
}

fn named(username: &str) -> NewUser {
    NewUser { username: username.into(), ..NewUser::default() }
}

/// The page's complaint about a name.
async fn refused(world: &World, username: &str) -> String {
    let mut browser = Browser::new();
    let page = browser.visit(world, "/signup").await;
    let answer = sign_up(world, &mut browser, &page, &[("username", username), PASSWORD]).await;
    assert_eq!(answer.status, 422, "{username:?}: {answer:?}");
    answer.element("signup-problem").unwrap_or_else(|| panic!("{username:?}: {answer:?}")).to_owned()
}

const PASSWORD: (&str, &str) = ("password", "a good password");

#[tokio::test]
async fn n249_a_name_that_looks_like_an_existing_one_is_taken() {
    let world = open().await;
    for name in ["alice", "paypal", "mary", "Bob", "yıldız"] {
        world.admin().create_user(named(name), None).await.unwrap();
    }
    let hashed = world.app.passwords.calls();
    for name in [
        // Dotless, of one script, and digits or capitals for letters.
        "alıce",
        "ALıCE",
        "ａｌıｃｅ",
        "al1ce",
        "aIice",
        "ALlCE",
        "aii\u{307}ce",
        "ali\u{307}ce",
        "yildiz",
        "b0b",
        "rnary",
        "paypa1",
        // Wholly Cyrillic or Greek.
        "раураӏ",
        "ВОВ",
    ] {
        let problem = refused(&world, name).await;
        if name.is_ascii() {
            assert!(problem.contains("taken"), "{name:?}: {problem}");
        }
    }
    assert_eq!(world.store.users().await.unwrap().len(), 5);
    assert_eq!(world.app.passwords.calls(), hashed, "no hash was computed");
}

#[tokio::test]
async fn n249_a_name_has_one_script_and_letters_in_everyday_use() {
    let world = open().await;
    for name in [
        // Cyrillic or Greek letters among Latin ones.
        "аlice", "аdmin", "ѕupport", "alicе", "bοb", "раypal",
        // Armenian among Latin, Cyrillic among Greek.
        "bօb", "αβв",
    ] {
        let problem = refused(&world, name).await;
        assert!(problem.contains("alphabet"), "{name:?}: {problem}");
    }
    for name in [
        // A phonetic letter, a small capital, a letter for scholarly use.
        "ɑlice",
        "ʙob",
        "ꞵob",
        // Stacked combining marks, and a mark twice.
        "a\u{300}\u{301}\u{302}\u{303}\u{304}",
        "zo\u{323}\u{323}e",
        // Invisible: soft hyphen, zero-width space, joiners, grapheme joiner, variation selector.
        "ali\u{ad}ce",
        "ali\u{200b}ce",
        "ali\u{200c}ce",
        "ali\u{200d}ce",
        "ali\u{34f}ce",
        "alice\u{fe0f}",
        // Compatibility forms.
        "𝐚lice",
        "ⓐlice",
        "aliceⅰ",
        "ﬁona",
    ] {
        refused(&world, name).await;
    }
    assert!(world.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn n249_reserved_names_are_recognised_in_any_disguise() {
    let world = open().await;
    for name in [
        "admin",
        "ADMIN",
        "adm1n",
        "admın",
        "admln",
        "adrnin",
        "ádmin",
        "adm\u{336}in",
        "r00t",
        "rооt",
        "5upp0rt",
        "supp0rt",
        "5y5tem",
        "4dm1n",
        "_admin",
        "ad.min",
        "keyw4rd",
        "ѕесurity",
        "ѕесυrіtу",
    ] {
        refused(&world, name).await;
    }
    for name in ["adm1n", "r00t", "supp0rt", "5y5tem", "ádmin", "admın", "ЅУЅТЕМ", "AÐMIN"] {
        let problem = refused(&world, name).await;
        assert!(problem.contains("reserved"), "{name:?}: {problem}");
    }
    assert!(world.store.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn n249_names_of_every_script_are_welcome() {
    let world = open().await;
    for name in [
        "müller",
        "Zoë",
        "yıldız",
        "Łukasz",
        "Nguyễn",
        "иван",
        "Αλέξανδρος",
        "山田太郎",
        "やまだ",
        "ジョンsmith",
        "김철수",
        "王x",
        "नरेंद्र",
        "สมชาย",
        "דוד",
        "علي",
        "<b>x</b>",
        "o'neil+tag",
        "ian",
        "administratora",
        "rooty",
        "k-9",
    ] {
        let mut browser = Browser::new();
        let page = browser.visit(&world, "/signup").await;
        let answer = sign_up(&world, &mut browser, &page, &[("username", name), PASSWORD]).await;
        assert!(answer.is_page("Your account"), "{name:?}: {answer:?}");
    }
}

/// Whether a name signs in, and to whose account.
async fn signs_in_as(world: &World, username: &str) -> UserId {
    let mut browser = Browser::new();
    let page = browser.visit(world, "/account").await;
    let account = browser.sign_in(world, &page, username, conformance::PASSWORD).await;
    assert!(account.is_page("Your account"), "{username:?}: {account:?}");
    assert!(account.text().contains(username), "{username:?}: {account:?}");
    world.admin().user(username).await.unwrap().id
}

#[tokio::test]
async fn n249_an_operator_is_warned_and_may_insist() {
    let world = open().await;
    let alice = world.alice().await;
    let create = async |username: &str, allow_lookalike| {
        let new = NewUser { allow_lookalike, ..named(username) };
        let password = Zeroizing::new(conformance::PASSWORD.to_owned());
        world
            .admin()
            .create_user(new, Some((&world.app.passwords, password)))
            .await
            .map_err(|error| error.to_string())
    };
    for (name, why) in [
        ("аlice", "one alphabet"),
        ("alıce", "looks like another user's"),
        ("ɑdam", "everyday use"),
        ("adm1n", "reserved"),
        ("admin", "reserved"),
        ("ЅУЅТЕМ", "reserved"),
    ] {
        let message = create(name, false).await.unwrap_err();
        assert!(message.contains(why) && message.contains("insist on it"), "{name}: {message}");
        let made = create(name, true).await.unwrap();
        assert_eq!(made.username, name);
        assert_eq!(signs_in_as(&world, name).await, made.id);
    }
    assert_eq!(signs_in_as(&world, "alice").await, alice.id);
    // A user who insisted on a free skeleton has it now; those of others stay theirs.
    assert!(refused(&world, "adam").await.contains("taken"));
    world.admin().delete_user("alıce").await.unwrap();
    assert!(refused(&world, "a1ice").await.contains("taken"));
    let message = create("alice", true).await.unwrap_err();
    assert!(message.contains("is taken"), "{message}");
    let message = create("two words", true).await.unwrap_err();
    assert!(!message.contains("insist"), "{message}");
}

#[tokio::test]
async fn n249_users_without_skeletons_are_protected_and_still_sign_in() {
    let world = open().await;
    let like = world.alice().await;
    let made = |number: u8, username: &str, at: u64| User {
        id: UserId::from_bytes([number; 16]),
        subject: Subject::from_random([number; 16]),
        username: username.into(),
        created_at: Timestamp::from_seconds(at),
        ..like.clone()
    };
    // As a program without skeletons made them. Three of them look alike.
    let users = [made(3, "раураӏ", 2), made(9, "paypаl", 1), made(1, "paypal", 3), made(2, "adm1n", 4)];
    for user in &users {
        let names = [Identifier::typed(&user.username).unwrap()];
        assert!(world.store.create_user(user, &names, world.admin().call).await.unwrap().is_done());
    }
    let holder = async || world.store.find_user(&Identifier::skeleton("PayPaI"), &[]).await.unwrap().user;
    assert_eq!(holder().await, None);
    assert_eq!(world.admin().claim_skeletons().await.unwrap(), 2);
    assert_eq!(holder().await, Some(UserId::from_bytes([9; 16])), "of three who was made first");
    world.counts.take();
    assert_eq!(world.admin().claim_skeletons().await.unwrap(), 0);
    assert_eq!(world.counts.take().1, 0, "no write");
    assert!(refused(&world, "paypa1").await.contains("taken"));
    for user in &users {
        assert_eq!(signs_in_as(&world, &user.username).await, user.id);
    }
    world.admin().delete_user("paypаl").await.unwrap();
    assert_eq!(world.admin().claim_skeletons().await.unwrap(), 1);
    assert_eq!(holder().await, Some(UserId::from_bytes([3; 16])), "then the second");
    for name in ["раураӏ", "paypal"] {
        world.admin().delete_user(name).await.unwrap();
    }
    assert_eq!(holder().await, None);
    world.admin().create_user(named("paypal"), None).await.unwrap();
}
