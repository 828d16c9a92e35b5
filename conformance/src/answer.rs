//! An answer as tests read it.

use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use protocol::base64url;
use protocol::params::Params;
use serde_json::Value;

/// What came back.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text of a page is what matters, not its style sheet.
        let text = self.text();
        let text = text.split_once("<body>").map_or(text, |(_, body)| body);
        write!(f, "{} {:#?}\n{text}", self.status, self.headers)
    }
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// A header's value; empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether a header is there.
    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The target of the redirect.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        self.headers.get(LOCATION).unwrap().to_str().unwrap()
    }

    /// The parameters that the client gets by query.
    pub fn to_client(&self) -> Params {
        let (_, query) = self.location().split_once('?').unwrap();
        Params::parse(query.as_bytes()).unwrap()
    }

    /// The cookies it sets.
    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The value of a hidden field of a page.
    pub fn field(&self, name: &str) -> String {
        let mark = format!(r#"name="{name}" value=""#);
        let text = self.text();
        let start = text.find(&mark).unwrap_or_else(|| panic!("no field {name} in {text}")) + mark.len();
        let rest = &text[start..];
        rest[..rest.find('"').unwrap()].replace("&#38;", "&").replace("&#34;", "\"").replace("&#60;", "<")
    }

    /// The text of the element with an id, for elements that hold text only.
    pub fn element(&self, id: &str) -> Option<&str> {
        let text = self.text();
        let start = text.find(&format!(r#"id="{id}""#))?;
        let rest = &text[start..];
        let rest = &rest[rest.find('>')? + 1..];
        Some(&rest[..rest.find('<')?])
    }

    /// The claims of a compact JWT in the JSON body.
    pub fn claims(&self, member: &str) -> Value {
        let json = self.json();
        let token = json[member].as_str().unwrap_or_else(|| panic!("no {member} in {json}"));
        claims(token)
    }

    /// An error page of ours: no redirect, no new cookie, and every header of a page.
    pub fn assert_error_page(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.has(LOCATION.as_str()), "{self:?}");
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "text/html; charset=utf-8");
        assert_eq!(self.element("error-code"), Some(code), "{}", self.text());
        assert!(self.cookies().is_empty(), "{self:?}");
        self.assert_page_headers();
    }

    /// The headers of every page: a content security policy with a nonce of its own, no framing, no sniffing, no
    /// caching, no access for other origins.
    pub fn assert_page_headers(&self) {
        let policy = self.header("content-security-policy");
        let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
        let nonce = nonce.unwrap_or_else(|| panic!("no nonce in {policy}"));
        assert_eq!(nonce.len(), 22, "128 bits");
        for part in [
            "default-src 'none'",
            &format!("style-src 'self' 'nonce-{nonce}'"),
            "img-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.split("; ").any(|own| own == part), "{part} in {policy}");
        }
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(self.header(name), value, "{name}");
        }
        assert!(self.header("permissions-policy").contains("camera=()"));
        assert!(!self.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }

    /// A JSON error of the token endpoint and its like (RFC 6749 §5.2): two members, cached by nobody.
    pub fn assert_token_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{} {self:?}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        let json = self.json();
        assert_eq!(json["error"], code, "{json}");
        let described = json["error_description"].as_str().unwrap();
        assert!(
            described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
            "{described}"
        );
        let names: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(names, ["error", "error_description"]);
    }

    /// An error that goes to the client by query at the given redirect URI, with state and issuer.
    pub fn assert_error_redirect(&self, redirect_uri: &str, issuer: &str, code: &str, state: Option<&str>) {
        let (uri, _) = self.location().split_once('?').unwrap();
        assert_eq!(uri, redirect_uri);
        let answer = self.to_client();
        assert!(!answer.any_repeated());
        assert_eq!(answer.get("error"), Some(code), "{self:?}");
        assert_eq!(answer.get("state"), state);
        assert_eq!(answer.get("iss"), Some(issuer));
        assert_eq!(answer.get("code"), None);
        let described = answer.get("error_description").unwrap();
        assert!(
            described.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
            "{described}"
        );
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

/// The claims of a compact JWT, not verified.
pub fn claims(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The header of a compact JWT.
pub fn header(token: &str) -> Value {
    serde_json::from_slice(&base64url::decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}
