//! Refreshing (RFC 6749 §6): one read, and one guarded write where the token rotates or is prolonged.

use super::issue::{IdTokenKind, Recipient, sign_tokens};
use super::sealed::RefreshToken;
use crate::app::App;
use crate::http::call::Call;
use crate::http::client::ClientRequest;
use crate::http::failure::Failure;
use crate::telemetry;
use axum::response::Response;
use protocol::Refusal;
use protocol::client::{Client, GrantType};
use protocol::event::{Event, What};
use protocol::grant::{Grant, RevocationReason};
use protocol::token::check_resource;
use protocol::token::refresh::{self, Policy, Presented, Refreshed};
use storage::{Commit, GrantView};

/// Issues tokens for a refresh token.
pub async fn grant(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let ClientRequest { client, form, call, .. } = request;
    if !client.may_use(GrantType::RefreshToken) {
        return Err(Refusal::GrantTypeNotAllowed.into());
    }
    let ring = app.keys.fresh().await?;
    let text = form.get("refresh_token").ok_or(Refusal::RefreshMissing)?;
    let token = RefreshToken::open(text, &ring).ok_or(Refusal::RefreshInvalid)?;
    let successor = token.successor(&ring).ok_or(Refusal::RefreshInvalid)?;
    let GrantView { grant, user } = app.store.load_grant(token.grant).await?;
    let (grant, user) = grant.zip(user).ok_or(Refusal::RefreshInvalid)?;
    let presented =
        Presented { generation: token.generation, digest: token.digest(), successor: successor.digest() };
    let policy = Policy { lifetimes: &app.settings.lifetimes, grace: app.settings.refresh_reuse_grace };
    let decide =
        |grant: &Grant| refresh::decide(presented, grant, &user, client, ring.not_before(), policy, call.at);
    let mut refreshed = match decide(&grant) {
        Ok(refreshed) => refreshed,
        Err(refusal) => return Err(settle(app, *call, client, &grant, refusal).await?),
    };
    // RFC 6749 §6, RFC 8707 §2.2: what is asked wrongly is refused before anything rotates.
    let scope = refresh::scope(&grant, client, form.get("scope"))?;
    check_resource(&grant, client, form.get("resource").or(form.get("audience")))?;
    let to = Recipient { grant: &grant, scope: &scope, user: &user, client };
    let signing = sign_tokens(app, &ring, to, IdTokenKind::Refreshed, call.at);
    let (committed, tokens) = tokio::join!(commit(app, *call, &grant, &refreshed), signing);
    if let Commit::Lost(there) = committed? {
        // Somebody was faster: what is there now decides.
        let there = there.ok_or(Refusal::RefreshInvalid)?;
        refreshed = match decide(&there) {
            Ok(refreshed @ (Refreshed::Same | Refreshed::Successor)) => refreshed,
            Ok(_) => return Err(Failure::busy("a refresh token changes faster than it can be rotated")),
            Err(refusal) => return Err(settle(app, *call, client, &there, refusal).await?),
        };
    }
    telemetry::audit(*call, &Event::of_grant(What::Refreshed, &grant));
    let sent = match refreshed {
        Refreshed::Same | Refreshed::Prolong(_) => &token,
        Refreshed::Successor | Refreshed::Rotate(_) => &successor,
    };
    let sent = sent.seal(&ring, &*app.entropy).ok_or(Refusal::RefreshInvalid)?;
    tokens?.answer(app, &scope, Some(&sent))
}

/// Commits a new tip, if there is one.
async fn commit(
    app: &App,
    call: Call,
    grant: &Grant,
    refreshed: &Refreshed,
) -> Result<Commit<Grant>, storage::StoreError> {
    match (refreshed, &grant.refresh) {
        (Refreshed::Rotate(next) | Refreshed::Prolong(next), Some(seen)) => {
            app.store.rotate_refresh(grant.key(), seen, next, call.stamp()).await
        }
        _ => Ok(Commit::Done),
    }
}

/// Commits what a refusal does to the grant, and gives it back.
async fn settle(
    app: &App,
    call: Call,
    client: &Client,
    grant: &Grant,
    refusal: Refusal,
) -> Result<Failure, Failure> {
    let noted = |what| telemetry::audit(call, &Event::of_grant(what, grant).client(&client.id));
    match refusal {
        Refusal::RefreshReused => {
            let reason = RevocationReason::RefreshReused;
            if app.store.revoke_grant(grant.key(), reason, call.stamp()).await?.is_done() {
                noted(What::RefreshReused);
            }
        }
        Refusal::RefreshOfOtherClient => noted(What::RefreshClientMismatch),
        Refusal::RefreshAhead => {
            tracing::error!(
                "a refresh token is newer than the store: was a backup put back? Run `storage restored`"
            );
            noted(What::RefreshAhead);
        }
        _ => {}
    }
    Ok(refusal.into())
}
