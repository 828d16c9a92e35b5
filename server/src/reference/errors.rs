//! The page of error codes: every refusal with its code, its status and its sentence, and what to do about it.

use crate::transport::bounds::{HEADER_BYTES, HEADERS, URI_BYTES};
use crate::transport::http::Limits;
use crate::web::failure::Failure;
use crate::web::form;
use protocol::Refusal;
use protocol::error::ErrorCode;
use protocol::refusal::Consequence;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole page `docs/reference/errors.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Error codes\n\n\
         <!-- Generated from protocol/src/refusal.rs and server/src/reference/errors.rs; \
         `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         The form of an error depends on the endpoint:\n\n\
         | endpoint | an error is |\n|---|---|\n\
         | `/token`, `/introspect`, `/revoke` | a JSON object with `error` and `error_description`, and the status below \
         (RFC 6749 §5.2) |\n\
         | `/userinfo` | the same, and the code is also in the header `WWW-Authenticate` (RFC 6750 §3) |\n\
         | `/authorize` | a redirect to the client with `error`, `error_description`, `state` and `iss`, once the client \
         and the redirect URI have been found to be valid (RFC 6749 §4.1.2.1, RFC 9207) |\n\
         | `/authorize` before that, and all other pages | an error page with the code, the sentence and the request id, \
         and the status below |\n\n\
         `error_description` is for developers; do not show it to users, and do not parse it. It never contains anything \
         from the request. Every response has the header `x-request-id`; the log has a line with that id and the reason, \
         which may say more than the answer ([logs](../guides/operate.md#refused-requests)).\n",
    );
    let mut by_code: BTreeMap<&str, (ErrorCode, Vec<Refusal>)> = BTreeMap::new();
    for refusal in Refusal::ALL.iter().filter(|refusal| refusal.is_sent()) {
        let code = refusal.code();
        by_code.entry(code.as_str()).or_insert_with(|| (code, Vec::new())).1.push(*refusal);
    }
    for (code, refusals) in by_code.into_values() {
        section(&mut page, code, &refusals);
    }
    page.push_str(&failures());
    page.push_str(&statuses(&Limits::default()));
    page
}

fn section(page: &mut String, code: ErrorCode, refusals: &[Refusal]) {
    let (source, advice) = about(code);
    let _infallible = write!(page, "\n## `{}`\n\n{source}. {advice}\n\n", code.as_str());
    page.push_str("| `error_description` | status | effect |\n|---|---|---|\n");
    let mut rows: Vec<String> = Vec::new();
    for refusal in refusals {
        let status = Failure::from(*refusal).status().as_u16();
        let effect = match refusal.consequence() {
            Consequence::Nothing => "",
            Consequence::BurnCode => "the code is spent",
            Consequence::RevokeGrant(_) => "the grant ends, with all its tokens",
        };
        let row = format!("| {} | {status} | {effect} |\n", refusal.sentence());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    page.extend(rows);
}

/// Where a code is defined, and what a client does about it.
const fn about(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::AccessDenied => (
            "RFC 6749 §4.1.2.1",
            "The user refused, or the form of a page cannot be accepted. Let the user start again; do not retry \
             automatically.",
        ),
        ErrorCode::ConsentRequired => (
            "OpenID Connect Core §3.1.2.6",
            "Only with `prompt=none`. Send the request again without `prompt=none`, so that the user can be asked.",
        ),
        ErrorCode::InsufficientScope => {
            ("RFC 6750 §3.1", "Request a token with the scope that the endpoint needs.")
        }
        ErrorCode::InvalidClient => (
            "RFC 6749 §5.2",
            "An unknown client, a disabled one, a wrong secret and a wrong authentication method get the same answer. \
             Check the client id, the secret and the method (`keyward client show ID`). At `/introspect` a public client \
             gets this, too.",
        ),
        ErrorCode::InvalidGrant => (
            "RFC 6749 §5.2",
            "This is final: discard the code or refresh token, and start a new authorization request.",
        ),
        ErrorCode::InvalidRequest => (
            "RFC 6749 §4.1.2.1, §5.2",
            "The request itself is wrong: fix it. On a page it may also mean that a sign-in took too long, or was finished \
             in another tab: start again at the application.",
        ),
        ErrorCode::InvalidScope => (
            "RFC 6749 §4.1.2.1, §5.2",
            "Scopes that the client is not registered for are dropped; this error means that nothing was left, that the \
             parameter is malformed, or that a refresh asked for more than was granted.",
        ),
        ErrorCode::InvalidTarget => (
            "RFC 8707 §2",
            "Request one resource, from those that the client is registered for (`--audience`).",
        ),
        ErrorCode::InvalidToken => (
            "RFC 6750 §3.1",
            "The token has expired, was revoked, or is not a user's. Get a new access token with the refresh token, \
             or sign the user in again.",
        ),
        ErrorCode::LoginRequired => (
            "OpenID Connect Core §3.1.2.6",
            "Only with `prompt=none`. Send the request again without `prompt=none`, so that the user can sign in.",
        ),
        ErrorCode::RequestNotSupported => {
            ("OpenID Connect Core §3.1.2.6", "Send the parameters themselves instead of a request object.")
        }
        ErrorCode::RequestUriNotSupported => (
            "OpenID Connect Core §3.1.2.6",
            "Send the parameters themselves instead of a reference to a request object.",
        ),
        ErrorCode::TemporarilyUnavailable => ("RFC 6749 §4.1.2.1", "Repeat the request after `Retry-After`."),
        ErrorCode::UnauthorizedClient => (
            "RFC 6749 §4.1.2.1, §5.2",
            "Register the client for this grant type (`keyward client update ID --grant …`).",
        ),
        ErrorCode::UnmetAuthenticationRequirements => (
            "OpenID Connect Core Unmet Authentication Requirements 1.0",
            "The request required, as `essential`, an `acr` that this server does not support. Ask for one of \
             `acr_values_supported`.",
        ),
        ErrorCode::UnsupportedGrantType => ("RFC 6749 §5.2", "Use one of `grant_types_supported`."),
        ErrorCode::UnsupportedResponseType => ("RFC 6749 §4.1.2.1", "Use `response_type=code`."),
    }
}

fn failures() -> String {
    let busy = Failure::busy("");
    let broken = Failure::internal("");
    format!(
        "\n## Failures of the server\n\n\
         These are not the caller's fault. They never become a redirect to the client.\n\n\
         | code | status | `error_description` | what to do |\n|---|---|---|---|\n\
         | `{}` | {} | {} | repeat the request after the time in `Retry-After`; tokens stay as valid as they were |\n\
         | `{}` | {} | {} | do not repeat the request; the log has the cause, with the request id |\n",
        busy.code(),
        busy.status().as_u16(),
        busy.sentence(),
        broken.code(),
        broken.status().as_u16(),
        broken.sentence(),
    )
}

fn statuses(limits: &Limits) -> String {
    format!(
        "\n## Other statuses\n\n\
         Most of these responses have no error code. With 408, 413, 415 and 421 it is `invalid_request`.\n\n\
         | status | when |\n|---|---|\n\
         | 303 | on a loopback issuer, a page was requested under another loopback name: \
         `Location` has the same page under the issuer's name, with `kw-moved=1` in the query |\n\
         | 400 | the HTTP framing can be read in two ways, or there is no `Host` or more than one |\n\
         | 403 | the header `X-Keyward-Origin` is missing or wrong, and `origin_secret` is set |\n\
         | 405 | the method is not one of those in `Allow` |\n\
         | 408 | the body did not arrive within {} s |\n\
         | 413 | the body is longer than the endpoint accepts, {} kB at most |\n\
         | 414 | path and query are longer than {} kB |\n\
         | 415 | the body is not `application/x-www-form-urlencoded` in UTF-8 |\n\
         | 421 | on a loopback issuer, `Host` is not a name of this machine, or still not the issuer's after the redirect \
         above, because a proxy changes it ([development proxies](../guides/front-end.md#development-proxies)) |\n\
         | 422 | a field of a form has to be corrected; the page says which |\n\
         | 429 | too many wrong passwords, or too many sign-ups; see `Retry-After` |\n\
         | 431 | more than {} header lines, or more than {} kB of them |\n\
         | 503 | the request took longer than {} s, or the server has no room for the request |\n",
        limits.body_time.as_secs(),
        form::LARGE / 1024,
        URI_BYTES / 1024,
        HEADERS,
        HEADER_BYTES / 1024,
        limits.request_time.as_secs(),
    )
}
