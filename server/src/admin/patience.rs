//! Repeating calls while a store is busy or away. Moving a store takes minutes and no browser waits for it, so waiting
//! costs less than starting over.

use super::error::AdminError;
use std::time::Duration;
use storage::StoreErrorKind;
use tokio::time::sleep;

/// The pause before the first repetition; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The last pause is of 51 s: a new DynamoDB table takes minutes to scale up to its load.
const PAUSES_WHILE_BUSY: u32 = 10;
/// A store that is away for longer than 0.7 s won't be back soon.
const PAUSES_WHILE_AWAY: u32 = 3;

/// Repeats `ask` while the store is busy or away.
///
/// # Errors
/// The last error of `ask`.
pub(super) async fn patiently<T, E, F>(ask: impl Fn() -> F) -> Result<T, AdminError>
where
    F: Future<Output = Result<T, E>>,
    AdminError: From<E>,
{
    let mut round = 0;
    loop {
        let error = match ask().await.map_err(AdminError::from) {
            Err(AdminError::Store(error)) => error,
            answer => return answer,
        };
        let pauses = match error.kind() {
            StoreErrorKind::Busy => PAUSES_WHILE_BUSY,
            StoreErrorKind::Unavailable => PAUSES_WHILE_AWAY,
            StoreErrorKind::Corrupt => 0,
        };
        if round >= pauses {
            return Err(error.into());
        }
        sleep(FIRST_PAUSE * 2_u32.pow(round)).await;
        round += 1;
    }
}
