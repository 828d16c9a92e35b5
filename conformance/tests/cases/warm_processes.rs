//! Many processes that have everything in memory, as a function has environments: what changes in one is noticed in all.

use super::requests::*;
use conformance::get;
use futures_util::future::join_all;
use keys::clock::Clock as _;
use server::upkeep::look_after_keys;

const PROCESSES: usize = 50;

async fn machine_status(process: &World) -> u16 {
    let fields = [("grant_type", "client_credentials")];
    let asked = form("/token", &fields).with("authorization", &process.basic("machine"));
    process.send(asked).await.status.as_u16()
}

#[tokio::test]
async fn n234_what_ended_has_ended_in_fifty_warm_processes() {
    let (world, _) = people().await;
    world.machine().await;
    world.single_page().await;
    let tokens = spa_tokens(&world).await;
    let (access, other) =
        (member(&tokens, "access_token"), member(&spa_tokens(&world).await, "access_token"));
    let now = world.clock.now();
    let processes = join_all((0..PROCESSES).map(|_| world.beside(now))).await;
    for process in &processes {
        assert_eq!(machine_status(process).await, 200);
        for token in [&access, &other] {
            assert_eq!(userinfo_status(process, token).await, 200);
        }
    }

    // At once: a code is spent, a token and a user's session are at an end.
    let code = code(&world, &[]).await;
    let redeemed = join_all(processes.iter().map(|process| redeem(process, &code))).await;
    assert_eq!(redeemed.iter().filter(|answer| answer.status == 200).count(), 1);
    let revoked = form("/revoke", &[("token", &access), ("client_id", "spa")]);
    assert_eq!(world.send(revoked).await.status, 200);
    for process in &processes {
        assert_eq!(
            (userinfo_status(process, &access).await, userinfo_status(process, &other).await),
            (401, 200)
        );
    }
    world.admin().set_user_disabled("alice", true).await.unwrap();
    for process in &processes {
        assert_eq!(userinfo_status(process, &other).await, 401);
    }

    // Within a minute: a disabled client, a revoked key.
    world.admin().set_client_disabled("machine", true).await.unwrap();
    let kid = conformance::header(&access)["kid"].as_str().unwrap().to_owned();
    world.app.keys.revoke(&kid, true).await.unwrap();
    for process in &processes {
        process.pass(60);
        look_after_keys(&process.app).await;
        assert_eq!(machine_status(process).await, 401);
        assert!(!process.send(get("/jwks")).await.text().contains(&kid));
    }
}
