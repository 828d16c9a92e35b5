//! What a refusal does to its grant, in one place for codes and refresh tokens.

use crate::app::App;
use crate::tasks::to_the_end;
use crate::telemetry;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use protocol::Refusal;
use protocol::client::Client;
use protocol::event::{Event, What};
use protocol::grant::Grant;
use protocol::id::ClientId;
use protocol::refusal::Consequence;
use std::time::Duration;

/// Commits the consequence of a refusal, writes its audit event, and returns the refusal.
///
/// # Errors
/// [`Failure::Server`].
pub(super) async fn commit_consequence(
    app: &App,
    info: RequestInfo,
    client: &Client,
    grant: &Grant,
    refusal: Refusal,
) -> Result<Failure, Failure> {
    // Committed even if the caller hangs up: a thief doesn't need the answer.
    to_the_end(commit(app.clone(), info, client.id.clone(), grant.clone(), refusal)).await
}

async fn commit(
    app: App,
    info: RequestInfo,
    client: ClientId,
    grant: Grant,
    refusal: Refusal,
) -> Result<Failure, Failure> {
    let (key, stamp) = (grant.key(), info.stamp());
    let commit = match refusal.consequence() {
        Consequence::Nothing => None,
        Consequence::BurnCode => Some(app.store.burn_code(key, stamp).await?),
        Consequence::RevokeGrant(reason) => Some(app.store.revoke_grant(key, reason, stamp).await?),
    };
    let event = what_happened(refusal).map(|what| Event::of_grant(what, &grant).client(&client));
    match (commit, event) {
        // Nothing changed, so there may be many of these: the number of lines is limited.
        (None, Some(event)) => info.audit_failure(&app, &event),
        (Some(commit), Some(event)) if commit.is_done() => telemetry::audit(info, &event),
        _ => {}
    }
    if refusal == Refusal::RefreshAhead
        && let Some(times) = app.tokens_ahead().due(Duration::from_millis(info.at.millis()))
    {
        tracing::error!(
            times,
            "a refresh token is newer than the store: if a backup was restored, run `keyward storage restored`"
        );
    }
    Ok(refusal.into())
}

const fn what_happened(refusal: Refusal) -> Option<What> {
    match refusal {
        Refusal::CodeOfOtherClient => Some(What::CodeClientMismatch),
        Refusal::RedirectUriDiffers | Refusal::VerifierWrong => Some(What::CodeBurnt),
        Refusal::CodeReplayed => Some(What::CodeReplayed),
        Refusal::RefreshOfOtherClient => Some(What::RefreshClientMismatch),
        Refusal::RefreshReused => Some(What::RefreshReused),
        Refusal::RefreshAhead => Some(What::RefreshAhead),
        _ => None,
    }
}
