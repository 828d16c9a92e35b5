//! Our issuer identifier (OIDC Discovery §3, RFC 8414 §2). Every URL we publish is built from it, never from a request.

use std::fmt;

/// An issuer identifier: `https://host[:port][/path]`, or `http` on a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: Box<str>,
    host_start: usize,
    path_start: usize,
}

/// Why a text can't be an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadIssuer {
    /// RFC 8414 §2: a URL with host and optional port and path, without query, fragment or user name.
    Shape,
    /// Plain http on a host that is not loopback.
    Insecure,
    /// A trailing slash: clients append paths to the issuer and would get different URLs.
    TrailingSlash,
}

impl BadIssuer {
    /// What is wrong and how to fix it.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::Shape => {
                "write it as https://host, https://host:port or https://host/path, lower-case, nothing after it"
            }
            Self::Insecure => "use https; plain http is for localhost, 127.0.0.1 and [::1] only",
            Self::TrailingSlash => "leave out the slash at its end",
        }
    }
}

impl Issuer {
    /// Parses a configured issuer.
    pub fn parse(text: &str) -> Result<Self, BadIssuer> {
        let rest =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(BadIssuer::Shape)?;
        let host_start = text.len() - rest.len();
        let path_start = rest.find('/').map_or(text.len(), |at| host_start + at);
        if rest.ends_with('/') {
            return Err(BadIssuer::TrailingSlash);
        }
        let legal = |b: u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']' | b'/')
        };
        let issuer = Self { text: text.into(), host_start, path_start };
        let authority = issuer.authority();
        let path_ok = issuer.path().split('/').skip(1).all(|segment| !matches!(segment, "" | "." | ".."))
            && !issuer.path().contains([':', '[', ']']);
        // RFC 6454 §4: browsers leave the default port out of an origin, so a form of ours would not be recognised.
        let default = if issuer.is_https() { 443 } else { 80 };
        let port_ok =
            issuer.port_text().is_none_or(|port| port.parse().is_ok_and(|n: u16| n > 0 && n != default));
        if authority.is_empty()
            || issuer.host().is_empty()
            || !rest.bytes().all(legal)
            || authority.bytes().any(|b| b.is_ascii_uppercase())
            || !path_ok
            || !port_ok
        {
            return Err(BadIssuer::Shape);
        }
        if !issuer.is_https() && !issuer.is_loopback() {
            return Err(BadIssuer::Insecure);
        }
        Ok(issuer)
    }

    /// The identifier, byte for byte what tokens and metadata say.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path that precedes that of every endpoint; empty if there is none.
    pub fn path(&self) -> &str {
        self.text.get(self.path_start..).unwrap_or_default()
    }

    /// Scheme, host and port: the origin of our own pages.
    pub fn origin(&self) -> &str {
        self.text.get(..self.path_start).unwrap_or_default()
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        self.text.get(self.host_start..self.path_start).unwrap_or_default()
    }

    /// The host alone; an IPv6 literal in brackets.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match self.port_text() {
            Some(port) => authority.get(..authority.len() - port.len() - 1).unwrap_or_default(),
            None => authority,
        }
    }

    fn port_text(&self) -> Option<&str> {
        self.authority().rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'))
    }

    /// The port; the scheme's default if none is given.
    pub fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.port_text().and_then(|port| port.parse().ok()).unwrap_or(default)
    }

    /// Whether it is https.
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether its host is a loopback name or address.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// The URL of one of our endpoints; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }
}

/// Whether a host (without port) is a loopback name or address.
pub fn is_loopback_host(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
