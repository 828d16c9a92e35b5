//! Limits on failed attempts, by name, address and browser.

use super::front_end::{FRONT, SignInPage, world_behind_a_front_end};
use super::requests::*;
use conformance::{Log, PASSWORD, get};
use protocol::attempts::{ADDRESS, AttemptKey, NAME, NAME_FROM_NETWORK, OWN};
use protocol::name::Identifier;
use protocol::time::Timestamp;
use server::telemetry::LINES_A_MINUTE;
use std::sync::Arc;

#[tokio::test]
async fn n149_ten_wrong_passwords_delay_the_right_one_from_that_network_only() {
    let world = world_behind_a_front_end().await;
    let mut door = SignInPage::open(&world).await;
    let mut refused = 0;
    for _ in 0..10 {
        let answer = door.submit(&world, "192.0.2.1", "alice", "wrong password").await;
        refused += usize::from(answer.status == 429);
        assert!([422, 429].contains(&answer.status.as_u16()));
    }
    assert_eq!(refused, 10 - usize::try_from(NAME_FROM_NETWORK.burst).unwrap());
    let early = door.submit(&world, "192.0.2.1", "alice", PASSWORD).await;
    assert_eq!(early.status, 429);
    assert!(early.text().contains("too many attempts"), "{}", early.text());
    assert_eq!(
        SignInPage::open(&world).await.submit(&world, "198.51.100.7", "alice", PASSWORD).await.status,
        303
    );
    let wait: u64 = early.header("retry-after").parse().unwrap();
    assert!(wait <= 300);
    world.pass(wait);
    let right = door.submit(&world, "192.0.2.1", "alice", PASSWORD).await;
    assert_eq!(right.status, 303, "{right:?}");
}

#[tokio::test]
async fn n149_parallel_attempts_get_no_more_tries_than_serial_ones() {
    let world = Arc::new(world_behind_a_front_end().await);
    let door = SignInPage::open(&world).await;
    let burst = NAME.burst as usize;
    let one = |name: &'static str| (0..66).map(move |n| (format!("192.0.2.{n}"), name.to_owned()));
    // And an unknown name. An attempt in flight may count twice, so it can be fewer.
    for name in ["alice", "nobody"] {
        let mut checked = 0;
        for _ in 0..2 {
            let statuses = door.submit_all(&world, one(name)).await;
            checked += statuses.get(&422).copied().unwrap_or(0);
            assert!(statuses.keys().all(|status| [422, 429, 503].contains(status)), "{statuses:?}");
        }
        assert!((1..=burst).contains(&checked), "{name}: {checked}");
    }
    // Many users behind one address.
    let many = (0..66).map(|n| ("198.51.100.1".to_owned(), format!("user{n}")));
    let statuses = door.submit_all(&world, many).await;
    let [wrong, throttled, busy] = [422, 429, 503].map(|status| statuses.get(&status).copied().unwrap_or(0));
    assert!((1..=ADDRESS.burst as usize).contains(&wrong), "{statuses:?}");
    assert_eq!(wrong + throttled + busy, 66, "{statuses:?}");
}

#[tokio::test]
async fn n149_attempts_that_hang_up_are_counted_and_logged() {
    let world = Arc::new(world_behind_a_front_end().await);
    let (mut door, log) = (SignInPage::open(&world).await, Log::open());
    for n in 0..NAME_FROM_NETWORK.burst {
        door.submit_and_hang_up(&world, "192.0.2.1", "alice", "wrong password").await;
        until(|| log.events("login.failure").len() > n as usize && world.app.in_flight().is_empty()).await;
    }
    assert_eq!(door.submit(&world, "192.0.2.1", "alice", PASSWORD).await.status, 429);
    world.pass(NAME_FROM_NETWORK.interval.as_secs());
    assert_eq!(
        door.submit(&world, "192.0.2.1", "alice", PASSWORD).await.status,
        303,
        "nothing is left in flight"
    );
}

#[tokio::test]
async fn n150_one_address_leaves_places_to_others() {
    let world = Arc::new(world_behind_a_front_end().await);
    let mut door = SignInPage::open(&world).await;
    // Fewer than have to wait, more than the pool has places; right ones, too, which nothing counts.
    let before = world.app.passwords.calls();
    let crowd: Vec<_> = (0..ADDRESS.burst)
        .map(|n| {
            let (world, mut door) = (Arc::clone(&world), door.clone());
            let username = if n == 0 { "alice".to_owned() } else { format!("user{n}") };
            tokio::spawn(async move { door.submit(&world, "192.0.2.1", &username, PASSWORD).await })
        })
        .collect();
    until(|| world.app.passwords.calls() > before).await;
    assert_eq!(door.submit(&world, "192.0.2.2", "alice", PASSWORD).await.status, 303);
    for knock in crowd {
        let answer = knock.await.unwrap();
        assert!([303, 422, 503].contains(&answer.status.as_u16()), "{answer:?}");
        assert!(answer.status != 503 || answer.header("retry-after") == "2");
    }
}

#[tokio::test]
async fn n148_one_counter_for_every_spelling_of_a_name() {
    let world = world_behind_a_front_end().await;
    let mut door = SignInPage::open(&world).await;
    // A known name, and an unknown one.
    for names in [["alice", "ALICE", "ａｌｉｃｅ"], ["no@example.com", "No@Example.com", "NO@EXAMPLE.COM"]]
    {
        for name in names.iter().cycle().take(NAME_FROM_NETWORK.burst as usize) {
            assert_eq!(door.submit(&world, "192.0.2.1", name, "wrong password").await.status, 422);
        }
        for name in names {
            assert_eq!(door.submit(&world, "192.0.2.1", name, PASSWORD).await.status, 429, "{name}");
        }
    }
}

#[tokio::test]
async fn n150_one_address_and_many_users() {
    let world = world_behind_a_front_end().await;
    let (mut door, log) = (SignInPage::open(&world).await, Log::open());
    let mut refused = 0;
    for n in 0..1000 {
        let answer = door.submit(&world, "192.0.2.1", &format!("user{n}"), "wrong password").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    assert_eq!(refused, 1000 - ADDRESS.burst as usize);
    // The first few of a minute are written, and then how many more there were.
    let lines = usize::try_from(LINES_A_MINUTE).unwrap();
    let written = ["login.failure", "login.throttled"].map(|name| log.events(name).len());
    assert_eq!(written, [lines; 2]);
    world.pass(60);
    world.app.failure_log().tell(world.app.clock.now());
    let mut left_out = log.events("log.left_out");
    left_out.sort_by_key(|line| line["of"].to_string());
    let said: Vec<_> = left_out.iter().map(|line| (line["of"].as_str(), line["lines"].as_u64())).collect();
    let rest = |count: usize| Some(u64::try_from(count - lines).unwrap());
    let failed = rest(ADDRESS.burst as usize);
    assert_eq!(said, [(Some("login.failure"), failed), (Some("login.throttled"), rest(refused))]);
    world.clock.set(conformance::BEGIN);
    assert_eq!(door.submit(&world, "192.0.2.1", "alice", PASSWORD).await.status, 429);
    assert_eq!(
        door.submit(&world, "192.0.2.2", "alice", PASSWORD).await.status,
        303,
        "others are unaffected"
    );
}

#[tokio::test]
async fn n150_many_addresses_and_one_user() {
    let world = world_behind_a_front_end().await;
    world.user("bob", None, serde_json::json!({})).await;
    let (mut door, log) = (SignInPage::open(&world).await, Log::open());
    let mut refused = 0;
    for n in 0..1000 {
        let from = format!("10.0.{}.{}", n / 250, n % 250);
        let answer = door.submit(&world, &from, "alice", "wrong password").await;
        if answer.status == 429 {
            refused += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        }
    }
    assert_eq!(refused, 1000 - NAME.burst as usize);
    let throttled = log.events("login.throttled");
    assert_eq!(throttled.len(), refused);
    assert_eq!(door.submit(&world, "10.0.0.1", "bob", PASSWORD).await.status, 303, "others are unaffected");
}

/// A caller without an address from the front end counts as one of 256, drawn at random for each call.
fn lots() -> impl Iterator<Item = std::net::IpAddr> {
    (0..=255).map(|lot| std::net::Ipv6Addr::new(0x2001, 0xdb8, lot, 0, 0, 0, 0, 0).into())
}

#[tokio::test]
async fn n155_n250_unreadable_addresses_are_counted_and_do_not_share_one_counter() {
    let (world, log) = (world_behind_a_front_end().await, Log::open());
    let mut door = SignInPage::open(&world).await;
    let unreadable = ["garbage", "unknown", "1.2.3.4, $remote_addr", "1.2.3.4%eth0", "", "1.2.3.4, "];
    for (n, from) in unreadable.iter().cycle().take(ADDRESS.burst as usize).enumerate() {
        let answer = door.submit(&world, from, &format!("user{n}"), "wrong password").await;
        assert_eq!(answer.status, 422, "{from}");
    }
    assert_eq!(
        door.submit(&world, "garbage", "alice", PASSWORD).await.status,
        303,
        "not what others failed at"
    );
    let said = |log: &Log| log.text().lines().filter(|line| line.contains("has no address")).count();
    assert_eq!(said(&log), 1, "once a minute");
    world.pass(60);
    door.submit(&world, "garbage", "alice", PASSWORD).await;
    assert_eq!(said(&log), 2);
    // As many failures as all 256 together allow: each has as much debt as an address can have.
    let (ring, now) = (world.app.keys.current(), world.app.clock.now());
    let limit = protocol::attempts::Limit { burst: 1, interval: std::time::Duration::from_secs(400) };
    for lot in lots() {
        let key = server::attempts::stored(AttemptKey::address(Some(lot)), &ring, now).unwrap();
        let request = protocol::id::RequestId::from_bytes([9; 16]);
        world.store.note_attempt(key, limit, storage::Stamp { at: now, request }).await.unwrap();
    }
    // A browser that did not sign in before: a known one has a counter of its own.
    let mut door = SignInPage::open(&world).await;
    for from in unreadable {
        assert_eq!(door.submit(&world, from, "alice", PASSWORD).await.status, 429, "{from}");
    }
    assert_eq!(
        door.submit(&world, "192.0.2.77", "alice", PASSWORD).await.status,
        303,
        "who can be read is unaffected"
    );
    let jwks = world.send(get("/jwks")).await;
    assert!(jwks.headers.get("etag").is_none(), "past the front end");
}

#[tokio::test]
async fn n250_the_front_ends_entry_counts_in_every_spelling() {
    let world = world_behind_a_front_end().await;
    let mut door = SignInPage::open(&world).await;
    let mut knock = async |from: &str, user: usize| {
        door.submit(&world, from, &format!("user{user}"), "wrong password").await.status.as_u16()
    };
    let ways =
        ["192.0.2.1", "192.0.2.1:4711", "\"192.0.2.1:4712\"", "6.6.6.6, 192.0.2.1", "::ffff:192.0.2.1"];
    let again = [
        "[2001:db8:1::1]",
        "[2001:db8:1::2]:443",
        "\"[2001:db8:1::3]\"",
        "2001:db8:1::4",
        "x, 2001:db8:1::5",
    ];
    for ways in [ways, again] {
        for (user, from) in ways.iter().cycle().take(ADDRESS.burst as usize).enumerate() {
            assert_eq!(knock(from, user).await, 422, "{from}");
        }
        for from in ways {
            assert_eq!(knock(from, 99).await, 429, "{from} is the same caller");
        }
    }
    assert_eq!(knock("192.0.2.2:4711", 99).await, 422);
    assert_eq!(knock("192.0.2.1, 192.0.2.3", 99).await, 422, "a claim of the caller's is not believed");
}

#[tokio::test]
async fn n250_forwarded_is_read_by_its_own_syntax() {
    let settings = [("KEYWARD_CLIENT_IP", "header:forwarded"), FRONT[1]];
    let world = World::with(crate::HARNESS, &settings).await;
    world.relying_party().await;
    let door = SignInPage::open(&world).await;
    let knock = async |hop: &str, user: usize| {
        let (r, csrf) = (door.page.field("r"), door.page.field("csrf"));
        let name = format!("user{user}");
        let fields =
            [("r", r.as_str()), ("csrf", &csrf), ("username", &name), ("password", "wrong password")];
        let sent = form("/login", &fields).with("origin", ISSUER).with("x-keyward-origin", FRONT[1].1);
        door.browser.clone().send(&world, sent.with("forwarded", hop)).await.status.as_u16()
    };
    let ways = [
        "for=192.0.2.1",
        "for=6.6.6.6, For=\"192.0.2.1:80\";proto=https",
        "for=\"x, by=y;for=192.0.2.1;host=z",
        "for=192.0.2.1;host=\"a,for=6.6.6.6;x=y\";proto=https",
        "for=\"x, by=y;for=192.0.2.1;host=\"x\\\",for=6.6.6.6;a=b\"",
    ];
    for (user, hop) in ways.iter().cycle().take(ADDRESS.burst as usize).enumerate() {
        assert_eq!(knock(hop, user).await, 422, "{hop}");
    }
    for hop in ways {
        assert_eq!(knock(hop, 99).await, 429, "{hop}");
    }
    assert_eq!(knock("for=\"[2001:db8:1::1]:443\"", 99).await, 422);
}

/// A copy of the store must not reveal addresses, nor what was typed as a name, which is sometimes a password.
#[tokio::test]
async fn counters_are_stored_under_keys_that_nobody_can_guess() {
    let world = world_behind_a_front_end().await;
    let mut door = SignInPage::open(&world).await;
    world.counts.take();
    for name in ["alice", "nobody"] {
        assert_eq!(door.submit(&world, "192.0.2.1", name, "wrong password").await.status, 422);
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
