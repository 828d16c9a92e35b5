//! Cases of access tokens: which are denied, and what is loaded to decide about one.

use super::sample::{
    END_OF_TIME, NOW, call, call_at, earlier, full_grant, full_user, grant_at, later, lost, put_grant,
    put_user, token, user_id,
};
use crate::{Commit, DeniedToken, GrantLocator, Store, TokenView};
use protocol::grant::GrantKey;
use protocol::time::Timestamp;
use std::sync::Arc;

pub async fn a_token_is_loaded_with_its_grant_and_user(store: Arc<dyn Store>) {
    let (grant, user) = (full_grant(1), full_user(1));
    let at = grant_at(1);
    let load = async |number, at| store.load_token(&token(number), at).await.unwrap();
    for at in [None, Some(at)] {
        assert_eq!(load(1, at).await, TokenView::default());
    }
    put_grant(&*store, &grant).await;
    let orphan = TokenView { grant: Some(grant.clone()), ..TokenView::default() };
    assert_eq!(load(1, Some(at)).await, orphan, "its user is gone");
    put_user(&*store, &user, "alice").await;
    assert_eq!(store.deny_token(&token(1), later(1), call(2)).await.unwrap(), Commit::Done);
    for (number, denied) in [(1, true), (2, false)] {
        let alone = TokenView { denied, ..TokenView::default() };
        let whole = TokenView { grant: Some(grant.clone()), user: Some(user.clone()), ..alone.clone() };
        assert_eq!(load(number, Some(at)).await, whole);
        // A client's own token has no grant.
        assert_eq!(load(number, None).await, alone);
        let ungranted = TokenView { user: Some(user.clone()), ..alone.clone() };
        assert_eq!(load(number, Some(grant_at(9))).await, ungranted);
        let stranger = GrantLocator { key: GrantKey { user: user_id(2), ..at.key }, ..at };
        assert_eq!(load(number, Some(stranger)).await, alone);
    }
}

pub async fn a_token_is_denied_once_and_the_first_expiry_stays(store: Arc<dyn Store>) {
    // The caller checks expiry: an expired token is denied all the same.
    let ends = [later(600_000), NOW, earlier(1), Timestamp::EPOCH, END_OF_TIME];
    for (number, expires_at) in (1..).zip(ends) {
        let deny = async |expires_at, by| store.deny_token(&token(number), expires_at, by).await.unwrap();
        assert_eq!(deny(expires_at, call(1)).await, Commit::Done);
        for again in ends {
            assert_eq!(deny(again, call_at(2, later(9))).await, lost(expires_at));
        }
    }
    let mut all: Vec<_> = (1..)
        .zip(ends)
        .map(|(number, expires_at)| DeniedToken { token: token(number), expires_at })
        .collect();
    all.sort_by_key(|denied| *denied.token.as_bytes());
    assert_eq!(store.denied_tokens().await.unwrap(), all);
    for (number, denied) in [(1, true), (2, true), (3, true), (4, true), (5, true), (6, false)] {
        assert_eq!(store.load_token(&token(number), None).await.unwrap().denied, denied, "{number}");
    }
}
