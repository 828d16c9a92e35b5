//! A client, a user and a grant of theirs, for the other modules.

use protocol::authority::Generations;
use protocol::client::{AuthMethod, Client, ClientSecret, GrantType};
use protocol::flow::{AuthorizationCode, Flow};
use protocol::generation::Generation;
use protocol::grant::{DependsOn, Grant, RequestedClaims};
use protocol::id::{ClientId, EventId, GrantId, RequestId, SessionId, Subject};
use protocol::pkce::{Challenge, Pkce};
use protocol::samples;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::session::{ACR_PASSWORD, Authentication, Session};
use protocol::time::Timestamp;
use protocol::user::User;
use std::time::Duration;

pub(crate) const REALM: Generation = Generation { id: None, not_before: Timestamp::EPOCH };
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const REDIRECT: &str = "https://rp.example/cb";
pub(crate) const SECRET: &str = "kws_secret";
pub(crate) const CODE: &[u8] = &[9; 32];
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(crate) fn client() -> Client {
    Client {
        name: "A".into(),
        auth_method: AuthMethod::ClientSecretBasic,
        secrets: vec![ClientSecret {
            digest: Digest::of(SecretKind::ClientSecret, SECRET.as_bytes()),
            created_at: Timestamp::EPOCH,
            expires_at: None,
        }],
        redirect_uris: vec![REDIRECT.into(), "https://rp.example/other".into()],
        grant_types: vec![GrantType::AuthorizationCode],
        scope: Scope::parse("openid profile email").unwrap(),
        ..samples::client(ClientId::parse("client-a").unwrap())
    }
}

pub(crate) fn user() -> User {
    User { subject: Subject::from_random([2; 16]), ..samples::user() }
}

pub(crate) fn session() -> Session {
    Session {
        id: SessionId::from_bytes([4; 16]),
        user: user().id,
        secret: Digest::of(SecretKind::Session, b"s"),
        authentication: Authentication {
            event: EventId::from_bytes([5; 16]),
            at: NOW,
            acr: ACR_PASSWORD.into(),
            amr: vec!["pwd".into()],
        },
        authority: Some(Generations::of_session(REALM, &user()).authority()),
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(24 * 3600)),
        ended_at: None,
    }
}

/// What a grant depends on, without a session: an offline grant whose code was redeemed needs none.
pub(crate) fn on<'a>(user: &'a User, client: &'a Client) -> DependsOn<'a> {
    DependsOn { user, session: None, client, realm: REALM }
}

/// The code of [`grant`].
pub(crate) fn issued_code() -> AuthorizationCode {
    AuthorizationCode {
        digest: Digest::of(SecretKind::Code, CODE),
        expires_at: NOW.plus(Duration::from_secs(60)),
        redirect_uri: Digest::of(SecretKind::RedirectUri, REDIRECT.as_bytes()),
        pkce: Pkce::S256(Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap()),
        nonce: None,
        redeemed_at: None,
    }
}

/// The flow of [`grant`], its code redeemed.
pub(crate) fn redeemed(at: Timestamp) -> Flow {
    Flow::Code(AuthorizationCode { redeemed_at: Some(at), ..issued_code() })
}

pub(crate) fn grant() -> Grant {
    Grant {
        id: GrantId::from_bytes([3; 16]),
        user: user().id,
        client: client().id,
        session: SessionId::from_bytes([4; 16]),
        requested_scope: Scope::parse("openid").unwrap(),
        scope: Scope::parse("openid").unwrap(),
        resource: None,
        flow: Flow::Code(issued_code()),
        claims: RequestedClaims::default(),
        authentication: session().authentication,
        authority: Some(Generations::of_grant(REALM, &user(), &client()).authority()),
        offline: false,
        refresh: None,
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(660)),
        revoked: None,
        last_request: RequestId::from_bytes([6; 16]),
    }
}
