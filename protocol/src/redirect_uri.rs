//! Which redirect URIs a client may register, and when a requested one is the same.

use crate::host::{check_host, check_name, split_port};
use crate::params::decode;

/// The longest redirect URI accepted, in bytes.
pub const MAX_BYTES: usize = 1024;

macro_rules! rules {
    ($(#[doc = $doc:literal] $name:ident => $fix:literal;)+) => {
        /// Why a URI cannot be registered.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum BadRedirectUri {
            $(#[doc = $doc] $name,)+
        }

        impl BadRedirectUri {
            /// All of them, for tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What is wrong and how to fix it.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)+ }
            }
        }
    };
}

rules! {
    /// No text at all.
    Empty => "it is empty: give an absolute URI such as https://app.example/callback";
    /// Over [`MAX_BYTES`].
    TooLong => "it is longer than 1024 bytes: shorten it, and send what varies in `state`";
    /// A space, as from a careless paste.
    Space => "it has a space: leave it out, or write %20";
    /// A `\`, which browsers take for a `/`.
    Backslash => "it has a backslash, which browsers take for a `/`: write `/`, or %5C";
    /// Control characters, and characters outside ASCII.
    Characters => "it has a character outside printable ASCII: percent-encode its bytes in UTF-8, as in %C3%BC";
    /// RFC 3986 §2: characters that no URI has. Browsers encode most of them.
    NotOfUris => "a URI has no `\"`, `<`, `>`, `^`, backtick, `{`, `|` and `}`: percent-encode it, as in %22";
    /// RFC 3986 §2.1.
    Escape => "two hexadecimal digits follow each `%`: write %25 for a percent sign";
    /// RFC 6749 §4.1.2, §4.1.2.1, RFC 9207 §2: a parameter of the answer, which would be there twice.
    AnswersParameter => "its query has a parameter that the answer adds (code, state, iss, error, error_description): rename it";
    /// OIDC RP-Initiated Logout §3: it would be there twice.
    State => "its query has `state`, which the answer adds: rename it";
    /// A `*`, which some other servers take as a pattern (RFC 9700 §4.1.1).
    Pattern => "redirect URIs are compared byte for byte and nothing is matched by pattern, so `*` stands for nothing: \
                register each URI in full (a literal asterisk is written %2A)";
    /// RFC 6749 §3.1.2: no fragment.
    Fragment => "leave out the `#` part";
    /// Not an absolute URI.
    NoScheme => "it is not an absolute URI: begin it with https://";
    /// Capitals in the scheme.
    SchemeCase => "write the scheme in lower case, because URIs are compared byte for byte";
    /// RFC 3986 §3.1.
    SchemeCharacters => "a scheme has letters, digits, `.`, `-` and `+` only, and begins with a letter";
    /// RFC 8252 §7.1: a private-use scheme is a domain name in reverse.
    SchemeWithoutDot => "its scheme is neither https nor http, and a private-use scheme has a dot: use a domain name of yours \
                         in reverse, as in com.example.app:/callback, and register the client as native; for an \
                         application that can't change its scheme, also allow schemes without a dot";
    /// A scheme that browsers or systems handle themselves.
    SchemeTaken => "browsers and systems handle this scheme themselves, so no application receives it: use https or a \
                    private-use scheme";
    /// A start address that is not of the web.
    NotWeb => "it is neither https nor http: begin it with https://";
    /// RFC 8252 §7.1: a private-use scheme of a client that is not native.
    NotNative => "a private-use scheme is for native applications: register the client as native, or use https";
    /// RFC 9700 §2.6, RFC 8252 §7.3: `http` elsewhere than on loopback.
    Http => "http is for 127.0.0.1, [::1] and localhost only: use https";
    /// No `//` after `https:` or `http:`, or nothing after it.
    NoHost => "it has no host: write // and the host after the scheme";
    /// A user name or password before the host.
    UserInfo => "leave out the user name and the `@` before the host";
    /// Capitals in the host, which no browser sends.
    HostCase => "write the host in lower case, as browsers send it";
    /// A `_` in the host.
    HostUnderscore => "a host name has no `_`, and no certificate is issued for one: use `-`";
    /// Other scripts, which browsers rewrite.
    HostNotAscii => "its host has characters outside ASCII: write the name as browsers send it, which begins with xn--";
    /// Escapes, which browsers decode.
    HostEscaped => "its host is percent-encoded, which browsers decode: write it without `%`";
    /// A last label that makes browsers read an IPv4 address (WHATWG URL §3.5), which they write in another way.
    HostNumber => "browsers take a host whose last part is a number for an IPv4 address: write the address as four decimal \
                   numbers without leading zeros, as in 127.0.0.1";
    /// An IPv6 address that browsers write in another way (WHATWG URL §3.5).
    HostIpv6 => "write the IPv6 address as browsers do: hexadecimal, without leading zeros, and with `::` for the longest run \
                 of zeros, as in [::1]";
    /// Neither a name nor an address.
    Host => "the host is not a name of letters, digits, `-` and `.` (other scripts as xn--…), nor an IP address (IPv6 in \
             brackets)";
    /// RFC 3986 §3.2.3.
    Port => "the port is not a number from 0 to 65535";
    /// A path with dot segments, which browsers normalise: the URL visited would not be the one registered.
    DotSegments => "leave out `.` and `..` path segments";
}

/// Which private-use schemes a client may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateSchemes {
    /// None: it is not a native application.
    None,
    /// Domain names in reverse (RFC 8252 §7.1).
    DomainNames,
    /// Looser than RFC 8252 §7.1: those without a dot, too, because some applications have no other and can't change it.
    /// PKCE, which public clients need, keeps a code useless to another application that claims the scheme.
    Any,
}

/// Schemes without a dot that no application can claim, or in which a browser would run or show what follows.
const TAKEN: [&str; 39] = [
    "about",
    "android-app",
    "blob",
    "chrome",
    "chrome-extension",
    "cid",
    "content",
    "data",
    "feed",
    "file",
    "filesystem",
    "ftp",
    "geo",
    "intent",
    "itms-services",
    "jar",
    "javascript",
    "ldap",
    "livescript",
    "mailto",
    "market",
    "microsoft-edge",
    "moz-extension",
    "ms-appinstaller",
    "ms-msdt",
    "ms-settings",
    "resource",
    "search-ms",
    "sip",
    "smb",
    "sms",
    "ssh",
    "tel",
    "telnet",
    "urn",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// The parameters of an answer to an authorization request.
const OF_ANSWERS: [&str; 5] = ["code", "state", "iss", "error", "error_description"];

/// Checks an address of the web that pages link to. It may have a fragment, as in an application of one page.
pub fn check_web(uri: &str) -> Result<(), BadRedirectUri> {
    check_text(uri)?;
    match uri.split_once(':') {
        Some(("https", rest)) => check_authority(rest, |_| true),
        Some(("http", rest)) => check_authority(rest, is_loopback_host),
        _ => Err(BadRedirectUri::NotWeb),
    }
}

/// Checks a URI at registration (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1). A request's URI is then
/// compared with it byte for byte, but for a native client's loopback port.
pub fn check_registrable(uri: &str, private: PrivateSchemes) -> Result<(), BadRedirectUri> {
    check_destination(uri, private)?;
    if has_parameter(uri, &OF_ANSWERS) { Err(BadRedirectUri::AnswersParameter) } else { Ok(()) }
}

/// The same for a URI to which a browser may go after logout (OIDC RP-Initiated Logout §3.1).
pub fn check_after_logout(uri: &str, private: PrivateSchemes) -> Result<(), BadRedirectUri> {
    check_destination(uri, private)?;
    if has_parameter(uri, &["state"]) { Err(BadRedirectUri::State) } else { Ok(()) }
}

fn check_destination(uri: &str, private: PrivateSchemes) -> Result<(), BadRedirectUri> {
    check_text(uri)?;
    let bad = [(uri.contains('*'), BadRedirectUri::Pattern), (uri.contains('#'), BadRedirectUri::Fragment)];
    if let Some((_, why)) = bad.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    let (scheme, rest) = uri.split_once(':').ok_or(BadRedirectUri::NoScheme)?;
    match scheme {
        "https" => check_authority(rest, |_| true),
        "http" => check_authority(rest, is_loopback_host),
        _ => check_private_use(scheme, rest, private).and_then(|()| check_characters(rest)),
    }
}

/// What is wrong with a text whatever its parts are.
fn check_text(uri: &str) -> Result<(), BadRedirectUri> {
    let bad = [
        (uri.is_empty(), BadRedirectUri::Empty),
        (uri.len() > MAX_BYTES, BadRedirectUri::TooLong),
        (uri.contains(' '), BadRedirectUri::Space),
        (uri.contains('\\'), BadRedirectUri::Backslash),
    ];
    bad.into_iter().find(|(is_so, _)| *is_so).map_or(Ok(()), |(_, why)| Err(why))
}

/// RFC 3986 §2: what comes after the scheme or the host.
fn check_characters(rest: &str) -> Result<(), BadRedirectUri> {
    let mut pieces = rest.split('%');
    pieces.next();
    let is_escape = |piece: &str| piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let bad = [
        (!rest.bytes().all(|b| b.is_ascii_graphic()), BadRedirectUri::Characters),
        (rest.contains(['"', '<', '>', '^', '`', '{', '|', '}']), BadRedirectUri::NotOfUris),
        (!pieces.all(is_escape), BadRedirectUri::Escape),
    ];
    bad.into_iter().find(|(is_so, _)| *is_so).map_or(Ok(()), |(_, why)| Err(why))
}

/// Whether the query has one of these names, however it is encoded.
fn has_parameter(uri: &str, names: &[&str]) -> bool {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let name = |pair: &str| decode(pair.split('=').next().unwrap_or_default().as_bytes());
    query.split('&').any(|pair| name(pair).is_ok_and(|name| names.contains(&name.as_str())))
}

/// RFC 8252 §7.1: a private-use scheme is a domain name in reverse, so it has a dot in it, unless the client may differ.
fn check_private_use(scheme: &str, rest: &str, private: PrivateSchemes) -> Result<(), BadRedirectUri> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    // `app.example:8080/cb`, `/cb?to=a:b`: a host or a path, and not a scheme.
    if rest.starts_with(|c: char| c.is_ascii_digit()) || scheme.is_empty() || scheme.contains(['/', '?']) {
        return Err(BadRedirectUri::NoScheme);
    }
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(legal) {
        return Err(BadRedirectUri::SchemeCharacters);
    }
    if scheme.contains(|c: char| c.is_ascii_uppercase()) {
        return Err(BadRedirectUri::SchemeCase);
    }
    if TAKEN.contains(&scheme) {
        return Err(BadRedirectUri::SchemeTaken);
    }
    match private {
        PrivateSchemes::Any => Ok(()),
        _ if !scheme.contains('.') => Err(BadRedirectUri::SchemeWithoutDot),
        PrivateSchemes::DomainNames => Ok(()),
        PrivateSchemes::None => Err(BadRedirectUri::NotNative),
    }
}

fn check_authority(rest: &str, host_allowed: impl Fn(&str) -> bool) -> Result<(), BadRedirectUri> {
    let rest = rest.strip_prefix("//").ok_or(BadRedirectUri::NoHost)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).ok_or(BadRedirectUri::NoHost)?;
    if authority.contains('@') {
        return Err(BadRedirectUri::UserInfo);
    }
    let (host, port) = split_port(authority);
    check_host(host)?;
    check_name(host)?;
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<u16>().is_err()) {
        return Err(BadRedirectUri::Port);
    }
    if !host_allowed(host) {
        return Err(BadRedirectUri::Http);
    }
    check_characters(tail)?;
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let dotted =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dotted) { Err(BadRedirectUri::DotSegments) } else { Ok(()) }
}

fn is_loopback_host(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

/// RFC 8252 §7.3: whether two URIs differ at most in the port of a loopback address.
///
/// Looser than RFC 8252 §7.3: `localhost` may vary, too, because many native applications send it and choose their port
/// at random. §8.3 prefers the literal addresses, because a resolver could lead the name elsewhere; an attacker who can do
/// that on the user's device needs no port.
pub(crate) fn same_but_loopback_port(registered: &str, requested: &str) -> bool {
    let Some(registered) = loopback_without_port(registered) else { return false };
    loopback_without_port(requested) == Some(registered)
}

/// Host and tail of an `http` URI on a loopback address, the port taken out.
fn loopback_without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, tail) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let (host, port) = split_port(authority);
    let port_ok = port.is_none_or(|p| p.parse::<u16>().is_ok_and(|n| n > 0) && !p.starts_with(['0', '+']));
    (is_loopback_host(host) && port_ok).then_some((host, tail))
}
