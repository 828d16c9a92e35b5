//! How long sessions, grants and consents are valid, and how long their records are kept.

use crate::samples::{self, NOW, REALM, client, grant, issued_code, session, user};
use protocol::authority::{Authority, Generations};
use protocol::authorize::issue::{self, Derived};
use protocol::authorize::{Granted, SignedIn, check};
use protocol::claims::Catalog;
use protocol::client::Client;
use protocol::consent::Consent;
use protocol::generation::Generation;
use protocol::grant::{
    self, DependsOn, Grant, KEPT_OF_A_CLIENT, MOST_CODES, MOST_OF_A_CLIENT, Refresh, RequestedClaims,
};
use protocol::id::{ClientId, GrantId, RequestId, SessionId};
use protocol::lifetimes::{self, Lifetimes};
use protocol::params::Params;
use protocol::scope::Scope;
use protocol::session::{self, MOST_OF_A_USER, Session};
use protocol::time::Timestamp;
use protocol::user::User;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn n241_a_consent_counts_for_the_client_and_the_generations_it_was_given_by() {
    let call = |number| RequestId::from_bytes([number; 16]);
    let client = Client { generation: Generation::first(call(1)), ..client() };
    let consent = Consent {
        user: user().id,
        client: client.id.clone(),
        scope: Scope::parse("openid").unwrap(),
        granted_at: NOW,
        authority: Some(Generations::of_grant(REALM, &user(), &client).authority()),
    };
    assert!(consent.counts(&user(), &client, REALM));
    let registered_again = Client { generation: Generation::first(call(2)), ..client.clone() };
    assert!(!consent.counts(&user(), &registered_again, REALM), "registered again under the same id");
    let other = Client { id: ClientId::parse("client-b").unwrap(), ..client.clone() };
    assert!(!consent.counts(&user(), &other, REALM), "another client");
    let changed = User { generation: user().generation.next(call(3), Timestamp::EPOCH), ..user() };
    assert!(!consent.counts(&changed, &client, REALM), "a new password");
    assert!(!consent.counts(&user(), &client, REALM.next(call(3), NOW)), "a restored backup");
}

#[test]
fn what_is_agreed_to_by_another_authority_is_not_united() {
    let consent = |scope: &str, authority| Consent {
        user: user().id,
        client: client().id,
        scope: Scope::parse(scope).unwrap(),
        granted_at: NOW,
        authority,
    };
    let [one, two] = [[1; 16], [2; 16]].map(|bytes| Some(Authority::from_bytes(bytes)));
    let known = consent("openid email", one);
    for (given, authority, stored) in [
        ("email", one, None),
        ("email phone", one, Some("openid email phone")),
        ("email", two, Some("email")),
        ("email", None, Some("email")),
    ] {
        let added = consent(given, authority).added_to(Some(&known));
        assert_eq!(added, stored.map(|scope| consent(scope, authority)), "{given} {authority:?}");
    }
    assert_eq!(known.added_to(None), Some(known.clone()));
}

/// The changes that end everything granted before.
#[test]
fn n238_n239_n241_a_grant_lives_while_nothing_it_was_decided_by_has_ended() {
    let call = RequestId::from_bytes([9; 16]);
    let (user, client, session) = (user(), client(), session());
    let alive = |grant: &Grant, user: &User, session: Option<&Session>, client: &Client, realm| {
        grant.is_alive(&DependsOn { user, session, client, realm }, NOW)
    };
    let redeemed = Grant { flow: samples::redeemed(NOW), ..grant() };
    let offline = Grant { offline: true, ..redeemed.clone() };
    let unredeemed = Grant { offline: true, ..grant() };
    let ended = Session { ended_at: Some(NOW), ..session.clone() };
    let over = Session { expires_at: NOW, ..session.clone() };
    let other = Session { id: SessionId::from_bytes([9; 16]), ..session.clone() };
    for (what, session, of_session) in [
        ("its session", Some(&session), true),
        ("none", None, false),
        ("ended", Some(&ended), false),
        ("over", Some(&over), false),
        ("another session", Some(&other), false),
    ] {
        for (grant, lives) in
            [(&grant(), of_session), (&redeemed, of_session), (&unredeemed, of_session), (&offline, true)]
        {
            assert_eq!(alive(grant, &user, session, &client, REALM), lives, "{what}: {grant:?}");
        }
    }
    // Whatever clock dated the end.
    for at in [NOW, NOW.minus(Duration::from_secs(3600)), NOW.plus(Duration::from_secs(3600))] {
        let signed_out = User { generation: user.generation.next(call, at), ..user.clone() };
        let off_and_on = Client { generation: client.generation.next(call, at), ..client.clone() };
        for grant in [&redeemed, &offline] {
            let session = Some(&session);
            assert!(!alive(grant, &signed_out, session, &client, REALM));
            assert!(!alive(grant, &user, session, &off_and_on, REALM));
            assert!(!alive(grant, &user, session, &client, REALM.next(call, at)));
        }
    }
}

#[test]
fn n242_the_oldest_of_too_many_sessions_ends_and_what_is_over_goes_first() {
    let at = |seconds| NOW.plus(Duration::from_secs(seconds));
    let id = |number: usize| SessionId::from_bytes((number as u128).to_be_bytes());
    let numbered = |number: usize| Session {
        id: id(number),
        created_at: NOW.plus(Duration::from_millis(number as u64)),
        ..session()
    };
    let all: Vec<Session> = (0..MOST_OF_A_USER).map(numbered).collect();
    assert_eq!(session::surplus(all.clone(), &id(99), NOW), []);
    let one_more = [all.clone(), vec![numbered(MOST_OF_A_USER)]].concat();
    assert_eq!(session::surplus(one_more.clone(), &id(100), NOW), [id(0)]);
    assert_eq!(session::surplus(one_more.clone(), &id(0), NOW), [id(1)], "by a clock that is behind");
    let mut with_one_over = one_more;
    with_one_over[50].ended_at = Some(NOW);
    assert_eq!(session::surplus(with_one_over.clone(), &id(100), NOW), [id(50)]);
    with_one_over[50] = Session { expires_at: at(5), ..numbered(50) };
    assert_eq!(session::surplus(with_one_over, &id(100), at(5)), [id(50)]);
}

#[test]
fn n242_of_too_many_codes_and_grants_the_oldest_go() {
    let id = |number: usize| GrantId::from_bytes((number as u128).to_be_bytes());
    let numbered = |number: usize| Grant {
        id: id(number),
        created_at: NOW.plus(Duration::from_millis(number as u64)),
        ..grant()
    };
    let redeemed = |number| Grant {
        flow: samples::redeemed(numbered(number).created_at),
        expires_at: NOW.plus(Duration::from_secs(9)),
        ..numbered(number)
    };
    let codes: Vec<Grant> = (0..=MOST_CODES).map(numbered).collect();
    let made = numbered(MOST_CODES);
    assert_eq!(grant::surplus(&codes[1..], &made, NOW), []);
    assert_eq!(grant::surplus(&codes, &made, NOW), [id(0)]);
    // A clock that is behind makes the new grant look old: it is kept all the same.
    assert_eq!(grant::surplus(&codes, &codes[0], NOW), [id(1)]);
    let elsewhere = Grant { session: SessionId::from_bytes([9; 16]), ..numbered(0) };
    assert_eq!(grant::surplus(&[&[elsewhere], &codes[1..]].concat(), &made, NOW), []);
    let grants: Vec<Grant> = (0..=MOST_OF_A_CLIENT).map(redeemed).collect();
    let made = redeemed(MOST_OF_A_CLIENT);
    assert_eq!(grant::surplus(&grants[1..], &made, NOW), []);
    let goes: Vec<GrantId> = (0..=MOST_OF_A_CLIENT - KEPT_OF_A_CLIENT).rev().map(id).collect();
    assert_eq!(grant::surplus(&grants, &made, NOW), goes);
    let mut with_one_over = grants;
    with_one_over[MOST_OF_A_CLIENT - 1].expires_at = NOW;
    let gone = grant::surplus(&with_one_over, &made, NOW);
    assert!(
        gone.contains(&id(MOST_OF_A_CLIENT - 1)) && !gone.contains(&id(MOST_OF_A_CLIENT - KEPT_OF_A_CLIENT))
    );
}

/// A phone that is used every day stays signed in, however many grants a browser makes.
#[test]
fn n242_what_outlasts_a_session_and_is_in_use_goes_last() {
    let id = |number: usize| GrantId::from_bytes((number as u128).to_be_bytes());
    let at = |number: usize| NOW.plus(Duration::from_millis(number as u64));
    let redeemed = |number: usize, offline: bool| Grant {
        id: id(number),
        offline,
        created_at: at(number),
        flow: samples::redeemed(at(number)),
        expires_at: at(9000),
        ..grant()
    };
    let of = |offline: bool| -> Vec<Grant> { (1..=MOST_OF_A_CLIENT).map(|n| redeemed(n, offline)).collect() };
    let goes = |all: Vec<Grant>| {
        let made = all.last().unwrap().clone();
        grant::surplus(&all, &made, NOW).contains(&id(0))
    };
    let phone = redeemed(0, true);
    assert!(!goes([vec![phone.clone()], of(false)].concat()), "the others need their session");
    assert!(goes([vec![phone.clone()], of(true)].concat()), "the oldest of its kind");
    let mut in_use = phone.clone();
    in_use.refresh = Some(Refresh {
        digest: issued_code().digest,
        generation: 1,
        rotated_at: Some(at(MOST_OF_A_CLIENT)),
        master: 1,
        idle_expires_at: at(9000),
        expires_at: at(9000),
    });
    assert!(!goes([vec![in_use.clone()], of(true)].concat()), "used since");
    let ended = Grant { authority: Some(Authority::from_bytes([9; 16])), ..in_use };
    assert!(goes([vec![ended], of(true)].concat()), "made under a generation that has ended");
    // Offline grants do not displace the others.
    let (waiting, unused) = (Grant { flow: grant().flow, ..redeemed(0, false) }, of(true));
    let unused: Vec<Grant> =
        unused.into_iter().map(|it| Grant { flow: samples::redeemed(NOW), created_at: NOW, ..it }).collect();
    assert!(!goes([vec![waiting], unused].concat()), "a code not redeemed yet");
}

/// The grant of a request made now, in a session that ends at `session_end`.
fn issued(scope: &str, session_end: Timestamp, lifetimes: &Lifetimes) -> Grant {
    let text = "client_id=client-a&redirect_uri=https://rp.example/cb&response_type=code&scope=openid\
                &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let request =
        check(&Params::parse(text.as_bytes()).unwrap(), Some(&client()), &Catalog::default()).unwrap();
    let session = Session { expires_at: session_end, ..session() };
    let scope = Scope::parse(scope).unwrap();
    let granted = Granted { scope: scope.clone(), claims: RequestedClaims::default(), agreed: scope };
    let derived = Derived { id: grant().id, code: issued_code().digest };
    let signed_in = SignedIn { user: &user(), session: &session, consent: None, realm: REALM };
    issue::grant(&request, &client(), granted, signed_in, derived, lifetimes, NOW)
}

#[test]
fn a_grant_outlives_its_session_its_tokens_and_its_request() {
    let (soon, short) = (NOW.plus(Duration::from_secs(1)), Lifetimes::default());
    let day = Duration::from_secs(24 * 3600);
    let long = Lifetimes { access_token: day, ..short };
    for (scope, session_end, lifetimes, end) in [
        // Otherwise it could be deleted while the request can still be answered, and the same code be issued again.
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
    assert_eq!(unredeemed.kept_until(), issued_code().expires_at.plus(hour));
    let redeemed = Grant { flow: samples::redeemed(NOW), ..unredeemed.clone() };
    assert_eq!(redeemed.kept_until(), redeemed.expires_at);
    // Never after its expiry.
    let brief = Grant { expires_at: NOW.plus(lifetimes::REQUEST), ..unredeemed };
    assert_eq!(brief.kept_until(), brief.expires_at);
    // The request has expired by then in every case.
    for session_end in [NOW, NOW.plus(24 * hour)] {
        let grant = issued("openid", session_end, &Lifetimes::default());
        assert!(grant.kept_until() >= NOW.plus(lifetimes::REQUEST), "{session_end:?}");
    }
}

/// The code's fields are next to the grant's own, as in records of versions that had only codes.
#[test]
fn n228_a_grant_says_by_which_flow_it_was_given() {
    let mut record = serde_json::to_value(grant()).unwrap();
    let (flow, nonce) = (record["flow"].clone(), record["nonce"].clone());
    assert_eq!((flow, nonce), ("code".into(), serde_json::Value::Null));
    assert_eq!(record["code"], serde_json::to_value(issued_code().digest).unwrap());
    let read = |record: &serde_json::Value| serde_json::from_value::<Grant>(record.clone()).ok();
    assert_eq!(read(&record), Some(grant()));
    record["flow"] = "device".into();
    assert_eq!(read(&record), None, "written by a newer version");
    record.as_object_mut().unwrap().remove("flow");
    assert_eq!(read(&record), Some(grant()), "written by an older version");
}
