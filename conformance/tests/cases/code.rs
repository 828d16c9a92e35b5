//! Redeeming codes.

use super::requests::*;
use conformance::account::Account;
use conformance::{Log, get, header};
use keys::entropy::{self, SeededEntropy};
use protocol::grant::MOST_CODES;
use protocol::jwk::Algorithm;
use serde_json::json;
use server::token::sealed::Code;

/// Redeems as `client`, with changes to the valid form (an empty value leaves a parameter out).
async fn redeem_with(world: &World, code: &str, client: &str, changes: &[(&str, &str)]) -> Answer {
    let good = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let kept = good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let fields: Vec<_> = kept.chain(changes).filter(|(_, value)| !value.is_empty()).copied().collect();
    world.send(form("/token", &fields).with("authorization", &world.basic(client))).await
}

#[tokio::test]
async fn n052_a_code_works_once_and_a_late_replay_ends_the_grant() {
    let (world, _) = people().await;
    let metadata =
        json!({ "client_id": "web", "redirect_uris": [REDIRECT], "scope": "openid offline_access" });
    world.client(metadata).await;
    let log = Log::open();
    let ask = async |path: &str, fields: &[(&str, &str)]| {
        world.send(form(path, fields).with("authorization", &world.basic("web"))).await
    };
    for (wait, revoked) in [(0, false), (1, true), (30, true)] {
        let code = code(&world, &[("client_id", "web"), ("scope", "openid offline_access")]).await;
        let tokens = redeem_with(&world, &code, "web", &[]).await;
        let [access, refresh] = ["access_token", "refresh_token"].map(|name| member(&tokens, name));
        assert_eq!(userinfo_status(&world, &access).await, 200);
        world.pass(wait);
        redeem_with(&world, &code, "web", &[]).await.assert_token_error(400, "invalid_grant");
        assert_eq!(userinfo_status(&world, &access).await, if revoked { 401 } else { 200 }, "after {wait} s");
        for token in [&access, &refresh] {
            let message = ask("/introspect", &[("token", token)]).await.json();
            assert_eq!(message["active"], !revoked, "after {wait} s");
        }
        let again = ask("/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
        assert_eq!(again.status, if revoked { 400 } else { 200 }, "after {wait} s");
        if revoked {
            again.assert_token_error(400, "invalid_grant");
        }
    }
    assert_eq!(log.events("code.reuse").len(), 2);
}

#[tokio::test]
async fn n052_a_replay_after_its_expiry_ends_the_grant_too() {
    let (world, _) = people().await;
    let code = code(&world, &[]).await;
    let tokens = redeem(&world, &code).await;
    world.pass(120);
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
}

#[tokio::test]
async fn n054_another_clients_code_stays_good() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "other", "redirect_uris": [REDIRECT] })).await;
    let public =
        json!({ "client_id": "spa", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    world.client(public).await;
    let (code, log) = (code(&world, &[]).await, Log::open());
    redeem_with(&world, &code, "other", &[]).await.assert_token_error(400, "invalid_grant");
    let mismatch = log.event("code.client_mismatch");
    let alice = world.admin().user("alice").await.unwrap();
    assert_eq!((&mismatch["client"], &mismatch["user"]), (&json!("other"), &json!(alice.id.to_string())));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let as_public = |id: &'static str| {
        let mut fields = fields.to_vec();
        fields.extend((!id.is_empty()).then_some(("client_id", id)));
        form("/token", &fields)
    };
    world.send(as_public("spa")).await.assert_token_error(400, "invalid_grant");
    assert_eq!(log.events("code.client_mismatch")[1]["client"], "spa");
    world.send(as_public("rp")).await.assert_token_error(401, "invalid_client");
    world.send(as_public("")).await.assert_token_error(401, "invalid_client");
    let mut with_id = fields.to_vec();
    with_id.push(("client_id", "rp"));
    let mixed = form("/token", &with_id).with("authorization", &world.basic("other"));
    world.send(mixed).await.assert_token_error(400, "invalid_request");
    assert_eq!(log.events("code.client_mismatch").len(), 2, "the others proved to be nobody");
    assert_eq!(redeem(&world, &code).await.status, 200);
}

#[tokio::test]
async fn n055_the_redirect_uri_is_repeated_exactly() {
    let (world, _) = people().await;
    let log = Log::open();
    for uri in [
        "",
        "https://rp.example/other",
        "https://rp.example/cb/",
        "https://rp.example/%63b",
        "HTTPS://rp.example/cb",
    ] {
        let code = code(&world, &[]).await;
        redeem_with(&world, &code, "rp", &[("redirect_uri", uri)])
            .await
            .assert_token_error(400, "invalid_grant");
        redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    }
    assert_eq!(log.events("code.burnt").len(), 5, "once each");
}

#[tokio::test]
async fn n056_without_its_verifier_a_code_is_burnt() {
    let (world, _) = people().await;
    let code = code(&world, &[]).await;
    redeem_with(&world, &code, "rp", &[("code_verifier", "")]).await.assert_token_error(400, "invalid_grant");
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
}

#[tokio::test]
async fn n057_a_wrong_verifier_burns_the_code_a_misshapen_one_does_not() {
    let (world, _) = people().await;
    for verifier in [CHALLENGE, &"w".repeat(43)] {
        let code = code(&world, &[]).await;
        redeem_with(&world, &code, "rp", &[("code_verifier", verifier)])
            .await
            .assert_token_error(400, "invalid_grant");
        redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    }
    let (short, long, nul) = ("v".repeat(42), "v".repeat(129), format!("{}\0", "v".repeat(43)));
    let code = code(&world, &[]).await;
    for verifier in [short.as_str(), &long, &nul, &format!("{short}!"), &format!("{short}é")] {
        redeem_with(&world, &code, "rp", &[("code_verifier", verifier)])
            .await
            .assert_token_error(400, "invalid_request");
    }
    assert_eq!(redeem(&world, &code).await.status, 200);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_downgrade() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "old", "redirect_uris": [REDIRECT], "pkce_required": false })).await;
    let request = [("client_id", "old"), ("code_challenge", ""), ("code_challenge_method", "")];
    let first = code(&world, &request).await;
    redeem_with(&world, &first, "old", &[]).await.assert_token_error(400, "invalid_grant");
    let second = code(&world, &request).await;
    assert_eq!(redeem_with(&world, &second, "old", &[("code_verifier", "")]).await.status, 200);
}

#[tokio::test]
async fn n059_a_code_lives_sixty_seconds() {
    let (world, _) = people().await;
    let late = code(&world, &[]).await;
    world.pass(60);
    redeem(&world, &late).await.assert_token_error(400, "invalid_grant");
    let right = code(&world, &[]).await;
    world.pass(59);
    assert_eq!(redeem(&world, &right).await.status, 200);
}

#[tokio::test]
async fn n061_forged_codes_cost_no_read() {
    let (world, _) = people().await;
    let real = code(&world, &[]).await;
    world.counts.take();
    let zeros = format!("kwc_{}", "A".repeat(real.len() - 4));
    let flipped = {
        let mut bytes = real.clone().into_bytes();
        bytes[20] = if bytes[20] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let mut forged = vec![
        zeros,
        flipped,
        real[..real.len() - 1].into(),
        real.replace("kwc_", "kwr_"),
        "main#USER#1".into(),
        "x".into(),
    ];
    // Right prefix and checksum, but not sealed by us.
    forged.extend((0..200_u8).map(|n| protocol::armor::wrap("kwc_", &[n; 95])));
    let mut message = std::collections::BTreeSet::new();
    for code in &forged {
        let answer = redeem(&world, code).await;
        answer.assert_token_error(400, "invalid_grant");
        message.insert(answer.shown());
    }
    assert_eq!((world.counts.take(), message.len()), ((0, 0), 1), "no read, and no oracle");
    assert_eq!(redeem(&world, &real).await.status, 200);
}

#[tokio::test]
async fn n061_a_million_guesses_open_nothing() {
    let world = World::new(crate::HARNESS).await;
    let (ring, entropy) = (world.app.keys.current(), SeededEntropy::new(61));
    for _ in 0..1_000_000 {
        // Prefix and checksum are right, so the seal alone decides.
        let guess = protocol::armor::wrap("kwc_", &entropy::bytes::<95>(&entropy));
        assert!(Code::open(&guess, &ring).unwrap().is_none(), "{guess}");
    }
}

#[tokio::test]
async fn n064_a_failed_client_authentication_changes_nothing() {
    let (world, party) = people().await;
    let code = code(&world, &[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let wrong = form("/token", &fields).with("authorization", &conformance::basic(party.id(), "wrong"));
    world.send(wrong).await.assert_token_error(401, "invalid_client");
    assert_eq!(redeem(&world, &code).await.status, 200);
}

#[tokio::test]
async fn n065_the_nonce_comes_back_as_it_was_sent() {
    let (world, _) = people().await;
    for nonce in ["", "n", "🦀 \"quoted\"\r\n"] {
        let tokens = redeem(&world, &code(&world, &[("nonce", nonce)]).await).await;
        let sent = (!nonce.is_empty()).then(|| json!(nonce));
        assert_eq!(tokens.claims("id_token").get("nonce"), sent.as_ref());
    }
    let large = world.send(get(&with(&[("nonce", &"n".repeat(2048))]))).await;
    large.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
}

#[tokio::test]
async fn n066_the_id_token_has_the_right_claims() {
    let world = World::with(crate::HARNESS, &[("KEYWARD_SIGNING_ALGS", "ES256,EdDSA")]).await;
    let alice = world.alice().await;
    for (id, alg) in [("rp", Algorithm::ES256), ("pictures", Algorithm::EdDSA)] {
        let metadata = json!({
            "client_id": id,
            "redirect_uris": [REDIRECT],
            "scope": "openid",
            "id_token_signed_response_alg": alg,
        });
        world.client(metadata).await;
        let signed_in = world.app.clock.now().seconds();
        let code = code(&world, &[("client_id", id), ("nonce", "n")]).await;
        world.pass(30);
        let tokens = redeem_with(&world, &code, id, &[]).await;
        let (claims, access) = (tokens.claims("id_token"), member(&tokens, "access_token"));
        assert_eq!(header(&member(&tokens, "id_token"))["alg"], alg.as_str());
        for (name, value) in [
            ("iss", json!(ISSUER)),
            ("sub", json!(alice.subject.as_str())),
            ("aud", json!(id)),
            ("iat", json!(signed_in + 30)),
            ("exp", json!(signed_in + 30 + 3600)),
            ("auth_time", json!(signed_in)),
            ("nonce", json!("n")),
            ("at_hash", json!(protocol::jwt::at_hash(&access, alg))),
        ] {
            assert_eq!(claims[name], value, "{name}");
        }
        assert_eq!((claims.get("azp"), claims.get("nbf")), (None, None), "one audience needs no azp");
    }
}

#[tokio::test]
async fn the_resource_of_the_request_is_the_audience() {
    let (world, _) = people().await;
    let metadata = json!({
        "client_id": "api-user",
        "redirect_uris": [REDIRECT],
        "audiences": ["https://api.example", "https://two.example"],
        "scope": "openid email things",
    });
    world.client(metadata).await;
    let audience = async |changes: &[(&str, &str)], redeemed: &[(&str, &str)]| {
        let changes: Vec<_> = [("client_id", "api-user")].iter().chain(changes).copied().collect();
        let code = code(&world, &changes).await;
        let tokens = redeem_with(&world, &code, "api-user", redeemed).await;
        if tokens.status == 200 {
            tokens.claims("access_token")["aud"].clone()
        } else {
            tokens.json()["error"].clone()
        }
    };
    assert_eq!(audience(&[], &[]).await, json!(["https://api.example", ISSUER]));
    let two = [("resource", "https://two.example")];
    assert_eq!(audience(&two, &[]).await, json!(["https://two.example", ISSUER]));
    assert_eq!(audience(&two, &two).await, json!(["https://two.example", ISSUER]));
    assert_eq!(audience(&[], &two).await, json!("invalid_target"), "granted was the default");
    assert_eq!(audience(&[("scope", "things")], &[]).await, json!("https://api.example"));
}

#[tokio::test]
async fn a_client_that_may_not_use_codes_gets_none() {
    let (world, _) = people().await;
    world.machine().await;
    let code = code(&world, &[]).await;
    redeem_with(&world, &code, "machine", &[]).await.assert_token_error(400, "unauthorized_client");
    redeem_with(&world, "", "rp", &[]).await.assert_token_error(400, "invalid_request");
    let answer = world.send(conformance::get(&with(&[("client_id", "machine")]))).await;
    answer.assert_error_page(400, "invalid_request");
}

#[tokio::test]
async fn whatever_ended_meanwhile_ends_the_code() {
    let (world, _) = people().await;
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(code(&world, &[]).await);
    }
    world.admin().set_user_disabled("alice", true).await.unwrap();
    redeem(&world, &codes[0]).await.assert_token_error(400, "invalid_grant");
    world.admin().set_user_disabled("alice", false).await.unwrap();
    redeem(&world, &codes[1]).await.assert_token_error(400, "invalid_grant");
    world.pass(1);
    let code = code(&world, &[]).await;
    world.admin().set_client_disabled("rp", true).await.unwrap();
    world.app.distrust_caches();
    redeem(&world, &code).await.assert_token_error(401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_parallel_redemptions_one_succeeds() {
    let (world, _) = people().await;
    let (code, world) = (code(&world, &[]).await, std::sync::Arc::new(world));
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (world, code) = (world.clone(), code.clone());
            tokio::spawn(async move { redeem(&world, &code).await })
        })
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        succeeded += usize::from(answer.status == 200);
        if answer.status != 200 {
            answer.assert_token_error(400, "invalid_grant");
        }
    }
    assert_eq!(succeeded, 1);
}

#[tokio::test]
async fn grants_whose_codes_nobody_redeemed_go_before_their_session() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let used = browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, used.to_client().get("code").unwrap()).await;
    for _ in 0..100 {
        let answer = browser.get(&world, &with(&[])).await;
        assert!(answer.to_client().get("code").is_some(), "{answer:?}");
    }
    let alice = world.admin().user("alice").await.unwrap().id;
    let grants = async || Account::of(&*world.store, &alice).await.grants;
    // N-242: the newest codes of a session, and the redeemed ones.
    assert_eq!(grants().await.len(), MOST_CODES + 1);
    // Within an hour and the tolerance for clocks that differ, then after it.
    world.pass(60 + 3600 + 600);
    server::upkeep::sweep(&world.app).await;
    assert_eq!(grants().await.len(), MOST_CODES + 1);
    world.pass(1);
    server::upkeep::sweep(&world.app).await;
    let left = grants().await;
    // DynamoDB deletes by itself, days later.
    if crate::HARNESS != conformance::Harness::DynamoDb {
        assert_eq!((left.len(), left[0].redeemed_at().is_some()), (1, true));
    }
    assert!(tokens.status == 200 && browser.visit(&world, "/account").await.status == 200);
}

/// RFC 6749 §4.1.2: a code works once, even when the record of its use could be deleted.
#[tokio::test]
async fn a_request_does_not_make_its_code_again_after_the_session() {
    let brief = [("KEYWARD_SESSION_ABSOLUTE_TTL", "1h"), ("KEYWARD_SESSION_IDLE_TTL", "1h")];
    let world = World::with(crate::HARNESS, &brief).await;
    world.relying_party().await;
    world.alice().await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    // The session's last minute.
    world.pass(3599);
    let page = browser.visit(&world, &with(&[("scope", "openid email")])).await;
    let code = browser.consent(&world, &page, "approve").await.to_client().get("code").unwrap().to_owned();
    assert_eq!(redeem(&world, &code).await.status, 200);
    for minutes in [12, 17] {
        world.pass(minutes * 60);
        server::upkeep::look_after_keys(&world.app).await;
        let mut anew = Browser::new();
        let login = anew.visit(&world, &format!("/consent?r={}", page.field("r"))).await;
        assert!(login.is_page("Sign in"), "{login:?}");
        let again = anew.sign_in(&world, &login, "alice", conformance::PASSWORD).await;
        assert_eq!(again.status, 400, "{again:?}");
        assert!(again.text().contains("This sign-in was finished before."), "{again:?}");
    }
}
