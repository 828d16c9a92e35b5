//! Relying parties that others wrote, unmodified: `openidconnect` and `oauth2` walk the flows over HTTP.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use axum::body::Bytes;
use conformance::{Browser, World};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use oauth2::basic::BasicClient;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse as _, TokenUrl,
};
use std::net::SocketAddr;
use tokio::net::TcpStream;

const REDIRECT: &str = "https://rp.example/cb";

/// How the libraries reach the server.
async fn send(
    address: SocketAddr,
    request: http::Request<Vec<u8>>,
) -> Result<http::Response<Vec<u8>>, hyper::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut head, body) = request.into_parts();
    head.headers.insert("host", address.to_string().parse().unwrap());
    head.uri = head.uri.path_and_query().unwrap().as_str().parse().unwrap();
    let response = sender.send_request(http::Request::from_parts(head, Full::new(Bytes::from(body)))).await?;
    let (head, body) = response.into_parts();
    Ok(http::Response::from_parts(head, body.collect().await?.to_bytes().to_vec()))
}

#[tokio::test]
async fn openidconnect_signs_a_person_in_by_every_algorithm_we_sign_with() {
    for algs in ["RS256,ES256", "ES256", "PS256", "EdDSA"] {
        sign_in(algs).await;
    }
}

async fn sign_in(algs: &str) {
    let world = World::reachable(&[("KEYWARD_SIGNING_ALGS", algs)]).await;
    let party = world.relying_party().await;
    world.alice().await;
    let address = world.address();
    let transport = move |request| send(address, request);

    let issuer = IssuerUrl::new(world.issuer().to_string()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &transport).await.unwrap();
    let algs = metadata.id_token_signing_alg_values_supported().clone();
    let client = CoreClient::from_provider_metadata(
        metadata,
        ClientId::new(party.id().into()),
        Some(ClientSecret::new(party.secret.clone())),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT.into()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".into()))
        .add_scope(Scope::new("email".into()))
        .set_pkce_challenge(challenge)
        .url();
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = Browser::new().authorize(&world, &path).await;
    let answer = answer.to_client();
    assert_eq!(answer.get("state"), Some(state.secret().as_str()));

    let code = AuthorizationCode::new(answer.get("code").unwrap().into());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = tokens.request_async(&transport).await.unwrap();
    let clock = world.clock.clone();
    let now = move || {
        let seconds = i64::try_from(server::clock::Clock::now(&*clock).seconds()).unwrap();
        chrono::DateTime::from_timestamp(seconds, 0).unwrap()
    };
    let checker = client.id_token_verifier().set_allowed_algs(algs).set_time_fn(now);
    let id_token = tokens.id_token().unwrap();
    let claims = id_token.claims(&checker, &nonce).unwrap();
    let hash = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&checker).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));

    let subject = Some(claims.subject().clone());
    let request = client.user_info(tokens.access_token().clone(), subject).unwrap();
    let userinfo: openidconnect::core::CoreUserInfoClaims = request.request_async(&transport).await.unwrap();
    assert_eq!(userinfo.email().unwrap().as_str(), "alice@example.com");
    assert_eq!(userinfo.name().unwrap().get(None).unwrap().as_str(), "Alice Adams");
}

#[tokio::test]
async fn oauth2_gets_a_machine_its_token() {
    let world = World::reachable(&[]).await;
    let machine = world.machine().await;
    let address = world.address();
    let transport = move |request| send(address, request);
    let client = BasicClient::new(oauth2::ClientId::new(machine.id().into()))
        .set_client_secret(oauth2::ClientSecret::new(machine.secret.clone()))
        .set_token_uri(TokenUrl::new(world.issuer().url("/token")).unwrap());
    let request = client.exchange_client_credentials().add_scope(Scope::new("read".into()));
    let tokens = request.request_async(&transport).await.unwrap();
    assert_eq!(tokens.expires_in().unwrap().as_secs(), 600);
    let scopes: Vec<&str> = tokens.scopes().unwrap().iter().map(|scope| scope.as_str()).collect();
    assert_eq!(scopes, ["read"]);
    let claims = conformance::claims(tokens.access_token().secret());
    assert_eq!(claims["aud"], "https://api.example");
}
