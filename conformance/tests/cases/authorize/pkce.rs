//! The proof that whoever redeems the code asked for it (RFC 7636).

use super::requests::*;

#[tokio::test]
async fn n016_without_a_challenge_there_is_no_code() {
    let (world, _) = people().await;
    assert_error_to_client(
        &world,
        &[("code_challenge", ""), ("code_challenge_method", "")],
        "invalid_request",
    )
    .await;
    assert_error_to_client(&world, &[("code_challenge", "")], "invalid_request").await;
}

#[tokio::test]
async fn n017_the_method_is_s256_and_nothing_less() {
    let (world, _) = people().await;
    for method in ["plain", "s256", "S512", ""] {
        assert_error_to_client(&world, &[("code_challenge_method", method)], "invalid_request").await;
    }
    let empty = format!("{}&code_challenge_method=", with(&[("code_challenge_method", "")]));
    world.send(get(&empty)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let metadata = world.send(get(path)).await.json();
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    }
}

#[tokio::test]
async fn n018_a_challenge_is_43_base64url_characters() {
    let (world, _) = people().await;
    let short = &CHALLENGE[..42];
    for challenge in [
        short,
        &format!("{CHALLENGE}A"),
        &"E".repeat(128),
        &format!("{short}="),
        &format!("{short}+"),
        &format!("{short}/"),
        &format!("{short}é"),
        &format!("{short}\0"),
    ] {
        assert_error_to_client(&world, &[("code_challenge", challenge)], "invalid_request").await;
    }
}

#[tokio::test]
async fn a_confidential_client_may_be_registered_without_pkce() {
    let (world, _) = people().await;
    world.client(json!({ "client_id": "old", "redirect_uris": [REDIRECT], "pkce_required": false })).await;
    let without = [("client_id", "old"), ("code_challenge", ""), ("code_challenge_method", "")];
    assert!(leads_to_sign_in(&ask(&world, &without).await));
    assert!(leads_to_sign_in(&ask(&world, &[("client_id", "old")]).await));
}
