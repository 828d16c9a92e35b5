//! When a call is repeated beyond what the SDK repeats, and how long it waits before.

use super::fault::{CONFLICT, Fault};
use crate::{Stamp, StoreErrorKind};
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::time::sleep;

/// How often a page of a scan is requested again while the table is busy.
const BUSY_ROUNDS: u32 = 11;
/// How often a write that met a transaction is sent again.
pub(super) const CONFLICT_ROUNDS: u32 = 3;
/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The exponents of the longest back-off: 16 ms the first time, then twice as long each time, up to 256 ms.
const BACK_OFF_EXPONENTS: (u32, u32) = (4, 8);

/// Sends a write, and sends it again if it met a transaction, which had no effect and is over soon. The SDK doesn't
/// repeat these.
pub(super) async fn retrying_conflicts<T, E, F>(send: impl Fn() -> F) -> Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
{
    let is_conflict = |result: &Result<T, SdkError<E, HttpResponse>>| {
        let error = result.as_ref().err().and_then(SdkError::as_service_error);
        error.is_some_and(|error| error.code() == Some(CONFLICT))
    };
    retry_while(is_conflict, CONFLICT_ROUNDS, send).await
}

/// Sends a read again while the table is busy, up to a minute: a long scan would otherwise start over at its first
/// page.
pub(super) async fn retrying_busy<T, E, F>(send: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, E>>,
    Fault: From<E>,
{
    let is_busy =
        |result: &Result<T, Fault>| matches!(result, Err(fault) if fault.kind == StoreErrorKind::Busy);
    retry_while(is_busy, BUSY_ROUNDS, || async { Ok(send().await?) }).await
}

/// Does something, and again while its result meets the condition, at most `rounds` times more.
pub(super) async fn retry_while<T, F>(condition: impl Fn(&T) -> bool, rounds: u32, act: impl Fn() -> F) -> T
where
    F: Future<Output = T>,
{
    for round in 0..rounds {
        let result = act().await;
        if !condition(&result) {
            return result;
        }
        pause(round).await;
    }
    act().await
}

/// Waits before a retry: each time twice as long.
pub(super) async fn pause(round: u32) {
    sleep(FIRST_PAUSE * 2_u32.pow(round)).await;
}

/// Waits before a write that lost `round` times is tried again: each request for a time of its own, or they would
/// meet again.
pub(super) async fn back_off(stamp: Stamp, round: u32) {
    let (first, last) = BACK_OFF_EXPONENTS;
    let longest = 2_u64.pow(round.saturating_add(first).min(last));
    let jitter =
        Sha256::new().chain_update(stamp.request.as_bytes()).chain_update(round.to_be_bytes()).finalize();
    sleep(Duration::from_millis(u64::from(jitter.first().copied().unwrap_or_default()) * longest / 256))
        .await;
}
