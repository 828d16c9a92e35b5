//! N-167: a form of ours ends in one or several redirects to any kind of redirect URI. Chromium applies `form-action`
//! to each hop, so a page with that directive breaks some of them.

use crate::chromium::{Chromium, SCHEME, Setup};
use crate::fixture::{Fixture, sign_in, with};
use crate::other_site::Site;
use conformance::{Harness, PASSWORD, World, query};
use serde_json::json;
use server::routes;
use server::transport::http::{Limits, serve};
use server::transport::tls;
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The forms that may leave, in an order in which they do: consent, then sign-in with nothing left to ask.
const FORMS: [&str; 2] = ["consent", "login"];

/// A browser whose user has allowed, for good, that the program is opened.
async fn opening_programs(fixture: &Fixture) -> Option<Chromium> {
    let origins = [fixture.world.issuer().origin(), &fixture.site.url("")];
    Chromium::with(Setup { may_open_programs: &origins, ..Setup::default() }).await
}

/// From a request to the answer by the given form.
async fn answer_by(browser: &Chromium, form: &str, request: &str) {
    browser.open(&format!("{request}&prompt={form}")).await;
    if browser.count("#login-submit").await > 0 {
        sign_in(browser, PASSWORD).await;
    }
    if form == "consent" {
        browser.press("#consent-approve").await;
    }
}

#[tokio::test]
async fn n167_a_private_use_scheme() {
    let mut fixture = Fixture::new().await;
    let Some(browser) = opening_programs(&fixture).await else { return };
    native(&fixture).await;
    let redirect_uri = format!("{SCHEME}:/cb");
    let request = fixture.request(&[("client_id", "native"), ("redirect_uri", &redirect_uri)]);
    for form in FORMS {
        answer_by(&browser, form, &request).await;
        let opened = browser.opened().await;
        assert!(opened.starts_with(&format!("{redirect_uri}?code=kwc_")), "{form}: {opened}");
        assert_eq!(browser.refusals().await, [""; 0], "{form}");
    }
    assert!(fixture.site.is_quiet());
}

#[tokio::test]
async fn n167_an_ephemeral_loopback_port() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    native(&fixture).await;
    let redirect_uri = fixture.site.sibling_url("/native");
    let request = fixture.request(&[("client_id", "native"), ("redirect_uri", &redirect_uri)]);
    for form in FORMS {
        answer_by(&browser, form, &request).await;
        let arrival = fixture.site.arrival().await;
        assert!(arrival.path == "/native" && arrival.get("code").is_some(), "{form}: {arrival:?}");
        assert_eq!(browser.refusals().await, [""; 0], "{form}");
    }
}

#[tokio::test]
async fn n167_a_callback_that_redirects_to_a_private_use_scheme() {
    let mut fixture = Fixture::new().await;
    let Some(browser) = opening_programs(&fixture).await else { return };
    let callback = fixture.site.url("/bounce");
    for mode in ["query", "form_post"] {
        let request = fixture.request(&[("redirect_uri", &callback), ("response_mode", mode)]);
        for form in FORMS {
            answer_by(&browser, form, &request).await;
            let arrival = fixture.site.arrival().await;
            assert!(arrival.get("code").is_some(), "{form} {mode}: {arrival:?}");
            assert_eq!(browser.opened().await, format!("{SCHEME}:/bounced"), "{form} {mode}");
            assert_eq!(browser.refusals().await, [""; 0], "{form} {mode}");
        }
    }
}

#[tokio::test]
async fn n167_n145_https_with_cookies_of_this_host_only() {
    let folder = TempDir::new().unwrap();
    let tls = certificate(&folder, &["op.example", "rp.example"]);
    let world = World::new(Harness::Router).await;
    world.alice().await;
    let mut site = Site::with(Some(tls.clone())).await;
    let hosts = [("op.example", serve_by_https(&world, tls).await), ("rp.example", site.address)];
    let Some(browser) = Chromium::with(Setup { hosts: &hosts, ..Setup::default() }).await else { return };
    let party = world.relying_party().await;
    let query = query(&with(&[("redirect_uri", "https://rp.example/cb"), ("client_id", party.id())]));
    let request = world.issuer().url(&format!("/authorize?{query}"));
    for form in FORMS {
        answer_by(&browser, form, &request).await;
        let arrival = site.arrival().await;
        assert!(arrival.get("code").is_some(), "{form}: {arrival:?}");
        assert_eq!(browser.refusals().await, [""; 0], "{form}");
    }
    browser.open(&world.issuer().url("/healthz")).await;
    let cookies = browser.client.get_all_cookies().await.unwrap();
    // The session, the form's binding, and that the browser is known.
    assert_eq!(cookies.len(), 3);
    for cookie in cookies {
        assert!(cookie.name().starts_with("__Host-kw-"), "{cookie}");
        assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)), "{cookie}");
    }
}

/// A program on this device: any loopback port, and a scheme of its own.
/// It has a secret, or it would be asked for consent each time, and the sign-in page would never be the last one.
async fn native(fixture: &Fixture) {
    let metadata = json!({
        "client_id": "native",
        "client_name": "Photo Albums for this device",
        "application_type": "native",
        "redirect_uris": [format!("{SCHEME}:/cb"), "http://127.0.0.1/native"],
        "scope": "openid profile",
    });
    fixture.world.client(metadata).await;
}

fn certificate(folder: &TempDir, names: &[&str]) -> TlsAcceptor {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let own = rcgen::generate_simple_self_signed(names).unwrap();
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    tls::acceptor(&chain, &key).unwrap()
}

async fn serve_by_https(world: &World, tls: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = routes::router(world.app.clone(), None);
    tokio::spawn(serve(listener, Some(tls), router, Limits::default(), std::future::pending()));
    address
}
