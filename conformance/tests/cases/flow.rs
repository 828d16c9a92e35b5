//! The whole way of a sign-in, as snapshots.

use super::*;
use conformance::{With as _, claims, form, get, header};
use serde_json::json;

#[tokio::test]
async fn a_person_signs_in_and_the_client_knows_who() {
    let (world, party) = people().await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, &with(&[("scope", "openid profile email"), ("nonce", "n")])).await;
    assert!(login.is_page("Sign in"), "{login:?}");
    let consent = browser.sign_in(&world, &login, "Alice", conformance::PASSWORD).await;
    assert_eq!(consent.scopes(), ["openid", "profile", "email"]);
    let answer = browser.consent(&world, &consent, "approve").await;
    let to_client = answer.to_client();
    assert_eq!((to_client.get("state"), to_client.get("iss")), (Some("s"), Some(ISSUER)));

    let fields = [
        ("grant_type", "authorization_code"),
        ("code", to_client.get("code").unwrap()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let tokens = world.send(form("/token", &fields).with("authorization", &party.basic())).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text());
    let mut body = tokens.json();
    let (access, id) =
        (body["access_token"].as_str().unwrap().to_owned(), body["id_token"].as_str().unwrap());
    assert_eq!(header(&access)["typ"], "at+jwt");
    assert_eq!(header(id)["typ"], "JWT");
    let told = json!({ "access_token": claims(&access), "id_token": claims(id) });
    body["access_token"] = json!("…");
    body["id_token"] = json!("…");
    insta::assert_json_snapshot!("token_response", body);
    insta::assert_json_snapshot!("tokens", told);

    let userinfo = world.send(get("/userinfo").with("authorization", &format!("Bearer {access}"))).await;
    assert_eq!(userinfo.status, 200, "{userinfo:?}");
    insta::assert_json_snapshot!("userinfo", userinfo.json());
}
