//! What most tests begin with: a server, the user alice, and an application she signs in to.

use crate::chromium::Chromium;
use crate::other_site::{Arrival, Site};
use conformance::{Answer, Browser, CHALLENGE, PASSWORD, Party, VERIFIER, With as _, World, form, query};
use serde_json::json;

/// A server with alice and an application.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) site: Site,
    pub(crate) party: Party,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With sign-up open.
    pub(crate) async fn open() -> Self {
        Self::with(&[("KEYWARD_SIGNUP", "open")]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let world = World::reachable(settings).await;
        world.alice().await;
        let site = Site::start().await;
        let metadata = json!({
            "client_id": "rp",
            "client_name": "Photo Albums",
            "redirect_uris": [site.url("/cb"), site.url("/silent"), site.url("/bounce")],
            "post_logout_redirect_uris": [site.url("/bye")],
            "scope": "openid profile email offline_access",
        });
        let party = world.client(metadata).await;
        Self { world, site, party }
    }

    /// The application's authorization request, with parameters changed or added.
    pub(crate) fn request(&self, changes: &[(&str, &str)]) -> String {
        self.world.issuer().url(&self.path(changes))
    }

    /// Its path on the server.
    pub(crate) fn path(&self, changes: &[(&str, &str)]) -> String {
        let callback = self.site.url("/cb");
        let query = query(&with(&[&[("redirect_uri", callback.as_str())], changes].concat()));
        format!("/authorize?{query}")
    }

    /// Opens an address of the server.
    pub(crate) async fn open_page(&self, browser: &Chromium, path: &str) {
        browser.open(&self.world.issuer().url(path)).await;
    }

    /// Signs alice in at her account page.
    pub(crate) async fn open_account(&self, browser: &Chromium) {
        self.open_page(browser, "/account").await;
        sign_in(browser, PASSWORD).await;
        browser.arrive_at("Your account").await;
    }

    /// Alice signed in at the application in another browser, which is returned.
    pub(crate) async fn other_browser(&self) -> Browser {
        let mut browser = Browser::new();
        let answer = browser.authorize(&self.world, &self.path(&[])).await;
        assert!(answer.to_client().get("code").is_some(), "{answer:?}");
        browser
    }

    /// Makes an account in another browser.
    pub(crate) async fn sign_up(&self, username: &str) {
        let mut browser = Browser::new();
        let page = browser.visit(&self.world, "/signup").await;
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", username), ("password", PASSWORD)];
        let account = browser.submit(&self.world, "/signup", &fields).await;
        assert!(account.is_page("Your account"), "{account:?}");
    }

    /// Redeems the code that arrived.
    pub(crate) async fn redeem(&self, arrival: &Arrival) -> Answer {
        let redirect_uri = self.site.url(&arrival.path);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", arrival.get("code").unwrap()),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.world.send(form("/token", &fields).with("authorization", &self.party.basic())).await
    }

    /// Signs alice in and lets her agree, so that there is a session and a consent.
    pub(crate) async fn sign_in_and_agree(&mut self, browser: &Chromium) -> Arrival {
        browser.open(&self.request(&[])).await;
        sign_in(browser, PASSWORD).await;
        browser.press("#consent-approve").await;
        let arrival = self.site.arrival().await;
        assert!(arrival.get("code").is_some(), "{arrival:?}");
        arrival
    }
}

/// The parameters of a valid request, with changes; the last value of a name counts.
pub(crate) fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![
        ("client_id", "rp"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for change in changes {
        parameters.retain(|(name, _)| *name != change.0);
        parameters.push(*change);
    }
    parameters
}

/// Fills in the sign-in page as alice.
pub(crate) async fn sign_in(browser: &Chromium, password: &str) {
    browser.fill("input[name=username]", "alice").await;
    browser.fill("input[name=password]", password).await;
    browser.press("#login-submit").await;
}
