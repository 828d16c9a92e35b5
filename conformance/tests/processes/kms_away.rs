//! AWS KMS is away: processes that have their keys sign, those that don't serve the public keys and refuse to sign, and
//! all recover without a restart.

use crate::cloud::{Caller, Region};
use crate::commands::{SERVE, machine};
use axum::body::Body;
use conformance::get;
use conformance::process::Process;
use http::Request;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// The ways in which KMS is away: it refuses, fails, closes the connection, or never answers.
const WAYS: [&str; 5] = ["throttled", "internal", "unavailable", "dropped", "slow"];

/// A folder for a store whose keys are in KMS, and two callers of KMS.
async fn new_keys(mode: &str) -> (TempDir, String, [Caller; 2]) {
    let region = Region::new();
    let keys = format!("{mode}:{}", region.key().await);
    (TempDir::new().unwrap(), keys, [region.caller(), region.caller()])
}

/// A server with its keys in KMS. All processes have one issuer.
fn serve(folder: &Path, keys: &str, caller: &Caller) -> Process {
    let settings = [
        ("KEYWARD_SIGNING_ALGS", "ES256"),
        ("KEYWARD_ISSUER", "http://localhost:1"),
        ("KEYWARD_ROTATION", "self"),
        ("KEYWARD_KEYS", keys),
    ];
    let settings: Vec<_> = settings.into_iter().chain(caller.environment()).collect();
    Process::start(folder, &SERVE, &settings)
}

/// What needs no private key.
async fn assert_serves_the_public_keys(server: &Process, jwks: &Value) {
    assert_eq!(server.send(get("/jwks")).await.json(), *jwks);
    for path in ["/.well-known/openid-configuration", "/healthz"] {
        assert_eq!(server.send(get(path)).await.status, 200, "{path}");
    }
}

async fn assert_can_not_sign(server: &Process, ask: Request<Body>) {
    let answer = server.send(ask).await;
    answer.assert_token_error(503, "temporarily_unavailable");
    assert!(answer.has("retry-after"), "{answer:?}");
}

/// A process that could not unwrap its keys tries again after a few seconds.
async fn until_it_signs(server: &Process, ask: impl Fn() -> Request<Body>) {
    for _ in 0..600 {
        if server.send(ask()).await.status == 200 {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not recover");
}

#[tokio::test]
async fn n230_with_an_envelope_a_warm_server_signs_and_a_cold_one_recovers() {
    let (folder, keys, [of_warm, of_cold]) = new_keys("kms-envelope").await;
    let warm = serve(folder.path(), &keys, &of_warm);
    let (_, ask) = machine(folder.path());
    let jwks = warm.send(get("/jwks")).await.json();
    for way in WAYS {
        of_warm.away(way).await;
        of_cold.away(way).await;
        let cold = serve(folder.path(), &keys, &of_cold);
        assert_serves_the_public_keys(&cold, &jwks).await;
        assert_can_not_sign(&cold, ask()).await;
        assert_eq!(cold.send(get("/readyz")).await.status, 503, "{way}");
        for _ in 0..20 {
            assert_eq!(warm.send(ask()).await.status, 200, "{way}");
        }
        assert_eq!(warm.send(get("/readyz")).await.status, 200, "{way}");
        of_cold.back().await;
        until_it_signs(&cold, &ask).await;
        of_warm.back().await;
    }
}

#[tokio::test]
async fn n230_with_keys_that_stay_in_kms_nothing_is_signed_until_it_is_back() {
    let (folder, keys, [of_warm, of_cold]) = new_keys("kms-sign").await;
    let warm = serve(folder.path(), &keys, &of_warm);
    let (_, ask) = machine(folder.path());
    let jwks = warm.send(get("/jwks")).await.json();
    for way in WAYS {
        of_warm.away(way).await;
        of_cold.away(way).await;
        let cold = serve(folder.path(), &keys, &of_cold);
        for server in [&warm, &cold] {
            assert_serves_the_public_keys(server, &jwks).await;
            assert_can_not_sign(server, ask()).await;
        }
        of_warm.back().await;
        assert_eq!(warm.send(ask()).await.status, 200, "{way}");
        of_cold.back().await;
        until_it_signs(&cold, &ask).await;
    }
}
