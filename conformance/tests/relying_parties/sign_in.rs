//! The library `openidconnect`: an application that signs users in.

use crate::transport::transport;
use conformance::{Browser, Harness, Party, World};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreIdTokenVerifier, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
};
use serde_json::json;

const REDIRECT: &str = "https://rp.example/cb";
const AFTER: &str = "https://rp.example/bye";

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An application, what it read from our metadata, and alice's browser.
struct Application {
    world: World,
    browser: Browser,
    metadata: ProviderMetadataWithLogout,
    client: Client,
}

impl Application {
    async fn new(algs: &str) -> Self {
        let world = World::with(Harness::Http, &[("KEYWARD_SIGNING_ALGS", algs)]).await;
        let registered = json!({
            "client_id": "rp",
            "redirect_uris": [REDIRECT],
            "post_logout_redirect_uris": [AFTER],
            "scope": "openid profile email offline_access",
        });
        let party = world.client(registered).await;
        world.alice().await;
        let issuer = IssuerUrl::new(world.issuer().to_string()).unwrap();
        let there = transport(world.address());
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &there).await.unwrap();
        let client = Self::client(metadata.clone(), &party);
        Self { world, browser: Browser::new(), metadata, client }
    }

    fn client(metadata: ProviderMetadataWithLogout, party: &Party) -> Client {
        let (id, secret) = (ClientId::new(party.id().into()), ClientSecret::new(party.secret.clone()));
        CoreClient::from_provider_metadata(metadata, id, Some(secret))
            .set_redirect_uri(RedirectUrl::new(REDIRECT.into()).unwrap())
    }

    /// The library's checks at the world's time.
    fn checks(&self) -> CoreIdTokenVerifier<'_> {
        let clock = self.world.clock.clone();
        let now = move || {
            let seconds = i64::try_from(keys::clock::Clock::now(&*clock).seconds()).unwrap();
            chrono::DateTime::from_timestamp(seconds, 0).unwrap()
        };
        let algs = self.metadata.id_token_signing_alg_values_supported().clone();
        self.client.id_token_verifier().set_allowed_algs(algs).set_time_fn(now)
    }

    /// Signs alice in; returns the tokens, and the claims of the verified ID token.
    async fn sign_in(&mut self) -> (CoreTokenResponse, CoreIdTokenClaims) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.into())))
            .add_prompt(openidconnect::core::CoreAuthPrompt::Consent)
            .set_pkce_challenge(challenge)
            .url();
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        let answer = self.browser.authorize(&self.world, &path).await;
        let answer = answer.to_client();
        assert_eq!(answer.get("state"), Some(state.secret().as_str()));
        let code = AuthorizationCode::new(answer.get("code").unwrap().into());
        let tokens = self.client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
        let tokens = tokens.request_async(&transport(self.world.address())).await.unwrap();
        let claims = tokens.id_token().unwrap().claims(&self.checks(), &nonce).unwrap().clone();
        (tokens, claims)
    }
}

#[tokio::test]
async fn openidconnect_signs_a_user_in_with_every_algorithm() {
    for algs in ["RS256,ES256", "ES256", "PS256", "EdDSA"] {
        let mut application = Application::new(algs).await;
        let (tokens, claims) = application.sign_in().await;
        let (id_token, checks) = (tokens.id_token().unwrap(), application.checks());
        let hash = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg().unwrap(),
            id_token.signing_key(&checks).unwrap(),
        );
        assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));

        let subject = Some(claims.subject().clone());
        let request = application.client.user_info(tokens.access_token().clone(), subject).unwrap();
        let userinfo: CoreUserInfoClaims =
            request.request_async(&transport(application.world.address())).await.unwrap();
        assert_eq!(userinfo.email().unwrap().as_str(), "alice@example.com");
        assert_eq!(userinfo.name().unwrap().get(None).unwrap().as_str(), "Alice Adams");
    }
}

#[tokio::test]
async fn openidconnect_refreshes() {
    let mut application = Application::new("ES256").await;
    let (tokens, first) = application.sign_in().await;
    application.world.pass(3600);
    let refresh = tokens.refresh_token().unwrap();
    let request = application.client.exchange_refresh_token(refresh).unwrap();
    let again = request.request_async(&transport(application.world.address())).await.unwrap();
    assert_ne!(again.access_token().secret(), tokens.access_token().secret());
    // OIDC Core §12.2: the same subject and auth_time; the nonce belongs to the first ID token only.
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce".to_owned()));
    let checks = application.checks();
    let second = again.id_token().unwrap().claims(&checks, no_nonce).unwrap();
    assert_eq!(second.subject(), first.subject());
    assert_eq!(second.auth_time(), first.auth_time());
    assert_eq!((second.issue_time() - first.issue_time()).num_seconds(), 3600);
}

#[tokio::test]
async fn openidconnect_signs_out() {
    let mut application = Application::new("ES256").await;
    let (tokens, _) = application.sign_in().await;
    let end_session = application.metadata.additional_metadata().end_session_endpoint.clone().unwrap();
    let state = CsrfToken::new_random();
    let url = LogoutRequest::from(end_session)
        .set_id_token_hint(tokens.id_token().unwrap())
        .set_client_id(ClientId::new("rp".into()))
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(AFTER.into()).unwrap())
        .set_state(state.clone())
        .http_get_url();
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = application.browser.visit(&application.world, &path).await;
    assert_eq!(answer.location(), format!("{AFTER}?state={}", state.secret()));
    assert!(application.browser.cookie("kw-s-").is_none(), "the session is gone");
}
