//! RP-Initiated OP: each module signs in and ends the session.

use super::relying_party::{Mode, RelyingParty, SUITE};
use conformance::{Answer, get, query};
use protocol::base64url;

/// The relying party, signed in, and its ID token.
async fn signed_in() -> (RelyingParty, String) {
    let mut rp = RelyingParty::of("logout", Mode::Query, "ES256").await;
    rp.state = "s".repeat(128);
    let (tokens, ..) = rp.flow(&[]).await;
    (rp, tokens.id_token)
}

fn afterwards(rp: &RelyingParty) -> String {
    format!("{SUITE}/test/a/{}/post_logout_redirect", rp.plan.alias())
}

async fn logout(rp: &mut RelyingParty, pairs: &[(&str, &str)]) -> Answer {
    rp.browser.get(&rp.world, &format!("/logout?{}", query(pairs))).await
}

/// The browser went back with this and nothing else, and is signed out.
async fn is_back(rp: &mut RelyingParty, answer: &Answer, query: &str) {
    assert_eq!(answer.location(), format!("{}{query}", afterwards(rp)));
    rp.refused(&[("prompt", "none")], &["login_required", "interaction_required"]).await;
}

/// An error page, without a redirect.
async fn is_refused(rp: &mut RelyingParty, pairs: &[(&str, &str)]) {
    logout(rp, pairs).await.assert_error_page(400, "invalid_request");
}

/// The user is asked, or signed out at once; either way the last page says so, and nothing redirects.
async fn ends_on_a_page(rp: &mut RelyingParty, pairs: &[(&str, &str)]) {
    let mut page = logout(rp, pairs).await;
    if page.text().contains("logout-confirm") {
        page = rp.browser.submit(&rp.world, "/logout", &[("csrf", &page.field("csrf"))]).await;
    }
    assert_eq!((page.status.as_u16(), page.element("logged-out")), (200, Some("You are signed out")));
    rp.refused(&[("prompt", "none")], &["login_required", "interaction_required"]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let rp = RelyingParty::of("logout", Mode::Query, "ES256").await;
    let metadata = rp.world.send(get("/.well-known/openid-configuration")).await.json();
    assert!(metadata["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (mut rp, hint) = signed_in().await;
    let (uri, state) = (afterwards(&rp), "x".repeat(128));
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &uri), ("state", &state)];
    let answer = logout(&mut rp, &pairs).await;
    is_back(&mut rp, &answer, &format!("?state={state}")).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (mut rp, hint) = signed_in().await;
    let uri = afterwards(&rp);
    let answer = logout(&mut rp, &[("id_token_hint", &hint), ("post_logout_redirect_uri", &uri)]).await;
    is_back(&mut rp, &answer, "").await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (mut rp, hint) = signed_in().await;
    let uri = format!("{}/JQFqZb", afterwards(&rp));
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &uri), ("state", "x")];
    is_refused(&mut rp, &pairs).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (mut rp, hint) = signed_in().await;
    let uri = format!("{}?foo=bar", afterwards(&rp));
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &uri), ("state", "x")];
    is_refused(&mut rp, &pairs).await;
}

/// The same claims, unsigned.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (mut rp, hint) = signed_in().await;
    let claims = hint.split('.').nth(1).unwrap();
    let hint = format!("{}.{claims}.", base64url::encode(br#"{"alg":"none"}"#));
    let uri = afterwards(&rp);
    let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &uri), ("state", "x")];
    is_refused(&mut rp, &pairs).await;
}

/// The same claims, signed by a key that isn't ours.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (mut rp, hint) = signed_in().await;
    let (foreign, ..) = RelyingParty::of("logout", Mode::Query, "ES256").await.flow(&[]).await;
    assert_ne!(foreign.id_token, hint);
    let uri = afterwards(&rp);
    let pairs =
        [("id_token_hint", foreign.id_token.as_str()), ("post_logout_redirect_uri", &uri), ("state", "x")];
    is_refused(&mut rp, &pairs).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (mut rp, _) = signed_in().await;
    let uri = afterwards(&rp);
    ends_on_a_page(&mut rp, &[("post_logout_redirect_uri", &uri), ("state", "x")]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let (mut rp, _) = signed_in().await;
    ends_on_a_page(&mut rp, &[]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let (mut rp, _) = signed_in().await;
    ends_on_a_page(&mut rp, &[("state", "x")]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (mut rp, hint) = signed_in().await;
    ends_on_a_page(&mut rp, &[("id_token_hint", &hint), ("state", "x")]).await;
}
