//! A simulated browser: it keeps cookies, sends `Origin` with forms and follows redirects within the issuer.

use crate::answer::Answer;
use crate::request::{self, With as _};
use crate::world::{PASSWORD, World};
use axum::body::Body;
use http::header::{COOKIE, ORIGIN};
use http::{Request, StatusCode};
use std::collections::BTreeMap;

/// A browser.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser without cookies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request with the cookies, and keeps those that come back.
    pub async fn send(&mut self, world: &World, request: Request<Body>) -> Answer {
        let mut request = request;
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.with(COOKIE, &pairs.join("; "));
        }
        let answer = world.send(request).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
    }

    /// Opens a path of the issuer.
    pub async fn get(&mut self, world: &World, path: &str) -> Answer {
        self.send(world, request::get(path)).await
    }

    /// Opens a path and follows redirects as long as they stay within the issuer.
    pub async fn visit(&mut self, world: &World, path: &str) -> Answer {
        let answer = self.get(world, path).await;
        self.follow(world, answer).await
    }

    /// Follows redirects as long as they stay within the issuer.
    pub async fn follow(&mut self, world: &World, mut answer: Answer) -> Answer {
        while answer.status == StatusCode::SEE_OTHER {
            let Some(path) = inside(world, answer.location()) else { break };
            answer = self.get(world, &path).await;
        }
        answer
    }

    /// Submits a form as the page of the issuer would.
    pub async fn submit(&mut self, world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = request::form(path, fields).with(ORIGIN, world.issuer().origin());
        let answer = self.send(world, request).await;
        self.follow(world, answer).await
    }

    /// Fills in the sign-in page.
    pub async fn sign_in(&mut self, world: &World, page: &Answer, username: &str, password: &str) -> Answer {
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", username), ("password", password)];
        self.submit(world, &world.path("/login"), &fields).await
    }

    /// Presses a button of the consent page, with every scope checked.
    pub async fn consent(&mut self, world: &World, page: &Answer, decision: &str) -> Answer {
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let mut fields = vec![("r", r.as_str()), ("csrf", &csrf), ("decision", decision)];
        let scopes = page.scopes();
        fields.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        self.submit(world, &world.path("/consent"), &fields).await
    }

    /// From a request to the client's answer: alice signs in if asked and agrees to everything.
    pub async fn authorize(&mut self, world: &World, path: &str) -> Answer {
        let mut answer = self.visit(world, path).await;
        if answer.is_page("Sign in") {
            answer = self.sign_in(world, &answer, "alice", PASSWORD).await;
        }
        if answer.status == StatusCode::OK && answer.text().contains("consent-approve") {
            answer = self.consent(world, &answer, "approve").await;
        }
        answer
    }

    /// A cookie whose name contains `part`.
    pub fn cookie(&self, part: &str) -> Option<&str> {
        self.cookies.iter().find(|(name, _)| name.contains(part)).map(|(_, value)| value.as_str())
    }

    /// The full name of a cookie whose name contains `part`.
    pub fn name(&self, part: &str) -> Option<&str> {
        self.cookies.keys().find(|name| name.contains(part)).map(String::as_str)
    }

    /// Replaces the value of a cookie whose name contains `part`.
    pub fn set_cookie(&mut self, part: &str, value: &str) {
        let name = self.cookies.keys().find(|name| name.contains(part)).unwrap().clone();
        self.cookies.insert(name, value.into());
    }
}

/// The path of a URL of the issuer.
fn inside(world: &World, url: &str) -> Option<String> {
    if url.starts_with('/') {
        return Some(url.into());
    }
    url.strip_prefix(world.issuer().origin()).filter(|rest| rest.starts_with('/')).map(str::to_owned)
}

impl World {
    /// A path of the issuer.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.issuer().path())
    }
}

impl Answer {
    /// Whether it is the page with this heading.
    pub fn is_page(&self, heading: &str) -> bool {
        self.header("content-type").starts_with("text/html")
            && self.text().contains(&format!("<h1>{heading}</h1>"))
    }

    /// The scopes of a consent page.
    pub fn scopes(&self) -> Vec<String> {
        let mark = r#"name="scope" value=""#;
        let pieces = self.text().split(mark).skip(1);
        pieces.map(|piece| piece.split('"').next().unwrap().to_owned()).collect()
    }
}
