//! Pages of other sites that try to misuse ours: by sending our forms, by framing them.

use crate::chromium::Chromium;
use crate::fixture::{Fixture, sign_in};
use crate::other_site::Site;
use conformance::PASSWORD;

/// The two hidden values of a form of ours.
async fn sealed(browser: &Chromium) -> (String, String) {
    (browser.value("input[name=r]").await, browser.value("input[name=csrf]").await)
}

/// Opens a hostile page, whose form must be refused.
async fn assert_refused(browser: &Chromium, url: &str) {
    browser.open(url).await;
    assert_eq!(browser.text("#error-code").await, "access_denied", "{url}");
    assert_eq!(browser.status().await, 403, "{url}");
}

async fn has_session(browser: &Chromium) -> bool {
    let cookies = browser.client.get_all_cookies().await.unwrap();
    cookies.iter().any(|cookie| cookie.name().contains("kw-s-"))
}

#[tokio::test]
async fn n143_a_cross_site_sign_in_form_gets_403_and_no_session() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    // Even if the attacker knew everything in this browser's form.
    let (r, csrf) = sealed(&browser).await;
    let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)];
    fixture.site.self_posting_form("/trap", &fixture.world.issuer().url("/login"), &fields);
    // A sibling's form sends our cookies along, since it is of the same site: `Origin` shows the difference.
    for from in [fixture.site.url("/trap"), fixture.site.sibling_url("/trap")] {
        assert_refused(&browser, &from).await;
        browser.open(&fixture.world.issuer().url("/healthz")).await;
        assert!(!has_session(&browser).await, "{from}");
    }
    browser.open(&fixture.request(&[])).await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#consent-approve").await;
    assert!(has_session(&browser).await, "the check can find a session");
}

#[tokio::test]
async fn n160_a_cross_site_consent_form_grants_nothing() {
    let Some(browser) = Chromium::start().await else { return };
    let mut fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#consent-approve").await;
    let (r, csrf) = sealed(&browser).await;
    let fields = [
        ("r", r.as_str()),
        ("csrf", &csrf),
        ("scope", "openid"),
        ("scope", "profile"),
        ("decision", "approve"),
    ];
    fixture.site.self_posting_form("/trap", &fixture.world.issuer().url("/consent"), &fields);
    for from in [fixture.site.url("/trap"), fixture.site.sibling_url("/trap")] {
        assert_refused(&browser, &from).await;
    }
    assert!(fixture.site.is_quiet(), "the application got no answer");
    browser.open(&fixture.request(&[("prompt", "none")])).await;
    assert_eq!(
        fixture.site.arrival().await.get("error"),
        Some("consent_required"),
        "and it is not remembered"
    );
}

/// Why our pages' referrer policy is `same-origin` and not `no-referrer`.
#[tokio::test]
async fn n143_a_form_names_its_sender_unless_the_policy_is_no_referrer() {
    let Some(browser) = Chromium::start().await else { return };
    let mut site = Site::start().await;
    let own = site.url("");
    for (policy, origin) in [("same-origin", own.as_str()), ("no-referrer", "null")] {
        let form = "<form method=post action=/sent><button id=send>Send</button></form>";
        site.page("/form", &format!(r#"<meta name=referrer content={policy}>{form}"#));
        browser.open(&site.url("/form")).await;
        browser.press("#send").await;
        assert_eq!(site.arrival().await.origin(), origin, "{policy}");
    }
}

/// Frames a page from a foreign and from a sibling site, and finds nothing of it in the frame.
async fn assert_not_framed(browser: &Chromium, fixture: &Fixture, page: &str) {
    fixture.site.page("/inner", "<p id=inner>Shown</p>");
    fixture.site.page("/control", r#"<iframe src="/inner"></iframe>"#);
    browser.open(&fixture.site.url("/control")).await;
    browser.client.enter_frame(0).await.unwrap();
    assert_eq!(browser.text("#inner").await, "Shown", "the check can see into frames");
    browser.refusals().await;
    fixture.site.page("/frame", &format!(r#"<iframe src="{page}"></iframe>"#));
    for from in [fixture.site.url("/frame"), fixture.site.sibling_url("/frame")] {
        browser.open(&from).await;
        browser.client.enter_frame(0).await.unwrap();
        assert_eq!(browser.count("main, form, input, button[type=submit]").await, 0, "{page} in {from}");
        let refusals = browser.refusals().await;
        let framing = refusals.iter().any(|why| why.contains("frame-ancestors"));
        assert!(framing, "{page} in {from}: {refusals:?}");
    }
}

#[tokio::test]
async fn n156_our_pages_are_not_shown_in_frames() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    browser.find("#login-submit").await;
    let login = browser.client.current_url().await.unwrap();
    for page in [login.as_str(), &fixture.world.issuer().url("/authorize")] {
        assert_not_framed(&browser, &fixture, page).await;
    }
    browser.open(login.as_str()).await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#consent-approve").await;
    for path in ["/account", "/logout"] {
        assert_not_framed(&browser, &fixture, &fixture.world.issuer().url(path)).await;
    }
}

#[tokio::test]
async fn n161_consent_is_not_clicked_in_a_frame() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    browser.open(&fixture.request(&[])).await;
    sign_in(&browser, PASSWORD).await;
    browser.find("#consent-approve").await;
    let consent = browser.client.current_url().await.unwrap();
    assert_not_framed(&browser, &fixture, consent.as_str()).await;
    browser.open(consent.as_str()).await;
    browser.find("#consent-approve").await;
}

/// Those of tracing libraries and MCP clients, which make the browser ask first.
#[tokio::test]
async fn n046_a_page_with_headers_of_its_own_reads_documents_and_refusals() {
    let Some(browser) = Chromium::start().await else { return };
    let fixture = Fixture::new().await;
    let script = "
        const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01',
                          'mcp-protocol-version': '2025-06-18', 'x-datadog-trace-id': '1' };
        const form = new URLSearchParams({ client_id: 'nobody' });
        const read = async (path, options) => {
            const answer = await fetch('ISSUER' + path, { headers, ...options });
            return `${answer.status} ${(await answer.json()).error ?? 'read'}`;
        };
        const all = [
            ['/jwks'], ['/.well-known/openid-configuration'],
            ['/token', { method: 'POST', body: form }], ['/token', { method: 'POST', body: 'x' }],
            ['/revoke', { method: 'POST', body: form }],
            ['/userinfo', { headers: { ...headers, authorization: 'Bearer x' } }],
        ];
        Promise.all(all.map(one => read(...one).catch(String)))
            .then(results => document.body.insertAdjacentHTML('beforeend', `<p id=results>${results.join(', ')}`));
    ";
    let script = script.replace("ISSUER", fixture.world.issuer().as_str());
    fixture.site.page("/spa", &format!("<script>{script}</script>"));
    browser.open(&fixture.site.url("/spa")).await;
    assert_eq!(
        browser.text("#results").await,
        "200 read, 200 read, 401 invalid_client, 415 invalid_request, 401 invalid_client, 401 invalid_token"
    );
}
