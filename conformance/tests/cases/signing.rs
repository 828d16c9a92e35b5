//! A custody whose signatures are limited (`signatures_per_second`).

use super::requests::*;
use async_trait::async_trait;
use conformance::{World, form};
use futures_util::future::join_all;
use keys::clock::SystemClock;
use keys::custody::Headers;
use keys::tap::Observer;
use keys::{Ceiling, SignError, TokenSigner};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Gives signers a ceiling.
struct Limited {
    ceiling: Arc<Ceiling>,
    signatures: Arc<AtomicU64>,
}

struct LimitedSigner {
    signer: Arc<dyn TokenSigner>,
    ceiling: Arc<Ceiling>,
    signatures: Arc<AtomicU64>,
}

#[async_trait]
impl TokenSigner for LimitedSigner {
    fn headers(&self) -> &Headers {
        self.signer.headers()
    }

    fn ceiling(&self) -> Option<&Ceiling> {
        Some(&self.ceiling)
    }

    async fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signatures.fetch_add(1, Ordering::SeqCst);
        self.signer.sign(signing_input).await
    }
}

impl Observer for Limited {
    fn replace(&self, signer: Arc<dyn TokenSigner>) -> Arc<dyn TokenSigner> {
        let (ceiling, signatures) = (Arc::clone(&self.ceiling), Arc::clone(&self.signatures));
        Arc::new(LimitedSigner { signer, ceiling, signatures })
    }
}

/// A server with a ceiling, and how many signatures were made.
async fn limited(per_second: u32) -> (World, Arc<AtomicU64>) {
    let (ceiling, signatures) = (Ceiling::new(per_second, Arc::new(SystemClock)), Arc::default());
    let observer = Limited { ceiling: Arc::new(ceiling), signatures: Arc::clone(&signatures) };
    (World::observed(&Arc::new(observer)).await, signatures)
}

#[tokio::test]
async fn above_the_ceiling_as_many_sign_in_as_it_allows_and_no_signature_is_wasted() {
    let (world, signatures) = limited(10).await;
    world.relying_party().await;
    world.alice().await;
    let mut codes = Vec::new();
    for _ in 0..18 {
        codes.push(code(&world, &[("scope", "openid")]).await);
    }
    let (mut rounds, start) = (0, Instant::now());
    while !codes.is_empty() {
        rounds += 1;
        let (made, begun) = (signatures.load(Ordering::SeqCst), Instant::now());
        let answers = join_all(codes.iter().map(|code| redeem(&world, code))).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "nobody waits for long");
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(done >= codes.len().min(4), "round {rounds}: {done}");
        assert_eq!(signatures.load(Ordering::SeqCst), made + 2 * done as u64);
        let late = answers.iter().filter(|answer| answer.status != 200);
        assert!(late.clone().all(|answer| answer.status == 503 && !answer.header("retry-after").is_empty()));
        let open = codes.into_iter().zip(&answers).filter(|(_, answer)| answer.status != 200);
        codes = open.map(|(code, _)| code).collect();
    }
    assert!(rounds <= 5, "{rounds}");
    // Two are there at the start, and 34 are made in 3.4 s.
    assert!(start.elapsed() > Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_least_ceiling_is_enough_for_an_answer_with_an_id_token() {
    let (world, _) = limited(1).await;
    world.relying_party().await;
    world.alice().await;
    let code = code(&world, &[("scope", "openid")]).await;
    assert_eq!(redeem(&world, &code).await.status, 200);
}

#[tokio::test]
async fn a_client_that_asks_for_more_than_the_ceiling_leaves_others_their_turns() {
    let (world, _) = limited(20).await;
    world.machine().await;
    world.client(serde_json::json!({ "client_id": "greedy", "scope": "read" })).await;
    let ask = |client: &str| {
        let fields = [("grant_type", "client_credentials")];
        world.send(form("/token", &fields).with("authorization", &world.basic(client)))
    };
    let end = Instant::now() + Duration::from_secs(4);
    let flood = join_all((0..40).map(|_| async {
        while Instant::now() < end {
            ask("greedy").await;
        }
    }));
    let modest = async {
        let mut statuses = Vec::new();
        while Instant::now() < end {
            statuses.push(ask("machine").await.status.as_u16());
        }
        statuses
    };
    let statuses = tokio::join!(flood, modest).1;
    assert!(statuses.len() >= 20 && statuses.iter().all(|status| *status == 200), "{statuses:?}");
}
