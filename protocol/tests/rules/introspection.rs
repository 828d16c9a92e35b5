//! Introspection and revocation: which client may introspect or revoke which token, and the answers.

use crate::samples::{NOW, REALM, client, grant, on, redeemed, user};
use protocol::Refusal;
use protocol::authority::Generations;
use protocol::claims::access_token::VerifiedAccessToken;
use protocol::claims::access_token::client_jti;
use protocol::client::Client;
use protocol::generation::Generation;
use protocol::grant::{DependsOn, Grant, Refresh, Revocation, RevocationReason};
use protocol::id::{ClientId, RequestId};
use protocol::introspection::{Active, INACTIVE, active_tip, may_ask_about};
use protocol::issuer::Issuer;
use protocol::revocation;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use protocol::user::User;
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://auth.example";
const API: &str = "https://api.example";
const TOKEN: Digest = Digest::from_bytes([7; 32]);
const MILLISECOND: Duration = Duration::from_millis(1);

fn issuer() -> Issuer {
    Issuer::parse(ISSUER).unwrap()
}

fn another_client() -> Client {
    Client { id: ClientId::parse("client-b").unwrap(), ..client() }
}

/// An access token of `client-a`, issued at [`NOW`] for ten minutes, with some claims changed.
fn access_token(changes: Value) -> VerifiedAccessToken {
    let mut claims = json!({
        "iss": ISSUER,
        "sub": "somebody",
        "aud": [API, ISSUER],
        "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(),
        "jti": "id",
        "client_id": "client-a",
        "scope": "openid read",
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    serde_json::from_value(claims).unwrap()
}

fn tip() -> Refresh {
    Refresh {
        digest: TOKEN,
        generation: 0,
        rotated_at: None,
        master: 1,
        idle_expires_at: NOW.plus(Duration::from_secs(60)),
        expires_at: NOW.plus(Duration::from_secs(90)),
    }
}

fn holding(refresh: Refresh) -> Grant {
    Grant { offline: true, flow: redeemed(NOW), refresh: Some(refresh), ..grant() }
}

#[test]
fn a_token_is_the_business_of_its_client_and_of_the_resources_it_names() {
    let serving = |uri: &str| Client { resources: vec![uri.into()], ..another_client() };
    for (what, client, may) in [
        ("its own client", client(), true),
        ("the server of a resource it names", serving(API), true),
        ("the server of another resource", serving("https://two.example"), false),
        ("the server of a resource with the same prefix", serving("https://api.example/v1"), false),
        ("a client that serves nothing", another_client(), false),
    ] {
        assert_eq!(may_ask_about(&client, &access_token(json!({}))), may, "{what}");
    }
    assert!(may_ask_about(&serving(API), &access_token(json!({ "aud": API }))), "one audience, not a list");
}

#[test]
fn the_answer_about_an_access_token() {
    let (claims, issuer) = (access_token(json!({})), issuer());
    let told = serde_json::to_value(Active::access_token(&claims, &issuer)).unwrap();
    let expected = json!({
        "active": true,
        "scope": "openid read",
        "client_id": "client-a",
        "token_type": "Bearer",
        "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(),
        "sub": "somebody",
        "aud": [API, ISSUER],
        "iss": ISSUER,
        "jti": "id",
    });
    assert_eq!(told, expected);
}

#[test]
fn the_answer_about_a_refresh_token() {
    let (user, issuer) = (user(), issuer());
    let told = |tip: &Refresh| {
        serde_json::to_value(Active::refresh_token(&holding(tip.clone()), tip, &user, &issuer)).unwrap()
    };
    let expected = json!({
        "active": true,
        "scope": "openid",
        "client_id": "client-a",
        "exp": NOW.seconds() + 60,
        "iat": NOW.seconds(),
        "sub": user.subject,
        "iss": ISSUER,
    });
    assert_eq!(told(&tip()), expected);
    let rotated = Refresh {
        rotated_at: Some(NOW.plus(Duration::from_millis(30_500))),
        idle_expires_at: NOW.plus(Duration::from_secs(100)),
        ..tip()
    };
    let told = told(&rotated);
    assert_eq!((&told["iat"], &told["exp"]), (&json!(NOW.seconds() + 30), &json!(NOW.seconds() + 90)));
}

#[test]
fn n117_a_refresh_token_is_active_as_the_tip_of_a_living_grant_and_not_otherwise() {
    type Change = fn(&mut Grant, &mut User, &mut Client);
    let active = |token: &Digest, change: Change, now: Timestamp| {
        let (mut grant, mut user, mut client) = (holding(tip()), user(), client());
        change(&mut grant, &mut user, &mut client);
        active_tip(token, &grant, &on(&user, &client), now).is_some()
    };
    let end = NOW.plus(Duration::from_secs(60));
    assert!(active(&TOKEN, |_, _, _| {}, NOW));
    assert!(active(&TOKEN, |_, _, _| {}, end.minus(MILLISECOND)));
    assert!(!active(&TOKEN, |_, _, _| {}, end), "expired at its instant");
    let predecessor = Digest::of(SecretKind::RefreshToken, b"rotated away");
    assert!(!active(&predecessor, |_, _, _| {}, NOW));
    let (user, client) = (user(), client());
    let changes: [(&str, Change); 6] = [
        ("none was issued", |grant, _, _| grant.refresh = None),
        ("revoked", |grant, _, _| {
            grant.revoked = Some(Revocation { at: NOW, reason: RevocationReason::Revoked });
        }),
        ("the grant has expired", |grant, _, _| grant.expires_at = NOW),
        ("user disabled", |_, user, _| user.disabled = true),
        ("client disabled", |_, _, client| client.disabled = true),
        ("another client's", |_, _, client| client.id = ClientId::parse("client-b").unwrap()),
    ];
    for (what, change) in changes {
        assert!(!active(&TOKEN, change, NOW), "{what}");
    }
    let realm = REALM.next(RequestId::from_bytes([9; 16]), Timestamp::EPOCH);
    let restored = DependsOn { realm, ..on(&user, &client) };
    assert!(active_tip(&TOKEN, &holding(tip()), &restored, NOW).is_none(), "an older backup was restored");
}

#[test]
fn n117_nothing_is_told_about_what_is_not_active() {
    assert_eq!(serde_json::from_str::<Value>(INACTIVE).unwrap(), json!({ "active": false }));
}

#[test]
fn an_access_token_counts_for_its_issuer_until_its_end() {
    let end = NOW.plus(Duration::from_secs(600));
    for (what, changes, now, current, ours) in [
        ("fresh", json!({}), NOW, true, true),
        ("in its last millisecond", json!({}), end.minus(MILLISECOND), true, true),
        ("at its expiry", json!({}), end, false, false),
        ("for another audience", json!({ "aud": API }), NOW, true, false),
        ("by another issuer", json!({ "iss": "https://evil.example" }), NOW, false, false),
        ("an issuer with the same prefix", json!({ "iss": "https://auth.example/" }), NOW, false, false),
    ] {
        let claims = access_token(changes);
        assert_eq!(claims.is_current(&issuer(), now), current, "{what}");
        let checked = match (ours, now == end) {
            (true, _) => Ok(()),
            (false, true) => Err(Refusal::TokenExpired),
            (false, false) => Err(Refusal::TokenElsewhere),
        };
        assert_eq!(claims.check(&issuer(), now), checked, "{what}");
    }
}

#[test]
fn n241_a_clients_own_token_lives_as_long_as_the_generations_it_was_issued_by() {
    let call = |number| RequestId::from_bytes([number; 16]);
    let old = Client { generation: Generation::first(call(1)), ..client() };
    let jti = client_jti(&[0; 16], &Generations::of_client(REALM, &old).authority());
    let claims = access_token(json!({ "sub": "client-a", "jti": jti }));
    let ended = |at| Client { generation: old.generation.next(call(2), at), ..old.clone() };
    let restored = |at| REALM.next(call(2), at);
    let day = Duration::from_secs(24 * 3600);
    for (what, client, realm, alive) in [
        ("unchanged", old.clone(), REALM, true),
        ("disabled", Client { disabled: true, ..old.clone() }, REALM, false),
        ("disabled and enabled", ended(NOW), REALM, false),
        ("by a clock that is behind", ended(NOW.minus(day)), REALM, false),
        ("by a clock that is ahead", ended(NOW.plus(day)), REALM, false),
        (
            "deleted and registered again",
            Client { generation: Generation::first(call(3)), ..old.clone() },
            REALM,
            false,
        ),
        ("another client", another_client(), REALM, false),
        ("a restored backup", old.clone(), restored(NOW), false),
        ("a backup restored by a clock that is behind", old.clone(), restored(Timestamp::EPOCH), false),
    ] {
        assert_eq!(claims.is_alive(&client, realm), alive, "{what}");
    }
}

#[test]
fn a_clients_own_token_of_an_earlier_program_counts_by_its_second() {
    let claims = access_token(json!({ "sub": "client-a" }));
    let made = |id, not_before| Client { generation: Generation { id, not_before }, ..client() };
    for (what, client, alive) in [
        ("nothing ended", made(None, NOW), true),
        ("disabled within the second of its issue", made(None, NOW.plus(MILLISECOND)), false),
        ("ended by this version", made(Some(RequestId::from_bytes([1; 16])), Timestamp::EPOCH), false),
    ] {
        assert_eq!(claims.is_alive(&client, REALM), alive, "{what}");
    }
}

#[test]
fn n121_n123_what_a_client_may_take_back() {
    let revoked = Some(Revocation { at: NOW, reason: RevocationReason::Revoked });
    let over = Grant { revoked, ..holding(tip()) };
    for (what, client, grant, ends) in [
        ("its own", client(), holding(tip()), true),
        ("its own, not offline", client(), grant(), true),
        ("its own, revoked already", client(), over, false),
        ("another client's", another_client(), holding(tip()), false),
    ] {
        assert_eq!(revocation::ends_grant(&client, &grant), ends, "{what}");
    }
    let end = NOW.plus(Duration::from_secs(600));
    for (what, client, changes, now, denies) in [
        ("its own", client(), json!({}), NOW, true),
        ("its own for another server", client(), json!({ "aud": API }), NOW, true),
        ("its own, expired", client(), json!({}), end, false),
        ("another issuer's", client(), json!({ "iss": "https://evil.example" }), NOW, false),
        ("another client's", another_client(), json!({}), NOW, false),
    ] {
        assert_eq!(revocation::denies(&client, &access_token(changes), &issuer(), now), denies, "{what}");
    }
}

#[test]
fn a_token_without_a_scope_has_none_in_its_answer() {
    let mut claims = access_token(json!({}));
    claims.scope = Scope::default();
    let issuer = issuer();
    let told = serde_json::to_value(Active::access_token(&claims, &issuer)).unwrap();
    assert_eq!(told.get("scope"), None);
}
