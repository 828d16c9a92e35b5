//! Redeeming an authorization code. The order of the checks limits what a thief can do: without the proofs of the right
//! client, a request changes nothing that was issued.

use crate::flow::AuthorizationCode;
use crate::grant::{DependsOn, Grant};
use crate::id::RequestId;
use crate::pkce::{Pkce, Verifier};
use crate::refusal::Refusal;
use crate::secret::{Digest, SecretKind};
use crate::time::Timestamp;
use crate::token::check_resource;
use std::time::Duration;

/// A second use this soon after the first is a double submit, not a theft. If another process served the first use,
/// [`Grant::skew`] is added. The second use is always refused; after this span it also revokes the grant.
pub const DOUBLE_SUBMIT: Duration = Duration::from_secs(1);

/// What a token request for a code contains. Its client is already authenticated.
pub struct CodeRequest<'a> {
    /// The call that serves the request.
    pub call: RequestId,
    /// Hash of the secret inside the code.
    pub code: Digest,
    /// The `redirect_uri` parameter.
    pub redirect_uri: Option<&'a str>,
    /// The `code_verifier` parameter.
    pub verifier: Option<Verifier<'a>>,
    /// The `resource` parameter.
    pub resource: Option<&'a str>,
}

/// Decides a redemption. `Ok`: commit it, then issue tokens. On a refusal, commit its [`Refusal::consequence`].
pub fn decide(
    presented: &CodeRequest<'_>,
    grant: &Grant,
    on: &DependsOn<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let code = grant.code().filter(|code| code.digest == presented.code).ok_or(Refusal::CodeInvalid)?;
    // RFC 6749 §4.1.3: the code was issued to this client.
    if grant.client != on.client.id {
        return Err(Refusal::CodeOfOtherClient);
    }
    // RFC 6749 §4.1.2: a code is used once. A code alone can be read in logs and browser histories; only a second use
    // with the proofs shows a theft. So a second use without them does not revoke what was issued.
    if let Some(redeemed_at) = code.redeemed_at {
        prove(presented, code).map_err(|_| Refusal::CodeReplayUnproven)?;
        let span = DOUBLE_SUBMIT.saturating_add(grant.skew(&presented.call));
        let soon = now.is_just_after(redeemed_at, span);
        return Err(if soon { Refusal::CodeDoubleSubmit } else { Refusal::CodeReplayed });
    }
    if !grant.is_alive(on, now) {
        return Err(Refusal::CodeEnded);
    }
    if code.expires_at.has_passed(now) {
        return Err(Refusal::CodeExpired);
    }
    prove(presented, code)?;
    check_resource(grant, on.client, presented.resource)
}

/// Proves that the sender of the token request made the authorization request.
fn prove(presented: &CodeRequest<'_>, code: &AuthorizationCode) -> Result<(), Refusal> {
    // RFC 6749 §4.1.3: the same redirect URI as in the authorization request, byte for byte.
    let redirect_uri = presented.redirect_uri.map(|uri| Digest::of(SecretKind::RedirectUri, uri.as_bytes()));
    if redirect_uri != Some(code.redirect_uri) {
        return Err(Refusal::RedirectUriDiffers);
    }
    match (&code.pkce, &presented.verifier) {
        // RFC 7636 §4.6.
        (Pkce::S256(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Pkce::None, None) => Ok(()),
        // RFC 9700 §2.1.1: a verifier without a challenge indicates a downgrade attack.
        (Pkce::S256(_) | Pkce::None, _) => Err(Refusal::VerifierWrong),
    }
}
