//! How long what was granted counts and is kept.

use crate::samples::{NOW, client, grant, user};
use protocol::authorize::issue::{self, Derived};
use protocol::authorize::{Granted, check};
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::grant::{Grant, RequestedClaims};
use protocol::id::{ClientId, SessionId};
use protocol::lifetimes::{self, Lifetimes};
use protocol::params::Params;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::session::Session;
use protocol::time::Timestamp;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

fn consent(granted_at: Timestamp) -> Consent {
    Consent { user: user().id, client: client().id, scope: Scope::parse("openid").unwrap(), granted_at }
}

#[test]
fn what_a_former_client_of_the_same_id_was_allowed_does_not_count() {
    let client = Client { created_at: NOW, ..client() };
    for (granted_at, counts) in [
        (NOW.minus(MILLISECOND), false),
        (Timestamp::EPOCH, false),
        (NOW, true),
        (NOW.plus(MILLISECOND), true),
    ] {
        assert_eq!(client.honours(&consent(granted_at)), counts, "{granted_at:?}");
    }
    // Nor does another client's, however old; a client that was disabled meanwhile goes on with what it was allowed.
    let other = Consent { client: ClientId::parse("client-b").unwrap(), ..consent(NOW) };
    assert!(!client.honours(&other));
    let voided = Client { not_before: NOW.plus(MILLISECOND), ..client };
    assert!(voided.honours(&consent(NOW)));
}

/// The grant of a request made now, in a session that ends at `session_end`.
fn issued(scope: &str, session_end: Timestamp, lifetimes: &Lifetimes) -> Grant {
    let text = "client_id=client-a&redirect_uri=https://rp.example/cb&response_type=code&scope=openid\
                &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let request = check(&Params::parse(text.as_bytes()).unwrap(), Some(&client())).unwrap();
    let session = Session {
        id: SessionId::from_bytes([4; 16]),
        user: user().id,
        secret: Digest::of(SecretKind::Session, b"s"),
        authentication: grant().authentication,
        created_at: NOW,
        expires_at: session_end,
        ended_at: None,
    };
    let scope = Scope::parse(scope).unwrap();
    let granted = Granted { scope: scope.clone(), claims: RequestedClaims::default(), agreed: scope };
    let derived = Derived { id: grant().id, code: grant().code };
    issue::grant(&request, &client().id, granted, &session, derived, lifetimes, NOW)
}

#[test]
fn a_grant_outlives_its_session_its_tokens_and_its_request() {
    let (soon, short) = (NOW.plus(Duration::from_secs(1)), Lifetimes::default());
    let day = Duration::from_secs(24 * 3600);
    let long = Lifetimes { access_token: day, ..short };
    for (scope, session_end, lifetimes, end) in [
        // Else it could be swept while the request still answers, and the same code be made again.
        ("openid", soon, short, NOW.plus(lifetimes::REQUEST)),
        ("openid", soon, long, NOW.plus(short.code).plus(day)),
        ("openid", NOW.plus(day), short, NOW.plus(day)),
        ("openid offline_access", soon, short, NOW.plus(short.refresh_token_absolute)),
        (
            "openid offline_access",
            soon,
            Lifetimes { refresh_token_absolute: MILLISECOND, ..short },
            NOW.plus(lifetimes::REQUEST),
        ),
    ] {
        assert_eq!(issued(scope, session_end, &lifetimes).expires_at, end, "{scope} {lifetimes:?}");
    }
}

#[test]
fn a_grant_is_kept_to_its_end_if_its_code_was_redeemed() {
    let hour = Duration::from_secs(3600);
    let unredeemed = Grant { expires_at: NOW.plus(24 * hour), ..grant() };
    assert_eq!(unredeemed.kept_until(), unredeemed.code_expires_at.plus(hour));
    let redeemed = Grant { redeemed_at: Some(NOW), ..unredeemed.clone() };
    assert_eq!(redeemed.kept_until(), redeemed.expires_at);
    // Never longer than it lives.
    let brief = Grant { expires_at: NOW.plus(lifetimes::REQUEST), ..unredeemed };
    assert_eq!(brief.kept_until(), brief.expires_at);
    // Whatever comes first, the request is over by then.
    for session_end in [NOW, NOW.plus(24 * hour)] {
        let grant = issued("openid", session_end, &Lifetimes::default());
        assert!(grant.kept_until() >= NOW.plus(lifetimes::REQUEST), "{session_end:?}");
    }
}
