//! Groups and claims of one's own in tokens and at `/userinfo`: scopes and clients choose.

use super::requests::*;
use conformance::{PASSWORD, get};
use serde_json::{Value, json};
use server::admin::user_update::UserUpdate;

const DECLARED: &str = r#"{
    "department": "profile",
    "plan": "billing",
    "roles": {"scope": "roles", "from": "groups"},
    "permissions": {"scope": "api", "from": "groups", "map": {"admins": ["write", "read"], "devs": "read"}}
}"#;

/// Alice, in two groups and with claims of every kind, and clients for all scopes there are.
async fn world(settings: &[(&str, &str)]) -> World {
    let declared = DECLARED.replace('\n', " ");
    let world = World::with(crate::HARNESS, &[&[("KEYWARD_CLAIMS", &*declared)], settings].concat()).await;
    let claims = json!({
        "name": "Alice Adams",
        "department": { "id": 7 },
        "plan": "gold",
        "https://op.example/tenant": ["a", "b"],
    });
    world.user("alice", None, claims).await;
    world.user("bob", None, json!({})).await;
    for group in ["devs", "admins", "unused"] {
        world.admin().create_group(group).await.unwrap();
    }
    world.pass(1);
    let joins = vec!["devs".to_owned(), "admins".to_owned()];
    world.admin().update_user("alice", &UserUpdate { joins, ..UserUpdate::default() }).await.unwrap();
    let mut chosen = vec!["groups", "department", "plan", "https://op.example/tenant", "nickname"];
    // The setting may rename the first.
    chosen.retain(|name| world.admin().claims.is_known(name));
    for (id, of_id_token, of_access_token) in [
        ("plain", json!([]), json!([])),
        ("id", json!(chosen), json!([])),
        ("access", json!([]), json!(chosen)),
    ] {
        let metadata = json!({
            "client_id": id,
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile offline_access groups roles billing api",
            "id_token_claims": of_id_token,
            "access_token_claims": of_access_token,
        });
        world.client(metadata).await;
        // A claim that was declared once, and is in the registration still.
        let keep = |names: &mut Vec<String>| names.extend((!names.is_empty()).then(|| "former".to_owned()));
        let admin = world.admin();
        let change = admin.change_client(id, |client, _| {
            keep(&mut client.tokens.id_token_claims);
            keep(&mut client.tokens.access_token_claims);
            Ok(())
        });
        change.await.unwrap();
    }
    world
}

async fn tokens(world: &World, client: &str, scope: &str) -> Answer {
    let code = code(world, &[("client_id", client), ("scope", scope)]).await;
    let answer = redeem_as(world, client, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

async fn userinfo(world: &World, tokens: &Answer) -> Value {
    let bearer = format!("Bearer {}", member(tokens, "access_token"));
    world.send(get("/userinfo").with("authorization", &bearer)).await.json()
}

/// Those of the claims that are of this test.
fn own(claims: &Value) -> Value {
    let names =
        ["groups", "department", "plan", "roles", "permissions", "https://op.example/tenant", "former"];
    let found = names.into_iter().filter_map(|name| Some((name.to_owned(), claims.get(name)?.clone())));
    Value::Object(found.collect())
}

#[tokio::test]
async fn scopes_choose_what_userinfo_has() {
    let world = world(&[]).await;
    let groups = json!(["admins", "devs"]);
    for (scope, expected) in [
        ("openid", json!({})),
        ("openid groups", json!({ "groups": groups })),
        ("openid profile", json!({ "department": { "id": 7 } })),
        ("openid roles billing", json!({ "plan": "gold", "roles": groups })),
        ("openid api", json!({ "permissions": ["read", "write"] })),
    ] {
        let tokens = tokens(&world, "plain", scope).await;
        assert_eq!(own(&userinfo(&world, &tokens).await), expected, "{scope}");
        for token in ["id_token", "access_token"] {
            assert_eq!(own(&tokens.claims(token)), json!({}), "{scope} {token}");
        }
    }
}

#[tokio::test]
async fn clients_choose_what_their_tokens_have_of_what_the_scope_gives() {
    let world = world(&[]).await;
    let all = json!({
        "groups": ["admins", "devs"],
        "department": { "id": 7 },
        "plan": "gold",
        "https://op.example/tenant": ["a", "b"],
    });
    for (client, with, without) in
        [("id", "id_token", "access_token"), ("access", "access_token", "id_token")]
    {
        let whole = tokens(&world, client, "openid profile groups billing offline_access").await;
        assert_eq!(own(&whole.claims(with)), all);
        assert_eq!(own(&whole.claims(without)), json!({}));
        let refreshed = world
            .send(
                form(
                    "/token",
                    &[("grant_type", "refresh_token"), ("refresh_token", &member(&whole, "refresh_token"))],
                )
                .with("authorization", &world.basic(client)),
            )
            .await;
        assert_eq!(own(&refreshed.claims(with)), all);
        let less = tokens(&world, client, "openid groups").await;
        let expected = json!({ "groups": ["admins", "devs"], "https://op.example/tenant": ["a", "b"] });
        assert_eq!(own(&less.claims(with)), expected, "no scope gives the last one, so the client has it");
    }
}

#[tokio::test]
async fn what_a_user_is_in_is_what_the_next_answer_has() {
    let world = world(&[]).await;
    let scope = "openid groups roles api offline_access";
    let before = tokens(&world, "id", scope).await;
    world.pass(1);
    let leaves = vec!["admins".to_owned()];
    world.admin().update_user("alice", &UserUpdate { leaves, ..UserUpdate::default() }).await.unwrap();
    let expected = json!({ "groups": ["devs"], "roles": ["devs"], "permissions": ["read"] });
    assert_eq!(own(&userinfo(&world, &before).await), expected);
    world.admin().delete_group("devs").await.unwrap();
    assert_eq!(own(&userinfo(&world, &before).await), json!({}), "claims without a value are left out");
}

#[tokio::test]
async fn the_claim_with_groups_has_the_name_of_the_setting() {
    for name in ["cognito:groups", "https://op.example/groups"] {
        let world = world(&[("KEYWARD_GROUPS_CLAIM", name)]).await;
        let tokens = tokens(&world, "plain", "openid groups").await;
        let claims = userinfo(&world, &tokens).await;
        assert_eq!(claims[name], json!(["admins", "devs"]));
        assert_eq!(claims.get("groups"), None);
        let metadata = world.send(get("/.well-known/openid-configuration")).await.json();
        let lists = |member: &str, value: &str| metadata[member].as_array().unwrap().contains(&json!(value));
        assert!(lists("claims_supported", name) && !lists("claims_supported", "groups"));
        for scope in ["groups", "roles", "billing", "api"] {
            assert!(lists("scopes_supported", scope), "{scope}");
        }
    }
}

#[tokio::test]
async fn a_claim_requested_by_name_is_agreed_to_by_its_scope() {
    let world = world(&[]).await;
    let claims = json!({ "id_token": { "groups": null, "https://op.example/tenant": null }, "userinfo": { "plan": null } });
    let request = with(&[("client_id", "plain"), ("scope", "openid"), ("claims", &claims.to_string())]);
    let mut browser = Browser::new();
    let login = browser.visit(&world, &request).await;
    let consent = browser.sign_in(&world, &login, "alice", PASSWORD).await;
    assert!(consent.text().contains("See which groups you are in"), "{}", consent.text());
    assert_eq!(consent.scopes(), ["openid", "billing", "groups"]);
    let answer = browser.consent(&world, &consent, "approve").await;
    let tokens = redeem_as(&world, "plain", answer.to_client().get("code").unwrap()).await;
    assert_eq!(own(&tokens.claims("id_token")), json!({ "groups": ["admins", "devs"] }));
    assert_eq!(own(&userinfo(&world, &tokens).await), json!({ "plan": "gold" }));
}

#[tokio::test]
async fn a_clients_own_token_has_the_clients_claims() {
    let world = world(&[]).await;
    let claims = json!({ "https://op.example/tenant": "acme", "tier": 2 });
    world.client(json!({ "client_id": "worker", "scope": "read", "claims": claims })).await;
    let grant = [("grant_type", "client_credentials")];
    let token = world.send(form("/token", &grant).with("authorization", &world.basic("worker"))).await;
    let found = token.claims("access_token");
    assert_eq!([&found["https://op.example/tenant"], &found["tier"]], [&json!("acme"), &json!(2)]);
    assert_eq!([&found["sub"], &found["scope"]], ["worker", "read"]);
}

#[tokio::test]
async fn owners_keep_claims_that_are_not_on_their_page_and_set_none() {
    let world = world(&[]).await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, "/account").await;
    let page = browser.sign_in(&world, &login, "alice", PASSWORD).await;
    let fields = [
        ("csrf", page.field("csrf")),
        ("name", "Alice Brown".into()),
        ("department", "none".into()),
        ("groups", "unused".into()),
        ("https://op.example/tenant", "c".into()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.pass(1);
    browser.submit(&world, "/account/profile", &fields).await;
    let alice = world.admin().user("alice").await.unwrap();
    assert_eq!(alice.claims["name"], "Alice Brown");
    assert_eq!(alice.claims["department"], json!({ "id": 7 }));
    assert_eq!(alice.claims["https://op.example/tenant"], json!(["a", "b"]));
    assert_eq!(alice.groups.len(), 2);
}
