//! Records of a newer program. How a test makes them depends on the backend; how every write answers doesn't.

use super::sample::*;
use crate::{RingDocument, Store, StoreError, StoreErrorKind};
use protocol::client::Client;
use protocol::grant::RevocationReason;
use protocol::user::User;
use std::time::Duration;

/// The kind of a failure, if it is one.
pub(crate) fn kind_of<T>(result: Result<T, StoreError>) -> Option<StoreErrorKind> {
    result.err().map(|error| error.kind())
}

/// Tries every write on a store whose records are newer, and whose state would otherwise let each of them succeed.
pub(crate) async fn assert_writes_are_corrupt(store: &dyn Store) {
    let (user, key, sid) = (user_id(1), grant_key(1), session_id(1));
    let (seen, stamp, ring) = (session_secret(1), call(2), RingDocument::Ring);
    let (new, next) = (password("$argon2id$new"), Client { revision: 2, ..bare_client("client-a") });
    let profile = User { updated_at: later(1), ..bare_user(1) };
    let answers = [
        kind_of(
            store.replace_issuer(Some("https://auth.example".into()), "https://other.example", stamp).await,
        ),
        kind_of(store.replace_ring(ring, None, "{1}", stamp).await),
        kind_of(store.replace_ring(ring, Some(1), "{2}", stamp).await),
        kind_of(store.create_client(&full_client("client-a"), stamp).await),
        kind_of(store.replace_client(&next, stamp).await),
        kind_of(store.create_user(&full_user(1), &[], stamp).await),
        kind_of(store.create_user(&full_user(2), &[name("alice")], stamp).await),
        kind_of(store.add_identifier(&user, &name("bob"), stamp).await),
        kind_of(store.set_user_disabled(&user, true, stamp).await),
        kind_of(store.set_password(&user, None, &new, stamp).await),
        kind_of(store.void_user(&user, stamp).await),
        kind_of(store.set_profile(&profile, NOW, stamp).await),
        kind_of(store.replace_user(&profile, &[name("bob")], &[], NOW, stamp).await),
        kind_of(store.start_session(&session(1), stamp).await),
        kind_of(store.restore_session(&session(1), stamp).await),
        kind_of(store.reauthenticate(&reproven(&session(1), 2), &seen, stamp).await),
        kind_of(store.end_session(&user, &sid, &seen, stamp).await),
        kind_of(store.remember_consent(&agreed(1, "client-a", "email", stamp), stamp).await),
        kind_of(store.create_grant(&full_grant(1), None, stamp).await),
        kind_of(store.restore_grant(&full_grant(1), stamp).await),
        kind_of(store.redeem_code(key, &code(1), None, stamp).await),
        kind_of(store.rotate_refresh(key, &rotated_tip(1), &first_tip(2), stamp).await),
        kind_of(store.burn_code(key, stamp).await),
        kind_of(store.revoke_grant(key, RevocationReason::Revoked, stamp).await),
        kind_of(store.deny_token(&token(1), later(1), stamp).await),
        kind_of(store.note_attempt(attempt(1), each(Duration::ZERO), stamp).await),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, Some(StoreErrorKind::Corrupt), "write {number}");
    }
}
