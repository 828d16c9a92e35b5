//! The library `oauth2`: client_credentials, and an API's introspection.

use crate::transport::transport;
use conformance::{Harness, Party, World};
use oauth2::basic::{BasicClient, BasicTokenType};
use oauth2::{
    AccessToken, ClientId, ClientSecret, EndpointNotSet, EndpointSet, IntrospectionUrl, RevocationUrl, Scope,
    StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use serde_json::json;

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;

/// The library's client.
fn client(world: &World, party: &Party) -> Client {
    let url = |path| world.issuer().url(path);
    BasicClient::new(ClientId::new(party.id().into()))
        .set_client_secret(ClientSecret::new(party.secret.clone()))
        .set_token_uri(TokenUrl::new(url("/token")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(url("/introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(url("/revoke")).unwrap())
}

#[tokio::test]
async fn oauth2_gets_a_token_by_client_credentials() {
    let world = World::with(Harness::Http, &[]).await;
    let machine = client(&world, &world.machine().await);
    let transport = transport(world.address());
    let request = machine.exchange_client_credentials().add_scope(Scope::new("read".into()));
    let tokens = request.request_async(&transport).await.unwrap();
    assert_eq!(tokens.expires_in().unwrap().as_secs(), 600);
    let scopes: Vec<&str> = tokens.scopes().unwrap().iter().map(|scope| scope.as_str()).collect();
    assert_eq!(scopes, ["read"]);
    let claims = conformance::claims(tokens.access_token().secret());
    assert_eq!(claims["aud"], "https://api.example");
}

#[tokio::test]
async fn oauth2_introspects_and_revokes() {
    let world = World::with(Harness::Http, &[]).await;
    let machine = client(&world, &world.machine().await);
    let api = json!({ "client_id": "api", "resources": ["https://api.example"] });
    let api = client(&world, &world.client(api).await);
    let transport = transport(world.address());
    let tokens = machine.exchange_client_credentials().request_async(&transport).await.unwrap();
    let token: &AccessToken = tokens.access_token();

    let introspected = api.introspect(token).request_async(&transport).await.unwrap();
    assert!(introspected.active());
    assert_eq!(introspected.client_id().map(|id| id.as_str()), Some("machine"));
    assert_eq!(introspected.sub(), Some("machine"));
    assert_eq!(introspected.iss(), Some(world.issuer().as_str()));
    assert_eq!(introspected.token_type(), Some(&BasicTokenType::Bearer));
    assert_eq!(introspected.aud(), Some(&vec!["https://api.example".to_owned()]));
    let lifetime = introspected.exp().unwrap().timestamp() - introspected.iat().unwrap().timestamp();
    assert_eq!(lifetime, 600);

    let revocable = StandardRevocableToken::AccessToken(token.clone());
    machine.revoke_token(revocable).unwrap().request_async(&transport).await.unwrap();
    let introspected = api.introspect(token).request_async(&transport).await.unwrap();
    assert!(!introspected.active());
}
