//! Which texts can be registered as an origin, and how the others have to be written.

use protocol::client::{AuthMethod, Client};
use protocol::id::ClientId;
use protocol::origin::{BadOrigin, check};
use protocol::redirect_uri::BadRedirectUri;
use protocol::samples;

#[test]
fn what_browsers_send_can_be_registered() {
    for origin in [
        "https://rp.example",
        "https://rp.example:8443",
        "http://localhost:3000",
        "http://my_app.local",
        "http://10.0.0.7",
        "http://[::1]:8080",
        "https://xn--bcher-kva.example",
        "https://rp.example.",
        "https://rp.example:80",
        "http://tauri.localhost",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "app://com.example.app",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        "safari-web-extension://2C127FA4-62C7-7E4F-90E5-472B45EECFDC",
    ] {
        assert_eq!(check(origin), Ok(()), "{origin}");
    }
}

#[test]
fn what_no_browser_sends_is_refused_with_what_it_sends_instead() {
    use BadOrigin as Bad;
    use BadRedirectUri as Host;
    let long = format!("https://{}.example", "a".repeat(285));
    for (origin, why, instead) in [
        (long.as_str(), Bad::TooLong, None),
        ("null", Bad::Shared, None),
        ("file://", Bad::Shared, None),
        ("file:///home/alice/index.html", Bad::Shared, None),
        ("data:text/html,x", Bad::Shared, None),
        ("blob:https://rp.example/1", Bad::Shared, None),
        ("*", Bad::Pattern, None),
        ("https://*.rp.example", Bad::Pattern, None),
        ("", Bad::NoScheme, None),
        ("rp.example", Bad::NoScheme, Some("https://rp.example")),
        ("localhost:3000/", Bad::NoScheme, Some("https://localhost:3000")),
        ("://rp.example", Bad::NoScheme, None),
        ("1a://rp.example", Bad::Scheme, None),
        ("HTTPS://rp.example", Bad::SchemeCase, Some("https://rp.example")),
        ("wss://rp.example", Bad::WithoutPages, None),
        ("https://rp.example/", Bad::Tail, Some("https://rp.example")),
        ("https://RP.example:443/app?a#b", Bad::Tail, Some("https://rp.example")),
        ("capacitor://localhost/", Bad::Tail, Some("capacitor://localhost")),
        ("https://alice@rp.example", Bad::UserInfo, Some("https://rp.example")),
        ("https://", Bad::Host(Host::NoHost), None),
        ("https://RP.example", Bad::Host(Host::HostCase), Some("https://rp.example")),
        ("https://bücher.example", Bad::Host(Host::HostNotAscii), None),
        ("https://rp%2eexample", Bad::Host(Host::HostEscaped), None),
        ("http://127.1", Bad::Host(Host::HostNumber), None),
        ("http://[0::1]", Bad::Host(Host::HostIpv6), None),
        ("http://[::1", Bad::Host(Host::Host), None),
        ("https://rp.example..", Bad::Host(Host::Host), None),
        ("https://a.example,https://b.example", Bad::Tail, None),
        ("capacitor://", Bad::Host(Host::NoHost), None),
        ("https://rp.example:443", Bad::DefaultPort, Some("https://rp.example")),
        ("http://rp.example:80", Bad::DefaultPort, Some("http://rp.example")),
        ("https://rp.example:", Bad::Port, Some("https://rp.example")),
        ("https://rp.example:08443", Bad::Port, Some("https://rp.example:8443")),
        ("https://rp.example:65536", Bad::Port, None),
    ] {
        assert_eq!(check(origin), Err(why), "{origin}");
        let said = why.message(origin);
        let found = said.rsplit_once(", as in ").map(|(_, sent)| sent).filter(|sent| sent.contains("://"));
        assert_eq!(found, instead, "{said}");
    }
}

#[test]
fn n046_the_origin_of_a_redirect_uri_is_what_browsers_send_for_its_pages() {
    let with = |uri: &str| Client {
        redirect_uris: vec![uri.into()],
        auth_method: AuthMethod::None,
        ..samples::client(ClientId::parse("spa").unwrap())
    };
    for (uri, origin) in [
        ("https://rp.example/cb", "https://rp.example"),
        ("https://rp.example:443/cb", "https://rp.example"),
        ("http://localhost:80/cb", "http://localhost"),
        ("https://rp.example:8443?a", "https://rp.example:8443"),
    ] {
        assert!(with(uri).allows_origin(origin), "{uri}");
    }
    assert!(!with("https://rp.example:443/cb").allows_origin("https://rp.example:443"));
    assert!(!with("com.example.app://localhost/cb").allows_origin("com.example.app://localhost"));
}
