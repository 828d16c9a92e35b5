//! A server that is killed after a random number of answers, and browsers that notice.

use crate::commands::SERVE;
use axum::body::Body;
use conformance::process::Process;
use conformance::{Answer, With as _, form, get};
use http::Request;
use http::header::{COOKIE, ORIGIN};
use keys::entropy::{SeededEntropy, bytes};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

/// One issuer across restarts, whatever the port.
const ISSUER: &str = "http://localhost:1";
/// The front end's secret: every browser has an address of its own, so that attempts don't count against another.
const FRONT: &str = "0123456789abcdef0123456789abcdef";

/// Random numbers that a seed repeats.
pub(super) struct Dice(SeededEntropy);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `sides`.
    pub(super) fn roll(&self, sides: u32) -> u32 {
        u32::from_be_bytes(bytes(&self.0)) % sides
    }
}

/// A running server.
pub(crate) struct MortalServer {
    process: Process,
    answered: Cell<u32>,
    last: Cell<Option<u32>>,
}

impl MortalServer {
    /// Starts it. `grace` is the setting `refresh_reuse_grace`.
    pub(super) fn start(folder: &Path, grace: &str) -> Self {
        Self::start_with(folder, &[("KEYWARD_REFRESH_REUSE_GRACE", grace)])
    }

    /// Starts it with these settings, too.
    pub(crate) fn start_with(folder: &Path, more: &[(&str, &str)]) -> Self {
        let mut settings = vec![
            ("KEYWARD_SIGNING_ALGS", "ES256"),
            ("KEYWARD_ISSUER", ISSUER),
            ("KEYWARD_SIGNUP", "open"),
            // Nothing expires before the test ends, however slow the machine.
            ("KEYWARD_CODE_TTL", "10m"),
            ("KEYWARD_ACCESS_TOKEN_TTL", "1h"),
            ("KEYWARD_CLIENT_IP", "header:x-real-ip"),
            ("KEYWARD_ORIGIN_SECRET", FRONT),
        ];
        settings.extend(more);
        let process = Process::start(folder, &SERVE, &settings);
        Self { process, answered: Cell::new(0), last: Cell::new(None) }
    }

    /// It answers this many more requests, then it is killed with whatever else is under way.
    pub(super) fn die_after(&self, answers: u32) {
        self.last.set(Some(self.answered.get() + answers));
    }

    /// `None` if it died before the answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Option<Answer> {
        if self.is_dead() {
            return None;
        }
        let answer = self.process.try_send(request.with("x-keyward-origin", FRONT)).await?;
        assert!(!answer.status.is_server_error(), "{answer:?}");
        if !self.is_dead() {
            self.answered.set(self.answered.get() + 1);
            if self.is_dead() {
                self.process.kill();
            }
        }
        Some(answer)
    }

    fn is_dead(&self) -> bool {
        self.last.get().is_some_and(|last| self.answered.get() >= last)
    }
}

/// A browser.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
    address: String,
}

impl Browser {
    /// Without cookies, at an address of its own.
    pub(super) fn new(number: usize) -> Self {
        let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
        Self { cookies: BTreeMap::new(), address }
    }

    /// Opens a path and follows redirects as long as they stay within the issuer.
    pub(super) async fn visit(&mut self, server: &MortalServer, path: &str) -> Option<Answer> {
        let answer = self.send(server, get(path)).await?;
        self.follow(server, answer).await
    }

    /// Submits a form of a page with its hidden fields; redirects are not followed.
    pub(super) async fn submit(
        &mut self,
        server: &MortalServer,
        page: &Answer,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Option<Answer> {
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let hidden = [("r", r.as_str()), ("csrf", csrf.as_str())];
        let fields: Vec<_> = hidden.iter().chain(fields).copied().collect();
        self.send(server, form(path, &fields).with(ORIGIN, ISSUER)).await
    }

    /// Follows redirects as long as they stay within the issuer.
    pub(super) async fn follow(&mut self, server: &MortalServer, mut answer: Answer) -> Option<Answer> {
        while answer.status == 303 && answer.location().starts_with('/') {
            answer = self.send(server, get(answer.location())).await?;
        }
        Some(answer)
    }

    async fn send(&mut self, server: &MortalServer, request: Request<Body>) -> Option<Answer> {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.with(COOKIE, &pairs.join("; ")) };
        let answer = server.send(request.with("x-real-ip", &self.address)).await?;
        for cookie in answer.cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.into(), value.into());
        }
        Some(answer)
    }
}
