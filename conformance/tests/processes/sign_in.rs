//! A user signs in with a browser.

use crate::commands::{CHALLENGE, REDIRECT};
use axum::body::Body;
use conformance::process::Process;
use conformance::{Answer, PASSWORD, With as _, form, get, query};
use http::Request;
use http::header::{COOKIE, ORIGIN};
use protocol::params::Params;
use std::collections::BTreeMap;

/// What a browser talks to.
pub(crate) trait Server {
    /// Sends a request.
    async fn send(&self, request: Request<Body>) -> Answer;
    /// Its issuer.
    fn issuer(&self) -> &str;
}

impl Server for Process {
    async fn send(&self, request: Request<Body>) -> Answer {
        self.send(request).await
    }

    fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A browser whose requests alternate between two servers of one issuer.
struct Alternating<'a, S> {
    servers: [&'a S; 2],
    turn: usize,
    cookies: BTreeMap<String, String>,
}

impl<S: Server> Alternating<'_, S> {
    async fn send(&mut self, request: Request<Body>) -> Answer {
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
        let origin = self.servers[0].issuer().to_owned();
        self.send(form(path, fields).with(ORIGIN, &origin)).await
    }
}

/// Alice signs in and agrees, at each step with the other server; returns the code for the client.
pub(crate) async fn alice_gets_a_code<S: Server>(servers: [&S; 2], id: &str, scopes: &[&str]) -> String {
    let mut browser = Alternating { servers, turn: 0, cookies: BTreeMap::new() };
    let request = query(&[
        ("client_id", id),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", &scopes.join(" ")),
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
    let mut fields = vec![("r", r.as_str()), ("csrf", &csrf), ("decision", "approve")];
    fields.extend(scopes.iter().map(|scope| ("scope", *scope)));
    let answer = browser.submit("/consent", &fields).await;
    let (_, to_client) = answer.location().split_once('?').unwrap();
    let code = Params::parse(to_client.as_bytes()).unwrap().get("code").unwrap().to_owned();
    assert!(browser.turn >= 5);
    code
}
