//! Cases of a grant's session: it is loaded with the grant if the grant needs it.

use super::sample::{
    bare_user, earlier, grant, grant_at, grant_key, later, offline_grant, put_grant, put_session, put_user,
    redeemed, session, session_id, token, unredeemed, user_id,
};
use crate::{GrantLocator, GrantView, Store, TokenView};
use protocol::grant::Grant;
use protocol::id::SessionId;
use protocol::session::Session;
use std::sync::Arc;

/// What both operations load of a grant of user 1, which must be the same.
async fn view(store: &dyn Store, number: u32, session: Option<SessionId>) -> GrantView {
    let at = GrantLocator { key: grant_key(number), session };
    let shown = store.load_grant(at).await.unwrap();
    let of_token = store.load_token(&token(1), Some(at)).await.unwrap();
    let GrantView { grant, user, session } = shown.clone();
    assert_eq!(of_token, TokenView { denied: false, grant, user, session });
    shown
}

/// The grant's session, another existing one, one that doesn't exist, and none.
const NAMED: [Option<u32>; 4] = [Some(1), Some(2), Some(9), None];

pub async fn n239_a_grant_comes_with_the_session_that_it_needs(store: Arc<dyn Store>) {
    put_user(&*store, &bare_user(1), "alice").await;
    let own = Session { ended_at: Some(earlier(1)), expires_at: earlier(2), ..session(1) };
    for each in [own.clone(), session(2), Session { user: user_id(2), ..session(9) }] {
        put_session(&*store, &each).await;
    }
    let all = [
        (grant(1), true),
        (redeemed(grant(2), later(1)), true),
        // Its code has not been redeemed: until then it needs the session like any other grant.
        (Grant { refresh: None, ..unredeemed(offline_grant(3)) }, true),
        (offline_grant(4), false),
        (Grant { refresh: None, ..offline_grant(5) }, false),
    ];
    for (number, (grant, needs_it)) in (1..).zip(all) {
        put_grant(&*store, &grant).await;
        for named in NAMED {
            let whole = GrantView {
                grant: Some(grant.clone()),
                user: Some(bare_user(1)),
                session: needs_it.then(|| own.clone()),
            };
            assert_eq!(view(&*store, number, named.map(session_id)).await, whole, "{number}, {named:?}");
        }
    }
    // Without a grant no session is loaded, whichever is named.
    for named in NAMED {
        let nothing = GrantView { user: Some(bare_user(1)), ..GrantView::default() };
        assert_eq!(view(&*store, 99, named.map(session_id)).await, nothing);
    }
}

pub async fn n239_a_session_that_is_gone_is_not_made_up(store: Arc<dyn Store>) {
    // Another user's grant of the same id, and another grant of the same user.
    put_session(&*store, &Session { user: user_id(2), ..session(1) }).await;
    put_session(&*store, &session(2)).await;
    put_grant(&*store, &grant(1)).await;
    for named in NAMED {
        let shown = view(&*store, 1, named.map(session_id)).await;
        assert_eq!((shown.grant, shown.session), (Some(grant(1)), None), "{named:?}");
    }
    put_session(&*store, &session(1)).await;
    assert_eq!(store.load_grant(grant_at(1)).await.unwrap().session, Some(session(1)));
}
