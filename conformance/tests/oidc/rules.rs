//! The modules of Basic OP and Form Post OP.

use super::checks::{self, has_claims_of};
use super::relying_party::{Mode, NONCE, RelyingParty, SUITE};
use conformance::{FORM, With as _, form, get, header, post};
use protocol::base64url;
use protocol::claims::standard;
use serde_json::Value;

/// The errors of `prompt=none` when the user would have to do something.
const NEEDS_A_PERSON: [&str; 4] =
    ["login_required", "interaction_required", "account_selection_required", "consent_required"];

/// Each module as a test.
macro_rules! modules {
    ($mode:expr) => {
        $crate::oidc::rules::modules!($mode;
            oidcc_server, oidcc_response_type_missing, oidcc_idtoken_signature, oidcc_idtoken_unsigned,
            oidcc_userinfo_get, oidcc_userinfo_post_header, oidcc_userinfo_post_body,
            oidcc_ensure_request_without_nonce_succeeds_for_code_flow, oidcc_scope_profile, oidcc_scope_email,
            oidcc_scope_address, oidcc_scope_phone, oidcc_scope_all, oidcc_alternate_happy_flow, oidcc_display_page,
            oidcc_display_popup, oidcc_prompt_login, oidcc_prompt_none_not_logged_in, oidcc_prompt_none_logged_in,
            oidcc_max_age_1, oidcc_max_age_10000, oidcc_ensure_request_with_unknown_parameter_succeeds,
            oidcc_id_token_hint, oidcc_login_hint, oidcc_ui_locales, oidcc_claims_locales,
            oidcc_ensure_request_with_acr_values_succeeds, oidcc_codereuse, oidcc_codereuse_30seconds,
            oidcc_ensure_registered_redirect_uri, oidcc_ensure_post_request_succeeds,
            oidcc_server_client_secret_post,
            oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported,
            oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported, oidcc_claims_essential,
            oidcc_ensure_request_object_with_redirect_uri, oidcc_refresh_token,
            oidcc_ensure_request_with_valid_pkce_succeeds
        );
    };
    ($mode:expr; $($module:ident),+) => {
        $(
            #[tokio::test]
            async fn $module() {
                rules::$module($mode).await;
            }
        )+
    };
}
pub(crate) use modules;

/// Every other check is made in each module.
pub(crate) async fn oidcc_server(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[]).await;
}

pub(crate) async fn oidcc_response_type_missing(mode: Mode) {
    let codes = ["unsupported_response_type", "invalid_request"];
    RelyingParty::new(mode).await.refused(&[("response_type", "")], &codes).await;
}

/// RS256 unless the client says otherwise.
pub(crate) async fn oidcc_idtoken_signature(mode: Mode) {
    let plan = if mode == Mode::Query { "basic" } else { "form-post" };
    let mut rp = RelyingParty::of(plan, mode, "RS256,ES256").await;
    let (tokens, ..) = rp.flow(&[]).await;
    let header = header(&tokens.id_token);
    assert_eq!(header["alg"], "RS256");
    assert!(!header["kid"].as_str().unwrap().is_empty());
}

/// `none` isn't offered, so the suite doesn't ask for it.
pub(crate) async fn oidcc_idtoken_unsigned(mode: Mode) {
    let rp = RelyingParty::new(mode).await;
    let metadata = rp.world.send(get("/.well-known/openid-configuration")).await.json();
    let algs = metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert!(algs.iter().all(|alg| alg != "none"));
}

pub(crate) async fn oidcc_userinfo_get(mode: Mode) {
    let (_, userinfo, _) = RelyingParty::new(mode).await.flow(&[]).await;
    has_claims_of(&userinfo, &[]);
}

pub(crate) async fn oidcc_userinfo_post_header(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let (tokens, ..) = rp.flow(&[]).await;
    let request = form("/userinfo", &[]).with("authorization", &format!("Bearer {}", tokens.access));
    checks::userinfo(&rp.world.send(request).await, &tokens.claims);
}

pub(crate) async fn oidcc_userinfo_post_body(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let (tokens, ..) = rp.flow(&[]).await;
    let request = form("/userinfo", &[("access_token", &tokens.access)]);
    checks::userinfo(&rp.world.send(request).await, &tokens.claims);
}

pub(crate) async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("nonce", "")]).await;
}

async fn scopes(mode: Mode, scope: &str) {
    let (_, userinfo, _) = RelyingParty::new(mode).await.flow(&[("scope", scope)]).await;
    has_claims_of(&userinfo, &scope.split(' ').collect::<Vec<_>>());
}

pub(crate) async fn oidcc_scope_profile(mode: Mode) {
    scopes(mode, "openid profile").await;
}

pub(crate) async fn oidcc_scope_email(mode: Mode) {
    scopes(mode, "openid email").await;
}

pub(crate) async fn oidcc_scope_address(mode: Mode) {
    scopes(mode, "openid address").await;
}

pub(crate) async fn oidcc_scope_phone(mode: Mode) {
    scopes(mode, "openid phone").await;
}

pub(crate) async fn oidcc_scope_all(mode: Mode) {
    scopes(mode, "openid profile email address phone").await;
    assert_eq!(standard::all().count(), 19);
}

/// The same request with scopes and parameters in another order.
pub(crate) async fn oidcc_alternate_happy_flow(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let request = rp.request(&[("scope", "email profile openid")]);
    let reversed: Vec<&str> = request.split('&').rev().collect();
    let answer = rp.browser.visit(&rp.world, &format!("/authorize?{}", reversed.join("&"))).await;
    let callback = rp.go_on(answer).await;
    checks::success(&callback.params, &rp.state);
}

pub(crate) async fn oidcc_display_page(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("display", "page")]).await;
}

pub(crate) async fn oidcc_display_popup(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("display", "popup")]).await;
}

/// The second request demands a sign-in, a second after the first.
async fn signs_in_again(mode: Mode, seconds: u64, demand: (&str, &str)) {
    let mut rp = RelyingParty::new(mode).await;
    let (first, _, callback) = rp.flow(&[]).await;
    assert!(callback.signed_in && callback.consented);
    rp.world.pass(seconds);
    let (second, _, callback) = rp.flow(&[demand]).await;
    assert!(callback.signed_in);
    let at = |claims: &Value| claims["auth_time"].as_u64().unwrap();
    assert!(at(&second.claims) > at(&first.claims));
    assert_eq!(second.claims["sub"], first.claims["sub"]);
}

pub(crate) async fn oidcc_prompt_login(mode: Mode) {
    signs_in_again(mode, 1, ("prompt", "login")).await;
}

pub(crate) async fn oidcc_max_age_1(mode: Mode) {
    signs_in_again(mode, 2, ("max_age", "1")).await;
}

pub(crate) async fn oidcc_prompt_none_not_logged_in(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    rp.state = "s".repeat(128);
    rp.refused(&[("prompt", "none")], &NEEDS_A_PERSON).await;
}

/// The second request finds the user signed in and shows no page.
async fn goes_on_silently(mode: Mode, first: &[(&str, &str)], second: &[(&str, &str)]) {
    let mut rp = RelyingParty::new(mode).await;
    let (before, ..) = rp.flow(first).await;
    rp.world.pass(2);
    let hinted: Vec<_> = second
        .iter()
        .map(|(name, value)| {
            (*name, if *name == "id_token_hint" { before.id_token.as_str() } else { *value })
        })
        .collect();
    let (after, _, callback) = rp.flow(&hinted).await;
    assert!(!callback.signed_in && !callback.consented);
    assert_eq!(after.claims["sub"], before.claims["sub"]);
    assert_eq!(after.claims["auth_time"], before.claims["auth_time"]);
}

pub(crate) async fn oidcc_prompt_none_logged_in(mode: Mode) {
    goes_on_silently(mode, &[], &[("prompt", "none")]).await;
}

pub(crate) async fn oidcc_max_age_10000(mode: Mode) {
    goes_on_silently(mode, &[("max_age", "15000")], &[("max_age", "10000")]).await;
}

pub(crate) async fn oidcc_id_token_hint(mode: Mode) {
    goes_on_silently(mode, &[], &[("prompt", "none"), ("id_token_hint", "of the first")]).await;
}

pub(crate) async fn oidcc_ensure_request_with_unknown_parameter_succeeds(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("extra", "foobar")]).await;
}

/// The hint fills in the field, which can still be edited.
pub(crate) async fn oidcc_login_hint(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let path = format!("/authorize?{}", rp.request(&[("login_hint", "bob@example.com")]));
    let page = rp.browser.visit(&rp.world, &path).await;
    let field = page.text().split("<input").find(|field| field.contains(r#"name="username""#)).unwrap();
    let field = field.split('>').next().unwrap();
    assert!(field.contains(r#"value="bob@example.com""#), "{field}");
    assert!(!field.contains("readonly") && !field.contains("disabled"), "{field}");
    let callback = rp.go_on(page).await;
    checks::success(&callback.params, &rp.state);
}

pub(crate) async fn oidcc_ui_locales(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("ui_locales", "se")]).await;
}

pub(crate) async fn oidcc_claims_locales(mode: Mode) {
    RelyingParty::new(mode).await.flow(&[("claims_locales", "se")]).await;
}

pub(crate) async fn oidcc_ensure_request_with_acr_values_succeeds(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let metadata = rp.world.send(get("/.well-known/openid-configuration")).await.json();
    let offered: Vec<_> = metadata["acr_values_supported"]
        .as_array()
        .unwrap()
        .iter()
        .map(|acr| acr.as_str().unwrap())
        .collect();
    let (tokens, ..) = rp.flow(&[("acr_values", &offered.join(" "))]).await;
    assert!(offered.contains(&tokens.claims["acr"].as_str().unwrap()));
}

pub(crate) async fn oidcc_codereuse(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let (code, _) = rp.code(&[]).await;
    assert_eq!(rp.redeem(&code).await.status, 200);
    rp.redeem(&code).await.assert_token_error(400, "invalid_grant");
}

pub(crate) async fn oidcc_codereuse_30seconds(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let (code, _) = rp.code(&[]).await;
    let access = rp.redeem(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    rp.world.pass(30);
    rp.redeem(&code).await.assert_token_error(400, "invalid_grant");
    let userinfo = get("/userinfo").with("authorization", &format!("Bearer {access}"));
    assert_eq!(rp.world.send(userinfo).await.status, 401, "revoked with the grant");
}

pub(crate) async fn oidcc_ensure_registered_redirect_uri(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let other = format!("{}/JQFqZb", rp.redirect_uri());
    let path = format!("/authorize?{}", rp.request(&[("redirect_uri", &other)]));
    rp.browser.get(&rp.world, &path).await.assert_error_page(400, "invalid_request");
}

/// The suite's form comes from its own site.
pub(crate) async fn oidcc_ensure_post_request_succeeds(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let request = post("/authorize", FORM, rp.request(&[])).with("origin", SUITE);
    let answer = rp.world.send(request.with("sec-fetch-site", "cross-site")).await;
    let answer = rp.browser.follow(&rp.world, answer).await;
    let callback = rp.go_on(answer).await;
    checks::success(&callback.params, &rp.state);
    rp.checked(&rp.redeem(callback.params.get("code").unwrap()).await, Some(NONCE)).await;
}

pub(crate) async fn oidcc_server_client_secret_post(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    rp.client = "client_secret_post";
    rp.flow(&[]).await;
}

pub(crate) async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let uri = format!("{SUITE}/test/a/{}/requesturi.jwt", rp.plan.alias());
    rp.refused(&[("request_uri", &uri)], &["request_uri_not_supported"]).await;
}

/// What the suite sends: everything in the object, and outside it only what OAuth demands.
fn request_object(rp: &RelyingParty) -> String {
    let claims = rp.request(&[]);
    let claims = protocol::params::Params::parse(claims.as_bytes()).unwrap();
    let names = ["client_id", "redirect_uri", "scope", "state", "nonce", "response_type", "response_mode"];
    let claims: serde_json::Map<_, _> =
        names.into_iter().filter_map(|name| Some((name.to_owned(), claims.get(name)?.into()))).collect();
    let part = |value: Value| base64url::encode(value.to_string().as_bytes());
    format!("{}.{}.", part(serde_json::json!({ "alg": "none" })), part(claims.into()))
}

/// The refusal is delivered as the object asks: the request says nothing about that outside it.
pub(crate) async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let object = request_object(&rp);
    let changes = [("request", object.as_str()), ("state", ""), ("nonce", ""), ("response_mode", "")];
    let callback = rp.authorize(&changes).await;
    checks::refusal(&callback.params, None, &["request_not_supported"]);
}

pub(crate) async fn oidcc_ensure_request_object_with_redirect_uri(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let (object, other) = (request_object(&rp), format!("{}/JQFqZb", rp.redirect_uri()));
    let changes =
        [("request", object.as_str()), ("redirect_uri", &other), ("state", ""), ("response_mode", "")];
    let path = format!("/authorize?{}", rp.request(&changes));
    rp.browser.get(&rp.world, &path).await.assert_error_page(400, "invalid_request");
}

pub(crate) async fn oidcc_claims_essential(mode: Mode) {
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let (_, userinfo, _) = RelyingParty::new(mode).await.flow(&[("claims", claims)]).await;
    assert_eq!(userinfo["name"], "Alice Marie Adams");
}

pub(crate) async fn oidcc_refresh_token(mode: Mode) {
    let mut rp = RelyingParty::new(mode).await;
    let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
    let (first, _, callback) = rp.flow(&offline).await;
    assert!(callback.consented);
    refreshes(&rp, &first.refresh.unwrap(), &first.claims).await;
    rp.client = "client2";
    let (second, _, callback) = rp.flow(&offline).await;
    assert!(callback.consented && !callback.signed_in);
    let refresh = second.refresh.unwrap();
    refreshes(&rp, &refresh, &second.claims).await;
    // The first client with the second one's token.
    rp.client = "client";
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    rp.token(&fields).await.assert_token_error(400, "invalid_grant");
}

/// A refresh, and a new ID token about the same sign-in if there is one.
async fn refreshes(rp: &RelyingParty, refresh: &str, before: &Value) {
    rp.world.pass(1);
    let answer = rp.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    checks::token_response(&answer);
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = get("/userinfo").with("authorization", &format!("Bearer {access}"));
    checks::userinfo(&rp.world.send(userinfo).await, before);
    let after = answer.claims("id_token");
    for name in ["iss", "sub", "aud", "azp", "auth_time"] {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    assert_ne!(after["iat"], before["iat"]);
}

/// RFC 7636 appendix B's verifier holds three of the four marks; the suite's holds them all.
pub(crate) async fn oidcc_ensure_request_with_valid_pkce_succeeds(mode: Mode) {
    use sha2::{Digest as _, Sha256};
    let verifier = "-._~dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = base64url::encode(&Sha256::digest(verifier));
    let mut rp = RelyingParty::new(mode).await;
    let pkce = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
    let (code, _) = rp.code(&pkce).await;
    let uri = rp.redirect_uri();
    let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", &uri)];
    let answer = rp.token(&[&fields[..], &[("code_verifier", verifier)]].concat()).await;
    rp.checked(&answer, Some(NONCE)).await;
}
