//! Bearer tokens in requests to us (RFC 6750): where they may be, and how they are refused.

use super::failure::Failure;
use super::form;
use crate::headers::NO_STORE;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use protocol::Refusal;
use protocol::params::{MalformedParams, Params};
use zeroize::Zeroizing;

/// The token of a request: in the header (§2.1) or in the form of a POST (§2.2). In the URL (§2.3) it would be logged, so
/// it is refused there. `Ok(None)`: there is none.
///
/// # Errors
/// [`Refusal::BearerMalformed`], and as [`form::read`].
pub async fn token(request: Request) -> Result<Option<Zeroizing<String>>, Failure> {
    let (head, body) = request.into_parts();
    let query =
        Params::parse(head.uri.query().unwrap_or_default().as_bytes()).map_err(MalformedParams::refusal)?;
    let mut headers = head.headers.get_all(AUTHORIZATION).iter();
    let header = headers.next().cloned();
    if query.get("access_token").is_some() || headers.next().is_some() {
        return Err(Refusal::BearerMalformed.into());
    }
    let posted = if head.method == Method::POST && form::is_form(&head.headers) {
        let form = form::read(&head, body, form::SMALL).await?;
        if form.any_repeated() {
            return Err(Refusal::BearerMalformed.into());
        }
        form.get("access_token").map(|token| Zeroizing::new(token.to_owned()))
    } else {
        None
    };
    match (header, posted) {
        (Some(_), Some(_)) => Err(Refusal::BearerMalformed.into()),
        (None, posted) => Ok(posted),
        (Some(header), None) => Ok(in_header(&header)?),
    }
}

/// RFC 6750 §2.1, RFC 9110 §11.1: the scheme's case doesn't matter; another scheme is no token.
fn in_header(header: &HeaderValue) -> Result<Option<Zeroizing<String>>, Refusal> {
    let text = header.to_str().map_err(|_| Refusal::BearerMalformed)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = rest.trim_start_matches(' ');
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(legal) {
        return Err(Refusal::BearerMalformed);
    }
    Ok(Some(Zeroizing::new(token.to_owned())))
}

/// §3.1: without a token the answer has no error, only the challenge.
pub fn missing() -> Response {
    let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="keyward""#))];
    let response = (StatusCode::UNAUTHORIZED, challenge, NO_STORE).into_response();
    Failure::from(Refusal::BearerMissing).mark(response)
}

/// §3: the error as a challenge, and as JSON in the body.
pub fn refuse(failure: Failure) -> Response {
    let Failure::Refused(refusal) = failure else { return failure.into_response() };
    let (code, sentence) = (refusal.code().as_str(), refusal.sentence());
    let scope = if refusal == Refusal::ScopeInsufficient { r#", scope="openid""# } else { "" };
    let challenge =
        format!(r#"Bearer realm="keyward", error="{code}", error_description="{sentence}"{scope}"#);
    let mut response = failure.into_response();
    // Made of our own constants, so it is always a valid header value.
    if let Ok(value) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
