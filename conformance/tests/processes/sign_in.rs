//! A user signs in with a browser.

use crate::commands::{CHALLENGE, REDIRECT};
use conformance::process::Process;
use conformance::{Answer, PASSWORD, With as _, form, get, query};
use http::header::{COOKIE, ORIGIN};
use protocol::params::Params;
use std::collections::BTreeMap;

/// A browser whose requests alternate between two servers of one issuer.
struct Alternating<'a> {
    servers: [&'a Process; 2],
    turn: usize,
    cookies: BTreeMap<String, String>,
}

impl Alternating<'_> {
    async fn send(&mut self, request: http::Request<axum::body::Body>) -> Answer {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.with(COOKIE, &pairs.join("; ")) };
        self.turn += 1;
        let answer = self.servers[self.turn % 2].send(request).await;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        answer
    }

    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.servers[0].issuer.clone();
        self.send(form(path, fields).with(ORIGIN, &origin)).await
    }
}

/// Alice signs in and agrees, at each step with the other server; returns the code for the client.
pub(crate) async fn alice_gets_a_code(servers: [&Process; 2], id: &str) -> String {
    let mut browser = Alternating { servers, turn: 0, cookies: BTreeMap::new() };
    let request = query(&[
        ("client_id", id),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let answer = browser.send(get(&format!("/authorize?{request}"))).await;
    let login = browser.send(get(answer.location())).await;
    let (r, csrf) = (login.field("r"), login.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)];
    let answer = browser.submit("/login", &fields).await;
    let consent = browser.send(get(answer.location())).await;
    let (r, csrf) = (consent.field("r"), consent.field("csrf"));
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("decision", "approve"), ("scope", "openid")];
    let answer = browser.submit("/consent", &fields).await;
    let (_, to_client) = answer.location().split_once('?').unwrap();
    let code = Params::parse(to_client.as_bytes()).unwrap().get("code").unwrap().to_owned();
    assert!(browser.turn >= 5);
    code
}
