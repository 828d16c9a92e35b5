//! Cases of access tokens: which are denied, and what one is decided by.

use super::sample::{
    END_OF_TIME, NOW, call, call_at, earlier, full_grant, full_user, later, lost, put_grant, put_user, token,
    user_id,
};
use crate::{Commit, DeniedToken, Store, TokenView};
use protocol::grant::GrantKey;
use protocol::time::Timestamp;
use std::sync::Arc;

pub async fn a_token_is_loaded_with_its_grant_and_user(store: Arc<dyn Store>) {
    let (grant, user) = (full_grant(1), full_user(1));
    let key = grant.key();
    let load = async |number, key| store.load_token(&token(number), key).await.unwrap();
    for key in [None, Some(key)] {
        assert_eq!(load(1, key).await, TokenView::default());
    }
    put_grant(&*store, &grant).await;
    let orphan = TokenView { grant: Some(grant.clone()), ..TokenView::default() };
    assert_eq!(load(1, Some(key)).await, orphan, "its user is gone");
    put_user(&*store, &user, "alice").await;
    assert_eq!(store.deny_token(&token(1), later(1), call(2)).await.unwrap(), Commit::Done);
    for (number, denied) in [(1, true), (2, false)] {
        let whole = TokenView { denied, grant: Some(grant.clone()), user: Some(user.clone()) };
        assert_eq!(load(number, Some(key)).await, whole);
        // A client's own token has no grant.
        assert_eq!(load(number, None).await, TokenView { denied, ..TokenView::default() });
        let no_grant = GrantKey { grant: full_grant(9).id, ..key };
        let ungranted = TokenView { denied, grant: None, user: Some(user.clone()) };
        assert_eq!(load(number, Some(no_grant)).await, ungranted);
        let stranger = GrantKey { user: user_id(2), ..key };
        assert_eq!(load(number, Some(stranger)).await, TokenView { denied, ..TokenView::default() });
    }
}

pub async fn a_token_is_denied_once_and_the_first_expiry_stays(store: Arc<dyn Store>) {
    // Whether it has expired is the caller's to ask: it is denied all the same.
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
