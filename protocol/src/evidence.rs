//! What the log says about a refused request besides the reason: the client, and which of what was sent and of what is
//! registered explains the refusal. It goes to the log only; no answer contains any of it.
//!
//! One table lists what may be shown. Codes, tokens, secrets, verifiers, passwords, `state` and `nonce` are not in it.
//! What was sent is chosen by the caller, so it is shown as printable ASCII of limited length, and anything in it that
//! looks like a secret of ours is masked.

use crate::armor;
use crate::client::{Client, GrantType};
use crate::client_auth::Credentials;
use crate::params::Params;
use crate::refusal::Refusal;
use std::fmt::Write as _;

/// The longest value that is shown, in bytes; of a longer one only the beginning is shown.
pub const MOST: usize = 256;

/// What explains a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The client that sent the request, or the one it claimed to be.
    pub client: Option<String>,
    /// What was sent: names and values.
    pub sent: Option<String>,
    /// What is registered for the client instead.
    pub registered: Option<String>,
}

impl Evidence {
    /// For a request with these parameters; `client` is the record, if it was found.
    pub fn of(refusal: Refusal, params: &Params, client: Option<&Client>) -> Self {
        let claimed = || params.get("client_id").map(shown);
        Self {
            client: client.map(|client| client.id.to_string()).or_else(claimed),
            sent: sent(refusal, params),
            registered: client.and_then(|client| registered(refusal, client)),
        }
    }

    /// For credentials that do not authenticate a client.
    pub fn of_credentials(refusal: Refusal, credentials: &Credentials, client: Option<&Client>) -> Self {
        Self {
            client: Some(shown(credentials.client_id().as_str())),
            sent: Some(pair("token_endpoint_auth_method", credentials.method().as_str())),
            registered: client.and_then(|client| registered(refusal, client)),
        }
    }

    /// For a header that is not understood.
    pub fn of_header(name: &str, value: &[u8]) -> Self {
        Self { sent: Some(pair(name, &String::from_utf8_lossy(value))), ..Self::default() }
    }
}

/// The parameters that explain a refusal.
const fn parameters(refusal: Refusal) -> &'static [&'static str] {
    match refusal {
        Refusal::ClientIdInvalid => &["client_id"],
        Refusal::RedirectUriMissing | Refusal::RedirectUriUnregistered | Refusal::RedirectUriDiffers => {
            &["redirect_uri"]
        }
        Refusal::ResponseTypeUnsupported | Refusal::CodeNotAllowed => &["response_type"],
        Refusal::ResponseModeUnsupported => &["response_mode"],
        Refusal::ChallengeMissing | Refusal::ChallengeMethod => &["code_challenge_method"],
        Refusal::ScopeMalformed | Refusal::ScopeEmpty | Refusal::ScopeWider => &["scope"],
        Refusal::PromptInvalid | Refusal::LoginRequired | Refusal::ConsentRequired => &["prompt"],
        Refusal::MaxAgeInvalid => &["max_age"],
        Refusal::ResourceInvalid | Refusal::RepeatedResource => &["resource", "audience"],
        Refusal::GrantTypeUnsupported | Refusal::GrantTypeNotAllowed => &["grant_type"],
        Refusal::LogoutRedirectUnknown => &["post_logout_redirect_uri"],
        _ => &[],
    }
}

fn sent(refusal: Refusal, params: &Params) -> Option<String> {
    let pairs: Vec<String> = match refusal {
        Refusal::RepeatedParameter => params.repeated_names().take(4).map(shown).collect(),
        Refusal::RequestTooLong => {
            let longest = params.iter().max_by_key(|(_, value)| value.len());
            longest
                .map(|(name, value)| format!("{} of {} bytes", shown(name), value.len()))
                .into_iter()
                .collect()
        }
        _ => {
            let names = parameters(refusal).iter();
            names.flat_map(|name| params.all(name).take(2).map(move |value| pair(name, value))).collect()
        }
    };
    (!pairs.is_empty()).then(|| pairs.join(" "))
}

/// What a client is registered for, where a refusal is about that.
fn registered(refusal: Refusal, client: &Client) -> Option<String> {
    let list = |all: &[String]| Some(listed(all.iter().map(String::as_str)));
    match refusal {
        Refusal::RedirectUriMissing | Refusal::RedirectUriUnregistered | Refusal::RedirectUriDiffers => {
            list(&client.redirect_uris)
        }
        Refusal::LogoutRedirectUnknown => list(&client.post_logout_redirect_uris),
        Refusal::ResourceInvalid => list(&client.audiences),
        Refusal::ScopeEmpty => Some(shown(client.scope.as_str())),
        Refusal::CodeNotAllowed | Refusal::GrantTypeNotAllowed => {
            Some(listed(client.grant_types.iter().copied().map(GrantType::as_str)))
        }
        Refusal::AuthMethodWrong => Some(client.auth_method.as_str().to_owned()),
        _ => None,
    }
}

/// As many as are shown in [`MOST`] bytes, and how many there are if that is not all.
fn listed<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let (count, mut text) = (all.len(), String::new());
    for (place, one) in all.enumerate() {
        if text.len() > MOST {
            let _infallible = write!(text, " and {} more", count - place);
            break;
        }
        let separator = if place == 0 { "" } else { " " };
        let _infallible = write!(text, "{separator}{}", shown(one));
    }
    text
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}={}", shown(value))
}

/// A text of a caller's as the log may show it: printable ASCII, all other bytes percent-encoded; secrets of ours and
/// JWTs masked; and the length in place of what is beyond [`MOST`] bytes.
pub fn shown(text: &str) -> String {
    let mut line = String::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if line.len() >= MOST {
            let _infallible = write!(line, "... ({} bytes)", text.len());
            break;
        }
        if let Some(prefix) = secret_prefix(rest) {
            let _infallible = write!(line, "{prefix}***");
            let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            rest = rest.get(rest.iter().take_while(|b| is_part(b)).count()..).unwrap_or_default();
            continue;
        }
        if byte.is_ascii_graphic() || *byte == b' ' {
            line.push(char::from(*byte));
        } else {
            let _infallible = write!(line, "%{byte:02X}");
        }
        rest = after;
    }
    line
}

/// How a secret of ours, or a JWT, begins.
fn secret_prefix(text: &[u8]) -> Option<&'static str> {
    [armor::CODE, armor::REFRESH_TOKEN, armor::CLIENT_SECRET, "eyJ"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_send_is_one_short_line_of_plain_text() {
        for (text, line) in [
            ("https://rp.example/cb?x=1", "https://rp.example/cb?x=1"),
            ("openid email", "openid email"),
            ("a\nINFO forged", "a%0AINFO forged"),
            ("\r\n\t\0\u{7f}", "%0D%0A%09%00%7F"),
            ("\u{1b}[31mred", "%1B[31mred"),
            ("\u{9b}31m", "%C2%9B31m"),
            ("\u{202e}gpj", "%E2%80%AEgpj"),
            ("", ""),
        ] {
            assert_eq!(shown(text), line);
        }
        for long in ["x", "\n", "é", "https://rp.example/"].map(|one| one.repeat(100_000 / one.len())) {
            let line = shown(&long);
            assert!(line.len() < MOST + 32 && line.ends_with(" bytes)"), "{line}");
        }
    }

    #[test]
    fn secrets_in_the_wrong_place_are_masked() {
        let secret = armor::wrap(armor::CLIENT_SECRET, &[7; 32]);
        let code = armor::wrap(armor::CODE, &[7; 80]);
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";
        assert_eq!(shown(&secret), "kws_***");
        assert_eq!(
            shown(&format!("https://rp.example/cb?code={code}&x")),
            "https://rp.example/cb?code=kwc_***&x"
        );
        assert_eq!(shown(&format!("openid {jwt} {secret}")), "openid eyJ*** kws_***");
        let before = "x".repeat(MOST - 1);
        assert_eq!(
            shown(&format!("{before}{secret}")),
            format!("{before}kws_***"),
            "also where the line ends"
        );
    }

    #[test]
    fn long_lists_are_cut() {
        let uris: Vec<String> = (0..100).map(|n| format!("https://rp.example/{n}/callback")).collect();
        let text = listed(uris.iter().map(String::as_str));
        assert!(text.starts_with("https://rp.example/0/callback https://rp.example/1/callback"), "{text}");
        assert!(text.len() < 2 * MOST && text.ends_with(" more"), "{text}");
        assert_eq!(listed(["a", "b"].into_iter()), "a b");
        let long = "x".repeat(5000);
        assert!(listed([&*long; 50].into_iter()).len() < 2 * MOST);
    }
}
