//! The runner: a server with the user and clients of a plan, a browser, and the relying party that the suite plays.

use super::checks;
use conformance::plans::{self, Plan};
use conformance::{Answer, Browser, Party, With as _, World, form, get, query};
use protocol::params::Params;
use protocol::user::User;
use serde_json::Value;
use server::admin::users::NewUser;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

pub(crate) const ISSUER: &str = "https://127.0.0.1:9443";
pub(crate) const SUITE: &str = "https://localhost:8443";
pub(crate) const NONCE: &str = "mzjGhPIdfTQN5pVU";

/// How the relying party wants its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the query.
    Query,
    /// By a form that posts itself.
    FormPost,
}

/// The relying party, its server and its browser.
pub(crate) struct RelyingParty {
    pub(crate) world: World,
    pub(crate) browser: Browser,
    pub(crate) user: User,
    pub(crate) plan: Plan,
    mode: Mode,
    clients: BTreeMap<String, Party>,
    /// Which of the plan's clients it is.
    pub(crate) client: &'static str,
    /// Its length is the module's choice.
    pub(crate) state: String,
}

/// What came to the redirect URI, and which pages were shown.
pub(crate) struct Callback {
    pub(crate) params: Params,
    /// Whether the sign-in page was shown.
    pub(crate) signed_in: bool,
    /// Whether the consent page was shown.
    pub(crate) consented: bool,
}

/// Tokens whose every rule was checked.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) id_token: String,
    pub(crate) claims: Value,
}

impl RelyingParty {
    /// Of a Basic or Form Post module.
    pub(crate) async fn new(mode: Mode) -> Self {
        let name = if mode == Mode::Query { "basic" } else { "form-post" };
        Self::of(name, mode, "ES256").await
    }

    /// Of a plan, with a server that signs by these algorithms.
    pub(crate) async fn of(plan: &str, mode: Mode, algs: &str) -> Self {
        let settings =
            [("KEYWARD_ISSUER", ISSUER), ("KEYWARD_SIGNING_ALGS", algs), ("KEYWARD_RATE_LIMITS", "off")];
        let world = World::with(crate::HARNESS, &settings).await;
        let plan = plans::find(plan).unwrap();
        let mut clients = BTreeMap::new();
        for (name, mut metadata) in plan.clients(SUITE) {
            metadata["client_id"] = plan.client_id(&name).into();
            clients.insert(name, world.client(metadata).await);
        }
        let person = plans::person();
        let new = NewUser {
            username: person.username,
            email: Some(person.email),
            email_verified: person.email_verified,
            claims: person.claims,
            ..NewUser::default()
        };
        let password = Zeroizing::new(conformance::PASSWORD.to_owned());
        let user = world.admin().create_user(new, Some((&world.app.passwords, password))).await.unwrap();
        let state = "s6BhdRkqt3".to_owned();
        Self { world, browser: Browser::new(), user, plan, mode, clients, client: "client", state }
    }

    pub(crate) fn party(&self) -> &Party {
        &self.clients[self.client]
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("{SUITE}/test/a/{}/callback", self.plan.alias())
    }

    /// The request every module begins with, some parameters changed, added, or (by an empty value) left out.
    pub(crate) fn request(&self, changes: &[(&str, &str)]) -> String {
        let redirect_uri = self.redirect_uri();
        let mut usual = vec![
            ("client_id", self.party().id()),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid"),
            ("state", &self.state),
            ("nonce", NONCE),
            ("response_type", "code"),
        ];
        if self.mode == Mode::FormPost {
            usual.push(("response_mode", "form_post"));
        }
        let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let pairs: Vec<_> =
            kept.chain(changes.iter().copied()).filter(|(_, value)| !value.is_empty()).collect();
        query(&pairs)
    }

    /// Sends the browser with a request and does what the pages ask for.
    pub(crate) async fn authorize(&mut self, changes: &[(&str, &str)]) -> Callback {
        let path = format!("/authorize?{}", self.request(changes));
        let answer = self.browser.visit(&self.world, &path).await;
        self.go_on(answer).await
    }

    /// From the first page or redirect to what comes to the redirect URI.
    pub(crate) async fn go_on(&mut self, mut answer: Answer) -> Callback {
        let signed_in = answer.is_page("Sign in");
        if signed_in {
            let (browser, world) = (&mut self.browser, &self.world);
            answer = browser.sign_in(world, &answer, "alice", conformance::PASSWORD).await;
        }
        let consented = answer.status == 200 && answer.text().contains("consent-approve");
        if consented {
            answer = self.browser.consent(&self.world, &answer, "approve").await;
        }
        let params = match self.mode {
            Mode::Query => checks::by_query(&answer, &self.redirect_uri()),
            Mode::FormPost => checks::by_form_post(&answer, &self.redirect_uri()),
        };
        Callback { params, signed_in, consented }
    }

    /// The same, ending with a code.
    pub(crate) async fn code(&mut self, changes: &[(&str, &str)]) -> (String, Callback) {
        let callback = self.authorize(changes).await;
        checks::success(&callback.params, &self.state);
        (callback.params.get("code").unwrap().to_owned(), callback)
    }

    /// The same, and the error is one of these.
    pub(crate) async fn refused(&mut self, changes: &[(&str, &str)], codes: &[&str]) -> Callback {
        let callback = self.authorize(changes).await;
        checks::refusal(&callback.params, Some(&self.state), codes);
        assert!(!callback.signed_in && !callback.consented);
        callback
    }

    /// Asks the token endpoint.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let (party, basic) = (self.party(), self.party().basic());
        if self.client == "client_secret_post" {
            let own = [("client_id", party.id()), ("client_secret", &party.secret)];
            let fields: Vec<_> = fields.iter().copied().chain(own).collect();
            return self.world.send(form("/token", &fields)).await;
        }
        self.world.send(form("/token", fields).with("authorization", &basic)).await
    }

    /// Redeems a code, whatever the answer.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        let uri = self.redirect_uri();
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", &uri)];
        self.token(&fields).await
    }

    /// Tokens of an answer, each checked.
    pub(crate) async fn checked(&self, answer: &Answer, nonce: Option<&str>) -> Tokens {
        checks::token_response(answer);
        let json = answer.json();
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        let (access, id_token) = (text("access_token").unwrap(), text("id_token").unwrap());
        let keys = self.world.send(get("/jwks")).await.json();
        let claims = checks::id_token(self, &id_token, &keys, &access, nonce);
        Tokens { access, refresh: text("refresh_token"), id_token, claims }
    }

    /// The whole flow: tokens, and the userinfo answer to them.
    pub(crate) async fn flow(&mut self, changes: &[(&str, &str)]) -> (Tokens, Value, Callback) {
        let (code, callback) = self.code(changes).await;
        let sent = changes.iter().find(|(name, _)| *name == "nonce").map_or(NONCE, |(_, nonce)| nonce);
        let nonce = (!sent.is_empty()).then_some(sent);
        let tokens = self.checked(&self.redeem(&code).await, nonce).await;
        let userinfo = get("/userinfo").with("authorization", &format!("Bearer {}", tokens.access));
        let userinfo = checks::userinfo(&self.world.send(userinfo).await, &tokens.claims);
        (tokens, userinfo, callback)
    }
}
