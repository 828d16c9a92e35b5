//! What one authorization gives: a code, the tokens for it, their successors, and their end. Each step records what was
//! sent and what was answered.

use super::mortal_server::{Browser, MortalServer};
use crate::commands::{CHALLENGE, REDIRECT, VERIFIER};
use conformance::{Answer, With as _, form, get, query};

/// The state of a request that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    NotSent,
    /// It may have been done or not.
    Lost,
    Acknowledged,
}

/// An authorization at the public client, as the client knows it.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Finds the grant in the store.
    pub(super) nonce: String,
    pub(super) code: String,
    pub(super) redeemed: Fate,
    pub(crate) access: String,
    /// The newest one that was received.
    pub(super) refresh: String,
    /// How often it was replaced.
    pub(super) generation: u32,
    pub(super) refreshed: Fate,
    /// The revocation of the access token.
    pub(super) denied: Fate,
    /// The revocation of the refresh token.
    pub(super) revoked: Fate,
    /// Nothing of it works any more.
    pub(super) is_over: bool,
}

/// The path of an authorization request with a nonce.
pub(super) fn request(nonce: &str, prompt: &str) -> String {
    let pairs = [
        ("client_id", "spa"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("nonce", nonce),
        ("prompt", prompt),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    format!("/authorize?{}", query(&pairs))
}

impl Chain {
    /// For a user who is signed in and has agreed: no page is shown.
    pub(crate) async fn begin(server: &MortalServer, browser: &mut Browser, nonce: String) -> Option<Self> {
        let answer = browser.visit(server, &request(&nonce, "none")).await?;
        Some(Self::of(nonce, &answer))
    }

    /// From the answer that the client got.
    pub(super) fn of(nonce: String, answer: &Answer) -> Self {
        let code = answer.to_client().get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned();
        Self {
            nonce,
            code,
            redeemed: Fate::NotSent,
            access: String::new(),
            refresh: String::new(),
            generation: 0,
            refreshed: Fate::NotSent,
            denied: Fate::NotSent,
            revoked: Fate::NotSent,
            is_over: false,
        }
    }

    /// Presents the code, used or not.
    pub(super) async fn present_code(&self, server: &MortalServer) -> Option<Answer> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", self.code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_id", "spa"),
        ];
        server.send(form("/token", &fields)).await
    }

    pub(crate) async fn redeem(&mut self, server: &MortalServer) -> Option<()> {
        self.redeemed = Fate::Lost;
        let answer = self.present_code(server).await?;
        self.redeemed = Fate::Acknowledged;
        self.keep(&answer);
        Some(())
    }

    pub(crate) async fn refresh(&mut self, server: &MortalServer) -> Option<()> {
        self.refreshed = Fate::Lost;
        let answer = present_refresh(server, &self.refresh).await?;
        self.refreshed = Fate::Acknowledged;
        let before = self.refresh.clone();
        self.keep(&answer);
        self.generation += u32::from(self.refresh != before);
        Some(())
    }

    fn keep(&mut self, answer: &Answer) {
        assert_eq!(answer.status, 200, "{answer:?} {self:?}");
        let member = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        (self.access, self.refresh) = (member("access_token"), member("refresh_token"));
        self.denied = Fate::NotSent;
    }

    /// Revokes the access token.
    pub(super) async fn deny(&mut self, server: &MortalServer) -> Option<()> {
        self.denied = Fate::Lost;
        revoke_token(server, &self.access).await?;
        self.denied = Fate::Acknowledged;
        Some(())
    }

    /// Revokes the refresh token.
    pub(super) async fn revoke(&mut self, server: &MortalServer) -> Option<()> {
        self.revoked = Fate::Lost;
        revoke_token(server, &self.refresh).await?;
        self.revoked = Fate::Acknowledged;
        Some(())
    }

    /// The status of `/userinfo` for the access token.
    pub(super) async fn userinfo(&self, server: &MortalServer) -> Option<u16> {
        let request = get("/userinfo").with("authorization", &format!("Bearer {}", self.access));
        Some(server.send(request).await?.status.as_u16())
    }
}

/// Presents a refresh token, used or not.
pub(super) async fn present_refresh(server: &MortalServer, token: &str) -> Option<Answer> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "spa")];
    server.send(form("/token", &fields)).await
}

async fn revoke_token(server: &MortalServer, token: &str) -> Option<()> {
    let answer = server.send(form("/revoke", &[("token", token), ("client_id", "spa")])).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(())
}
