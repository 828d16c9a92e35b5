//! A user signs in, and an application gets tokens: the authorization code flow of a public client, from the first request
//! to the end of its grant.

use super::check::{Check, Difference};
use super::headers;
use super::visitor::{PAUSE, Visitor, expect, field, header, member, outline};
use crate::cli::reach::Answer;
use guard::PublicKey;
use http::header::{AUTHORIZATION, LOCATION};
use keys::entropy::{self, SystemEntropy};
use protocol::base64url;
use protocol::jwk::Jwk;
use protocol::jwt::Compact;
use protocol::params::{Params, encode_all};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where the client gets its answers. Nothing is there (RFC 6761 §6.4), and nothing is sent there.
pub(super) const REDIRECT_URI: &str = "https://keyward-doctor.invalid/callback";
const SCOPES: [&str; 3] = ["openid", "profile", "offline_access"];
/// By how much the clocks of two servers may differ before a repeated request is no longer taken for a retry, and some time
/// to notice.
const CLOCKS: Duration = Duration::from_secs(75);

/// The application, and the browser of its user.
pub(super) struct Flow {
    pub(super) visitor: Visitor,
    pub(super) client: String,
    /// The server's keys.
    pub(super) keys: Vec<Jwk>,
    verifier: String,
    https: bool,
}

/// What the application got.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Flow {
    pub(super) fn new(visitor: Visitor, client: String, keys: Vec<Jwk>) -> Self {
        let verifier = base64url::encode(&entropy::bytes::<32>(&SystemEntropy));
        let https = visitor.server.issuer.is_https();
        Self { visitor, client, keys, verifier, https }
    }

    /// The user signs in and agrees: a code.
    pub(super) async fn sign_in(
        &mut self,
        (username, password): (&str, &str),
        checks: &mut Vec<Check>,
    ) -> Result<String, Difference> {
        let https = self.https;
        let answer = self.authorize().await?;
        checks.push(headers::check("/authorize", &answer, headers::REDIRECT, https));
        let page = expect(self.visitor.follow(&answer).await?, "the sign-in page", 200)?;
        checks.push(headers::check("the sign-in page", &page, headers::PAGE, https));
        checks.push(headers::cookies("the sign-in page", &page, &["kw-b-"], https));
        let (r, csrf) = (field(&page, "r"), field(&page, "csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", username), ("password", password)];
        let answer = expect(self.visitor.submit("/login", &fields).await?, "the sign-in", 303)?;
        checks.push(headers::check("the sign-in", &answer, headers::REDIRECT, https));
        checks.push(headers::cookies("the sign-in", &answer, &["kw-s-", "kw-d-"], https));
        let page = expect(self.visitor.follow(&answer).await?, "the consent page", 200)?;
        checks.push(headers::check("the consent page", &page, headers::PAGE, https));
        let (r, csrf) = (field(&page, "r"), field(&page, "csrf"));
        let mut fields = vec![("r", r.as_str()), ("csrf", &csrf), ("decision", "approve")];
        fields.extend(SCOPES.map(|scope| ("scope", scope)));
        let answer = expect(self.visitor.submit("/consent", &fields).await?, "the consent", 303)?;
        self.code_of(&answer)
    }

    /// The user is signed in and has agreed: another code.
    pub(super) async fn another_code(&mut self) -> Result<String, Difference> {
        let answer = self.authorize().await?;
        self.code_of(&answer)
    }

    async fn authorize(&mut self) -> Result<Answer, Difference> {
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.verifier.as_bytes());
        let (scope, challenge) = (SCOPES.join(" "), base64url::encode(challenge.as_ref()));
        let query = encode_all(&[
            ("client_id", self.client.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", &scope),
            ("state", "doctor"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let answer = self.visitor.get(&format!("/authorize?{query}"), None).await?;
        expect(answer, "/authorize", 303)
    }

    fn code_of(&self, answer: &Answer) -> Result<String, Difference> {
        let location = header(answer, &LOCATION).unwrap_or_default();
        let (target, query) = location.split_once('?').unwrap_or((location, ""));
        let params = Params::parse(query.as_bytes()).ok();
        let param = |name| params.as_ref().and_then(|params| params.get(name)).unwrap_or_default();
        let (code, error, issuer) = (param("code"), param("error"), param("iss"));
        if target == REDIRECT_URI && !code.is_empty() && issuer == self.visitor.server.issuer.as_str() {
            return Ok(code.to_owned());
        }
        let found = format!("{target} with the error \"{error}\" and the issuer \"{issuer}\"");
        Err(Difference::new(
            "a redirect to the client with a code and the issuer",
            found,
            "read the server's log",
        ))
    }

    /// The form that redeems a code.
    pub(super) fn redemption<'a>(&'a self, code: &'a str) -> [(&'static str, &'a str); 5] {
        [
            ("grant_type", "authorization_code"),
            ("client_id", &self.client),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &self.verifier),
        ]
    }

    /// Redeems a code.
    pub(super) async fn redeem(&mut self, code: &str) -> Result<Answer, String> {
        let form = self.redemption(code).map(|(name, value)| (name, value.to_owned()));
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.visitor.post("/token", &form, None).await
    }

    /// Presents a refresh token.
    pub(super) async fn refresh(&mut self, token: &str) -> Result<Answer, String> {
        let client = self.client.clone();
        let form = [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", token)];
        self.visitor.post("/token", &form, None).await
    }

    /// The tokens in an answer, their signatures verified.
    pub(super) fn tokens_of(&self, answer: Answer, what: &str) -> Result<Tokens, Difference> {
        let answer = expect(answer, what, 200)?;
        for name in ["access_token", "id_token"] {
            if !self.is_signed(&member(&answer, name)) {
                let fix = "verifiers refuse these tokens: see `jwks`";
                let found = format!("the {name} from {what} without one");
                return Err(Difference::new("a signature by a key at /jwks", found, fix));
            }
        }
        Ok(Tokens { access: member(&answer, "access_token"), refresh: member(&answer, "refresh_token") })
    }

    fn is_signed(&self, token: &str) -> bool {
        let Some(token) = Compact::parse(token) else { return false };
        let mut keys = self.keys.iter().filter(|key| token.header.kid.as_deref() == Some(key.kid.as_str()));
        keys.any(|key| PublicKey::parse(key).is_some_and(|key| key.verify(&token)))
    }

    /// Asks for the user's claims.
    pub(super) async fn userinfo(&mut self, token: &str) -> Result<Answer, String> {
        let bearer = format!("Bearer {token}");
        self.visitor.get("/userinfo", Some((AUTHORIZATION, &bearer))).await
    }

    /// From the code to a rotated refresh token: the former one, and what came for it.
    pub(super) async fn use_code(
        &mut self,
        code: &str,
        username: &str,
        checks: &mut Vec<Check>,
    ) -> Result<(String, Tokens), Difference> {
        let answer = self.redeem(code).await?;
        checks.push(headers::check("/token", &answer, headers::TOKENS, self.https));
        let first = self.tokens_of(answer, "the redemption of the code")?;
        let answer = expect(self.userinfo(&first.access).await?, "/userinfo", 200)?;
        checks.push(headers::check("/userinfo", &answer, headers::TOKENS, self.https));
        let name = member(&answer, "preferred_username");
        if name != username {
            return Err(Difference::new(
                format!("the user {username} from /userinfo"),
                name,
                "read the server's log",
            ));
        }
        let answer = self.refresh(&first.refresh).await?;
        let second = self.tokens_of(answer, "the refresh")?;
        if second.refresh == first.refresh || second.refresh.is_empty() {
            return Err(Difference::new("a new refresh token", "none", "read the server's log"));
        }
        Ok((first.refresh, second))
    }

    /// Presents a refresh token that was rotated away until it is refused, which ends its grant.
    pub(super) async fn reuse(
        &mut self,
        old: &str,
        current: &str,
        grace: Duration,
    ) -> Result<String, Difference> {
        let within = grace.saturating_add(CLOCKS);
        let began = Instant::now();
        while outline(&self.refresh(old).await?) != "400 invalid_grant" {
            if began.elapsed() > within {
                let found = format!("it is still accepted after {} s", within.as_secs());
                let fix = "compare the server's `refresh_reuse_grace` with the one of this command";
                return Err(Difference::new("the rotated refresh token to be refused", found, fix));
            }
            sleep(PAUSE).await;
        }
        let after = began.elapsed().as_secs();
        expect(self.refresh(current).await?, "its successor, as the grant has ended", 400)?;
        Ok(format!("the rotated token was refused {after} s later, and its grant ended"))
    }

    /// Redeems a used code again until the tokens that were issued for it are revoked.
    pub(super) async fn replay(&mut self, code: &str, access: &str) -> Result<String, Difference> {
        let began = Instant::now();
        loop {
            expect(self.redeem(code).await?, "a code that was used", 400)?;
            let answer = self.userinfo(access).await?;
            if answer.status() == 401 {
                return Ok(format!("the tokens were revoked {} s later", began.elapsed().as_secs()));
            }
            if began.elapsed() > CLOCKS {
                let found = format!("{} from /userinfo after {} s", outline(&answer), CLOCKS.as_secs());
                let fix = "the code was replayed and its tokens still work: report this";
                return Err(Difference::new("the tokens of a replayed code to be revoked", found, fix));
            }
            sleep(PAUSE).await;
        }
    }
}
