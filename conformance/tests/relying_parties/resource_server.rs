//! The library `guard` in front of an API: tokens of machines and of users, by the documents that we publish.

use crate::transport::transport;
use conformance::{Browser, CHALLENGE, Harness, Log, Party, REDIRECT, VERIFIER, With, World, form, query};
use guard::{
    Clock, Fetch, FetchError, Fetching, Introspection, Issuer, Reason, Rejection, Require, Token, Verifier,
};
use http::Method;
use keys::clock::FakeClock;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const API: &str = "https://orders.example";

/// The world's clock.
struct WorldClock(Arc<FakeClock>);

impl Clock for WorldClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(keys::clock::Clock::now(&*self.0).millis())
    }
}

/// Requests reach the server at its address, whatever the issuer's name.
struct Direct(SocketAddr);

impl Fetch for Direct {
    fn send(&self, request: http::Request<Vec<u8>>) -> Fetching<'_> {
        let answered = transport(self.0)(request);
        Box::pin(async { answered.await.map_err(|error| FetchError::Connection(error.to_string())) })
    }
}

/// An issuer, its clients, and the API's verifier.
struct Api {
    world: World,
    shop: Party,
    issuer: Issuer,
}

impl Api {
    async fn new(algs: &str) -> Self {
        let world = World::with(Harness::Http, &[("KEYWARD_SIGNING_ALGS", algs)]).await;
        let shop = json!({
            "client_id": "shop",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "client_credentials"],
            "scope": "openid orders:read orders:write",
            "audiences": [API, "https://payments.example"],
        });
        let shop = world.client(shop).await;
        world.alice().await;
        let issuer = Issuer::new(world.issuer().as_str()).audience(API).fetch(Direct(world.address()));
        Self { world, shop, issuer }
    }

    fn verifier(&self, issuer: Issuer) -> Verifier {
        Verifier::builder().issuer(issuer).clock(WorldClock(Arc::clone(&self.world.clock))).build().unwrap()
    }

    async fn token(&self, parameters: &[(&str, &str)]) -> String {
        let request = form("/token", parameters).with("authorization", &self.shop.basic());
        let answer = self.world.send(request).await.json();
        answer.get("access_token").and_then(Value::as_str).unwrap().to_owned()
    }

    async fn of_machine(&self, scope: &str, resource: &str) -> String {
        self.token(&[("grant_type", "client_credentials"), ("scope", scope), ("resource", resource)]).await
    }

    async fn of_alice(&self, scope: &str) -> String {
        let request = [
            ("response_type", "code"),
            ("client_id", "shop"),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let path = format!("/authorize?{}", query(&request));
        let answer = Browser::new().authorize(&self.world, &path).await.to_client();
        let code = answer.get("code").unwrap();
        let grant = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
        self.token(&[grant.as_slice(), &[("code_verifier", VERIFIER)]].concat()).await
    }
}

/// Whether a token may be used to change orders.
fn may_write(verifier: &Verifier, token: &Token) -> Result<(), Rejection> {
    let orders = Require::all(["orders:read"]).on(Method::POST, Require::all(["orders:write"]));
    verifier.authorize(token, &Method::GET, &orders).unwrap();
    verifier.authorize(token, &Method::POST, &orders)
}

#[tokio::test]
async fn guard_verifies_tokens_of_machines_and_users_in_every_algorithm() {
    let lacking = Err(Rejection::InsufficientScope(vec!["orders:write".into()]));
    for algs in ["RS256,ES256", "ES256", "PS256", "EdDSA"] {
        let api = Api::new(algs).await;
        let verifier = api.verifier(api.issuer.clone());
        for (scope, expected) in [("orders:read orders:write", Ok(())), ("orders:read", lacking.clone())] {
            let token = verifier.verify(&api.of_machine(scope, API).await).await.unwrap();
            assert_eq!((token.subject(), token.client()), ("shop", "shop"));
            assert_eq!(may_write(&verifier, &token), expected, "{algs}");

            let token = verifier.verify(&api.of_alice(&format!("openid {scope}")).await).await.unwrap();
            assert_eq!((token.subject() == "shop", token.client()), (false, "shop"));
            assert!(token.auth_time().is_some() && token.acr().is_some());
            assert_eq!(may_write(&verifier, &token), expected, "{algs}");
        }
    }
}

#[tokio::test]
async fn guard_refuses_what_is_for_others_or_has_expired() {
    let api = Api::new("ES256").await;
    let verifier = api.verifier(api.issuer.clone());
    let refused = async |token: &str| verifier.verify(token).await.unwrap_err();
    let other = api.of_machine("orders:read", "https://payments.example").await;
    assert_eq!(refused(&other).await, Rejection::Invalid(Reason::Audience));
    let token = api.of_machine("orders:read", API).await;
    api.world.pass(629);
    verifier.verify(&token).await.unwrap();
    api.world.pass(1);
    assert_eq!(refused(&token).await, Rejection::Invalid(Reason::Expired));
}

#[tokio::test]
async fn guard_notices_a_revocation_by_introspection() {
    let api = Api::new("ES256").await;
    let server = json!({ "client_id": "orders-api", "resources": [API] });
    let server = api.world.client(server).await;
    let endpoint = api.world.issuer().url("/introspect");
    let how = Introspection::new(&endpoint, server.id(), &server.secret);
    let asking = api.verifier(api.issuer.clone().introspect(how));
    let offline = api.verifier(api.issuer.clone());
    let token = api.of_machine("orders:read", API).await;
    asking.verify(&token).await.unwrap();
    let revocation = form("/revoke", &[("token", &token)]).with("authorization", &api.shop.basic());
    assert_eq!(api.world.send(revocation).await.status, 200);
    assert_eq!(asking.verify(&token).await.unwrap_err(), Rejection::Invalid(Reason::Inactive));
    offline.verify(&token).await.unwrap();
}

#[tokio::test]
async fn guard_logs_that_its_own_credentials_are_refused() {
    let (log, api) = (Log::open(), Api::new("ES256").await);
    let how = Introspection::new(&api.world.issuer().url("/introspect"), "orders-api", "wrong");
    let token = api.of_machine("orders:read", API).await;
    let asking = api.verifier(api.issuer.clone().introspect(how));
    assert_eq!(asking.verify(&token).await.unwrap_err(), Rejection::Unavailable);
    assert!(log.text().contains("the issuer refuses the API's client id or secret"), "{}", log.text());
}
