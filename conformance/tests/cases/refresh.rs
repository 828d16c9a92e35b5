//! Refreshing: rotation, grace and reuse.

use super::requests::*;
use conformance::account::{Account, kept_grant};
use conformance::{Log, basic};
use serde_json::json;

/// Refreshes as the public client.
pub(super) async fn refresh(world: &World, token: &str) -> Answer {
    refresh_with(world, token, &[]).await
}

async fn refresh_with(world: &World, token: &str, more: &[(&str, &str)]) -> Answer {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
    let fields: Vec<_> = fields.iter().chain(more).copied().collect();
    world.send(form("/token", &fields)).await
}

pub(super) async fn world_with_spa() -> (World, String) {
    let (world, _) = people().await;
    world.single_page().await;
    let token = member(&spa_tokens(&world).await, "refresh_token");
    (world, token)
}

#[tokio::test]
async fn a_refresh_gives_the_same_facts_again() {
    let (world, _) = people().await;
    world.single_page().await;
    let first = spa_tokens(&world).await;
    world.pass(100);
    let again = refresh(&world, &member(&first, "refresh_token")).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let (before, after) = (first.claims("id_token"), again.claims("id_token"));
    for name in ["iss", "sub", "aud", "auth_time", "acr", "sid"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["iat"], before["iat"].as_u64().unwrap() + 100);
    assert_eq!(after.get("nonce"), None, "OIDC Core 12.2");
    assert_eq!(userinfo_status(&world, &member(&again, "access_token")).await, 200);
    assert!(member(&again, "refresh_token").starts_with("kwr_"));
}

#[tokio::test]
async fn n067_a_token_rotated_away_ends_the_grant_when_it_comes_back() {
    let (world, r1) = world_with_spa().await;
    let log = Log::open();
    let second = refresh(&world, &r1).await;
    let r2 = member(&second, "refresh_token");
    assert_ne!(r1, r2);
    world.pass(31);
    let third = refresh(&world, &r2).await;
    let r3 = member(&third, "refresh_token");
    world.pass(31);
    assert!(log.events("refresh.reuse").is_empty());
    refresh(&world, &r1).await.assert_token_error(400, "invalid_grant");
    let [grant] = &all_grants(&world).await[..] else { panic!() };
    let reuse = log.event("refresh.reuse");
    let named = [("client", "spa".into()), ("user", grant.user.to_string()), ("grant", grant.id.to_string())];
    for (name, value) in named {
        assert_eq!(reuse[name], value, "{name}");
    }
    for token in [&r1, &r2, &r3] {
        refresh(&world, token).await.assert_token_error(400, "invalid_grant");
    }
    assert_eq!(userinfo_status(&world, &member(&third, "access_token")).await, 401);
    assert_eq!(log.events("refresh.reuse").len(), 1, "it ended once");
}

#[tokio::test]
async fn n068_within_the_grace_one_successor_for_all() {
    let (world, r1) = world_with_spa().await;
    let r2 = member(&refresh(&world, &r1).await, "refresh_token");
    for wait in [0, 5, 10, 14] {
        world.pass(wait);
        let again = refresh(&world, &r1).await;
        assert_eq!((again.status.as_u16(), member(&again, "refresh_token")), (200, r2.clone()));
    }
    let (a, b, c) = tokio::join!(refresh(&world, &r1), refresh(&world, &r1), refresh(&world, &r2));
    for answer in [a, b, c] {
        assert_eq!(member(&answer, "refresh_token"), r2);
    }
    let [grant] = &all_grants(&world).await[..] else { panic!() };
    assert_eq!(grant.refresh.as_ref().unwrap().generation, 1, "one head");
}

#[tokio::test]
async fn n070_the_tip_within_the_grace_of_its_own_rotation() {
    let (world, r1) = world_with_spa().await;
    let r2 = member(&refresh(&world, &r1).await, "refresh_token");
    world.pass(10);
    assert_eq!(member(&refresh(&world, &r2).await, "refresh_token"), r2, "no rotation");
    assert_eq!(member(&refresh(&world, &r1).await, "refresh_token"), r2, "r2 again");
    world.pass(20);
    refresh(&world, &r1).await.assert_token_error(400, "invalid_grant");
    refresh(&world, &r2).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n071_a_replay_in_the_grace_by_another_client_or_for_more() {
    let (world, r1) = world_with_spa().await;
    let r2 = member(&refresh(&world, &r1).await, "refresh_token");
    let other =
        json!({ "client_id": "other", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    world.client(other).await;
    let log = Log::open();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", r1.as_str()), ("client_id", "other")];
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
    assert_eq!(log.event("refresh.client_mismatch")["client"], "other", "the presenter");
    refresh_with(&world, &r1, &[("scope", "openid email")]).await.assert_token_error(400, "invalid_scope");
    assert_eq!(member(&refresh(&world, &r1).await, "refresh_token"), r2, "nothing was revoked");
}

#[tokio::test]
async fn n072_without_grace_one_of_many_wins_and_the_reuse_ends_the_grant() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_REFRESH_REUSE_GRACE", "0")]).await;
    world.alice().await;
    world.single_page().await;
    let (r1, world) = (member(&spa_tokens(&world).await, "refresh_token"), std::sync::Arc::new(world));
    // On one thread, whose log is read; races have their tests in the store's contract.
    let log = Log::open();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (world, r1) = (world.clone(), r1.clone());
            tokio::spawn(async move { refresh(&world, &r1).await })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status.as_u16() {
            200 => won.push(answer),
            // Too many waiting for one store.
            503 => assert_eq!(answer.json()["error"], "temporarily_unavailable"),
            _ => answer.assert_token_error(400, "invalid_grant"),
        }
    }
    assert_eq!((won.len(), log.events("refresh.reuse").len()), (1, 1));
    let r2 = member(&won[0], "refresh_token");
    refresh(&world, &r2).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_uses_have_one_successor() {
    let (world, r1) = world_with_spa().await;
    let world = std::sync::Arc::new(world);
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (world, r1) = (world.clone(), r1.clone());
            tokio::spawn(async move { refresh(&world, &r1).await })
        })
        .collect();
    let mut successors = std::collections::BTreeSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        // Too many waiting for one store get 503 and lose nothing.
        if answer.status == 200 {
            successors.insert(member(&answer, "refresh_token"));
        } else {
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    }
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn n073_a_token_is_its_clients() {
    let (world, _) = people().await;
    let metadata =
        json!({ "client_id": "web", "redirect_uris": [REDIRECT], "scope": "openid offline_access" });
    let web = world.client(metadata).await;
    let changes = [("client_id", "web"), ("scope", "openid offline_access")];
    let code = code(&world, &changes).await;
    let tokens = redeem_as(&world, "web", &code).await;
    let token = member(&tokens, "refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let metadata = json!({ "client_id": "other", "redirect_uris": [REDIRECT] });
    let (other, log) = (world.client(metadata).await, Log::open());
    world
        .send(form("/token", &fields).with("authorization", &other.basic()))
        .await
        .assert_token_error(400, "invalid_grant");
    assert_eq!(log.event("refresh.client_mismatch")["client"], "other");
    let unproven: Vec<_> = fields.iter().copied().chain([("client_id", "web")]).collect();
    world.send(form("/token", &unproven)).await.assert_token_error(401, "invalid_client");
    let wrong = form("/token", &fields).with("authorization", &basic("web", "wrong"));
    world.send(wrong).await.assert_token_error(401, "invalid_client");
    world.machine().await;
    assert_eq!(log.events("client_auth.failure").len(), 2);
    let machine = form("/token", &fields).with("authorization", &world.basic("machine"));
    world.send(machine).await.assert_token_error(400, "unauthorized_client");
    let own = world.send(form("/token", &fields).with("authorization", &web.basic())).await;
    assert_eq!(
        (own.status.as_u16(), member(&own, "refresh_token")),
        (200, token),
        "a confidential client's stays"
    );
}

#[tokio::test]
async fn n074_scopes_narrow_and_widen_again_but_never_beyond_the_grant() {
    let (world, r1) = world_with_spa().await;
    let without = spa_tokens_for(&world, "profile offline_access").await;
    let without = member(&without, "refresh_token");
    for added in ["openid", "openid profile"] {
        refresh_with(&world, &without, &[("scope", added)]).await.assert_token_error(400, "invalid_scope");
    }
    assert_eq!(refresh(&world, &without).await.json().get("id_token"), None);
    for wider in ["openid email", "openid profile phone", "admin"] {
        refresh_with(&world, &r1, &[("scope", wider)]).await.assert_token_error(400, "invalid_scope");
    }
    let narrow = refresh_with(&world, &r1, &[("scope", "profile")]).await;
    assert_eq!((&narrow.json()["scope"], narrow.json().get("id_token")), (&json!("profile"), None));
    let full = refresh(&world, &member(&narrow, "refresh_token")).await;
    assert_eq!(full.json()["scope"], "openid profile offline_access");
    let change = |client: &mut protocol::client::Client, _| {
        client.scope = client.scope.without("profile");
        Ok(())
    };
    world.admin().change_client("spa", change).await.unwrap();
    world.app.distrust_caches();
    world.pass(31);
    let less = refresh(&world, &member(&full, "refresh_token")).await;
    assert_eq!(less.json()["scope"], "openid offline_access", "taken from the client meanwhile");
}

#[tokio::test]
async fn n075_another_resource_is_refused_before_anything_rotates() {
    let (world, r1) = world_with_spa().await;
    for resource in ["https://api.example", "x"] {
        refresh_with(&world, &r1, &[("resource", resource)]).await.assert_token_error(400, "invalid_target");
    }
    world.pass(60);
    assert_eq!(refresh(&world, &r1).await.status, 200);
}

#[tokio::test]
async fn n075_a_resource_that_was_taken_from_the_client_is_gone() {
    let (world, _) = people().await;
    let api = "https://api.example";
    let metadata = json!({
        "client_id": "spa",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        "scope": "openid offline_access",
        "audiences": [api],
    });
    world.client(metadata).await;
    let asked = [("client_id", "spa"), ("scope", "openid offline_access"), ("resource", api)];
    let code = code(&world, &asked).await;
    let two = [("resource", api), ("audience", "https://two.example")];
    redeem_for_spa(&world, &code, &two).await.assert_token_error(400, "invalid_target");
    let token = member(&redeem_for_spa(&world, &code, &two[..1]).await, "refresh_token");
    world.pass(60);
    let token = member(&refresh(&world, &token).await, "refresh_token");
    let changed = serde_json::from_value(json!({ "audiences": [""] })).unwrap();
    world.admin().update_client("spa", &changed, &world.app.settings).await.unwrap();
    world.pass(60);
    refresh(&world, &token).await.assert_token_error(400, "invalid_target");
}

#[tokio::test]
async fn n082_a_lost_answer_is_repeated() {
    let (world, r1) = world_with_spa().await;
    world.faults.fail("rotate_refresh", 1, storage::tap::When::After, storage::StoreErrorKind::Unavailable);
    assert_eq!(refresh(&world, &r1).await.status, 503);
    let again = refresh(&world, &r1).await;
    assert_eq!(again.status, 200, "rotated, but the answer was lost: sent now");
    assert_eq!(member(&refresh(&world, &r1).await, "refresh_token"), member(&again, "refresh_token"));
}

#[tokio::test]
async fn forged_refresh_tokens_cost_no_read_and_revoke_nothing() {
    let (world, r1) = world_with_spa().await;
    refresh(&world, &r1).await;
    world.counts.take();
    let mut flipped = r1.clone().into_bytes();
    flipped[30] = if flipped[30] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for forged in [
        flipped.as_str(),
        "x",
        &r1[..r1.len() - 1],
        &r1.replace("kwr_", "kwc_"),
        &protocol::armor::wrap("kwr_", &[7; 99]),
    ] {
        refresh(&world, forged).await.assert_token_error(400, "invalid_grant");
    }
    refresh_with(&world, "", &[]).await.assert_token_error(400, "invalid_request");
    assert_eq!(world.counts.take(), (0, 0));
    assert_eq!(refresh(&world, &r1).await.status, 200);
}

#[tokio::test]
async fn n226_a_token_ahead_of_the_store_is_refused_and_revokes_nothing() {
    let (world, r1) = world_with_spa().await;
    let before = all_grants(&world).await;
    world.pass(31);
    let r2 = member(&refresh(&world, &r1).await, "refresh_token");
    // A backup from before the rotation is restored.
    for grant in before {
        let there = kept_grant(&*world.store, grant.key()).await;
        let (seen, old) = (there.refresh.unwrap(), grant.refresh.clone().unwrap());
        assert!(
            world.store.rotate_refresh(grant.key(), &seen, &old, world.admin().call).await.unwrap().is_done()
        );
    }
    let log = Log::open();
    refresh(&world, &r2).await.assert_token_error(400, "invalid_grant");
    assert_eq!(log.event("refresh.ahead_of_store")["client"], "spa");
    for _ in 0..20 {
        refresh(&world, &r2).await.assert_token_error(400, "invalid_grant");
    }
    let alarms: Vec<_> =
        log.text().lines().filter(|line| line.contains(r#""level":"ERROR""#)).map(str::to_owned).collect();
    assert!(
        alarms.len() == 1 && alarms[0].contains("storage restored"),
        "one alarm a minute, which says what to do: {alarms:?}"
    );
    assert_eq!(refresh(&world, &r1).await.status, 200, "nothing was revoked");
}

async fn all_grants(world: &World) -> Vec<protocol::grant::Grant> {
    let alice = world.admin().user("alice").await.unwrap();
    Account::of(&*world.store, &alice.id).await.grants
}

#[tokio::test]
async fn budgets_of_refreshing_hold() {
    let (world, r1) = world_with_spa().await;
    world.counts.take();
    let r2 = member(&refresh(&world, &r1).await, "refresh_token");
    assert_eq!(world.counts.take(), (1, 1), "rotating");
    refresh(&world, &r2).await;
    refresh(&world, &r1).await;
    assert_eq!(world.counts.take(), (2, 0), "within the grace nothing is written");
    let metadata =
        json!({ "client_id": "web", "redirect_uris": [REDIRECT], "scope": "openid offline_access" });
    let web = world.client(metadata).await;
    let code = code(&world, &[("client_id", "web"), ("scope", "openid offline_access")]).await;
    let tokens = redeem_as(&world, "web", &code).await;
    let token = member(&tokens, "refresh_token");
    let ask = async || {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        assert_eq!(world.send(form("/token", &fields).with("authorization", &web.basic())).await.status, 200);
        world.counts.take()
    };
    world.pass(3600);
    world.counts.take();
    assert_eq!(ask().await, (3, 0), "not rotating; the client and the keys were read again");
    assert_eq!(ask().await, (1, 0));
    world.pass(24 * 3600);
    ask().await;
    world.pass(1);
    assert_eq!(ask().await, (1, 0), "prolonged once a day");
}
