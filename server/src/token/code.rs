//! Redeeming an authorization code (RFC 6749 §4.1.3): one read, one guarded write.

use super::consequence::commit_consequence;
use super::issue::{IdTokenKind, Recipient, sign_tokens};
use super::sealed::{Code, RefreshToken};
use crate::app::App;
use crate::telemetry;
use crate::web::client::ClientRequest;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use axum::response::Response;
use keys::Snapshot;
use keys::entropy;
use protocol::Refusal;
use protocol::client::{Client, GrantType};
use protocol::event::{Event, What};
use protocol::grant::{DependsOn, Grant, Refresh};
use protocol::params::Params;
use protocol::pkce::Verifier;
use protocol::secret::Secret;
use protocol::token::{code, refresh, resource_asked};
use storage::{Commit, GrantView};

/// Redeems a code and issues tokens.
pub async fn grant(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let ClientRequest { client, form, info, .. } = request;
    if !client.may_use(GrantType::AuthorizationCode) {
        return Err(Refusal::GrantTypeNotAllowed.into());
    }
    let ring = app.keys.fresh().await?;
    let text = form.get("code").ok_or(Refusal::CodeMissing)?;
    let verifier = verifier(form)?;
    let code = Code::open(text, &ring)?.ok_or(Refusal::CodeInvalid)?;
    let GrantView { grant, user, session } = app.store.load_grant(code.grant).await?;
    let (grant, user) = grant.zip(user).ok_or(Refusal::CodeForgotten)?;
    let resource = resource_asked(form)?;
    let presented = code::CodeRequest {
        call: info.id,
        code: code.digest,
        redirect_uri: form.get("redirect_uri"),
        verifier,
        resource,
    };
    let on = DependsOn { user: &user, session: session.as_ref(), client, realm: ring.generation() };
    let decide = |grant: &Grant| code::decide(&presented, grant, &on, info.at);
    if let Err(refusal) = decide(&grant) {
        return Err(commit_consequence(app, *info, client, &grant, refusal).await?);
    }
    let (refresh, refresh_token) = first_refresh(app, *info, &ring, &grant, client).unzip();
    let to = Recipient { grant: &grant, scope: &grant.scope, user: &user, client };
    // Before the write: if nothing can be signed, the code can still be redeemed later.
    let tokens = sign_tokens(app, &ring, to, IdTokenKind::First, *info).await?;
    let redeemed = app.store.redeem_code(code.grant.key, &code.digest, refresh, info.stamp()).await?;
    if let Commit::Lost(there) = redeemed {
        let there = there.ok_or(Refusal::CodeForgotten)?;
        let refusal = decide(&there).err().ok_or(Failure::internal("a code was lost without a reason"))?;
        return Err(commit_consequence(app, *info, client, &there, refusal).await?);
    }
    telemetry::audit(*info, &Event::of_grant(What::CodeRedeemed, &grant));
    tokens.answer(&grant.scope, refresh_token.as_deref())
}

/// The first refresh token, as it is stored and as it is sent; `None` if the client gets none.
fn first_refresh(
    app: &App,
    info: RequestInfo,
    ring: &Snapshot,
    grant: &Grant,
    client: &Client,
) -> Option<(Refresh, String)> {
    let token = RefreshToken {
        grant: grant.key(),
        generation: 0,
        secret: Secret::from_bytes(entropy::bytes(&*app.entropy)),
        master: ring.seals().current_master(info.at),
    };
    let lifetimes = &app.settings.lifetimes_of(client);
    let tip = refresh::first(grant, client, token.digest(), token.master, lifetimes, info.at)?;
    Some((tip, token.seal(ring, &*app.entropy)?))
}

/// RFC 7636 §4.1: a malformed verifier is refused before anything is burnt.
fn verifier(form: &Params) -> Result<Option<Verifier<'_>>, Refusal> {
    form.get("code_verifier").map(|text| Verifier::parse(text).ok_or(Refusal::VerifierShape)).transpose()
}
