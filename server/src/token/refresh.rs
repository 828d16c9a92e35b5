//! Refreshing (RFC 6749 §6): one read, and one guarded write if the token is rotated or prolonged.

use super::consequence::commit_consequence;
use super::issue::{IdTokenKind, Recipient, sign_tokens};
use super::sealed::RefreshToken;
use crate::app::App;
use crate::telemetry;
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use axum::response::Response;
use protocol::Refusal;
use protocol::client::GrantType;
use protocol::event::{Event, What};
use protocol::grant::{DependsOn, Grant};
use protocol::token::refresh::{self, Policy, PresentedRefreshToken, Refreshed};
use protocol::token::{check_resource, resource_asked};
use storage::{Commit, GrantView};

/// Issues tokens for a refresh token.
pub async fn grant(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let ClientRequest { client, form, info, .. } = request;
    if !client.may_use(GrantType::RefreshToken) {
        return Err(Refusal::GrantTypeNotAllowed.into());
    }
    let ring = app.keys.fresh().await?;
    let text = form.get("refresh_token").ok_or(Refusal::RefreshMissing)?;
    let token = RefreshToken::open(text, &ring)?.ok_or(Refusal::RefreshInvalid)?;
    let successor = token.successor(&ring).ok_or(Refusal::RefreshInvalid)?;
    let GrantView { grant, user, session } = app.store.load_grant(token.locator()).await?;
    let (grant, user) = grant.zip(user).ok_or(Refusal::RefreshForgotten)?;
    let presented = PresentedRefreshToken {
        call: info.id,
        generation: token.generation,
        digest: token.digest(),
        successor: successor.digest(),
    };
    let on = DependsOn { user: &user, session: session.as_ref(), client, realm: ring.generation() };
    let refreshing = Refreshing { app, info: *info, on, presented };
    let refreshed = refreshing.decide(&grant).await?;
    // RFC 6749 §6, RFC 8707 §2.2: a wrong scope or resource is refused before anything is rotated.
    let scope = refresh::scope(&grant, client, form.get("scope"))?;
    check_resource(&grant, client, resource_asked(form)?)?;
    let to = Recipient { grant: &grant, scope: &scope, user: &user, client };
    // Before the write: if nothing can be signed, nothing rotates.
    let tokens = sign_tokens(app, &ring, to, IdTokenKind::Refreshed, *info).await?;
    let sent = match refreshing.commit(&grant, refreshed).await? {
        Refreshed::Same | Refreshed::Prolong(_) => &token,
        Refreshed::Successor | Refreshed::Rotate(_) => &successor,
    };
    telemetry::audit(*info, &Event::of_grant(What::Refreshed, &grant));
    let sent = sent.seal(&ring, &*app.entropy).ok_or(Refusal::RefreshInvalid)?;
    tokens.answer(&scope, Some(&sent))
}

/// A refresh in progress.
struct Refreshing<'a> {
    app: &'a App,
    info: RequestInfo,
    on: DependsOn<'a>,
    presented: PresentedRefreshToken,
}

impl Refreshing<'_> {
    /// Decides by what is stored. A refusal's consequence is committed before the refusal is returned.
    async fn decide(&self, grant: &Grant) -> Result<Refreshed, Failure> {
        let Self { app, info, on, presented } = *self;
        let settings = &app.settings;
        let lifetimes = &settings.lifetimes_of(on.client);
        let policy = Policy { lifetimes, grace: settings.refresh_reuse_grace };
        match refresh::decide(presented, grant, &on, policy, info.at) {
            Ok(refreshed) => Ok(refreshed),
            Err(refusal) => Err(commit_consequence(app, info, on.client, grant, refusal).await?),
        }
    }

    /// Commits a new tip, if there is one. If another request was faster, decides again by what is there now.
    async fn commit(&self, grant: &Grant, refreshed: Refreshed) -> Result<Refreshed, Failure> {
        let (Refreshed::Rotate(next) | Refreshed::Prolong(next), Some(seen)) = (&refreshed, &grant.refresh)
        else {
            return Ok(refreshed);
        };
        let committed = self.app.store.rotate_refresh(grant.key(), seen, next, self.info.stamp()).await?;
        let Commit::Lost(there) = committed else { return Ok(refreshed) };
        match self.decide(&*there.ok_or(Refusal::RefreshForgotten)?).await? {
            refreshed @ (Refreshed::Same | Refreshed::Successor) => Ok(refreshed),
            _ => Err(Failure::busy("a refresh token changes faster than it can be rotated")),
        }
    }
}
