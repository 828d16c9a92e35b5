//! Sample records: minimal ones, and ones with every field filled.

use crate::{Commit, GrantLocator, Stamp, Store};
use protocol::attempts::{AttemptKey, Limit};
use protocol::authority::Authority;
use protocol::client::{AuthMethod, Client, ClientSecret, GrantType};
use protocol::consent::Consent;
use protocol::flow::{AuthorizationCode, Flow};
use protocol::generation::Generation;
use protocol::grant::{Grant, GrantKey, Refresh, RequestedClaims, Revocation, RevocationReason};
use protocol::group::GroupName;
use protocol::id::{ClientId, EventId, GrantId, RequestId, SessionId, Subject, UserId};
use protocol::jwk::Algorithm;
use protocol::name::Identifier;
use protocol::pkce::{Challenge, Pkce};
use protocol::samples;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::session::{ACR_PASSWORD, AMR_PASSWORD, Authentication, Session};
use protocol::time::Timestamp;
use protocol::user::{PasswordHash, User};
use serde_json::json;
use std::time::Duration;

/// The time of the cases: far in the future, so that no backend deletes records by the machine's clock.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(4_000_000_000);

/// The last instant that every backend stores exactly.
pub(crate) const END_OF_TIME: Timestamp = Timestamp::from_millis(i64::MAX.cast_unsigned());

/// Text that a backend could mishandle.
const ODD: &str = "Zoë \"O'Neil\" \\ ; -- %_ 名前 🦀 \u{202e}\r\n\t#";

/// Sixteen bytes that differ by `number`.
pub(crate) fn bytes(number: u32) -> [u8; 16] {
    let [a, b, c, d] = number.to_be_bytes();
    [0, 255, 39, 0, a, b, c, d, 0, 0, 0, 0, a, b, c, d]
}

/// The stamp of a request at [`NOW`].
pub(crate) fn call(number: u32) -> Stamp {
    call_at(number, NOW)
}

/// The stamp of a request at a time.
pub(crate) fn call_at(number: u32, at: Timestamp) -> Stamp {
    Stamp { at, request: RequestId::from_bytes(bytes(number)) }
}

pub(crate) fn later(millis: u64) -> Timestamp {
    NOW.plus(Duration::from_millis(millis))
}

pub(crate) fn earlier(millis: u64) -> Timestamp {
    NOW.minus(Duration::from_millis(millis))
}

pub(crate) fn secret(kind: SecretKind, number: u32) -> Digest {
    Digest::of(kind, &bytes(number))
}

pub(crate) fn scope(text: &str) -> Scope {
    text.split(' ').filter(|token| !token.is_empty()).collect()
}

pub(crate) fn client_id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

/// A public client with required fields only.
pub(crate) fn bare_client(id: &str) -> Client {
    Client { name: "Bare".into(), created_at: NOW, ..samples::client(client_id(id)) }
}

/// A client with every field.
pub(crate) fn full_client(id: &str) -> Client {
    let texts = |count: usize| (0..count).map(|n| format!("https://rp.example/{n}?a=b&c='\"é")).collect();
    let kept = |number, expires_at| ClientSecret {
        digest: secret(SecretKind::ClientSecret, number),
        created_at: earlier(1),
        expires_at,
    };
    Client {
        id: client_id(id),
        name: ODD.into(),
        auth_method: AuthMethod::ClientSecretPost,
        secrets: vec![kept(1, Some(later(1))), kept(2, None)],
        redirect_uris: texts(3),
        post_logout_redirect_uris: texts(2),
        origins: vec!["https://spa.example".into()],
        grant_types: GrantType::ALL.to_vec(),
        scope: scope("openid profile email offline_access a:b/c!#[]~"),
        audiences: texts(2),
        resources: texts(1),
        signing_alg: Some(Algorithm::EdDSA),
        pkce_required: false,
        first_party: true,
        native: true,
        dotless_schemes: true,
        start_url: Some("https://rp.example/?a=b#/c".into()),
        tokens: samples::tokens(),
        declared: true,
        disabled: true,
        generation: Generation { id: Some(call(7).request), not_before: later(7) },
        created_at: earlier(9),
        revision: 9,
    }
}

pub(crate) fn user_id(number: u32) -> UserId {
    UserId::from_bytes(bytes(number))
}

/// An identifier of a user: a name or an address.
pub(crate) fn name(typed: &str) -> Identifier {
    Identifier::typed(typed).unwrap()
}

/// A user with required fields only.
pub(crate) fn bare_user(number: u32) -> User {
    User {
        id: user_id(number),
        subject: Subject::from_random(bytes(number)),
        created_at: NOW,
        updated_at: NOW,
        ..samples::user()
    }
}

/// A user with every field.
pub(crate) fn full_user(number: u32) -> User {
    let claims = json!({
        "name": ODD,
        "birthdate": "0000-02-29",
        "phone_number_verified": true,
        "address": { "formatted": "1 High Street\r\nAnytown", "country": "" },
    });
    User {
        username: "Ålice".into(),
        email: Some("Alice+tag#1@Example.org".into()),
        email_verified: true,
        claims: claims.as_object().cloned().unwrap(),
        groups: ["a", "Ünï (x)"].map(|name| GroupName::parse(name).unwrap()).into(),
        password: Some(PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".into())),
        disabled: true,
        generation: Generation { id: Some(call(3).request), not_before: later(3) },
        created_at: earlier(5),
        updated_at: later(2),
        ..bare_user(number)
    }
}

/// The user with the generation that a request begins.
pub(crate) fn voided(user: &User, stamp: Stamp) -> User {
    User { generation: user.generation.next(stamp.request, stamp.at), ..user.clone() }
}

pub(crate) fn password(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

pub(crate) fn authentication(number: u32) -> Authentication {
    Authentication {
        event: EventId::from_bytes(bytes(number)),
        at: later(u64::from(number)),
        acr: ACR_PASSWORD.into(),
        amr: vec![AMR_PASSWORD.into(), "otp".into()],
    }
}

/// The authority by which something was decided.
pub(crate) fn authority(number: u32) -> Authority {
    Authority::from_bytes(bytes(number))
}

/// A consent of a user with a client in a request, by authority 1.
pub(crate) fn agreed(user: u32, client: &str, given: &str, stamp: Stamp) -> Consent {
    Consent {
        user: user_id(user),
        client: client_id(client),
        scope: scope(given),
        granted_at: stamp.at,
        authority: Some(authority(1)),
    }
}

pub(crate) fn session_id(number: u32) -> SessionId {
    SessionId::from_bytes(bytes(number))
}

pub(crate) fn session_secret(number: u32) -> Digest {
    secret(SecretKind::Session, number)
}

/// A live session of user 1; its secret has the session's number.
pub(crate) fn session(number: u32) -> Session {
    Session {
        id: session_id(number),
        user: user_id(1),
        secret: session_secret(number),
        authentication: authentication(number),
        authority: Some(authority(number)),
        created_at: NOW,
        expires_at: later(604_800_000),
        ended_at: None,
    }
}

/// The session after its user authenticated again: secret, authentication and authority have the number.
pub(crate) fn reproven(session: &Session, number: u32) -> Session {
    let (secret, authentication) = (session_secret(number), authentication(number));
    Session { secret, authentication, authority: Some(authority(number)), ..session.clone() }
}

pub(crate) fn grant_id(number: u32) -> GrantId {
    GrantId::from_bytes(bytes(number))
}

/// The locator of a grant of user 1.
pub(crate) fn grant_key(number: u32) -> GrantKey {
    GrantKey { user: user_id(1), grant: grant_id(number) }
}

/// The same without its session.
pub(crate) fn grant_at(number: u32) -> GrantLocator {
    GrantLocator { key: grant_key(number), session: None }
}

pub(crate) fn code(number: u32) -> Digest {
    secret(SecretKind::Code, number)
}

/// A grant of user 1 in session 1, with required fields only, not redeemed; its code has the grant's number.
/// `last_request` is that of request 1.
pub(crate) fn grant(number: u32) -> Grant {
    Grant {
        id: grant_id(number),
        user: user_id(1),
        client: client_id("client-a"),
        session: session_id(1),
        requested_scope: scope("openid"),
        scope: Scope::empty(),
        resource: None,
        flow: Flow::Code(AuthorizationCode {
            digest: code(number),
            expires_at: later(60_000),
            redirect_uri: Digest::of(SecretKind::RedirectUri, b"https://rp.example/cb"),
            pkce: Pkce::None,
            nonce: None,
            redeemed_at: None,
        }),
        claims: RequestedClaims::default(),
        authentication: authentication(1),
        authority: None,
        offline: false,
        refresh: None,
        created_at: NOW,
        expires_at: later(660_000),
        revoked: None,
        last_request: call(1).request,
    }
}

/// The grant, its code changed.
pub(crate) fn with_code(mut grant: Grant, change: impl FnOnce(&mut AuthorizationCode)) -> Grant {
    let Flow::Code(code) = &mut grant.flow;
    change(code);
    grant
}

/// The grant, its code redeemed.
pub(crate) fn redeemed(grant: Grant, at: Timestamp) -> Grant {
    with_code(grant, |code| code.redeemed_at = Some(at))
}

/// The grant, its code not redeemed yet.
pub(crate) fn unredeemed(grant: Grant) -> Grant {
    with_code(grant, |code| code.redeemed_at = None)
}

/// A refresh token as it is first issued.
pub(crate) fn first_tip(number: u32) -> Refresh {
    Refresh {
        digest: secret(SecretKind::RefreshToken, number),
        generation: 0,
        rotated_at: None,
        master: 0,
        idle_expires_at: later(2_592_000_000),
        expires_at: later(7_776_000_000),
    }
}

/// The successor of a refresh token of generation 6.
pub(crate) fn rotated_tip(number: u32) -> Refresh {
    Refresh { generation: 7, rotated_at: Some(later(3)), master: 300, ..first_tip(number) }
}

/// An offline grant whose refresh token is [`rotated_tip`] of the same number.
pub(crate) fn offline_grant(number: u32) -> Grant {
    let grant = redeemed(grant(number), earlier(1));
    Grant { offline: true, refresh: Some(rotated_tip(number)), ..grant }
}

/// A grant with every field, at the end of its life.
pub(crate) fn full_grant(number: u32) -> Grant {
    let grant = with_code(grant(number), |code| {
        // The challenge of RFC 7636 appendix B.
        code.pkce = Pkce::S256(Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap());
        code.nonce = Some(ODD.into());
        code.redeemed_at = Some(later(1));
    });
    Grant {
        scope: scope("openid email"),
        resource: Some("https://api.example/v1?x='y'".into()),
        claims: RequestedClaims {
            userinfo: vec!["email".into()],
            id_token: vec!["name".into(), "acr".into()],
        },
        authority: Some(authority(number)),
        offline: true,
        refresh: Some(rotated_tip(number)),
        revoked: Some(Revocation { at: later(2), reason: RevocationReason::CodeReplayed }),
        ..grant
    }
}

/// Creates a user with a name, in request 1.
pub(crate) async fn put_user(store: &dyn Store, user: &User, typed: &str) {
    assert_eq!(store.create_user(user, &[name(typed)], call(1)).await.unwrap(), Commit::Done);
}

/// The user an identifier leads to.
pub(crate) async fn owner(store: &dyn Store, identifier: &Identifier) -> Option<UserId> {
    store.find_user(identifier, &[]).await.unwrap().user
}

/// Creates a client, in request 1.
pub(crate) async fn put_client(store: &dyn Store, client: &Client) {
    assert_eq!(store.create_client(client, call(1)).await.unwrap(), Commit::Done);
}

/// Starts a session, in request 1.
pub(crate) async fn put_session(store: &dyn Store, session: &Session) {
    assert_eq!(store.start_session(session, call(1)).await.unwrap(), Commit::Done);
}

/// Creates a grant, in request 1.
pub(crate) async fn put_grant(store: &dyn Store, grant: &Grant) {
    assert_eq!(store.create_grant(grant, None, call(1)).await.unwrap(), Commit::Done);
}

/// Remembers a consent, in request 1.
pub(crate) async fn put_consent(store: &dyn Store, consent: &Consent) {
    store.remember_consent(consent, call(1)).await.unwrap();
}

/// The stored grant.
pub(crate) async fn kept_grant(store: &dyn Store, like: &Grant) -> Option<Grant> {
    store.load_grant(GrantLocator { key: like.key(), session: None }).await.unwrap().grant
}

/// The stored session.
pub(crate) async fn kept_session(store: &dyn Store, like: &Session) -> Option<Session> {
    store.load_sign_in(&like.user, Some(like.id), &client_id("client-a"), &[]).await.unwrap().session
}

/// The stored consent.
pub(crate) async fn kept_consent(store: &dyn Store, like: &Consent) -> Option<Consent> {
    store.load_sign_in(&like.user, None, &like.client, &[]).await.unwrap().consent
}

/// An access token's hashed `jti`.
pub(crate) fn token(number: u32) -> Digest {
    secret(SecretKind::TokenId, number)
}

/// A counter of one session.
pub(crate) fn attempt(number: u32) -> AttemptKey {
    AttemptKey::session(&session_id(number))
}

/// One attempt each interval.
pub(crate) fn each(interval: Duration) -> Limit {
    Limit { burst: 1, interval }
}

/// A lost write that found a record.
pub(crate) fn lost<T>(record: T) -> Commit<T> {
    Commit::Lost(Some(Box::new(record)))
}
