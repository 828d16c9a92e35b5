//! Every page in every shape, filled from one function, so that tests can fill them with anything.

mod account;

use templates::{
    Application, ChoiceProblem, Consent, DemoHome, DemoProblem, DemoResult, ErrorPage, FormPost, LoggedOut,
    Login, LoginProblem, Logout, Messages, ScopeItem, SignUp, Template, WrongHost,
};

const ENGLISH: &Messages = &Messages::ENGLISH;

/// A rendered page and the name of its shape.
pub(crate) struct Page {
    pub(crate) name: &'static str,
    pub(crate) html: String,
}

/// Where the sample application begins.
const START: &str = "https://albums.example/#/";

/// All pages. `fill` maps each string that a caller would give to the one used here.
pub(crate) fn pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let mut all = login_pages(fill);
    all.extend(signup_pages(fill));
    all.extend(account::pages(fill));
    all.extend(logout_pages(fill));
    all.extend([
        Page { name: "consent", html: consent(fill) },
        Page { name: "error", html: error(fill, None) },
        Page { name: "error-application", html: error(fill, Some((&fill("Photo Albums"), None))) },
        Page { name: "error-start", html: error(fill, Some((&fill("Photo Albums"), Some(&fill(START))))) },
        Page { name: "wrong-host", html: wrong_host(fill) },
        Page { name: "form-post", html: form_post(fill) },
    ]);
    all.extend(demo_pages(fill));
    all
}

fn login_pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let shape = |name, username: &str, problem, signup_url| Page {
        name,
        html: Login {
            messages: ENGLISH,
            nonce: &fill("bm9uY2U="),
            action: &fill("/login"),
            request: &fill("sealed-request"),
            csrf: &fill("csrf-token"),
            client_name: &fill("Photo Albums"),
            username,
            problem,
            signup_url,
        }
        .render()
        .unwrap(),
    };
    let (username, signup_url) = (fill("alice"), fill("/signup?r=sealed-request"));
    vec![
        shape("login", "", None, None),
        shape("login-prefilled", &username, None, Some(&signup_url)),
        shape("login-wrong", &username, Some(LoginProblem::WrongCredentials), Some(&signup_url)),
        shape("login-busy", &username, Some(LoginProblem::Busy), None),
    ]
}

fn signup_pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let (username, email) = (fill("alice"), fill("alice@example.com"));
    [
        ("signup", None),
        ("signup-username", Some(ChoiceProblem::UsernameReserved)),
        ("signup-password", Some(ChoiceProblem::PasswordShort)),
        ("signup-email", Some(ChoiceProblem::EmailInvalid)),
        ("signup-too-many", Some(ChoiceProblem::TooMany)),
    ]
    .map(|(name, problem)| Page {
        name,
        html: SignUp {
            messages: ENGLISH,
            nonce: &fill("bm9uY2U="),
            action: &fill("/signup"),
            request: &fill("sealed-request"),
            csrf: &fill("csrf-token"),
            client_name: &fill("Photo Albums"),
            username: if problem.is_some() { &username } else { "" },
            email: if problem.is_some() { &email } else { "" },
            problem,
            login_url: &fill("/login?r=sealed-request"),
        }
        .render()
        .unwrap(),
    })
    .into()
}

fn logout_pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let nonce = fill("bm9uY2U=");
    let question = Logout {
        messages: ENGLISH,
        nonce: &nonce,
        action: &fill("/logout"),
        csrf: &fill("csrf-token"),
        fields: &[("client_id", &fill("my-app")), ("state", &fill("a state"))],
        username: &fill("alice"),
        account_url: &fill("/account"),
    };
    let done = LoggedOut { messages: ENGLISH, nonce: &nonce, application: None };
    let (name, start_url) = (fill("Photo Albums"), fill(START));
    let application = Some(Application { name: &name, start_url: Some(&start_url) });
    let back = LoggedOut { messages: ENGLISH, nonce: &nonce, application };
    vec![
        Page { name: "logout", html: question.render().unwrap() },
        Page { name: "logged-out", html: done.render().unwrap() },
        Page { name: "logged-out-start", html: back.render().unwrap() },
    ]
}

fn consent(fill: &dyn Fn(&str) -> String) -> String {
    let unknown = fill("photos:write");
    let scopes =
        ["openid", "profile", "email", "offline_access", &unknown].map(|name| ScopeItem::new(ENGLISH, name));
    Consent {
        messages: ENGLISH,
        nonce: &fill("bm9uY2U="),
        action: &fill("/consent"),
        request: &fill("sealed-request"),
        csrf: &fill("csrf-token"),
        client_name: &fill("Photo Albums"),
        redirect_host: &fill("albums.example"),
        username: &fill("alice"),
        scopes: &scopes,
    }
    .render()
    .unwrap()
}

fn error(fill: &dyn Fn(&str) -> String, application: Option<(&str, Option<&str>)>) -> String {
    ErrorPage {
        messages: ENGLISH,
        nonce: &fill("bm9uY2U="),
        code: &fill("invalid_request"),
        sentence: &fill("The redirect address is not registered for this application."),
        application: application.map(|(name, start_url)| Application { name, start_url }),
        request_id: &fill("01J8ZQ3M6Y7R2D"),
    }
    .render()
    .unwrap()
}

fn wrong_host(fill: &dyn Fn(&str) -> String) -> String {
    WrongHost {
        messages: ENGLISH,
        nonce: &fill("bm9uY2U="),
        code: &fill("invalid_request"),
        sentence: &fill("The host name of this request is not the issuer's."),
        came: &fill("127.0.0.1:3000"),
        ours: &fill("http://localhost:8080"),
        request_id: &fill("01J8ZQ3M6Y7R2D"),
    }
    .render()
    .unwrap()
}

fn form_post(fill: &dyn Fn(&str) -> String) -> String {
    let (name, value, state) = (fill("code"), fill("kwc_example"), fill("af0ifjsldkj"));
    FormPost {
        messages: ENGLISH,
        nonce: &fill("bm9uY2U="),
        action: &fill("https://albums.example/callback"),
        fields: &[(&name, &value), ("state", &state)],
    }
    .render()
    .unwrap()
}

fn demo_pages(fill: &dyn Fn(&str) -> String) -> Vec<Page> {
    let nonce = fill("bm9uY2U=");
    let again_url = fill("/demo");
    let curl =
        fill("curl -u demo-machine:secret -d grant_type=client_credentials http://localhost:8080/token");
    let (what, value) = (fill("nonce is the one we sent"), fill("n-0S6_WzA2Mj"));
    let home =
        DemoHome { messages: ENGLISH, nonce: &nonce, sign_in_url: &fill("/demo/start"), curl: Some(&curl) };
    let result = DemoResult {
        messages: ENGLISH,
        nonce: &nonce,
        id_token_claims: &fill(
            "{\n  \"iss\": \"http://localhost:8080\",\n  \"sub\": \"qN0hS2m1\",\n  \"acr\": \"urn:keyward:acr:password\"\n}",
        ),
        userinfo: &fill("{\n  \"sub\": \"qN0hS2m1\",\n  \"name\": \"Alice Adams\"\n}"),
        access_token: &fill(&format!(
            "eyJhbGciOiJSUzI1NiJ9.{}.{}",
            "eyJpc3MiOiJodHRwIn0".repeat(12),
            "c2ln".repeat(85)
        )),
        access_token_claims: &fill("{\n  \"aud\": [\n    \"https://api.example\"\n  ]\n}"),
        checks: &[
            ("issuer", "http://localhost:8080"),
            ("signature", "RS256, a key of /jwks"),
            (&what, &value),
        ],
        again_url: &again_url,
    };
    let problem = DemoProblem {
        messages: ENGLISH,
        nonce: &nonce,
        code: &fill("access_denied"),
        description: &fill("The request was denied."),
        again_url: &again_url,
    };
    vec![
        Page { name: "demo-home", html: home.render().unwrap() },
        Page { name: "demo-result", html: result.render().unwrap() },
        Page { name: "demo-problem", html: problem.render().unwrap() },
    ]
}
