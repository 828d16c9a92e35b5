//! The cookies of a request: ours among those of other programs. The input is lines, each one `Cookie` header.

use super::samples::ring;
use crate::world::BEGIN;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use keys::entropy::SeededEntropy;
use protocol::base64url;
use protocol::id::{SessionId, UserId};
use protocol::issuer::Issuer;
use protocol::secret::Secret;
use protocol::session::SessionCookie;
use server::cookies::Cookies;
use std::time::Duration;

/// Headers of a request.
pub fn cookie(data: &[u8]) {
    let lines: Vec<_> =
        data.split(|b| *b == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    for issuer in ["https://op.example", "http://localhost:8080"] {
        let cookies = Cookies::new(&Issuer::parse(issuer).unwrap(), Duration::from_secs(3600));
        let foreign = headers(lines.iter().cloned());
        assert!(cookies.session(&foreign, ring()).is_none(), "a forgery");
        check_binding(&cookies, &foreign);
        check_session_among(&cookies, &lines);
    }
}

fn headers(lines: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    lines.into_iter().map(|line| (COOKIE, line)).collect()
}

/// What a browser sends back of a `Set-Cookie` header.
fn kept(set_cookie: &HeaderValue) -> String {
    set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// A binding that is found was in the header; without one the browser gets one, which is found next time.
fn check_binding(cookies: &Cookies, foreign: &HeaderMap) {
    let found = cookies.binding(foreign);
    let (binding, set_cookie) = cookies.binding_or_new(foreign, &SeededEntropy::new(1));
    assert_eq!(found.is_none(), set_cookie.is_some());
    let text = base64url::encode(binding.as_bytes());
    match set_cookie {
        Some(set_cookie) => {
            let next = headers([HeaderValue::try_from(kept(&set_cookie)).unwrap()]);
            assert!(cookies.binding(&next) == Some(binding));
        }
        None => assert!(
            foreign
                .values()
                .any(|line| line.as_bytes().windows(text.len()).any(|part| part == text.as_bytes()))
        ),
    }
}

/// Cookies of other programs on the host don't hide ours.
fn check_session_among(cookies: &Cookies, others: &[HeaderValue]) {
    let own = SessionCookie {
        user: UserId::from_bytes([1; 16]),
        session: SessionId::from_bytes([2; 16]),
        secret: Secret::from_bytes([3; 32]),
        last_used_at: BEGIN,
    };
    let pair = kept(&cookies.set_session(&own, ring(), &SeededEntropy::new(2), BEGIN));
    let name = pair.split('=').next().unwrap().as_bytes();
    let has_ours = |line: &HeaderValue| line.as_bytes().windows(name.len()).any(|part| part == name);
    let others: Vec<_> = others.iter().filter(|line| !has_ours(line)).map(HeaderValue::as_bytes).collect();
    let beside = [others.join(b"; ".as_slice()), pair.clone().into_bytes()].join(b"; ".as_slice());
    let before = [pair.clone().into_bytes(), others.join(b";".as_slice())].join(b";".as_slice());
    let apart =
        others.iter().copied().chain([pair.as_bytes()]).map(|line| HeaderValue::from_bytes(line).unwrap());
    let line = |bytes: Vec<u8>| HeaderValue::try_from(bytes).unwrap();
    for sent in [headers([line(beside)]), headers([line(before)]), headers(apart)] {
        let Some(found) = cookies.session(&sent, ring()) else {
            panic!("hidden by another cookie: {sent:?}")
        };
        let same = (found.user, found.session, found.digest(), found.last_used_at);
        assert_eq!(same, (own.user, own.session, own.digest(), own.last_used_at));
    }
}
