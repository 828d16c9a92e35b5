//! Proxies that let only signed-in users through, and add headers for the application behind them.

use super::recipe::{Recipe, are_installed};
use super::{sign_in_and_agree, until_other};
use crate::chromium::Chromium;
use crate::other_site::{Arrival, Site};
use conformance::ports::free_port;
use http::HeaderName;

/// What Debian's own files would set.
const APACHE: &str = "
ServerName localhost
PidFile httpd.pid
ErrorLog error.log
User www-data
Group www-data
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule auth_openidc_module /usr/lib/apache2/modules/mod_auth_openidc.so
Include site.conf
";
/// The same.
const NGINX: &str = "
pid nginx.pid;
events {}
http {
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    include site.conf;
}
";
const OAUTH2_PROXY: &str =
    "env OAUTH2_PROXY_COOKIE_SECRET=0123456789abcdef oauth2-proxy --config oauth2-proxy.cfg";

/// The headers with the user's address and the access token.
type Headers = [&'static str; 2];

const FORWARDED: Headers = ["x-forwarded-email", "x-forwarded-access-token"];
const OIDC: Headers = ["oidc_claim_email", "oidc_access_token"];

#[tokio::test]
async fn oauth2_proxy_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let mut site = Site::start().await;
    let changes = [("127.0.0.1:5000", &*site.address.to_string()), ("\"9m\"", "\"1s\"")];
    let recipe = Recipe::follow("oauth2-proxy", &[], &changes);
    let _proxy = recipe.start(OAUTH2_PROXY);
    walk(&browser, &mut site, &recipe, FORWARDED).await;
    // The proxy sends no ID token, so Keyward asks.
    browser.follow("#logout-confirm").await;
    is_signed_out(&browser, &mut site, &recipe).await;
}

#[tokio::test]
async fn oauth2_proxy_refuses_users_of_other_groups() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let changes = [(r#"allowed_groups = ["staff"]"#, r#"allowed_groups = ["board"]"#)];
    let recipe = Recipe::follow("oauth2-proxy", &[], &changes);
    let _proxy = recipe.start(OAUTH2_PROXY);
    browser.open(&recipe.url("/")).await;
    sign_in_and_agree(&browser, &recipe.url("/oauth2/callback")).await;
    assert_eq!(browser.status().await, 403);
}

#[tokio::test]
async fn nginx_with_oauth2_proxy_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let mut site = Site::start().await;
    let proxy = free_port(32_000);
    let changes = [
        ("127.0.0.1:5000", &*site.address.to_string()),
        ("127.0.0.1:4180", &format!("127.0.0.1:{proxy}")),
        ("\"9m\"", "\"1s\""),
    ];
    let recipe = Recipe::follow("nginx", &[], &changes);
    recipe.write("nginx.conf", NGINX);
    let _proxy = recipe.start_at(proxy, OAUTH2_PROXY);
    let _nginx = recipe.start("nginx -p . -e error.log -c nginx.conf -g 'daemon off; master_process off;'");
    walk(&browser, &mut site, &recipe, FORWARDED).await;
    browser.follow("#logout-confirm").await;
    is_signed_out(&browser, &mut site, &recipe).await;
}

#[tokio::test]
async fn mod_auth_openidc_signs_in_refreshes_and_signs_out() {
    let (Some(browser), true) = (Chromium::start().await, are_installed()) else { return };
    let mut site = Site::start().await;
    let changes = [("127.0.0.1:5000", &*site.address.to_string())];
    // Apache refreshes a minute before a token expires.
    let recipe = Recipe::follow("mod-auth-openidc", &[("KEYWARD_ACCESS_TOKEN_TTL", "30s")], &changes);
    recipe.write("httpd.conf", APACHE);
    let listen = format!("Listen 127.0.0.1:{}", recipe.port);
    let _apache = recipe.start(&format!("apache2 -X -d . -f httpd.conf -C '{listen}'"));
    walk(&browser, &mut site, &recipe, OIDC).await;
    is_signed_out(&browser, &mut site, &recipe).await;
}

/// Alice signs in, the application gets her address and later another access token, and she presses "Sign out".
async fn walk(browser: &Chromium, site: &mut Site, recipe: &Recipe, [email, token]: Headers) {
    browser.open(&recipe.url("/")).await;
    sign_in_and_agree(browser, &recipe.url("/")).await;
    let arrival = site.arrival().await;
    assert_eq!(header(&arrival, email), "alice@example.com");
    until_other(&header(&arrival, token), async || {
        browser.open(&recipe.url("/")).await;
        header(&site.arrival().await, token)
    })
    .await;
    assert!(recipe.was_refreshed());
    site.page("/menu", &recipe.file("menu.html"));
    browser.open(&recipe.url("/menu")).await;
    browser.follow("a").await;
}

async fn is_signed_out(browser: &Chromium, site: &mut Site, recipe: &Recipe) {
    assert_eq!(site.arrival().await.path, "/signed-out");
    assert_eq!(browser.client.current_url().await.unwrap().as_str(), recipe.url("/signed-out"));
    browser.open(&recipe.url("/")).await;
    browser.arrive_at("Sign in").await;
}

fn header(arrival: &Arrival, name: &'static str) -> String {
    arrival.header(HeaderName::from_static(name)).to_owned()
}
