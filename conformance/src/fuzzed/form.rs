//! Forms: `application/x-www-form-urlencoded` bodies.

use crate::request::{FORM, post};
use protocol::Refusal;
use protocol::params::{MAX_PARAMETERS, MAX_VALUE_BYTES, MalformedParams, Params, encode};
use server::web::failure::Failure;
use server::web::form::read_unique;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The largest body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// A body, by the rule and through the extractor.
pub fn form(data: &[u8]) {
    let parsed = Params::parse(data);
    match &parsed {
        Ok(params) => {
            check_limits(params);
            check_readers(params, data);
            check_way_back(params);
        }
        Err(MalformedParams::TooMany) => {
            assert!(data.split(|b| *b == b'&').filter(|piece| !piece.is_empty()).count() > MAX_PARAMETERS);
        }
        Err(MalformedParams::TooLong | MalformedParams::ScopeTooLong) => {
            assert!(data.len() > MAX_VALUE_BYTES)
        }
        Err(MalformedParams::Encoding) => {
            assert!(data.iter().any(|b| matches!(b, 0 | b'%') || !b.is_ascii()), "nothing is malformed");
        }
    }
    let expected = match parsed {
        _ if data.len() > MAX_BODY => Err(Refusal::BodyTooLarge),
        Err(malformed) => Err(malformed.refusal()),
        Ok(params) if params.repeated("resource") || params.repeated("audience") => {
            Err(Refusal::RepeatedResource)
        }
        Ok(params) if params.any_repeated() => Err(Refusal::RepeatedParameter),
        Ok(params) => Ok(params),
    };
    assert_eq!(extract(data), expected);
}

fn check_limits(params: &Params) {
    assert!(params.iter().count() <= MAX_PARAMETERS);
    for (name, value) in params.iter() {
        assert!(value.len() <= MAX_VALUE_BYTES);
        assert!(!name.contains('\0') && !value.contains('\0'));
        let sent: Vec<_> = params.iter().filter(|(own, _)| *own == name).map(|(_, value)| value).collect();
        assert_eq!(params.repeated(name), sent.len() > 1);
        assert_eq!(params.get(name), sent.first().copied().filter(|value| !value.is_empty()));
        assert!(params.all(name).eq(sent));
    }
}

/// A reader by the rules of browsers (WHATWG URL, `application/x-www-form-urlencoded`) reads the same.
fn check_readers(params: &Params, data: &[u8]) {
    let plain: Vec<_> = url::form_urlencoded::parse(data).collect();
    assert!(params.iter().eq(plain.iter().map(|(name, value)| (&**name, &**value))));
}

/// Written and read again, it is unchanged.
fn check_way_back(params: &Params) {
    let pairs: Vec<_> =
        params.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    assert_eq!(Params::parse(pairs.join("&").as_bytes()).as_ref(), Ok(params));
}

/// As an endpoint extracts it. A complete body is read without waiting.
fn extract(data: &[u8]) -> Result<Params, Refusal> {
    let request = post("/token", FORM, data.to_vec());
    let (head, body) = request.into_parts();
    let reading = pin!(read_unique(&head, body, MAX_BODY));
    match reading.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(params)) => Ok(params),
        Poll::Ready(Err(Failure::Refused(refusal))) => Err(refusal),
        other => panic!("neither read nor refused: {}", other.is_pending()),
    }
}
