//! What is checked before every route: that the request came through our front end, if there must be one, and that it is
//! meant for us.

use crate::config::{OriginSecret, Settings};
use crate::peer::Unfit;
use axum::extract::Request;
use http::Method;
use http::header::HOST;
use protocol::Refusal;
use protocol::issuer::{Issuer, is_loopback_host};

/// The header in which a front end proves itself.
const ORIGIN_HEADER: &str = "x-keyward-origin";
/// What platforms call directly, not through the front end. The answers reveal nothing.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];
/// What only programs call; it works under any loopback name.
const FOR_PROGRAMS: [&str; 8] =
    ["/token", "/introspect", "/revoke", "/userinfo", "/jwks", "/.well-known/", "/healthz", "/readyz"];

/// Marks a redirect to the issuer's name. If a request with it still has another name, a proxy changes the name, and another
/// redirect would lead here again.
const MOVED: &str = "kw-moved=1";

/// Why a request ends here.
#[derive(Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// The transport refuses it.
    Unfit(Refusal),
    /// It did not come through the front end.
    Bypassed,
    /// The page is at this URL.
    Moved(String),
    /// It is for this host.
    WrongHost(String),
}

/// Checks both, and what the transport found. `Some`: the request ends here.
pub fn turn_away(settings: &Settings, request: &Request) -> Option<TurnedAway> {
    if !came_through_front(settings, request) {
        return Some(TurnedAway::Bypassed);
    }
    if let Some(Unfit(refusal)) = request.extensions().get() {
        return Some(TurnedAway::Unfit(*refusal));
    }
    misdirected(&settings.issuer, request)
}

fn came_through_front(settings: &Settings, request: &Request) -> bool {
    let sent = || request.headers().get(ORIGIN_HEADER).map(http::HeaderValue::as_bytes);
    let known = |value: &[u8]| OriginSecret::any(&settings.origin_secret, |secret| secret.matches(value));
    let path = request.uri().path();
    settings.origin_secret.is_empty() || is_probe(settings, path) || sent().is_some_and(known)
}

/// Whether platforms call this path directly.
pub fn is_probe(settings: &Settings, path: &str) -> bool {
    PROBES.contains(&below(&settings.issuer, path))
}

/// On loopback, a page under another name of this machine would lose its cookies, so it is redirected, and a foreign name is
/// an attempt at DNS rebinding, or of a proxy. Elsewhere `Host` is never read.
fn misdirected(issuer: &Issuer, request: &Request) -> Option<TurnedAway> {
    if !issuer.is_loopback() {
        return None;
    }
    let named = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    // RFC 9112 §3.2.2: the authority of a target in absolute form counts, not `Host`.
    let authority = request.uri().authority().map(http::uri::Authority::as_str).or_else(named)?;
    let host = without_port(authority);
    if host.eq_ignore_ascii_case(issuer.host()) {
        return None;
    }
    if !is_loopback_host(&host.to_ascii_lowercase()) {
        return Some(TurnedAway::WrongHost(authority.to_owned()));
    }
    if request.method() != Method::GET || !is_for_people(issuer, request.uri().path()) {
        return None;
    }
    let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
    if !rest.starts_with('/') {
        return None;
    }
    let query = request.uri().query();
    if query.is_some_and(|query| query.split('&').any(|part| part == MOVED)) {
        return Some(TurnedAway::WrongHost(authority.to_owned()));
    }
    let separator = if query.is_some() { '&' } else { '?' };
    Some(TurnedAway::Moved(format!("{}{rest}{separator}{MOVED}", issuer.origin())))
}

/// Whether browsers open this path, so that its errors are pages.
pub fn is_for_people(issuer: &Issuer, path: &str) -> bool {
    let path = below(issuer, path);
    !FOR_PROGRAMS.iter().any(|program| path.starts_with(program))
}

/// A path as it is in the URL map. Outside the issuer's own path there is only its metadata (RFC 8414 §3.1).
fn below<'a>(issuer: &Issuer, path: &'a str) -> &'a str {
    path.strip_prefix(issuer.path()).unwrap_or(path)
}

/// The path of the route that a path leads to, if it leads to one; for counting.
pub fn route_of<'a>(issuer: &Issuer, path: &'a str) -> &'a str {
    const METADATA: &str = "/.well-known/oauth-authorization-server";
    match path.strip_prefix(issuer.path()) {
        Some("") => "/",
        Some(below) => below,
        None if path.strip_prefix(METADATA) == Some(issuer.path()) => METADATA,
        None => "",
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_a_path_is_redirected_to_the_issuer_s_name() {
        let issuer = Issuer::parse("http://localhost:8080").unwrap();
        let away = |target: &str| {
            let request = Request::builder().uri(target).header(HOST, "127.0.0.1:8080");
            misdirected(&issuer, &request.body(Body::empty()).unwrap())
        };
        let moved = "http://localhost:8080/login?kw-moved=1".to_owned();
        assert_eq!(away("/login"), Some(TurnedAway::Moved(moved)));
        assert_eq!(away("*"), None);
    }
}
