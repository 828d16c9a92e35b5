//! Redeeming an authorization code (RFC 6749 §4.1.3): one read, one guarded write.

use super::issue::{Recipient, answer, sign_tokens};
use crate::app::App;
use crate::http::call::Call;
use crate::http::client::ClientRequest;
use crate::http::failure::Failure;
use crate::keys::Snapshot;
use crate::seal::SealKind;
use crate::telemetry;
use axum::response::Response;
use protocol::Refusal;
use protocol::armor;
use protocol::client::{Client, GrantType};
use protocol::event::{Event, What};
use protocol::grant::{Grant, RevocationReason};
use protocol::id::{GrantId, UserId};
use protocol::params::Params;
use protocol::pkce::Verifier;
use protocol::refusal::Consequence;
use protocol::secret::{Digest, Secret, SecretKind};
use protocol::token::{TokenResponse, TokenType, code};
use storage::{Commit, GrantView};

/// Redeems a code and issues tokens.
pub async fn grant(app: &App, request: &ClientRequest) -> Result<Response, Failure> {
    let ClientRequest { client, form, call, .. } = request;
    if !client.may_use(GrantType::AuthorizationCode) {
        return Err(Refusal::GrantTypeNotAllowed.into());
    }
    let ring = app.keys.fresh().await?;
    let text = form.get("code").ok_or(Refusal::CodeMissing)?;
    let verifier = verifier(form)?;
    let located = locate(text, &ring).ok_or(Refusal::CodeInvalid)?;
    let GrantView { grant, user } = app.store.load_grant(&located.user, &located.grant).await?;
    let (grant, user) = grant.zip(user).ok_or(Refusal::CodeInvalid)?;
    let resource = form.get("resource").or(form.get("audience"));
    let presented =
        code::Presented { code: located.code, redirect_uri: form.get("redirect_uri"), verifier, resource };
    let decide = |grant: &Grant| code::decide(&presented, grant, &user, client, ring.not_before(), call.at);
    if let Err(refusal) = decide(&grant) {
        return Err(settle(app, *call, client, &grant, refusal).await?);
    }
    // Design §2: the write is sent first, and signing runs while it flies.
    let redeemed = app.store.redeem_code(&grant.user, &grant.id, &located.code, call.stamp());
    let to = Recipient { grant: &grant, scope: &grant.scope, user: &user, client };
    let (redeemed, tokens) = tokio::join!(redeemed, sign_tokens(app, &ring, to, call.at));
    if let Commit::Lost(there) = redeemed? {
        let there = there.ok_or(Refusal::CodeInvalid)?;
        let refusal = decide(&there).err().ok_or(Failure::internal("a code was lost without a reason"))?;
        return Err(settle(app, *call, client, &there, refusal).await?);
    }
    telemetry::audit(*call, &Event::of_grant(What::CodeRedeemed, &grant));
    let tokens = tokens?;
    answer(&TokenResponse {
        access_token: &tokens.access,
        token_type: TokenType::Bearer,
        expires_in: app.settings.lifetimes.access_token.as_secs(),
        scope: grant.scope.as_str(),
        id_token: tokens.id.as_ref().map(|token| token.as_str()),
    })
}

/// Where a code leads, and the hash of the secret in it.
struct Located {
    user: UserId,
    grant: GrantId,
    code: Digest,
}

/// Garbage is refused by its checksum or its seal, before any record is touched.
fn locate(text: &str, ring: &Snapshot) -> Option<Located> {
    let opened = ring.seals().open(SealKind::Code, &armor::unwrap(armor::CODE, text)?)?;
    let (user, rest) = opened.plaintext.split_first_chunk::<16>()?;
    let (grant, secret) = rest.split_first_chunk::<16>()?;
    let secret = Secret::from_bytes(<[u8; 32]>::try_from(secret).ok()?);
    Some(Located {
        user: UserId::from_bytes(*user),
        grant: GrantId::from_bytes(*grant),
        code: secret.digest(SecretKind::Code),
    })
}

/// RFC 7636 §4.1: a verifier of a wrong shape is none, and burns nothing.
fn verifier(form: &Params) -> Result<Option<Verifier<'_>>, Refusal> {
    form.get("code_verifier").map(|text| Verifier::parse(text).ok_or(Refusal::VerifierShape)).transpose()
}

/// Commits what a refusal does to the grant, and gives it back.
async fn settle(
    app: &App,
    call: Call,
    client: &Client,
    grant: &Grant,
    refusal: Refusal,
) -> Result<Failure, Failure> {
    let (user, id, stamp) = (&grant.user, &grant.id, call.stamp());
    match refusal.consequence() {
        Consequence::Nothing if refusal == Refusal::CodeOfOtherClient => {
            telemetry::audit(call, &Event::of_grant(What::CodeClientMismatch, grant).client(&client.id));
        }
        Consequence::Nothing => {}
        Consequence::BurnCode => {
            if app.store.burn_code(user, id, stamp).await?.is_done() {
                telemetry::audit(call, &Event::of_grant(What::CodeBurnt, grant));
            }
        }
        Consequence::RevokeGrant => {
            let reason = RevocationReason::CodeReplayed;
            if app.store.revoke_grant(user, id, reason, stamp).await?.is_done() {
                telemetry::audit(call, &Event::of_grant(What::CodeReplayed, grant));
            }
        }
    }
    Ok(refusal.into())
}
