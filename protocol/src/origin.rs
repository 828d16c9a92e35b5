//! Origins (RFC 6454): which texts a browser may send as `Origin`. They are registered exactly as browsers send them, because
//! they are compared byte for byte.

use crate::host::{check_host, split_port};
use crate::redirect_uri::BadRedirectUri;

/// The longest origin, in bytes: a host has at most 253.
const MAX_BYTES: usize = 300;

/// Schemes whose pages have no origin of their own: browsers send `null` for them, or the same text for all.
const SHARED: [&str; 6] = ["about", "blob", "data", "file", "filesystem", "javascript"];

/// Schemes by which no page is loaded.
const WITHOUT_PAGES: [&str; 3] = ["ftp", "ws", "wss"];

/// Why no browser sends a text as the origin of one application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOrigin {
    /// Over 300 bytes.
    TooLong,
    /// `null`, or a scheme whose pages share one origin.
    Shared,
    /// A `*`.
    Pattern,
    /// No `scheme://`.
    NoScheme,
    /// Something else before `://`.
    Scheme,
    /// Capitals in the scheme.
    SchemeCase,
    /// A scheme by which no page is loaded.
    WithoutPages,
    /// A path, query or fragment, if only a `/`.
    Tail,
    /// A user name or password before the host.
    UserInfo,
    /// The host, by the rules of redirect URIs.
    Host(BadRedirectUri),
    /// 443 of https, or 80 of http.
    DefaultPort,
    /// Not a number as browsers write it.
    Port,
}

impl BadOrigin {
    /// One sentence: what is wrong with `origin` and how to fix it.
    pub fn message(self, origin: &str) -> String {
        let is_misspelt =
            !matches!(self, Self::TooLong | Self::Shared | Self::Pattern | Self::Scheme | Self::WithoutPages);
        let sent = as_sent(origin).filter(|_| is_misspelt);
        let instead = sent.map(|sent| format!(", as in {sent}")).unwrap_or_default();
        format!("origin `{origin}` can't be registered: {}{instead}", self.fix())
    }

    /// The rule, and what to do.
    const fn fix(self) -> &'static str {
        match self {
            Self::TooLong => "no browser sends more than 300 bytes: give scheme, host and port only",
            Self::Shared => {
                "all sandboxed pages and local files, of whatever application, send `null` or `file://`: serve the page from \
                 https, or from a scheme of the application's own such as capacitor://localhost"
            }
            Self::Pattern => {
                "origins are compared byte for byte and nothing is matched by pattern, so `*` stands for nothing: register each \
                 origin in full"
            }
            Self::NoScheme => {
                "an origin begins with the scheme of its page: write the scheme, `://` and the host"
            }
            Self::Scheme => "a scheme has letters, digits, `.`, `-` and `+` only, and begins with a letter",
            Self::SchemeCase => "browsers send the scheme in lower case: write it so",
            Self::WithoutPages => {
                "no page is loaded by this scheme: give the scheme of the page, such as https"
            }
            Self::Tail => "an origin ends after the host or port: leave out what follows",
            Self::UserInfo => "browsers send no user name: leave it out, with the `@`",
            Self::Host(why) => why.fix(),
            Self::DefaultPort => "browsers leave out the port 443 of https and 80 of http: leave it out",
            Self::Port => "the port is not a number from 0 to 65535 without leading zeros",
        }
    }
}

/// Checks that a browser sends this text, exactly, for pages of one application.
///
/// # Errors
/// Why none does.
pub fn check(origin: &str) -> Result<(), BadOrigin> {
    let (scheme, authority) = origin.split_once("://").unwrap_or_default();
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    let bad = [
        (origin.len() > MAX_BYTES, BadOrigin::TooLong),
        (origin == "null" || SHARED.iter().any(|shared| is_of(origin, shared)), BadOrigin::Shared),
        (origin.contains('*'), BadOrigin::Pattern),
        (scheme.is_empty(), BadOrigin::NoScheme),
        (
            !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(legal),
            BadOrigin::Scheme,
        ),
        (scheme.contains(|c: char| c.is_ascii_uppercase()), BadOrigin::SchemeCase),
        (WITHOUT_PAGES.contains(&scheme), BadOrigin::WithoutPages),
        (authority.contains(['/', '?', '#']), BadOrigin::Tail),
        (authority.contains('@'), BadOrigin::UserInfo),
    ];
    if let Some((_, why)) = bad.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    let (host, port) = split_port(authority);
    match default_port(scheme) {
        Some(_) => check_host(host),
        None => check_opaque_host(host),
    }
    .map_err(BadOrigin::Host)?;
    let Some(port) = port else { return Ok(()) };
    if port.parse::<u16>().map(|number| number.to_string()).as_deref() != Ok(port) {
        return Err(BadOrigin::Port);
    }
    if default_port(scheme) == Some(port) { Err(BadOrigin::DefaultPort) } else { Ok(()) }
}

/// The origin of the pages at an `http` or `https` URI.
pub fn of_uri(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = split_port(authority);
    let shown = if port == Some(default_port(scheme)?) { host } else { authority };
    let origin = uri.get(..scheme.len() + 3 + shown.len())?;
    check(origin).is_ok().then_some(origin)
}

fn is_of(uri: &str, scheme: &str) -> bool {
    uri.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(scheme))
}

/// The port that browsers leave out, of a scheme whose hosts they rewrite.
fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "https" => Some("443"),
        "http" => Some("80"),
        _ => None,
    }
}

/// The host of another scheme, which browsers send as it is, such as the id of an extension.
fn check_opaque_host(host: &str) -> Result<(), BadRedirectUri> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~');
    match host {
        "" => Err(BadRedirectUri::NoHost),
        host if host.bytes().all(plain) => Ok(()),
        _ => Err(BadRedirectUri::Host),
    }
}

/// What a browser sends for the page that is probably meant.
fn as_sent(origin: &str) -> Option<String> {
    let lower = origin.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").unwrap_or(("https", &lower));
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (host, port) = split_port(authority);
    let sent = match port.map(|port| port.trim_start_matches('0')) {
        Some(port) if !port.is_empty() && default_port(scheme) != Some(port) => {
            format!("{scheme}://{host}:{port}")
        }
        _ => format!("{scheme}://{host}"),
    };
    check(&sent).is_ok().then_some(sent)
}
