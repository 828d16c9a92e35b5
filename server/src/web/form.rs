//! Forms: the body of a POST as parameters. Strict, so that nobody between us and the sender could read another value
//! than we do: the right type and charset, nothing repeated, nothing in the URL.

use super::failure::Failure;
use super::parameterized::Parameterized;
use crate::peer::BodyError;
use axum::body::Body;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::BodyExt as _;
use protocol::Refusal;
use protocol::evidence::Evidence;
use protocol::params::{MalformedParams, Params};

/// The largest body at clients' endpoints and of our own pages' forms, in bytes: a token has at most 8 kB, and the sealed
/// request that a page sends back at most 7.
pub const SMALL: usize = 16 * 1024;
/// The largest body at all: clients' requests that a browser posts from another site.
pub const LARGE: usize = 64 * 1024;

/// The parameters of a POST with a body of at most `most` bytes, each at most once.
///
/// # Errors
/// As [`read`], and [`Refusal::RepeatedResource`], [`Refusal::RepeatedParameter`].
pub async fn read_unique(head: &Parts, body: Body, most: usize) -> Result<Params, Failure> {
    let form = read(head, body, most).await?;
    check_unique(&form)?;
    Ok(form)
}

/// RFC 6749 §3.2: each parameter at most once.
///
/// # Errors
/// [`Refusal::RepeatedResource`], [`Refusal::RepeatedParameter`].
pub fn check_unique(form: &Params) -> Result<(), Refusal> {
    // RFC 8707 §2 allows several resources and gives the code for refusing them.
    if form.repeated("resource") || form.repeated("audience") {
        return Err(Refusal::RepeatedResource);
    }
    if form.any_repeated() { Err(Refusal::RepeatedParameter) } else { Ok(()) }
}

/// What explains in the log that a body was refused before its parameters were read.
pub fn evidence(refusal: Refusal, headers: &HeaderMap) -> Evidence {
    match (refusal, headers.get(CONTENT_TYPE)) {
        (Refusal::ContentType, Some(kind)) => Evidence::of_header("content-type", kind.as_bytes()),
        _ => Evidence::default(),
    }
}

/// The parameters of a POST with a body of at most `most` bytes. What is repeated is noted.
///
/// # Errors
/// As [`read_body`], and [`MalformedParams::refusal`].
pub async fn read(head: &Parts, body: Body, most: usize) -> Result<Params, Failure> {
    let body = read_body(head, body, most).await?;
    Ok(Params::parse(&body).map_err(MalformedParams::refusal)?)
}

/// The body of a POST with a form, at most `most` bytes.
///
/// # Errors
/// The refusals of content type, URL and body; [`Failure::Server`] while requests hold all the bytes they may.
pub async fn read_body(head: &Parts, body: Body, most: usize) -> Result<Vec<u8>, Failure> {
    if !is_form(&head.headers) {
        return Err(Refusal::ContentType.into());
    }
    // RFC 6749 §3.2, §2.3.1: no parameters in the URL, where logs keep them.
    if head.uri.query().is_some() {
        return Err(Refusal::ParametersInUrl.into());
    }
    let declared =
        head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|declared| declared > most) {
        return Err(Refusal::BodyTooLarge.into());
    }
    collect(body, most).await
}

/// Whether the body is a form in UTF-8 (RFC 6749 appendix B).
pub fn is_form(headers: &HeaderMap) -> bool {
    Parameterized::content_type(headers).is_some_and(|kind| {
        kind.is("application/x-www-form-urlencoded")
            && kind.all("charset").all(|charset| charset.eq_ignore_ascii_case("utf-8"))
    })
}

/// The whole body. Its pieces are copied: each of them, even a single byte, keeps the connection's buffer alive that it
/// came in.
async fn collect(mut body: Body, most: usize) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure_of(&error))?;
        let Some(piece) = frame.data_ref() else { continue };
        if whole.len().saturating_add(piece.len()) > most {
            return Err(Refusal::BodyTooLarge.into());
        }
        whole.extend_from_slice(piece);
    }
    Ok(whole)
}

fn failure_of(error: &axum::Error) -> Failure {
    let refusal = match cause_of(error) {
        Some(BodyError::TooLarge) => Refusal::BodyTooLarge,
        Some(BodyError::TooSlow) => Refusal::BodyIncomplete,
        Some(BodyError::NoRoom) => return Failure::busy("requests hold all the bytes that they may"),
        // RFC 9112 §7.1, §8: chunks that aren't chunks, or a body that broke off.
        Some(BodyError::Broken(_)) | None => Refusal::MalformedRequest,
    };
    refusal.into()
}

/// The transport's error inside what axum wrapped it in.
fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a BodyError> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}
