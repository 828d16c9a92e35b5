//! One step of a request in progress: what all steps load and check first, and how each goes on.

use super::browser::Visitor;
use super::progress::Progress;
use super::stop::Stop;
use crate::app::App;
use crate::entropy;
use crate::keys::Snapshot;
use crate::web::call::Call;
use crate::web::failure::Failure;
use protocol::Refusal;
use protocol::authorize::{self, AuthorizationRequest, Denied, Met, Next};
use protocol::claims::id_token::Hint;
use protocol::client::Client;
use protocol::id::{ClientId, Subject};
use protocol::jwt::Compact;
use protocol::params::Params;
use protocol::scope::Scope;
use protocol::time::Timestamp;
use std::sync::Arc;

/// A request in progress with its client, checked just now.
pub struct Step {
    /// What travels.
    pub progress: Progress,
    /// Who asks.
    pub client: Arc<Client>,
    /// For what.
    pub request: AuthorizationRequest,
    hint: Option<Subject>,
}

impl Step {
    /// Begins with what a client sent.
    pub async fn begin(app: &App, call: Call, ring: &Snapshot, params: Params) -> Result<Self, Stop> {
        let master = ring.seals().current_master(call.at);
        let id = entropy::bytes(&*app.entropy);
        Self::check(app, call, ring, Progress { id, started_at: call.at, signed_in: None, params, master })
            .await
    }

    /// Goes on with what was sealed.
    pub async fn resume(app: &App, call: Call, ring: &Snapshot, sealed: Option<&str>) -> Result<Self, Stop> {
        let progress = Progress::open(sealed.ok_or(Refusal::RequestExpired)?, ring, call.at)?;
        Self::check(app, call, ring, progress).await
    }

    async fn check(app: &App, call: Call, ring: &Snapshot, progress: Progress) -> Result<Self, Stop> {
        let id = progress.params.get("client_id").and_then(ClientId::parse);
        let client = match id {
            Some(id) => {
                let _permit = app.permit_to_look_up(&id, call.queue_key(app)).await?;
                app.client(&id).await?
            }
            None => None,
        };
        let request = match authorize::check(&progress.params, client.as_deref()) {
            Ok(request) => request,
            Err(Denied::ShowPage(refusal)) => return Err(refusal.into()),
            Err(Denied::Redirect(answer, refusal)) => return Err(Stop::Answer(answer, refusal)),
        };
        let client = client.ok_or(Failure::internal("a request was accepted without a client"))?;
        if request.prompt.create && !app.settings.signup {
            return Err(Stop::Answer(Box::new(request.answer), Refusal::PromptInvalid));
        }
        let hint = read_hint(app, ring, &request, &client, call.at)
            .map_err(|refusal| Stop::Answer(Box::new(request.answer.clone()), refusal))?;
        Ok(Self { progress, client, request, hint })
    }

    /// Notes that the visitor signed in for this request.
    pub fn signed_in(&mut self, visitor: &Visitor) {
        self.progress.signed_in = visitor.signed_in().map(|there| there.session.authentication.event);
    }

    /// What comes next for this visitor, who agreed to `agreed` just now.
    pub fn next(&self, call: Call, visitor: &Visitor, agreed: Option<&Scope>) -> Next {
        let Progress { started_at, signed_in, .. } = self.progress;
        let met = Met { started_at, now: call.at, signed_in, agreed };
        authorize::next(&self.request, &self.client, self.hint.as_ref(), visitor.signed_in(), met)
    }

    /// The client gets an error.
    pub fn refuse(&self, refusal: Refusal) -> Stop {
        Stop::Answer(Box::new(self.request.answer.clone()), refusal)
    }
}

/// OIDC Core §3.1.2.1: whom the hint is about. One that isn't ours says nothing we could act on.
fn read_hint(
    app: &App,
    ring: &Snapshot,
    request: &AuthorizationRequest,
    client: &Client,
    now: Timestamp,
) -> Result<Option<Subject>, Refusal> {
    let Some(text) = request.id_token_hint.as_deref() else { return Ok(None) };
    let about = || {
        let token = Compact::parse(text).filter(|token| ring.verify_hint(token, now))?;
        // An access token of ours is signed by the same keys.
        let is_id_token = token.header.is_typ("JWT");
        is_id_token.then(|| token.claims::<Hint>()?.subject(&app.settings.issuer, &client.id)).flatten()
    };
    about().map(Some).ok_or(Refusal::HintInvalid)
}
