//! Sizes: a write unit is 1 KB, so each record that a sign-in writes has to fit into it.

use super::*;
use crate::contract::sample::*;
use aws_sdk_dynamodb::types::AttributeValue;
use protocol::grant::{RequestedClaims, Revocation};
use protocol::id::ClientId;
use protocol::session::Authentication;

/// The size that DynamoDB bills: names and values, a number by its digits, lists and maps with their content.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>()
        }
        other => unreachable!("{other:?}"),
    }
}

fn item_size(grant: &Grant) -> usize {
    let key = item::Key::grant(&Realm::main(), &grant.key());
    let item = item::encode(&key, grant, call(1)).unwrap();
    item.iter().map(|(name, value)| name.len() + size(value)).sum()
}

/// At its largest: redeemed, rotated, revoked.
fn usual() -> Grant {
    let full = with_code(full_grant(1), |code| code.nonce = Some("n".repeat(43)));
    Grant {
        client: client_id(&"c".repeat(22)),
        requested_scope: scope("openid profile email offline_access"),
        scope: scope("openid profile email offline_access"),
        resource: Some("https://api.example.com/orders".into()),
        claims: RequestedClaims::default(),
        authentication: Authentication { amr: vec!["pwd".into()], ..authentication(1) },
        refresh: Some(Refresh { generation: 9999, ..rotated_tip(1) }),
        revoked: Some(Revocation { at: NOW, reason: RevocationReason::SessionEnded }),
        ..full
    }
}

#[test]
fn a_usual_grant_is_one_write_unit() {
    let size = item_size(&usual());
    assert!(size <= 1024, "{size}");
}

#[test]
fn the_largest_grant_is_one_read_unit() {
    let claims: Vec<String> = (0..64).map(|n| format!("claim-{n:02}-xxxx")).collect();
    let asked: usize = claims.iter().map(|name| name.len() + 4).sum();
    assert!(asked >= 1024, "as much as a request may ask for: {asked}");
    let largest = Grant {
        client: client_id(&"c".repeat(ClientId::MAX_LENGTH)),
        requested_scope: scope(&"s".repeat(512)),
        scope: scope(&"s".repeat(512)),
        resource: Some("r".repeat(512)),
        claims: RequestedClaims { userinfo: vec![], id_token: claims },
        ..with_code(usual(), |code| code.nonce = Some("n".repeat(512)))
    };
    let size = item_size(&largest);
    assert!(size <= 4096, "{size}");
}
