//! Too many attempts.

use super::door::{Door, through, world_behind_a_front};
use super::*;
use conformance::{Log, PASSWORD, get};
use protocol::attempts::{ADDRESS, AttemptKey, NAME, NAME_FROM_NETWORK, OWN};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use std::sync::Arc;

#[tokio::test]
async fn n149_ten_wrong_ones_delay_the_right_one_from_there_and_nobody_elsewhere() {
    let world = world_behind_a_front().await;
    let mut door = Door::open(&world).await;
    let mut refused = 0;
    for _ in 0..10 {
        let answer = door.knock(&world, "192.0.2.1", "alice", "wrong password").await;
        refused += usize::from(answer.status == 429);
        assert!([422, 429].contains(&answer.status.as_u16()));
    }
    assert_eq!(refused, 10 - usize::try_from(NAME_FROM_NETWORK.burst).unwrap());
    let early = door.knock(&world, "192.0.2.1", "alice", PASSWORD).await;
    assert_eq!(early.status, 429);
    assert!(early.text().contains("too many attempts"), "{}", early.text());
    assert_eq!(Door::open(&world).await.knock(&world, "198.51.100.7", "alice", PASSWORD).await.status, 303);
    let wait: u64 = early.header("retry-after").parse().unwrap();
    assert!(wait <= 300);
    world.pass(wait);
    let right = door.knock(&world, "192.0.2.1", "alice", PASSWORD).await;
    assert_eq!(right.status, 303, "{right:?}");
}

#[tokio::test]
async fn n149_all_at_once_are_no_more_than_one_after_another() {
    let world = Arc::new(world_behind_a_front().await);
    let door = Door::open(&world).await;
    let burst = NAME.burst as usize;
    let one = |name: &'static str| (0..66).map(move |n| (format!("192.0.2.{n}"), name.to_owned()));
    // And a name that leads to nobody. Who is just being counted may count twice, so it can be fewer.
    for name in ["alice", "nobody"] {
        let mut checked = 0;
        for _ in 0..2 {
            let statuses = door.storm(&world, one(name)).await;
            checked += statuses.get(&422).copied().unwrap_or(0);
            assert!(statuses.keys().all(|status| [422, 429, 503].contains(status)), "{statuses:?}");
        }
        assert!((1..=burst).contains(&checked), "{name}: {checked}");
    }
    // Whoever stands behind one address.
    let many = (0..66).map(|n| ("198.51.100.1".to_owned(), format!("user{n}")));
    let statuses = door.storm(&world, many).await;
    let [wrong, throttled, busy] = [422, 429, 503].map(|status| statuses.get(&status).copied().unwrap_or(0));
    assert!((1..=ADDRESS.burst as usize).contains(&wrong), "{statuses:?}");
    assert_eq!(wrong + throttled + busy, 66, "{statuses:?}");
}

#[tokio::test]
async fn n149_who_hangs_up_is_counted_and_logged() {
    let world = Arc::new(world_behind_a_front().await);
    let (mut door, log) = (Door::open(&world).await, Log::open());
    for n in 0..NAME_FROM_NETWORK.burst {
        door.knock_and_run(&world, "192.0.2.1", "alice", "wrong password").await;
        until(|| log.events("login.failure").len() > n as usize && world.app.in_flight().is_empty()).await;
    }
    assert_eq!(door.knock(&world, "192.0.2.1", "alice", PASSWORD).await.status, 429);
    world.pass(NAME_FROM_NETWORK.interval.as_secs());
    assert_eq!(
        door.knock(&world, "192.0.2.1", "alice", PASSWORD).await.status,
        303,
        "nothing is left in flight"
    );
}

#[tokio::test]
async fn n150_one_address_leaves_places_to_others() {
    let world = Arc::new(world_behind_a_front().await);
    let mut door = Door::open(&world).await;
    // Fewer than have to wait, more than the pool has places; right ones, too, which nothing counts.
    let before = world.app.passwords.calls();
    let crowd: Vec<_> = (0..ADDRESS.burst)
        .map(|n| {
            let (world, mut door) = (Arc::clone(&world), door.clone());
            let username = if n == 0 { "alice".to_owned() } else { format!("user{n}") };
            tokio::spawn(async move { door.knock(&world, "192.0.2.1", &username, PASSWORD).await })
        })
        .collect();
    until(|| world.app.passwords.calls() > before).await;
    assert_eq!(door.knock(&world, "192.0.2.2", "alice", PASSWORD).await.status, 303);
    for knock in crowd {
        let answer = knock.await.unwrap();
        assert!([303, 422, 503].contains(&answer.status.as_u16()), "{answer:?}");
        assert!(answer.status != 503 || answer.header("retry-after") == "2");
    }
}

#[tokio::test]
async fn n148_one_counter_however_a_name_is_spelt() {
    let world = world_behind_a_front().await;
    let mut door = Door::open(&world).await;
    // Somebody's, and nobody's.
    for names in [["alice", "ALICE", "ａｌｉｃｅ"], ["no@example.com", "No@Example.com", "NO@EXAMPLE.COM"]]
    {
        for name in names.iter().cycle().take(NAME_FROM_NETWORK.burst as usize) {
            assert_eq!(door.knock(&world, "192.0.2.1", name, "wrong password").await.status, 422);
        }
        for name in names {
            assert_eq!(door.knock(&world, "192.0.2.1", name, PASSWORD).await.status, 429, "{name}");
        }
    }
}

#[tokio::test]
async fn n150_one_address_and_many_users() {
    let world = world_behind_a_front().await;
    let (mut door, log) = (Door::open(&world).await, Log::open());
    let mut refused = 0;
    for n in 0..1000 {
        let answer = door.knock(&world, "192.0.2.1", &format!("user{n}"), "wrong password").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    assert_eq!(refused, 1000 - ADDRESS.burst as usize);
    assert_eq!(log.events("login.throttled").len(), refused);
    assert_eq!(log.events("login.failure").len(), ADDRESS.burst as usize);
    assert_eq!(door.knock(&world, "192.0.2.1", "alice", PASSWORD).await.status, 429);
    assert_eq!(door.knock(&world, "192.0.2.2", "alice", PASSWORD).await.status, 303, "others are unaffected");
}

#[tokio::test]
async fn n150_many_addresses_and_one_user() {
    let world = world_behind_a_front().await;
    world.user("bob", None, serde_json::json!({})).await;
    let (mut door, log) = (Door::open(&world).await, Log::open());
    let mut refused = 0;
    for n in 0..1000 {
        let from = format!("10.0.{}.{}", n / 250, n % 250);
        let answer = door.knock(&world, &from, "alice", "wrong password").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    assert_eq!(refused, 1000 - NAME.burst as usize);
    let throttled = log.events("login.throttled");
    assert_eq!(throttled.len(), refused);
    assert_eq!(door.knock(&world, "10.0.0.1", "bob", PASSWORD).await.status, 303, "others are unaffected");
}

#[tokio::test]
async fn n155_an_address_that_cannot_be_read_is_not_let_through() {
    let world = world_behind_a_front().await;
    let mut door = Door::open(&world).await;
    let hops = ["1.2.3.4"; 100].join(", ");
    let unreadable = ["garbage", "1.2.3.4, 5.6.7.8", "1.2.3.4%eth0", "", &hops];
    for (n, from) in unreadable.iter().cycle().take(ADDRESS.burst as usize).enumerate() {
        door.knock(&world, from, &format!("user{n}"), "wrong password").await;
    }
    for from in unreadable {
        let answer = door.knock(&world, from, "alice", PASSWORD).await;
        assert_eq!(answer.status, 429, "the unknown share a bucket");
    }
    // Only the configured hop counts, whatever others say.
    let (r, csrf) = (door.page.field("r"), door.page.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)];
    let sent = through(form("/login", &fields).with("origin", ISSUER), "nonsense")
        .with("x-forwarded-for", "198.51.100.1")
        .with("forwarded", "for=198.51.100.1;host=evil.example")
        .with("x-forwarded-host", "evil.example");
    assert_eq!(door.browser.send(&world, sent).await.status, 429);
    assert_eq!(door.knock(&world, "192.0.2.77", "alice", PASSWORD).await.status, 303);
    let jwks = world.send(get("/jwks")).await;
    assert!(jwks.headers.get("etag").is_none(), "past the front end");
}

/// A copy of the store must not tell who came from where, nor what was typed as a name: a password, sometimes.
#[tokio::test]
async fn counters_are_stored_under_keys_that_nobody_can_guess() {
    let world = world_behind_a_front().await;
    let mut door = Door::open(&world).await;
    world.counts.take();
    for name in ["alice", "nobody"] {
        assert_eq!(door.knock(&world, "192.0.2.1", name, "wrong password").await.status, 422);
    }
    assert_eq!(world.counts.take().1, 6, "both were counted");
    let (from, name) = (Some([192, 0, 2, 1].into()), Identifier::typed("alice").unwrap());
    let guessable =
        [AttemptKey::address(from), AttemptKey::name(&name), AttemptKey::name_from_network(&name, from)];
    assert_eq!(world.store.debts(&guessable).await.unwrap(), [Timestamp::EPOCH; 3]);
}

#[tokio::test]
async fn success_costs_no_counter_and_failure_three_writes() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    world.counts.take();
    for (username, budget) in [("alice", (2, 3)), ("nobody", (2, 3))] {
        browser.sign_in(&world, &page, username, "wrong password").await;
        assert_eq!(world.counts.take(), budget, "{username}");
    }
    let off = [("KEYWARD_ISSUER", "http://localhost:1"), ("KEYWARD_RATE_LIMITS", "off")];
    let world = World::with(crate::HARNESS, &off).await;
    world.relying_party().await;
    world.alice().await;
    let page = browser.visit(&world, &with(&[])).await;
    for _ in 0..30 {
        assert_eq!(browser.sign_in(&world, &page, "alice", "wrong password").await.status, 422);
    }
}

#[tokio::test]
async fn n184_guessing_the_current_password_is_counted_too() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, "/account").await;
    let page = browser.sign_in(&world, &login, "alice", PASSWORD).await;
    let csrf = page.field("csrf");
    let mut statuses = Vec::new();
    for _ in 0..=OWN.burst {
        let fields = [
            ("csrf", csrf.as_str()),
            ("current_password", "wrong password"),
            ("new_password", "a new password"),
        ];
        statuses.push(browser.submit(&world, "/account/password", &fields).await.status.as_u16());
    }
    assert_eq!(statuses.last(), Some(&429));
    assert!(statuses[..5].iter().all(|status| *status == 403), "{statuses:?}");
}

#[tokio::test]
async fn n184_guesses_of_the_current_password_at_once() {
    let (world, _) = people().await;
    let (world, mut browser) = (Arc::new(world), Browser::new());
    let login = browser.visit(&world, "/account").await;
    let csrf = browser.sign_in(&world, &login, "alice", PASSWORD).await.field("csrf");
    let guesses: Vec<_> = (0..30)
        .map(|_| {
            let (world, mut browser, csrf) = (Arc::clone(&world), browser.clone(), csrf.clone());
            tokio::spawn(async move {
                let fields =
                    [("csrf", csrf.as_str()), ("current_password", "wrong"), ("new_password", "new one!")];
                browser.submit(&world, "/account/password", &fields).await.status.as_u16()
            })
        })
        .collect();
    let mut wrong = 0;
    for guess in guesses {
        let status = guess.await.unwrap();
        wrong += usize::from(status == 403);
        assert!([403, 429, 503].contains(&status), "{status}");
    }
    assert!((1..=OWN.burst as usize).contains(&wrong), "{wrong}");
}
