//! Readers of values with a syntax of their own. Each error says what to write.

use super::settings::{ClientIp, OriginSecret};
use super::text::list;
use protocol::jwk::Algorithm;
use std::net::SocketAddr;

/// Reads an address with a port.
pub(super) fn read_address(text: &str, such_as: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("write an address with a port, such as {such_as}"))
}

/// Reads the algorithms that sign.
pub(super) fn read_algorithms(text: &str) -> Result<Vec<Algorithm>, String> {
    let fix = "name one to three of RS256, PS256, ES256, EdDSA, none twice";
    let algs: Option<Vec<Algorithm>> = list(text).map(Algorithm::parse).collect();
    let algs = algs.filter(|algs| algs.len() <= 3).ok_or(fix)?;
    let twice = algs.iter().enumerate().any(|(at, alg)| algs.iter().skip(at + 1).any(|other| other == alg));
    if twice { Err(fix.into()) } else { Ok(algs) }
}

/// Reads the URIs of contacts (RFC 9116 §2.5.3).
pub(super) fn read_contacts(text: &str) -> Result<Vec<String>, String> {
    let schemes = ["mailto:", "https://", "tel:"];
    let is_contact = |uri: &str| {
        let rest = schemes.iter().find_map(|scheme| uri.strip_prefix(scheme));
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
    };
    if !list(text).all(is_contact) {
        return Err("write URIs such as mailto:security@example.com or https://example.com/security".into());
    }
    Ok(list(text).map(str::to_owned).collect())
}

/// Reads one secret, or two of which one replaces the other.
pub(super) fn read_origin_secrets(text: &str) -> Result<Vec<OriginSecret>, String> {
    let strong = |secret: &str| secret.len() >= 32 && secret.bytes().all(|b| b.is_ascii_graphic());
    let secrets: Vec<&str> = list(text).collect();
    if secrets.len() > 2 || !secrets.iter().all(|secret| strong(secret)) {
        return Err(
            "give one random text of at least 32 printable ASCII characters, or two separated by a comma, \
                    for example from `openssl rand -hex 32`"
                .into(),
        );
    }
    Ok(secrets.into_iter().map(|secret| OriginSecret(secret.into())).collect())
}

/// Reads where a caller's address is taken from.
pub(super) fn read_client_ip(text: &str) -> Result<ClientIp, String> {
    match text.split_once(':') {
        None if text == "socket" => Ok(ClientIp::Socket),
        None if text == "lambda" => Ok(ClientIp::Lambda),
        Some(("header", name)) => http::HeaderName::from_bytes(name.as_bytes())
            .map(ClientIp::Header)
            .map_err(|_| "what follows `header:` is not a header name".into()),
        _ => Err("write `socket`, `lambda` or `header:NAME`".into()),
    }
}
