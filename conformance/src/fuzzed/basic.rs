//! Client authentication by HTTP Basic. The input is an `Authorization` header, and two lines: an id and a secret.

use super::samples::client;
use crate::request;
use crate::world::BEGIN;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::Refusal;
use protocol::client::{AuthMethod, Client, ClientSecret, MIN_SECRET_BYTES};
use protocol::client_auth::{Credentials, secret::authenticate};
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use std::slice;

/// A header as it came, and one made of an id and a secret.
pub fn basic(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_header(text);
    let (id, secret) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(id) = ClientId::parse(id) {
        check_way(id, secret);
    }
}

fn check_header(header: &str) {
    let read = Credentials::read(Some(header), &Params::default());
    let posted = Params::from_pairs([("client_id", "x"), ("client_secret", "x")]);
    let both = Credentials::read(Some(header), &posted).unwrap_err();
    assert_eq!(both, Refusal::SeveralAuthentications, "whatever the header says");
    let credentials = match read {
        Ok(credentials) => credentials,
        Err(refusal) => return assert_eq!(refusal, Refusal::CredentialsMalformed),
    };
    assert_eq!(credentials.method(), AuthMethod::ClientSecretBasic);
    // A plain reader (RFC 7617 §2) finds the same id before the only colon; of several, the last one is it if a whole
    // secret comes after it.
    let (scheme, token) = header.split_once(' ').unwrap();
    assert!(scheme.eq_ignore_ascii_case("basic"));
    let user_pass = STANDARD.decode(token.trim()).unwrap();
    let colon = |b: &u8| *b == b':';
    let (first, last) =
        (user_pass.iter().position(colon).unwrap(), user_pass.iter().rposition(colon).unwrap());
    let is_whole = first != last && user_pass.len() - last > MIN_SECRET_BYTES;
    let (id, found) = (&user_pass[..if is_whole { last } else { first }], credentials.client_id().as_str());
    if is_whole {
        assert_eq!(id, found.as_bytes());
    } else {
        // A client that doesn't encode its id may have `&` in it.
        let encoded =
            id.iter().flat_map(|byte| if *byte == b'&' { &b"%26"[..] } else { slice::from_ref(byte) });
        let field: Vec<u8> = b"id=".iter().chain(encoded).copied().collect();
        let fields: Vec<_> = url::form_urlencoded::parse(&field).collect();
        assert_eq!(fields, [("id".into(), found.into())]);
    }
    // The form may repeat the id, but not differ from it.
    let with = |id: &str| Credentials::read(Some(header), &Params::from_pairs([("client_id", id)]));
    assert_eq!(with(credentials.client_id().as_str()).unwrap().client_id(), credentials.client_id());
    assert_eq!(with(&format!("{}x", credentials.client_id())).unwrap_err(), Refusal::MalformedRequest);
}

/// What a client sends is what is checked: this secret, and no other.
fn check_way(id: ClientId, secret: &str) {
    let header = request::basic(id.as_str(), secret);
    let read = Credentials::read(Some(&header), &Params::default());
    if secret.contains('\0') {
        assert_eq!(read.unwrap_err(), Refusal::CredentialsMalformed);
        return;
    }
    let credentials = read.unwrap();
    assert_eq!(*credentials.client_id(), id);
    let knowing = |secret: &str| {
        let digest = Digest::of(SecretKind::ClientSecret, secret.as_bytes());
        let known = ClientSecret { digest, created_at: Timestamp::EPOCH, expires_at: None };
        Client { secrets: vec![known], ..client(id.clone()) }
    };
    assert_eq!(authenticate(&credentials, Some(&knowing(secret)), BEGIN), Ok(()));
    let other = authenticate(&credentials, Some(&knowing(&format!("{secret}x"))), BEGIN);
    assert_eq!(other, Err(Refusal::SecretWrong));
    assert_eq!(
        format!("{credentials:?}"),
        format!("Credentials({id}, client_secret_basic)"),
        "and no secret"
    );
}
