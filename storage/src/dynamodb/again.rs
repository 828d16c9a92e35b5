//! When a call is made again beyond what the SDK repeats, and how long it waits before.

use super::fault::{CONFLICT, Fault};
use crate::{Stamp, StoreErrorKind};
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::time::sleep;

/// How often a page of a list is asked for again.
const PAGE_ROUNDS: u32 = 11;
/// How often a write is sent again that met a transaction.
pub(super) const CONFLICT_ROUNDS: u32 = 3;
/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// How long a write steps aside for at most: 16 ms the first time, then twice as long each time, up to 256 ms.
const ASIDE_EXPONENTS: (u32, u32) = (4, 8);

/// Sends a write, and again if it met a transaction: that does nothing, and is over soon. The SDK doesn't.
pub(super) async fn past_transactions<T, E, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let met_one = |ended: &Result<T, SdkError<E, HttpResponse>>| {
        let error = ended.as_ref().err().and_then(SdkError::as_service_error);
        error.is_some_and(|error| error.code() == Some(CONFLICT))
    };
    again_if(met_one, CONFLICT_ROUNDS, send).await
}

/// Asks a table that is busy again, up to a minute: the way to a page of a long list is not to be gone anew.
pub(super) async fn patiently<T, E, F>(ask: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, E>>,
    Fault: From<E>,
{
    let is_busy =
        |ended: &Result<T, Fault>| matches!(ended, Err(fault) if fault.kind == StoreErrorKind::Busy);
    again_if(is_busy, PAGE_ROUNDS, || async { Ok(ask().await?) }).await
}

/// Does something, and if it ended like this again, up to so many times.
pub(super) async fn again_if<T, F>(like_this: impl Fn(&T) -> bool, rounds: u32, act: impl Fn() -> F) -> T
where
    F: Future<Output = T>,
{
    for round in 0..rounds {
        let ended = act().await;
        if !like_this(&ended) {
            return ended;
        }
        pause(round).await;
    }
    act().await
}

/// Waits before something is done again: each time twice as long.
pub(super) async fn pause(round: u32) {
    sleep(FIRST_PAUSE * 2_u32.pow(round)).await;
}

/// Waits before a write is tried again that lost to others `round` times: each for another time, or they would
/// meet again.
pub(super) async fn step_aside(stamp: Stamp, round: u32) {
    let (first, last) = ASIDE_EXPONENTS;
    let longest = 2_u64.pow(round.saturating_add(first).min(last));
    let lot =
        Sha256::new().chain_update(stamp.request.as_bytes()).chain_update(round.to_be_bytes()).finalize();
    sleep(Duration::from_millis(u64::from(lot.first().copied().unwrap_or_default()) * longest / 256)).await;
}
