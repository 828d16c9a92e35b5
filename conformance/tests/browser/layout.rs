//! Every page in both themes, on a desktop, a phone and the narrowest screen that a page has to fit, and as axe-core
//! judges it.

use crate::chromium::Chromium;
use crate::demo::Dev;
use crate::fixture::{Fixture, sign_in};
use crate::prerequisites::{environment, go_without};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use conformance::account::Account;
use conformance::{Browser, PASSWORD};
use protocol::id::{RequestId, SessionId};
use protocol::session::Session;
use serde_json::{Value, json};
use std::path::PathBuf;
use storage::Stamp;

const SCREENS: [Screen; 3] = [
    // WCAG 2.2 §1.4.10: at this width nothing has to be scrolled sideways.
    Screen { name: "narrow", width: 320, height: 640, touch: true },
    Screen { name: "phone", width: 390, height: 844, touch: true },
    Screen { name: "desktop", width: 1280, height: 800, touch: false },
];

const HOME: &str = "Your account";
const NEW: &str = "a brand new password";

struct Screen {
    name: &'static str,
    width: u32,
    height: u32,
    touch: bool,
}

/// Checks pages, and takes pictures of them.
struct Eye<'a> {
    browser: &'a Chromium,
    axe: Option<String>,
    pictures: Option<PathBuf>,
}

impl<'a> Eye<'a> {
    fn new(browser: &'a Chromium) -> Self {
        let axe = environment("AXE_SOURCE").map(|path| std::fs::read_to_string(path).unwrap());
        if axe.is_none() {
            go_without("AXE_SOURCE doesn't say where axe.min.js is");
        }
        let pictures = environment("SCREENSHOTS").map(PathBuf::from);
        pictures.iter().for_each(|folder| std::fs::create_dir_all(folder).unwrap());
        Self { browser, axe, pictures }
    }

    /// Checks the page that has this heading.
    async fn look(&self, page: &str, heading: &str) {
        self.browser.arrive_at(heading).await;
        for theme in ["light", "dark"] {
            self.set_theme(theme).await;
            for screen in SCREENS {
                self.set_screen(&screen).await;
                self.assert_fits(page, &screen).await;
                self.take_picture(&format!("{page}-{}-{theme}.png", screen.name)).await;
            }
            self.assert_accessible(&format!("{page}, {theme}")).await;
        }
    }

    async fn set_theme(&self, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn set_screen(&self, Screen { width, height, touch, .. }: &Screen) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch });
        self.browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Nothing is wider than the screen.
    async fn assert_fits(&self, page: &str, screen: &Screen) {
        let script = "const ends = [...document.querySelectorAll('*')].map(e => e.getBoundingClientRect().right); \
                      return Math.ceil(Math.max(document.documentElement.scrollWidth, ...ends))";
        let end = self.browser.run(script).await.as_u64().unwrap();
        assert!(end <= u64::from(screen.width), "{page} on {}: {end}", screen.name);
    }

    async fn assert_accessible(&self, page: &str) {
        let Some(axe) = &self.axe else { return };
        self.browser.run(axe).await;
        let script = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations \
                      .map(v => [v.id, v.help, v.nodes.map(n => n.html)])), error => done([String(error)]))";
        let violations = self.browser.client.execute_async(script, Vec::new()).await.unwrap();
        assert_eq!(violations, json!([]), "{page}");
    }

    async fn take_picture(&self, name: &str) {
        let Some(folder) = &self.pictures else { return };
        let whole = self.browser.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "scale": 1, "width": whole["width"], "height": whole["height"] });
        let how = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture: Value = self.browser.devtools("Page.captureScreenshot", how).await;
        let png = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(folder.join(name), png).unwrap();
    }
}

#[tokio::test]
async fn pages_fit_every_screen_and_are_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::new().await;
    browser.open(&fixture.world.issuer().url("/authorize")).await;
    eye.look("error", "This didn’t work").await;
    // An answer without content leaves the page where it is.
    let silent = fixture.site.url("/silent");
    let fields = [
        ("redirect_uri", silent.as_str()),
        ("response_mode", "form_post"),
        ("scope", "openid profile email"),
    ];
    browser.open(&fixture.request(&fields)).await;
    eye.look("login", "Sign in").await;
    sign_in(&browser, "wrong password").await;
    browser.find("#login-problem").await;
    eye.look("login-wrong", "Sign in").await;
    browser.fill("#password", PASSWORD).await;
    browser.press("#login-submit").await;
    eye.look("consent", "Allow Photo Albums to use your account?").await;
    browser.press("#consent-approve").await;
    browser.find("#form-post-submit").await;
    eye.look("form-post", "Taking you back").await;
}

#[tokio::test]
async fn sign_up_fits_every_screen_and_is_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::open().await;
    browser.open(&fixture.request(&[])).await;
    eye.look("login-open", "Sign in").await;
    browser.follow("#login-signup").await;
    eye.look("signup", "Create an account").await;
    for (name, username, password, email) in [
        ("signup-username", "admin", NEW, ""),
        ("signup-password", "carol", "short", "carol@example.com"),
        ("signup-email", "carol", NEW, "carol@nowhere"),
    ] {
        for (field, text) in [("#username", username), ("#password", password), ("#email", email)] {
            browser.refill(field, text).await;
        }
        browser.follow("#signup-submit").await;
        eye.look(name, "Create an account").await;
    }
    for number in 0..10 {
        let name = format!("carol{number}");
        fixture.sign_up(&name).await;
    }
    browser.refill("#email", "").await;
    browser.fill("#password", NEW).await;
    browser.follow("#signup-submit").await;
    assert!(browser.text("#signup-problem").await.contains("too many"));
    eye.look("signup-too-many", "Create an account").await;
}

#[tokio::test]
async fn the_account_fits_every_screen_and_is_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::new().await;
    fixture.open_account(&browser).await;
    eye.look("account-empty", HOME).await;
    for _ in 0..2 {
        fixture.other_browser().await;
    }
    let metadata = json!({
        "client_id": "cards",
        "client_name": "Cards",
        "redirect_uris": [fixture.site.url("/cb")],
        "scope": "openid profile email offline_access cards:write",
    });
    fixture.world.client(metadata).await;
    let scope = "openid profile email offline_access cards:write";
    let request = fixture.path(&[("client_id", "cards"), ("scope", scope)]);
    Browser::new().authorize(&fixture.world, &request).await;
    browser.follow("#profile-submit").await;
    eye.look("account-saved", HOME).await;
    browser.refill("#profile-birthdate", "tomorrow").await;
    browser.follow("#profile-submit").await;
    eye.look("account-profile", HOME).await;
    for (name, current, new) in
        [("account-password", PASSWORD, "short"), ("account-current-password", "wrong password", NEW)]
    {
        browser.fill("#current-password", current).await;
        browser.fill("#new-password", new).await;
        browser.follow("#password-submit").await;
        eye.look(name, HOME).await;
    }
    for _ in 0..5 {
        browser.fill("#current-password", "wrong password").await;
        browser.fill("#new-password", NEW).await;
        browser.follow("#password-submit").await;
    }
    assert!(browser.text("#password-problem").await.contains("too many"));
    eye.look("account-too-many", HOME).await;
    fixture.world.pass(3601);
    browser.follow("#profile-submit").await;
    eye.look("account-stale", "This didn’t work").await;
}

#[tokio::test]
async fn an_account_with_as_much_as_there_may_be_fits_every_screen_and_is_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::new().await;
    let mut other_browser = fixture.other_browser().await;
    let scope = "openid profile email offline_access";
    for number in 0..60 {
        let (id, name) = (format!("application-{number:02}"), format!("Application number {number:02}"));
        let metadata = json!({
            "client_id": id,
            "client_name": name,
            "redirect_uris": [fixture.site.url("/cb")],
            "scope": scope,
        });
        fixture.world.client(metadata).await;
        other_browser.authorize(&fixture.world, &fixture.path(&[("client_id", &id), ("scope", scope)])).await;
    }
    let store = &fixture.world.store;
    let alice = fixture.world.admin().user("alice").await.unwrap().id;
    let one = Account::of(&**store, &alice).await.sessions.remove(0);
    for number in 2..100_u128 {
        let session = Session { id: SessionId::from_bytes(number.to_be_bytes()), ..one.clone() };
        let stamp = Stamp { at: one.created_at, request: RequestId::from_bytes([7; 16]) };
        assert!(store.restore_session(&session, stamp).await.unwrap().is_done());
    }
    fixture.open_account(&browser).await;
    assert_eq!(browser.count("#sessions-end-all").await, 1);
    eye.look("account-full", HOME).await;
    browser.follow("#apps-more").await;
    browser.arrive_at(HOME).await;
    assert!(browser.count("button[name=client]").await > 0);
    eye.look("account-full-rest", HOME).await;
}

#[tokio::test]
async fn signing_out_fits_every_screen_and_is_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::new().await;
    fixture.open_account(&browser).await;
    browser.follow("#account-logout").await;
    eye.look("logout", "Sign out?").await;
    browser.follow("#logout-confirm").await;
    eye.look("logged-out", "You are signed out").await;
    fixture.open_page(&browser, "/nowhere").await;
    eye.look("nowhere", "This didn’t work").await;
    assert_eq!(
        (browser.status().await, browser.text("#error-code").await.as_str()),
        (404, "invalid_request")
    );
}

#[tokio::test]
async fn pages_fit_long_names() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let fixture = Fixture::new().await;
    let name = format!("The {} of the Society for Photography and Neighbouring Arts", "Photoalbum".repeat(6));
    let scope = format!(
        "openid profile email address phone offline_access https://api.example/{} short",
        "a".repeat(150)
    );
    let username = "alexandra.".repeat(6) + "smith";
    let metadata = json!({
        "client_id": "long",
        "client_name": name,
        "redirect_uris": [fixture.site.url("/cb")],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": scope,
    });
    fixture.world.client(metadata).await;
    let email = format!("{}@{}.example", "mail.".repeat(12) + "box", "sub.".repeat(12) + "domain");
    let claims =
        json!({ "name": username.repeat(2), "website": format!("https://{}.example/", "w".repeat(60)) });
    fixture.world.user(&username, Some(&email), claims).await;
    let fields = [("client_id", "long"), ("scope", scope.as_str()), ("login_hint", &username)];
    browser.open(&fixture.request(&fields)).await;
    eye.look("long-login", "Sign in").await;
    browser.fill("#password", PASSWORD).await;
    browser.press("#login-submit").await;
    browser.find("#consent-approve").await;
    eye.look("long-consent", &format!("Allow {name} to use your account?")).await;
    browser.follow("#consent-approve").await;
    fixture.open_page(&browser, "/account").await;
    eye.look("long-account", HOME).await;
    browser.follow("#account-logout").await;
    eye.look("long-logout", "Sign out?").await;
}

#[tokio::test]
async fn demo_pages_fit_every_screen_and_are_accessible() {
    let Some(browser) = Chromium::start().await else { return };
    let eye = Eye::new(&browser);
    let dev = Dev::start();
    browser.open(dev.says("demo")).await;
    eye.look("demo-home", "Try a sign-in").await;
    dev.walk(&browser).await;
    eye.look("demo-result", "You are signed in").await;
    browser.open(&format!("{}/demo/callback?error=access_denied", dev.says("issuer"))).await;
    eye.look("demo-problem", "The sign-in didn’t succeed").await;
}
