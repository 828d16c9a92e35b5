//! What the log says about a refused request besides the reason: the client, and which of what was sent and of what is
//! registered explains the refusal. It goes to the log only; no answer contains any of it.
//!
//! One table lists what may be shown. Codes, tokens, secrets, verifiers, passwords, `state` and `nonce` are not in it.
//! What was sent is chosen by the caller, so it is shown only in the shape that it should have: see [`crate::shown`].

use crate::client::{Client, GrantType};
use crate::client_auth::Credentials;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::shown::{self, MOST, plain};
use std::fmt::Write as _;

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
        let claimed = || params.get("client_id").map(shown::id);
        Self {
            client: client.map(|client| plain(client.id.as_str())).or_else(claimed),
            sent: sent(refusal, params),
            registered: client.and_then(|client| registered(refusal, client)),
        }
    }

    /// For credentials that do not authenticate a client.
    pub fn of_credentials(refusal: Refusal, credentials: &Credentials, client: Option<&Client>) -> Self {
        let claimed = credentials.client_id().as_str();
        Self {
            client: Some(client.map_or_else(|| shown::id(claimed), |client| plain(client.id.as_str()))),
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
        Refusal::LogoutRedirectUnknown | Refusal::LogoutClientUnknown => &["post_logout_redirect_uri"],
        _ => &[],
    }
}

fn sent(refusal: Refusal, params: &Params) -> Option<String> {
    let pairs: Vec<String> = match refusal {
        Refusal::RepeatedParameter => {
            params.repeated_names().take(4).map(|name| shown::name(name).to_owned()).collect()
        }
        Refusal::RequestTooLong => {
            let longest = params.iter().max_by_key(|(_, value)| value.len());
            longest
                .map(|(name, value)| format!("{} of {} bytes", shown::name(name), value.len()))
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
        Refusal::ScopeEmpty => Some(listed(client.scope.as_str().split(' ').collect::<Vec<_>>().into_iter())),
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
        let _infallible = write!(text, "{separator}{}", plain(one));
    }
    text
}

fn pair(name: &str, value: &str) -> String {
    format!("{name}={}", shape(name)(value))
}

/// How a parameter's or a header's value is shown.
fn shape(name: &str) -> fn(&str) -> String {
    match name {
        "client_id" => shown::id,
        "redirect_uri" | "post_logout_redirect_uri" | "resource" | "audience" => shown::uri,
        "scope" => shown::words,
        "max_age" => shown::number,
        "code_challenge_method" => shown::method,
        "content-type" => shown::media_type,
        "host" => shown::host,
        _ => shown::names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::armor;
    use crate::base64url;
    use crate::params::encode;

    /// What the log has about a request with these parameters, sent without encoding twice.
    fn evidence(refusal: Refusal, pairs: &[(&str, &str)]) -> Evidence {
        Evidence::of(refusal, &Params::from_pairs(pairs.iter().copied()), None)
    }

    fn sent(refusal: Refusal, name: &str, value: &str) -> String {
        evidence(refusal, &[(name, value)]).sent.unwrap()
    }

    #[test]
    fn an_unknown_client_s_id_is_shown_only_if_it_looks_like_one() {
        let secret = armor::wrap(armor::CLIENT_SECRET, &[7; 32]);
        let client = |id: &str| evidence(Refusal::ClientUnknown, &[("client_id", id)]).client.unwrap();
        for id in ["web", "web.example.com", "A-b_c~d", "0b8f9f7e-32f5-4c56-9d2c-8d2b4a3f1c11"] {
            assert_eq!(client(id), id);
        }
        for id in [
            &*secret,
            &secret.to_uppercase(),
            &format!("my-{secret}"),
            &encode(&secret).to_string().replace('_', "%5F"),
            &secret.replace('_', "%5f"),
            &base64url::encode(format!("app1:{secret}").as_bytes()),
            &base64url::encode(format!("app12:{}", secret.replace('_', "%5F")).as_bytes()),
            &format!("Basic_{}", base64url::encode(format!("app1:{secret}").as_bytes())),
            "Basic d2ViOmh1bnRlcjI=",
            "r p",
            "",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        ] {
            if !id.is_empty() {
                assert_eq!(client(id), "***", "{id}");
            }
            assert!(!sent(Refusal::ClientIdInvalid, "client_id", id).contains(id) || id.is_empty(), "{id}");
        }
    }

    #[test]
    fn uris_are_shown_without_userinfo_and_values() {
        let secret = armor::wrap(armor::CODE, &[7; 80]);
        let wrapped = base64url::encode(format!("a:{secret}").as_bytes());
        for (uri, shown) in [
            ("https://rp.example:8443/cb/", "https://rp.example:8443/cb/"),
            ("com.example.app:/cb", "com.example.app:/cb"),
            ("/cb", "/cb"),
            ("https://a-long-name-of-a-preview-of-a-branch-with-many-words.example/cb", "="),
            (
                "https://user:hunter2@rp/cb?code=kwc_abc&state=SECRETSTATE&access_token=opaque",
                "https://***@rp/cb?code=***&state=***&access_token=***",
            ),
            ("https://rp/cb?SECRETSTATE&x=&y=1#access_token=SECRETSTATE", "https://rp/cb?***&x=&y=***#***"),
            ("https://rp/cb#SECRETSTATE", "https://rp/cb#***"),
            ("https%3A%2F%2Frp%2Fcb%3Fstate%3DSECRETSTATE", "https%3A%2F%2Frp%2Fcb%3F***"),
            ("https%3a%2f%2fuser%3ahunter2%40rp%2fcb", "***@rp%2fcb"),
            ("https%253A%252F%252Frp%253Fstate%253DSECRETSTATE", "https%25***"),
            ("https:///user:hunter2@rp/cb", "https:///***@rp/cb"),
            ("https:\\\\user:hunter2@rp/cb", "***@rp/cb"),
            ("https:/user:hunter2@rp/cb", "***@rp/cb"),
            ("user:hunter2@rp/cb", "***@rp/cb"),
            ("https://rp/@me", "https://rp/@me"),
            ("x registered=evil", "\"x registered=evil\""),
            (&format!("https://rp/{secret}/cb"), "https://rp/kwc_***/cb"),
            (&format!("https://u:{}@rp/cb", "hunter2".repeat(500)), "https://***@rp/cb"),
            (&format!("https://rp/{}/{wrapped}", secret.repeat(9)), "***"),
            (&format!("https://rp/{}/cb", secret.replace('_', "%5F")), "***"),
            (&format!("https://rp/cb/{wrapped}"), "***"),
        ] {
            let shown = if shown == "=" { uri } else { shown };
            for (refusal, name) in [
                (Refusal::RedirectUriUnregistered, "redirect_uri"),
                (Refusal::LogoutRedirectUnknown, "post_logout_redirect_uri"),
                (Refusal::ResourceInvalid, "resource"),
            ] {
                assert_eq!(sent(refusal, name, uri), format!("{name}={shown}"), "{uri}");
            }
        }
    }

    #[test]
    fn names_numbers_and_scopes_are_shown_only_in_their_shape() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let device = "urn:ietf:params:oauth:grant-type:device_code";
        let (small, secret) = (verifier.to_lowercase(), armor::wrap(armor::REFRESH_TOKEN, &[7; 32]));
        let wrapped = base64url::encode(format!("a:{secret}").as_bytes());
        for (refusal, name, value, shown) in [
            (Refusal::GrantTypeUnsupported, "grant_type", device, device),
            (Refusal::GrantTypeUnsupported, "grant_type", "password", "password"),
            (Refusal::GrantTypeUnsupported, "grant_type", verifier, "***"),
            (Refusal::GrantTypeUnsupported, "grant_type", &small, "***"),
            (Refusal::GrantTypeUnsupported, "grant_type", &secret, "***"),
            (Refusal::GrantTypeUnsupported, "grant_type", "Hunter2", "***"),
            (Refusal::ResponseTypeUnsupported, "response_type", "code id_token", "\"code id_token\""),
            (Refusal::ResponseTypeUnsupported, "response_type", verifier, "***"),
            (Refusal::ChallengeMethod, "code_challenge_method", "s256", "s256"),
            (Refusal::ChallengeMethod, "code_challenge_method", "S512", "S512"),
            (Refusal::ChallengeMethod, "code_challenge_method", verifier, "***"),
            (Refusal::PromptInvalid, "prompt", verifier, "***"),
            (Refusal::MaxAgeInvalid, "max_age", "-1", "-1"),
            (Refusal::MaxAgeInvalid, "max_age", "hunter2", "***"),
            (Refusal::ScopeEmpty, "scope", "openid api:Read", "\"openid api:Read\""),
            (Refusal::ScopeEmpty, "scope", &format!("openid {verifier}"), "\"openid ***\""),
            (Refusal::ScopeEmpty, "scope", &format!("openid {wrapped}"), "\"openid ***\""),
            (Refusal::ScopeEmpty, "scope", &format!("{wrapped} openid"), "\"*** openid\""),
            (Refusal::ScopeEmpty, "scope", &secret, "***"),
            (Refusal::ScopeEmpty, "scope", &secret[..40], "kwr_***"),
        ] {
            assert_eq!(sent(refusal, name, value), format!("{name}={shown}"), "{value}");
        }
        for (name, shown) in [("scope", "scope"), (verifier, "***"), (&small, "***"), ("a b=c", "***")] {
            let twice = evidence(Refusal::RepeatedParameter, &[(name, "1"), (name, "2")]);
            assert_eq!(twice.sent.as_deref(), Some(shown), "{name}");
        }
        let long = evidence(Refusal::RequestTooLong, &[(verifier, "1")]);
        assert_eq!(long.sent.as_deref(), Some("*** of 1 bytes"));
    }

    #[test]
    fn headers_are_shown_without_what_is_not_theirs() {
        for (name, value, shown) in [
            ("content-type", "application/json; pw=hunter2", "application/json"),
            ("content-type", "hunter2, x", "***"),
            ("content-type", "", ""),
            ("host", "evil.example:1", "evil.example:1"),
            ("host", "user:hunter2@evil.example", "***@evil.example"),
            ("host", "x registered=evil", "\"x registered=evil\""),
        ] {
            let sent = Evidence::of_header(name, value.as_bytes()).sent;
            assert_eq!(sent, Some(format!("{name}={shown}")), "{value}");
        }
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
