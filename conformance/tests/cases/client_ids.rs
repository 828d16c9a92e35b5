//! Clients with every kind of id that RFC 6749 appendix A.1 allows: it is parsed, stored, compared, sent and shown.

use super::requests::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use conformance::claims;
use serde_json::json;

/// As people choose them, and with every separator that a store, a URL or a header has.
const IDS: [&str; 7] = [
    "urn:billing:worker",
    "https://app.example.com",
    "api://123",
    "(account)",
    "a#b%23c%2523",
    "two words \"quoted\" <b>&amp;</b>\\",
    " !$&'()*+,-./:;<=>?@[]^_`{|}~ ",
];

fn raw_basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn a_user_signs_in_at_a_client_with_any_id() {
    let (world, _) = people().await;
    let mut browser = Browser::new();
    for id in IDS {
        let metadata = json!({ "client_id": id, "redirect_uris": [REDIRECT], "client_name": "Odd" });
        let party = world.client(metadata).await;
        let asked = [("client_id", id), ("scope", "openid offline_access")];
        let answer = browser.authorize(&world, &with(&asked)).await;
        let code = answer.to_client().get("code").unwrap_or_else(|| panic!("{id}: {answer:?}")).to_owned();
        let tokens = redeem_as(&world, id, &code).await;
        let (access, id_token) = (tokens.claims("access_token"), tokens.claims("id_token"));
        assert_eq!((&access["client_id"], &id_token["aud"]), (&json!(id), &json!(id)));
        assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 200, "{id}");
        let hint = member(&tokens, "id_token");
        let again = with(&[("client_id", id), ("prompt", "none"), ("id_token_hint", &hint)]);
        assert!(browser.get(&world, &again).await.to_client().get("code").is_some(), "{id}: agreed before");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", &member(&tokens, "refresh_token"))];
        for authorization in [party.basic(), world.basic(id)] {
            let refreshed = world.send(form("/token", &fields).with("authorization", &authorization)).await;
            assert_eq!(refreshed.status, 200, "{id}: {refreshed:?}");
        }
        // The account page names it in a form and in the addresses of its further pages.
        let account = browser.visit(&world, "/account").await;
        let csrf = account.field("csrf");
        browser.submit(&world, "/account/apps", &[("csrf", &csrf), ("client", id)]).await;
        let ended = world.send(form("/token", &fields).with("authorization", &party.basic())).await;
        ended.assert_token_error(400, "invalid_grant");
        let login = browser.get(&world, &again).await;
        assert_eq!(login.to_client().get("error"), Some("consent_required"), "{id}: {login:?}");
        let out = Browser::new().get(&world, &format!("/logout?{}", query(&[("client_id", id)]))).await;
        assert_eq!(out.status, 200, "{id}");
    }
}

#[tokio::test]
async fn a_machine_authenticates_with_any_id() {
    let (world, _) = people().await;
    for id in IDS {
        let party = world.client(json!({ "client_id": id, "scope": "read", "client_name": "Odd" })).await;
        let fields = [("grant_type", "client_credentials")];
        let send = async |authorization: String| {
            world.send(form("/token", &fields).with("authorization", &authorization)).await
        };
        let encoded = send(party.basic()).await;
        assert_eq!(claims(&member(&encoded, "access_token"))["sub"], id);
        send(raw_basic(id, "kws_wrong")).await.assert_token_error(401, "invalid_client");
        // Without encoding, where that can't be read in two ways.
        if id.contains(':') || !id.contains(['%', '+']) {
            assert_eq!(send(raw_basic(id, &party.secret)).await.status, 200, "{id}");
        }
        let introspection = form("/introspect", &[("token", &member(&encoded, "access_token"))]);
        let asked = world.send(introspection.with("authorization", &party.basic())).await;
        assert_eq!((&asked.json()["active"], &asked.json()["client_id"]), (&json!(true), &json!(id)));
    }
    let posted = json!({ "client_id": "urn:post", "scope": "read", "token_endpoint_auth_method": "client_secret_post" });
    let party = world.client(posted).await;
    let fields =
        [("grant_type", "client_credentials"), ("client_id", "urn:post"), ("client_secret", &party.secret)];
    assert_eq!(world.send(form("/token", &fields)).await.status, 200);
}
