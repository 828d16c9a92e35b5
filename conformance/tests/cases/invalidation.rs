//! What invalidates earlier sessions and grants: a new password, a sign-out, disabling, revoking sessions, a restored
//! backup. Nothing begun before counts afterwards, whatever the clocks of the hosts say, even if it was half-way
//! through a step at that moment.

use super::requests::*;
use conformance::{BEGIN, PASSWORD, get};
use keys::entropy::SeededEntropy;
use protocol::authority::Generations;
use protocol::consent::Consent;
use protocol::id::{ClientId, RequestId};
use protocol::time::Timestamp;
use protocol::user::PasswordHash;
use serde_json::json;
use server::admin::Admin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use storage::Stamp;
use storage::tap::{Meddler, Tap};

const SCOPE: &str = "openid offline_access";

/// A world in which something happens just before the first call of a store method.
struct Meddled {
    world: Arc<World>,
    browser: Browser,
}

/// Alice is signed in, and nothing was requested yet. The meddler acts as she does in another tab, or as an operator on
/// the store.
async fn meddled<F>(
    method: &'static str,
    act: impl FnOnce(Arc<World>, Browser) -> F + Send + 'static,
) -> Meddled
where
    F: Future<Output = ()> + Send + 'static,
{
    let seen = Arc::new(OnceLock::<(Arc<World>, Browser)>::new());
    let its_view = Arc::clone(&seen);
    let act = async move {
        if let Some((world, browser)) = its_view.get() {
            act(Arc::clone(world), browser.clone()).await;
        }
    };
    let store = Tap::new(crate::HARNESS.store().await, Meddler::before(method, act));
    let world = Arc::new(World::on(Arc::new(store), crate::HARNESS, &[]).await);
    world.client(trusted("rp")).await;
    world.client(json!({ "client_id": "other", "redirect_uris": [REDIRECT], "scope": "openid" })).await;
    world.alice().await;
    let mut browser = Browser::new();
    if method != "start_session" {
        let login = browser.visit(&world, "/account").await;
        browser.sign_in(&world, &login, "alice", PASSWORD).await;
    }
    seen.set((Arc::clone(&world), browser.clone())).ok().unwrap();
    Meddled { world, browser }
}

/// A client that needs no consent.
fn trusted(id: &str) -> serde_json::Value {
    json!({ "client_id": id, "redirect_uris": [REDIRECT], "scope": "openid offline_access", "first_party": true })
}

/// The password is changed by a call that began at the same time as the world and took longer.
async fn new_password(world: &World) {
    let alice = world.admin().user("alice").await.unwrap();
    let hash = PasswordHash(
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g".into(),
    );
    let stamp = Stamp { at: BEGIN, request: RequestId::from_bytes([8; 16]) };
    assert!(world.store.set_password(&alice.id, None, &hash, stamp).await.unwrap().is_done());
}

async fn sign_out(world: &World, browser: &mut Browser) {
    let page = browser.visit(world, "/logout").await;
    let done = browser.submit(world, "/logout", &[("csrf", &page.field("csrf"))]).await;
    assert!(done.text().contains("logged-out"), "{done:?}");
}

/// Whether there was a code or not, nothing counts.
async fn assert_worthless(world: &World, answer: &Answer) {
    if let Some(code) = answer.to_client().get("code") {
        redeem(world, code).await.assert_token_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn n238_a_code_issued_while_the_password_changes_is_refused() {
    for scope in ["openid", SCOPE] {
        let mut it = meddled("create_grant", |world, _| async move { new_password(&world).await }).await;
        it.world.pass(1);
        let answer = it.browser.get(&it.world, &with(&[("scope", scope)])).await;
        assert_worthless(&it.world, &answer).await;
        let after = it.browser.visit(&it.world, &with(&[("prompt", "none")])).await;
        after.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
    }
}

#[tokio::test]
async fn n238_a_sign_in_under_way_with_the_old_password_signs_nobody_in() {
    let mut it = meddled("start_session", |world, _| async move { new_password(&world).await }).await;
    it.world.pass(1);
    let login = it.browser.visit(&it.world, &with(&[])).await;
    let answer = it.browser.sign_in(&it.world, &login, "alice", PASSWORD).await;
    if answer.status == 303 {
        assert_worthless(&it.world, &answer).await;
    }
    let after = it.browser.visit(&it.world, &with(&[("prompt", "none")])).await;
    after.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
}

#[tokio::test]
async fn n238_a_consent_given_while_the_password_changed_is_asked_again() {
    let mut it = meddled("remember_consent", |world, _| async move { new_password(&world).await }).await;
    it.world.pass(1);
    let request = with(&[("client_id", "other")]);
    let page = it.browser.visit(&it.world, &request).await;
    let answer = it.browser.consent(&it.world, &page, "approve").await;
    if let Some(code) = answer.to_client().get("code") {
        redeem_as(&it.world, "other", code).await.assert_token_error(400, "invalid_grant");
    }
    // Consent given under the old password doesn't bind the user of the new one.
    let password = PASSWORD.to_owned().into();
    it.world.admin().set_password("alice", &it.world.app.passwords, password).await.unwrap();
    let mut anew = Browser::new();
    let login = anew.visit(&it.world, &request).await;
    let answer = anew.sign_in(&it.world, &login, "alice", PASSWORD).await;
    assert!(answer.text().contains("consent-approve"), "{answer:?}");
}

#[tokio::test]
async fn n238_a_refresh_token_ends_with_the_password_and_the_browser_that_changed_it_stays() {
    let (world, _) = people().await;
    world.single_page().await;
    let old = spa_tokens(&world).await;
    let mut browser = Browser::new();
    let login = browser.visit(&world, "/account").await;
    let page = browser.sign_in(&world, &login, "alice", PASSWORD).await;
    let fields = [
        ("csrf", page.field("csrf")),
        ("current_password", PASSWORD.into()),
        ("new_password", "a brand new password".into()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submit(&world, "/account/password", &fields).await;
    assert!(browser.visit(&world, "/account").await.is_page("Your account"), "this browser stays signed in");
    let token = member(&old, "refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("client_id", "spa")];
    world.send(form("/token", &fields)).await.assert_token_error(400, "invalid_grant");
    assert_eq!(userinfo_status(&world, &member(&old, "access_token")).await, 401);
}

#[tokio::test]
async fn n239_a_code_issued_during_the_sign_out_is_refused() {
    for scope in ["openid", SCOPE] {
        let out =
            |world: Arc<World>, mut browser: Browser| async move { sign_out(&world, &mut browser).await };
        let mut it = meddled("create_grant", out).await;
        let answer = it.browser.get(&it.world, &with(&[("scope", scope)])).await;
        assert_worthless(&it.world, &answer).await;
    }
}

#[tokio::test]
async fn n239_a_code_redeemed_during_the_sign_out_gives_no_token_that_counts() {
    let out = |world: Arc<World>, mut browser: Browser| async move { sign_out(&world, &mut browser).await };
    let mut it = meddled("redeem_code", out).await;
    let answer = it.browser.get(&it.world, &with(&[])).await;
    let tokens = redeem(&it.world, answer.to_client().get("code").unwrap()).await;
    if tokens.status == 200 {
        assert_eq!(userinfo_status(&it.world, &member(&tokens, "access_token")).await, 401);
    }
}

#[tokio::test]
async fn n239_a_code_from_before_the_sign_out_is_refused_and_an_offline_grant_lives_on() {
    let (world, _) = people().await;
    world.single_page().await;
    let mut browser = Browser::new();
    let spa = [("client_id", "spa"), ("scope", "openid profile offline_access")];
    let used = browser.authorize(&world, &with(&spa)).await;
    let tokens = redeem_for_spa(&world, used.to_client().get("code").unwrap(), &[]).await;
    let waiting = browser.visit(&world, &with(&spa)).await;
    sign_out(&world, &mut browser).await;
    let late = redeem_for_spa(&world, waiting.to_client().get("code").unwrap(), &[]).await;
    late.assert_token_error(400, "invalid_grant");
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 200);
}

/// An operator on a host whose clock differs.
fn operator(world: &World, clock: Timestamp) -> Admin {
    Admin::of_command(Arc::clone(&world.store), clock, Arc::new(SeededEntropy::new(77)))
}

const APART: [Duration; 3] = [Duration::ZERO, Duration::from_secs(120), Duration::from_secs(3600)];

#[tokio::test]
async fn n240_an_operators_command_ends_whatever_its_hosts_clock_says() {
    let ends: [(&str, Ends); 3] = [
        ("revoke-sessions", |admin| Box::pin(async move { drop(admin.void_user("alice").await.unwrap()) })),
        ("set-password", |admin| {
            Box::pin(async move {
                let alice = admin.user("alice").await.unwrap();
                let done =
                    admin.store.set_password(&alice.id, None, alice.password.as_ref().unwrap(), admin.call);
                assert!(done.await.unwrap().is_done());
            })
        }),
        ("disable and enable", |admin| {
            Box::pin(async move {
                admin.set_user_disabled("alice", true).await.unwrap();
                admin.set_user_disabled("alice", false).await.unwrap();
            })
        }),
    ];
    for (what, end) in ends {
        for apart in APART {
            for clock in [BEGIN.minus(apart), BEGIN.plus(apart)] {
                let (world, _) = people().await;
                world.single_page().await;
                let tokens = spa_tokens(&world).await;
                let mut browser = Browser::new();
                browser.authorize(&world, &with(&[])).await;
                end(operator(&world, clock)).await;
                let why = format!("{what} by a clock at {clock:?}");
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &*member(&tokens, "refresh_token")),
                    ("client_id", "spa"),
                ];
                let refreshed = world.send(form("/token", &fields)).await;
                assert_eq!(refreshed.status, 400, "{why}");
                assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401, "{why}");
                let shown = browser.visit(&world, &with(&[("prompt", "none")])).await;
                shown.assert_error_redirect(REDIRECT, ISSUER, "login_required", Some("s"));
                // And what begins afterwards counts.
                let answer = browser.authorize(&world, &with(&[])).await;
                let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
                assert_eq!(tokens.status, 200, "{why}");
                assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 200, "{why}");
            }
        }
    }
}

type Ends = fn(Admin) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[tokio::test]
async fn n240_a_client_made_by_a_clock_that_is_ahead_works_at_once() {
    let world = World::new(crate::HARNESS).await;
    world.alice().await;
    let ahead = operator(&world, BEGIN.plus(Duration::from_secs(3600)));
    let metadata = json!({ "client_id": "late", "client_name": "Late", "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none", "scope": "openid" });
    let registration = serde_json::from_value(metadata).unwrap();
    ahead.create_client(&registration, &world.app.settings).await.unwrap();
    let mut browser = Browser::new();
    let request = with(&[("client_id", "late")]);
    let answer = browser.authorize(&world, &request).await;
    let code = answer.to_client().get("code").unwrap().to_owned();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "late"),
    ];
    let tokens = world.send(form("/token", &fields)).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 200);
    assert!(
        browser.visit(&world, &request).await.to_client().get("code").is_some(),
        "the consent is remembered"
    );
}

#[tokio::test]
async fn n240_what_a_host_ahead_began_continues_when_its_clock_is_corrected() {
    for ahead in [120, 3600] {
        let (world, _) = people().await;
        world.clock.set(BEGIN.plus(Duration::from_secs(ahead)));
        let mut browser = Browser::new();
        let answer = browser.authorize(&world, &with(&[])).await;
        let waiting = answer.to_client().get("code").unwrap().to_owned();
        world.clock.set(BEGIN);
        assert_eq!(redeem(&world, &waiting).await.status, 200);
        let again = browser.visit(&world, &with(&[("prompt", "none")])).await;
        assert!(again.to_client().get("code").is_some(), "{again:?}");
        // And a sign-in afterwards works.
        let fresh = Browser::new().authorize(&world, &with(&[])).await;
        assert_eq!(redeem(&world, fresh.to_client().get("code").unwrap()).await.status, 200);
        assert!(browser.visit(&world, "/account").await.status == 200);
    }
}

#[tokio::test]
async fn n241_what_a_process_grants_by_a_client_of_before_does_not_revive() {
    let (world, _) = people().await;
    let machine = world.machine().await;
    let mut browser = Browser::new();
    let scope = [("scope", "openid profile email")];
    browser.authorize(&world, &with(&scope)).await;
    let fields = [("grant_type", "client_credentials")];
    let ask = async || world.send(form("/token", &fields).with("authorization", &machine.basic())).await;
    assert_eq!(ask().await.status, 200);
    // By another process, so that this one keeps the client cached for a minute.
    world.admin().set_client_disabled("rp", true).await.unwrap();
    world.admin().set_client_disabled(machine.id(), true).await.unwrap();
    world.pass(1);
    let answer = browser.get(&world, &with(&scope)).await;
    let tokens = redeem(&world, answer.to_client().get("code").unwrap()).await;
    let own = member(&ask().await, "access_token");
    world.pass(1);
    world.admin().set_client_disabled("rp", false).await.unwrap();
    world.admin().set_client_disabled(machine.id(), false).await.unwrap();
    world.app.distrust_caches();
    if tokens.status == 200 {
        assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
        let token = member(&tokens, "access_token");
        let asked = world
            .send(form("/introspect", &[("token", &token)]).with("authorization", &world.basic("rp")))
            .await;
        assert_eq!(asked.text(), r#"{"active":false}"#);
    }
    let asked =
        world.send(form("/introspect", &[("token", &own)]).with("authorization", &machine.basic())).await;
    assert_eq!(asked.text(), r#"{"active":false}"#);
    assert_eq!(world.send(get("/healthz")).await.status, 200);
}

/// In another tab, while the application asks for a code by the consent it has.
#[tokio::test]
async fn a_code_issued_while_the_application_is_removed_is_worth_nothing() {
    for client in ["other", "all"] {
        let mut it = meddled("create_grant", move |world, mut browser| async move {
            let page = browser.visit(&world, "/account").await;
            let field = if client == "all" { ("all", "1") } else { ("client", client) };
            let fields = [("csrf", &*page.field("csrf")), field];
            assert_eq!(browser.submit(&world, "/account/apps", &fields).await.status, 200);
        })
        .await;
        let alice = it.world.admin().user("alice").await.unwrap();
        let other = it.world.store.client(&ClientId::parse("other").unwrap()).await.unwrap().unwrap();
        let realm = it.world.app.keys.fresh().await.unwrap().generation();
        let consent = Consent {
            user: alice.id,
            client: other.id.clone(),
            scope: "openid".split(' ').collect(),
            granted_at: BEGIN,
            authority: Some(Generations::of_grant(realm, &alice, &other).authority()),
        };
        it.world.store.remember_consent(&consent, it.world.admin().call).await.unwrap();
        let request = with(&[("client_id", "other"), ("prompt", "none")]);
        let answer = it.browser.get(&it.world, &request).await;
        answer.assert_error_redirect(REDIRECT, ISSUER, "consent_required", Some("s"));
    }
}
