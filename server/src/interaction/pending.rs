//! An authorization request in progress, with its client: what every page of it loads and checks first.

use super::browser::Visitor;
use super::progress::Progress;
use super::stop::Stop;
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use keys::entropy;
use protocol::Refusal;
use protocol::authorize::{self, AuthorizationRequest, Denied, Met, NextStep};
use protocol::claims::id_token::Hint;
use protocol::client::Client;
use protocol::id::{ClientId, Subject};
use protocol::jwt::Compact;
use protocol::params::Params;
use protocol::scope::Scope;
use std::sync::Arc;

/// A request in progress, checked just now.
pub struct PendingRequest {
    /// What travels sealed from page to page.
    pub progress: Progress,
    /// The client that sent it.
    pub client: Arc<Client>,
    /// What it asks for.
    pub request: AuthorizationRequest,
    hint: Option<Subject>,
}

impl PendingRequest {
    /// Begins with what a client sent.
    ///
    /// # Errors
    /// [`Stop::Page`] until a redirect URI is proven, then [`Stop::Answer`].
    pub async fn begin(cx: &RequestContext, params: Params) -> Result<Self, Stop> {
        let (id, now) = (entropy::bytes(&*cx.app.entropy), cx.info.at);
        let master = cx.ring.seals().current_master(now);
        Self::check(cx, Progress { id, started_at: now, signed_in: None, params, master }).await
    }

    /// Continues with what was sealed.
    ///
    /// # Errors
    /// As [`Self::begin`], and [`Refusal::RequestUnknown`] or [`Refusal::RequestExpired`] on a page.
    pub async fn resume(cx: &RequestContext, sealed: Option<&str>) -> Result<Self, Stop> {
        let progress = Progress::open(sealed.ok_or(Refusal::RequestUnknown)?, &cx.ring)?;
        if progress.is_current(cx.info.at) {
            return Self::check(cx, progress).await;
        }
        let client = client_of(cx, &progress.params).await?.filter(|client| !client.disabled);
        let stop = Stop::from(Refusal::RequestExpired).explain(&progress.params, client.as_deref());
        Err(match &client {
            Some(client) => stop.back_to(client),
            None => stop,
        })
    }

    async fn check(cx: &RequestContext, progress: Progress) -> Result<Self, Stop> {
        let client = client_of(cx, &progress.params).await?;
        let accepted = accept(cx, &progress.params, client.as_deref());
        let (request, hint) = accepted.map_err(|stop| stop.explain(&progress.params, client.as_deref()))?;
        let client = client.ok_or(Failure::internal("a request was accepted without a client"))?;
        Ok(Self { progress, client, request, hint })
    }

    /// Notes that the visitor signed in for this request.
    pub fn signed_in(&mut self, visitor: &Visitor) {
        self.progress.signed_in = visitor.signed_in().map(|there| there.session.authentication.event);
    }

    /// Decides what comes next for this visitor, who agreed to `agreed` just now.
    pub fn decide(&self, cx: &RequestContext, visitor: &Visitor, agreed: Option<&Scope>) -> NextStep {
        let Progress { started_at, signed_in, .. } = self.progress;
        let met = Met { started_at, now: cx.info.at, signed_in, agreed };
        authorize::next(&self.request, &self.client, self.hint.as_ref(), visitor.signed_in(), met)
    }

    /// Ends with an error page that leads back to the client.
    pub fn stop(&self, failure: impl Into<Failure>) -> Stop {
        let stop = Stop::Page(failure.into()).explain(&self.progress.params, Some(&self.client));
        stop.back_to(&self.client)
    }

    /// Ends with an error for the client.
    pub fn refuse(&self, refusal: Refusal) -> Stop {
        Stop::Answer(Box::new(self.request.answer.clone()), refusal)
            .explain(&self.progress.params, Some(&self.client))
    }
}

/// The client that a request names.
async fn client_of(cx: &RequestContext, params: &Params) -> Result<Option<Arc<Client>>, Failure> {
    let Some(id) = params.get("client_id").and_then(ClientId::parse) else { return Ok(None) };
    let _permit = cx.app.permit_to_look_up(&id, cx.info.queue_key(&cx.app)).await?;
    Ok(cx.app.client(&id).await?)
}

/// The checks of a request, by its parameters and its client.
fn accept(
    cx: &RequestContext,
    params: &Params,
    client: Option<&Client>,
) -> Result<(AuthorizationRequest, Option<Subject>), Stop> {
    let request = match authorize::check(params, client, &cx.app.settings.claims) {
        Ok(request) => request,
        Err(Denied::ShowPage(refusal)) => return Err(refusal.into()),
        Err(Denied::Redirect(answer, refusal)) => return Err(Stop::Answer(answer, refusal)),
    };
    let refuse = |refusal| Stop::Answer(Box::new(request.answer.clone()), refusal);
    if request.prompt.create && !cx.app.settings.signup {
        return Err(refuse(Refusal::PromptInvalid));
    }
    let hint = client.map_or(Ok(None), |client| read_hint(cx, &request, client)).map_err(refuse)?;
    Ok((request, hint))
}

/// OIDC Core §3.1.2.1: whom the hint is about. One that isn't ours is refused.
fn read_hint(
    cx: &RequestContext,
    request: &AuthorizationRequest,
    client: &Client,
) -> Result<Option<Subject>, Refusal> {
    let Some(text) = request.id_token_hint.as_deref() else { return Ok(None) };
    let about = || {
        let token = Compact::parse(text).filter(|token| cx.ring.verify_hint(token, cx.info.at))?;
        // An access token of ours is signed by the same keys.
        let is_id_token = token.header.is_typ("JWT");
        is_id_token.then(|| token.claims::<Hint>()?.subject(&cx.app.settings.issuer, &client.id)).flatten()
    };
    about().map(Some).ok_or(Refusal::HintInvalid)
}
