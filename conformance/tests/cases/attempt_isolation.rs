//! Whose failed attempts delay whom, and how the password pool is shared. The numbers are those of
//! `docs/concepts/attempts.md`.

use super::front_end::{SignInPage, through, world_behind_a_front_end};
use super::requests::*;
use conformance::{PASSWORD, basic, get};
use server::admin::users::NewUser;
use server::admission::QueueKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroizing;

/// A browser that alice signed in from, and out again.
async fn known_browser(world: &World) -> Browser {
    let mut door = SignInPage::open(world).await;
    assert_eq!(door.submit(world, "192.0.2.99", "alice", PASSWORD).await.status, 303);
    signed_out(world, door.browser).await
}

async fn signed_out(world: &World, mut browser: Browser) -> Browser {
    let page = browser.send(world, through(get("/logout"), "192.0.2.99")).await;
    let request = form("/logout", &[("csrf", &page.field("csrf"))]).with("origin", ISSUER);
    browser.send(world, through(request, "192.0.2.99")).await;
    assert!(browser.cookie("kw-s-").is_none());
    browser
}

/// Fails with alice's name from this many addresses, until every attempt has to wait.
async fn attack(world: &World, addresses: u32) {
    let mut door = SignInPage::open(world).await;
    let mut answers = Vec::new();
    for n in 0..40.max(addresses) {
        let from = format!("10.0.{}.{}", (n % addresses) / 250, (n % addresses) % 250);
        answers.push(door.submit(world, &from, "alice", "wrong password").await.status.as_u16());
    }
    assert!(answers.iter().all(|status| [422, 429].contains(status)), "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
}

#[tokio::test]
async fn n245_the_owner_signs_in_from_a_known_browser_while_others_fail_with_the_name() {
    for addresses in [1, 1000] {
        let world = world_behind_a_front_end().await;
        let browser = known_browser(&world).await;
        attack(&world, addresses).await;
        // From home, and from the very address that fails.
        for from in ["192.0.2.99", "10.0.0.0"] {
            let mut door = SignInPage::of(&world, browser.clone()).await;
            assert_eq!(door.submit(&world, from, "alice", PASSWORD).await.status, 303, "{addresses} {from}");
        }
        let stranger = SignInPage::open(&world).await.submit(&world, "198.51.100.1", "alice", PASSWORD).await;
        assert_eq!(stranger.status, if addresses == 1 { 303 } else { 429 }, "{addresses}");
    }
}

#[tokio::test]
async fn n245_a_signed_in_owner_changes_the_password_while_others_fail_with_the_name() {
    for addresses in [1, 1000] {
        let world = world_behind_a_front_end().await;
        let mut door = SignInPage::open(&world).await;
        assert_eq!(door.submit(&world, "192.0.2.99", "alice", PASSWORD).await.status, 303);
        attack(&world, addresses).await;
        let mut browser = door.browser;
        let before = browser.clone();
        // Even from the address that fails, which has to wait for everything else.
        let page = browser.send(&world, through(get("/account"), "10.0.0.0")).await;
        let csrf = page.field("csrf");
        let fields =
            [("csrf", csrf.as_str()), ("current_password", PASSWORD), ("new_password", "another password")];
        let request = form("/account/password", &fields).with("origin", ISSUER);
        let answer = browser.send(&world, through(request, "10.0.0.0")).await;
        assert_eq!(answer.location(), "/account?done=password", "{answer:?}");
        world.pass(1);
        let after = signed_out(&world, browser).await;
        for (browser, status) in [(before, 429), (after, 303)] {
            let mut door = SignInPage::of(&world, browser).await;
            let answer = door.submit(&world, "10.0.0.0", "alice", "another password").await;
            assert_eq!(answer.status, status, "only who signed in with the new password is known by it");
        }
    }
}

#[tokio::test]
async fn n245_a_known_browser_is_worth_a_counter_of_its_own_and_nothing_else() {
    let world = world_behind_a_front_end().await;
    world.user("bob", None, serde_json::json!({})).await;
    let mut browser = known_browser(&world).await;
    let page = browser.send(&world, through(get("/account"), "192.0.2.99")).await;
    assert!(page.location().starts_with("/login"), "nobody is signed in: {page:?}");
    let mut door = SignInPage::of(&world, browser.clone()).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(door.submit(&world, "192.0.2.99", "alice", "wrong password").await.status.as_u16());
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429]);
    // Its own failures count for itself.
    let mut stranger = SignInPage::open(&world).await;
    assert_eq!(stranger.submit(&world, "192.0.2.99", "alice", PASSWORD).await.status, 303);
    let mut stranger = SignInPage::of(&world, known_browser(&world).await).await;
    assert_eq!(stranger.submit(&world, "192.0.2.99", "alice", PASSWORD).await.status, 303);
    // It is not known to another account, and a cookie that isn't ours is ignored.
    attack(&world, 1000).await;
    let mut bobs = SignInPage::open(&world).await;
    assert_eq!(bobs.submit(&world, "192.0.2.98", "bob", PASSWORD).await.status, 303);
    let mut bobs = SignInPage::of(&world, signed_out(&world, bobs.browser).await).await;
    assert_eq!(bobs.submit(&world, "192.0.2.98", "alice", PASSWORD).await.status, 429);
    let sealed = browser.cookie("kw-d-").unwrap().to_owned();
    browser.set_cookie("kw-d-", &format!("{}A", &sealed[..sealed.len() - 1]));
    let mut forged = SignInPage::of(&world, browser).await;
    assert_eq!(forged.submit(&world, "192.0.2.98", "alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn n245_the_cookie_is_out_of_reach_and_lasts_ninety_days() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let page = browser.visit(&world, &with(&[])).await;
    let (r, csrf) = (page.field("r"), page.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)];
    let answer = browser.send(&world, form("/login", &fields).with("origin", ISSUER)).await;
    let cookie = answer.cookies().into_iter().find(|cookie| cookie.contains("kw-d-")).unwrap();
    let (name, rest) = cookie.split_once('=').unwrap();
    assert!(name.starts_with("__Host-kw-d-"), "{name}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax", "Max-Age=7776000"] {
        assert!(rest.split("; ").any(|own| own == attribute), "{attribute} in {cookie}");
    }
    assert!(!rest.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn n245_a_browser_forgets_an_account_after_ninety_days_whoever_else_signs_in() {
    let world = world_behind_a_front_end().await;
    world.user("bob", None, serde_json::json!({})).await;
    let days = |count: u64| count * 24 * 3600;
    let browser = known_browser(&world).await;
    world.pass(days(89));
    let mut bobs = SignInPage::of(&world, browser.clone()).await;
    assert_eq!(bobs.submit(&world, "192.0.2.98", "bob", PASSWORD).await.status, 303);
    let both = signed_out(&world, bobs.browser).await;
    attack(&world, 1000).await;
    let mut alices = SignInPage::of(&world, both.clone()).await;
    assert_eq!(alices.submit(&world, "192.0.2.99", "alice", PASSWORD).await.status, 303);
    world.pass(days(1));
    attack(&world, 1000).await;
    let mut alices = SignInPage::of(&world, both).await;
    assert_eq!(alices.submit(&world, "192.0.2.99", "alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn n246_right_passwords_from_five_networks_leave_others_their_share() {
    let world = Arc::new(world_behind_a_front_end().await);
    for n in 0..5 {
        world.user(&format!("user{n}"), None, serde_json::json!({})).await;
    }
    let door = SignInPage::open(&world).await;
    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..60)
        .map(|n| {
            let (world, mut door, over) = (Arc::clone(&world), door.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut answered = 0;
                while !over.load(Ordering::Relaxed) && answered < 1000 {
                    let (from, name) = (format!("192.0.2.{}", n % 5), format!("user{}", n / 5 % 5));
                    let status = door.submit(&world, &from, &name, PASSWORD).await.status.as_u16();
                    assert!([303, 429, 503].contains(&status), "{status}");
                    answered += 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let before = world.app.passwords.calls();
    until(|| world.app.passwords.calls() > before + 8).await;
    let mut refused = 0;
    for n in 0..20 {
        let answer = door.clone().submit(&world, &format!("198.51.100.{n}"), "alice", PASSWORD).await;
        refused += usize::from(answer.status != 303);
    }
    over.store(true, Ordering::Relaxed);
    for one in crowd {
        one.await.unwrap();
    }
    assert_eq!(refused, 0, "of 20 sign-ins");
}

#[tokio::test]
async fn n246_strangers_from_many_networks_keep_no_known_browser_out() {
    let world = Arc::new(world_behind_a_front_end().await);
    world.user("bob", None, serde_json::json!({})).await;
    let mut known = SignInPage::of(&world, known_browser(&world).await).await;
    let mut bobs = SignInPage::open(&world).await;
    assert_eq!(bobs.submit(&world, "192.0.2.98", "bob", PASSWORD).await.status, 303);
    let page = bobs.browser.send(&world, through(get("/account"), "192.0.2.98")).await;
    let door = SignInPage::open(&world).await;
    let taken = (world.app.passwords.place().await.unwrap(), world.app.passwords.place().await.unwrap());
    let strangers: Vec<_> = (0..20)
        .map(|n| {
            let (world, mut door) = (Arc::clone(&world), door.clone());
            tokio::spawn(async move {
                door.submit(&world, &format!("10.0.0.{n}"), "alice", PASSWORD).await.status.as_u16()
            })
        })
        .collect();
    // 16 may wait.
    until(|| strangers.iter().filter(|one| one.is_finished()).count() == 4).await;
    let inside = Arc::clone(&world);
    let signs_in =
        tokio::spawn(async move { known.submit(&inside, "192.0.2.99", "alice", PASSWORD).await.status });
    let inside = Arc::clone(&world);
    let changes = tokio::spawn(async move {
        let csrf = page.field("csrf");
        let fields =
            [("csrf", csrf.as_str()), ("current_password", PASSWORD), ("new_password", "another password")];
        let request = form("/account/password", &fields).with("origin", ISSUER);
        bobs.browser.send(&inside, through(request, "192.0.2.98")).await
    });
    let both_wait = || world.app.passwords.queued() == (16, 2);
    until(|| both_wait() || signs_in.is_finished() || changes.is_finished()).await;
    drop(taken);
    assert_eq!(signs_in.await.unwrap(), 303);
    let changed = changes.await.unwrap();
    assert_eq!(changed.location(), "/account?done=password", "{changed:?}");
    let mut away = 0;
    for one in strangers {
        away += usize::from(one.await.unwrap() == 503);
    }
    assert_eq!(away, 4);
}

/// A network whose own attempts are waiting is not ahead of others.
#[tokio::test]
async fn n245_many_attempts_from_one_network_delay_no_other_network() {
    let world = Arc::new(world_behind_a_front_end().await);
    let door = SignInPage::open(&world).await;
    let taken = (world.app.passwords.place().await.unwrap(), world.app.passwords.place().await.unwrap());
    let knock = |from: &'static str, password: &'static str| {
        let (world, mut door) = (Arc::clone(&world), door.clone());
        tokio::spawn(async move { door.submit(&world, from, "alice", password).await.status.as_u16() })
    };
    // None proceeds: the first five wait for a place, the others are refused.
    let crowd: Vec<_> = (0..100).map(|_| knock("192.0.2.1", "wrong password")).collect();
    until(|| crowd.iter().filter(|one| one.is_finished()).count() == 95).await;
    let owner = knock("192.0.2.2", PASSWORD);
    drop(taken);
    assert_eq!(owner.await.unwrap(), 303);
    let mut wrong = 0;
    for one in crowd {
        wrong += usize::from(one.await.unwrap() == 422);
    }
    assert_eq!(wrong, 5);
}

#[tokio::test]
async fn n246_hanging_up_in_the_queue_costs_no_hash_and_no_counter() {
    let world = Arc::new(world_behind_a_front_end().await);
    let mut door = SignInPage::open(&world).await;
    let before = world.app.passwords.calls();
    let taken = (world.app.passwords.place().await.unwrap(), world.app.passwords.place().await.unwrap());
    for _ in 0..30 {
        let (inside, mut door) = (Arc::clone(&world), door.clone());
        let knock =
            tokio::spawn(async move { door.submit(&inside, "192.0.2.1", "alice", "wrong password").await });
        until(|| !world.app.in_flight().is_empty()).await;
        knock.abort();
        until(|| world.app.in_flight().is_empty()).await;
    }
    drop(taken);
    assert_eq!(door.submit(&world, "192.0.2.1", "alice", PASSWORD).await.status, 303);
    assert_eq!(world.app.passwords.calls(), before + 1);
}

#[tokio::test]
async fn n247_failures_under_one_name_show_nothing_under_another() {
    let world = world_behind_a_front_end().await;
    let new = NewUser {
        username: "carol".into(),
        email: Some("carol@example.com".into()),
        email_verified: true,
        ..NewUser::default()
    };
    let password = Zeroizing::new(PASSWORD.to_owned());
    world.admin().create_user(new, Some((&world.app.passwords, password))).await.unwrap();
    let mut door = SignInPage::open(&world).await;
    let mut message = Vec::new();
    for (first, then, network) in [
        ("carol@example.com", "carol", 1),
        ("nobody@example.com", "nobody", 2),
        ("carol", "carol@example.com", 3),
    ] {
        let mut heard = Vec::new();
        let tries = [[first; 7].as_slice(), &[then; 7]].concat();
        for name in tries {
            world.counts.take();
            let before = world.app.passwords.calls();
            let answer = door.submit(&world, &format!("10.{network}.0.1"), name, "wrong password").await;
            let nonce =
                answer.header("content-security-policy").split("nonce-").nth(1).unwrap()[..22].to_owned();
            heard.push((
                answer.status.as_u16(),
                answer.text().replace(&nonce, "").replace(name, ""),
                answer.has("retry-after").then(|| answer.header("retry-after").to_owned()),
                world.counts.take(),
                world.app.passwords.calls() - before,
            ));
        }
        message.push(heard);
    }
    for (one, other) in message[0].iter().zip(&message[1]).chain(message[0].iter().zip(&message[2])) {
        assert_eq!(one, other);
    }
    let statuses: Vec<_> = message[0].iter().map(|heard| heard.0).collect();
    let each = [422, 422, 422, 422, 422, 429, 429];
    assert_eq!(statuses, [each, each].concat(), "each name is counted for itself");
}

#[tokio::test]
async fn n248_a_known_client_is_served_whatever_else_comes_from_its_address() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let ask = async |authorization: &str| {
        let request = form("/token", &[("grant_type", "client_credentials")]);
        world.send(request.with("authorization", authorization)).await
    };
    for n in 0..300 {
        ask(&basic(&format!("client{n}"), "x")).await.assert_token_error(401, "invalid_client");
    }
    // This process has never seen either.
    assert_eq!(ask(&machine.basic()).await.status, 200);
    assert!(Browser::new().visit(&world, &with(&[])).await.is_page("Sign in"));
}

#[tokio::test]
async fn n248_four_at_a_time_are_looked_up_and_others_have_their_turn() {
    let world = Arc::new(world_behind_a_front_end().await);
    let machine = world.machine().await;
    let ask = |world: &Arc<World>, from: &'static str, authorization: String| {
        let request = form("/token", &[("grant_type", "client_credentials")]);
        let (world, request) = (Arc::clone(world), request.with("authorization", &authorization));
        tokio::spawn(async move { world.send(through(request, from)).await.status.as_u16() })
    };
    assert_eq!(ask(&world, "192.0.2.1", machine.basic()).await.unwrap(), 200);
    let made_up = protocol::id::ClientId::parse("made-up").unwrap();
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(world.app.permit_to_look_up(&made_up, QueueKey::Stranger(None)).await.ok().unwrap());
    }
    world.counts.take();
    let mut waiting: Vec<_> =
        (0..40).map(|n| ask(&world, "192.0.2.1", basic(&format!("client{n}"), "x"))).collect();
    let rp = ask(&world, "192.0.2.2", world.basic("rp"));
    // A known browser needs no turn.
    assert_eq!(ask(&world, "192.0.2.1", machine.basic()).await.unwrap(), 200);
    assert_eq!(world.counts.take(), (0, 0), "nothing was read for those who wait");
    turns.clear();
    assert_eq!(rp.await.unwrap(), 400, "authenticated, and may not have this grant");
    for one in waiting.drain(..) {
        assert_eq!(one.await.unwrap(), 401);
    }
}
