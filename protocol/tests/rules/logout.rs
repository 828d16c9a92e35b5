//! RP-initiated logout, case by case: hint, redirect URI, session of the browser, next step.

use crate::samples::{client, user};
use protocol::Refusal;
use protocol::claims::id_token::Hint;
use protocol::client::Client;
use protocol::id::{ClientId, SessionId};
use protocol::issuer::Issuer;
use protocol::logout::{LogoutStep, Present, Requester, decide};
use protocol::redirect::ProvenLogoutRedirect;
use serde_json::{Value, json};

const HOME: &str = "https://rp.example/bye";
const ISSUER: &str = "https://auth.example";
const SESSION: SessionId = SessionId::from_bytes([4; 16]);
const ANOTHER: SessionId = SessionId::from_bytes([5; 16]);

fn leaving() -> Client {
    Client { post_logout_redirect_uris: vec![HOME.into(), "https://rp.example/bye?a=b".into()], ..client() }
}

fn hint(claims: Value) -> Hint {
    serde_json::from_value(claims).unwrap()
}

/// The hint of this session and user.
fn own() -> Hint {
    let subject = user().subject;
    hint(json!({ "iss": ISSUER, "aud": "client-a", "sub": subject, "sid": SESSION }))
}

fn home() -> ProvenLogoutRedirect {
    ProvenLogoutRedirect::prove(&leaving(), HOME).unwrap()
}

#[test]
fn without_a_hint_the_user_is_asked_and_goes_only_to_an_address_of_the_named_client() {
    let (client, subject) = (leaving(), user().subject);
    let present = Present { session: &SESSION, subject: subject.as_str() };
    let (nobody, named) = (Requester::Unnamed, Requester::Named(Some(&client)));
    for present in [None, Some(present)] {
        for uri in [None, Some(HOME), Some("https://evil.example/")] {
            assert_eq!(decide(nobody, uri, present), Ok(LogoutStep::Ask(None)), "{uri:?}");
        }
        assert_eq!(decide(named, None, present), Ok(LogoutStep::Ask(None)));
        assert_eq!(decide(named, Some(HOME), present), Ok(LogoutStep::Ask(Some(home()))));
        let foreign = Some("https://evil.example/");
        assert_eq!(decide(named, foreign, present), Err(Refusal::LogoutRedirectUnknown));
        let missing = Requester::Named(None);
        assert_eq!(decide(missing, Some(HOME), present), Err(Refusal::LogoutClientUnknown));
        assert_eq!(decide(missing, None, present), Ok(LogoutStep::Ask(None)));
    }
}

#[test]
fn a_hint_ends_its_own_users_session_and_asks_anybody_else() {
    let (client, subject) = (leaving(), user().subject);
    let without_sid = hint(json!({ "iss": ISSUER, "aud": "client-a", "sub": subject }));
    for (hint, session, subject, next) in [
        (own(), SESSION, subject.as_str(), LogoutStep::End(Some(home()))),
        // Another session of the same user, who has signed in again.
        (own(), ANOTHER, subject.as_str(), LogoutStep::End(Some(home()))),
        (without_sid.clone(), SESSION, subject.as_str(), LogoutStep::End(Some(home()))),
        (own(), ANOTHER, "somebody else", LogoutStep::Ask(Some(home()))),
        (without_sid, SESSION, "somebody else", LogoutStep::Ask(Some(home()))),
    ] {
        let present = Present { session: &session, subject };
        assert_eq!(
            decide(Requester::Vouched(&hint, &client), Some(HOME), Some(present)),
            Ok(next),
            "{hint:?}"
        );
    }
}

#[test]
fn where_nobody_is_signed_in_the_browser_goes_on() {
    let client = leaving();
    assert_eq!(
        decide(Requester::Vouched(&own(), &client), Some(HOME), None),
        Ok(LogoutStep::End(Some(home())))
    );
    assert_eq!(decide(Requester::Vouched(&own(), &client), None, None), Ok(LogoutStep::End(None)));
}

#[test]
fn an_address_is_the_clients_byte_for_byte_or_nothing_ends() {
    let client = leaving();
    let subject = user().subject;
    let present = Present { session: &SESSION, subject: subject.as_str() };
    for uri in [
        "",
        "https://rp.example/bye/",
        "https://rp.example/BYE",
        "https://rp.example/bye?a=b&c",
        "https://rp.example/bye#",
        "https://rp.example/cb",
        "https://evil.example/",
        "javascript:alert(1)",
    ] {
        let decided = decide(Requester::Vouched(&own(), &client), Some(uri), Some(present));
        assert_eq!(decided, Err(Refusal::LogoutRedirectUnknown), "{uri:?}");
    }
    assert!(
        ProvenLogoutRedirect::prove(&leaving(), "https://rp.example/cb").is_none(),
        "a redirect URI for codes"
    );
}

#[test]
fn the_state_goes_along_as_it_came() {
    let asked = ProvenLogoutRedirect::prove(&leaving(), "https://rp.example/bye?a=b").unwrap();
    for (redirect, state, url) in [
        (home(), None, "https://rp.example/bye"),
        (home(), Some("s"), "https://rp.example/bye?state=s"),
        (asked, Some("&x=\r\n"), "https://rp.example/bye?a=b&state=%26x%3D%0D%0A"),
    ] {
        assert_eq!(redirect.url(state), url);
    }
}

#[test]
fn a_hint_is_one_of_ours_for_one_client() {
    let issuer = Issuer::parse(ISSUER).unwrap();
    let id = ClientId::parse("client-a").unwrap();
    assert_eq!(own().client(&issuer), Some(id.clone()));
    assert_eq!(own().subject(&issuer, &id), Some(user().subject));
    assert_eq!(own().subject(&issuer, &ClientId::parse("client-b").unwrap()), None);
    for (what, claims) in [
        ("another issuer", json!({ "iss": "https://evil.example", "aud": "client-a", "sub": "s" })),
        ("several audiences", json!({ "iss": ISSUER, "aud": ["client-a", "client-b"], "sub": "s" })),
        ("no client's id", json!({ "iss": ISSUER, "aud": "größe", "sub": "s" })),
        ("an access token", json!({ "iss": ISSUER, "aud": "client-a", "sub": "s", "client_id": "client-a" })),
    ] {
        assert_eq!(hint(claims).client(&issuer), None, "{what}");
    }
}
