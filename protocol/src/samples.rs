//! Records for tests to vary: minimal ones, whose optional fields are empty, and what fills a field. For the tests of every crate (feature `samples`).

use crate::client::{AuthMethod, Client};
use crate::client_tokens::{AccessTokenTyp, ClientTokens};
use crate::generation::Generation;
use crate::id::{ClientId, Subject, UserId};
use crate::lifetimes::Seconds;
use crate::scope::Scope;
use crate::time::Timestamp;
use crate::user::User;
use serde_json::json;
use std::collections::BTreeSet;

/// A public client.
pub fn client(id: ClientId) -> Client {
    Client {
        id,
        name: "A client".into(),
        auth_method: AuthMethod::None,
        secrets: Vec::new(),
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        origins: Vec::new(),
        grant_types: Vec::new(),
        scope: Scope::empty(),
        audiences: Vec::new(),
        resources: Vec::new(),
        signing_alg: None,
        pkce_required: true,
        first_party: false,
        native: false,
        dotless_schemes: false,
        start_url: None,
        tokens: ClientTokens::default(),
        declared: false,
        disabled: false,
        generation: Generation::default(),
        created_at: Timestamp::EPOCH,
        revision: 1,
    }
}

/// What a client may choose about its tokens, with values at the bounds.
pub fn tokens() -> ClientTokens {
    let claims = json!({
        "https://rp.example/tenant": "Zoë \"O'Neil\" \\ \u{202e}\r\n",
        "limits": { "most": 1_u64 << 53, "least": -(1_i64 << 53), "none": null, "odd": [true, "", {}, []] },
    });
    ClientTokens {
        access_token_ttl: Some(Seconds(1)),
        refresh_token_idle_ttl: Some(Seconds(u32::MAX)),
        token_typ: AccessTokenTyp::Jwt,
        id_token_claims: vec!["email".into(), "groups".into()],
        access_token_claims: vec!["https://rp.example/roles".into()],
        claims: claims.as_object().cloned().unwrap_or_default(),
    }
}

/// A user without a password.
pub fn user() -> User {
    User {
        id: UserId::from_bytes([1; 16]),
        subject: Subject::from_random([1; 16]),
        username: "alice".into(),
        email: None,
        email_verified: false,
        claims: serde_json::Map::new(),
        groups: BTreeSet::new(),
        password: None,
        disabled: false,
        generation: Generation::default(),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}
