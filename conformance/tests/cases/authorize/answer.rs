//! How the client gets its answer.

use super::requests::*;

#[tokio::test]
async fn n011_code_is_the_only_response_type() {
    let (world, _) = people().await;
    for response_type in [
        "token",
        "id_token",
        "code id_token",
        "code token",
        "id_token token",
        "code id_token token",
        "none",
        "CODE",
        "code code",
    ] {
        let answer = ask(&world, &[("response_type", response_type)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "unsupported_response_type", Some("s"));
        assert!(!answer.location().contains('#'), "nothing in a fragment");
    }
    assert_error_to_client(&world, &[("response_type", "")], "invalid_request").await;
}

#[tokio::test]
async fn n012_query_and_form_post_are_the_only_response_modes() {
    let (world, _) = people().await;
    for mode in ["fragment", "query.jwt", "web_message", "x"] {
        let answer = ask(&world, &[("response_mode", mode)]).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
        assert_error_on_page(&world, &[("response_mode", mode), ("redirect_uri", "https://evil.example/")])
            .await;
    }
    assert!(leads_to_sign_in(&ask(&world, &[("response_mode", "query")]).await));
}

#[tokio::test]
async fn n013_form_post_escapes_and_runs_one_script() {
    let (world, _) = people().await;
    let state = "\"><script>alert(1)</script>";
    let answer = authorized(&world, &[("response_mode", "form_post"), ("state", state)]).await;
    assert_eq!(answer.status, 200);
    answer.assert_page_headers();
    let text = answer.text();
    assert!(!answer.header("content-security-policy").contains("form-action"));
    assert!(text.contains(&format!(r#"action="{REDIRECT}""#)), "{text}");
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    let nonce = answer.header("content-security-policy").split("nonce-").nth(1).unwrap()[..22].to_owned();
    assert!(text.contains(&format!(r#"<script nonce="{nonce}">"#)), "{text}");
    assert_eq!(answer.field("state").replace("&#62;", ">"), state);
    assert_eq!(answer.field("iss"), ISSUER);
    assert!(answer.field("code").starts_with("kwc_"));
    let denied = ask(&world, &[("response_mode", "form_post"), ("prompt", "none")]).await;
    assert_eq!((denied.status.as_u16(), denied.field("error").as_str()), (200, "login_required"));
}

#[tokio::test]
async fn n028_every_answer_names_the_issuer() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    let granted = browser.authorize(&world, &with(&[])).await;
    let page = browser.visit(&world, &with(&[("prompt", "consent")])).await;
    let denied = browser.consent(&world, &page, "deny").await;
    let refused = ask(&world, &[("prompt", "none")]).await;
    for answer in [granted, denied, refused] {
        assert_eq!(answer.status, 303);
        let to_client = answer.to_client();
        assert!(!to_client.any_repeated());
        assert_eq!((to_client.get("iss"), to_client.get("state")), (Some(ISSUER), Some("s")));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}
