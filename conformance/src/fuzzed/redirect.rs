//! Redirect URIs: registering and proving them. The input is four lines: `native` or anything else, the registered
//! URI, the requested one, and a state.

use super::samples::client;
use protocol::client::Client;
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::redirect::{ProvenLogoutRedirect, ProvenRedirect};
use protocol::redirect_uri::{MAX_BYTES, PrivateSchemes, check_registrable};
use url::{ParseError, Url};

/// A registration and a request.
pub fn redirect(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (native, registered, requested, state) = (line() == "native", line(), line(), line());
    let own = Client {
        redirect_uris: vec![registered.into()],
        post_logout_redirect_uris: vec![registered.into()],
        native,
        ..client(ClientId::parse("client").unwrap())
    };
    let private = if native { PrivateSchemes::DomainNames } else { PrivateSchemes::None };
    let registrable = check_registrable(registered, private).is_ok();
    if registrable {
        check_registered(registered);
    }
    check_proof(&own, registered, requested, registrable);
    check_logout(&own, registered, requested, state);
}

/// A registrable URI is read by a browser as it looks.
fn check_registered(uri: &str) {
    assert!(!uri.is_empty() && uri.len() <= MAX_BYTES);
    assert!(uri.bytes().all(|b| b.is_ascii_graphic() && b != b'#' && b != b'\\'));
    let url = match Url::parse(uri) {
        Ok(url) => url,
        Err(error) => {
            // An impossible host is for the operator to notice; an authority that ends elsewhere is for us.
            let elsewhere = matches!(error, ParseError::InvalidPort | ParseError::InvalidIpv6Address);
            let web = uri.starts_with("https:") || uri.starts_with("http:");
            assert!(!(web && elsewhere), "{error}");
            return;
        }
    };
    assert!(uri.starts_with(&format!("{}:", url.scheme())));
    if let (Some((_, written)), Some(host)) = (uri.split_once("://"), url.host_str()) {
        assert!(written.starts_with(host), "browsers rewrite the host to {host}");
    }
    assert_eq!(url.fragment(), None);
    if matches!(url.scheme(), "https" | "http") {
        assert_eq!((url.username(), url.password()), ("", None));
    }
    match url.scheme() {
        "https" => {}
        "http" => assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))),
        private_use => assert!(private_use.contains('.')),
    }
}

/// Byte equality, but for the port of a native client's loopback address.
fn check_proof(client: &Client, registered: &str, requested: &str, registrable: bool) {
    let same = registered == requested;
    let other_port = client.native && differ_in_loopback_port_only(registered, requested);
    let proven = ProvenRedirect::prove(client, requested);
    assert_eq!(proven.is_some(), same || other_port);
    let Some(proven) = proven else { return };
    assert_eq!(proven.as_str(), requested);
    let (Ok(to), Ok(home)) = (Url::parse(requested), Url::parse(registered)) else { return };
    assert_eq!((to.scheme(), to.host()), (home.scheme(), home.host()), "another host than registered");
    if registrable && matches!(to.scheme(), "https" | "http") {
        let shown = Url::parse(&format!("{}://{}/", to.scheme(), proven.host())).unwrap();
        assert_eq!(
            (shown.host(), shown.port()),
            (to.host(), to.port()),
            "another host than people are shown"
        );
    }
}

/// RFC 8252 §7.3, written a second time.
fn differ_in_loopback_port_only(registered: &str, requested: &str) -> bool {
    let tail = |uri: &str, origin: &str| -> Option<String> {
        let rest = uri.strip_prefix(origin)?;
        let Some(from_port) = rest.strip_prefix(':') else {
            return (rest.is_empty() || rest.starts_with(['/', '?'])).then(|| rest.to_owned());
        };
        let digits = from_port.find(['/', '?']).unwrap_or(from_port.len());
        let (port, tail) = from_port.split_at(digits);
        let canonical = port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port);
        canonical.then(|| tail.to_owned())
    };
    ["http://127.0.0.1", "http://[::1]", "http://localhost"].into_iter().any(|origin| {
        let registered = tail(registered, origin);
        registered.is_some() && registered == tail(requested, origin)
    })
}

/// Byte equality without exception, and the state arrives unchanged.
fn check_logout(client: &Client, registered: &str, requested: &str, state: &str) {
    let proven = ProvenLogoutRedirect::prove(client, requested);
    assert_eq!(proven.is_some(), registered == requested);
    let Some(proven) = proven else { return };
    assert_eq!(proven.url(None), requested);
    let url = proven.url(Some(state));
    let added = url.strip_prefix(requested).unwrap();
    assert!(added.starts_with(['?', '&']) && added.bytes().all(|b| b.is_ascii_graphic()));
    if state.contains('\0') || state.len() > protocol::params::MAX_VALUE_BYTES {
        return;
    }
    let sent = Params::parse(&added.as_bytes()[1..]).unwrap();
    assert!(sent.iter().eq([("state", state)]));
}
